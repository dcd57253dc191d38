//! The parts of ferry that wait: storage, memory budgets and the backfill line.

pub mod error;
pub mod flow;
pub mod storage;

pub use error::{Error, Result};
