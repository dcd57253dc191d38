//! Copies the documents of a snapshot to a target: plan → fetch → decode → lines → sink.

pub mod cluster;
mod failed;
mod index;
mod plan;
mod progress;
mod report;
mod run;
mod unit;

pub use plan::{IndexPlan, Plan, plan};
pub use progress::{Progress, ProgressSnapshot};
pub use report::{Counts, Excluded, IndexReport, Outcome, Report};
pub use run::{Settings, run};
