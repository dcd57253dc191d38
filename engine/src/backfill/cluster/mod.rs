//! Copies the documents of a snapshot into a cluster, from one process or many: plan → lease → fetch → decode →
//! transform → batch → send → acknowledge.
//!
//! [`run()`] is one worker of a session. It plans the work if nobody has, takes work items until there are none, and
//! saves how far each is. See [`crate::coordination`] for how workers share them.

mod batcher;
mod catalog;
mod context;
mod error;
mod item;
mod pace;
mod plan;
mod report;
mod run;
mod slots;
mod tracker;
mod unit;
mod units;
mod unsent;

pub use error::{Error, Result};
pub use report::{IndexRow, Report, WorkerReport};
pub use run::{Destination, Settings, run};
