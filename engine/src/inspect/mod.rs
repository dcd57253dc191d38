//! What is in a repository, and whether it is whole.

mod check;
mod check_file;
mod check_segment;
mod list;
mod show;

pub use check::{CheckReport, CheckSettings, Fault, check, check_all};
pub use list::{SnapshotRow, list};
pub use show::{IndexRow, SegmentRow, Shown, show};
