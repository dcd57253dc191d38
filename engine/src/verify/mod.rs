//! Compares a target with a snapshot, or with a living cluster: every document, its routing and what its `_source` says.
//!
//! Read → ask the target (`_mget`) → compare → look again → send again → record; then what the target has beyond.

mod answer;
mod check;
mod cluster;
mod context;
mod differences;
mod documents;
mod error;
mod extras;
mod index;
mod judge;
mod live;
mod repair;
mod report;
mod run;
mod scan;
mod source;
mod transformed;
mod unit;
mod without_ids;

pub use cluster::{Dialect, Endpoint, ScanMethod, probe};
pub use differences::{Kind, Record};
pub use documents::{InvalidSample, Sample};
pub use error::{Error, Result};
pub use repair::{Operation, Resend, resend_by_bulk};
pub use report::{Counts, Excluded, IndexReport, Outcome, Progress, ProgressSnapshot, Report};
pub use run::{Settings, Source, run};
