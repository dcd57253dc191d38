//! The parts of ferry that wait: storage, memory budgets and the backfill line.
//!
//! A module imports only from the shelves before its own:
//! (0) `error`, `flow`, `document` → (1) `storage`, `target` → (2) `snapshot` → (3) `segment`, `ndjson` → (4) `backfill`, `inspect`, `verify`.

pub mod backfill;
pub mod document;
pub mod error;
pub mod flow;
pub mod inspect;
pub mod ndjson;
pub mod segment;
pub mod snapshot;
pub mod storage;
pub mod target;
pub mod verify;

pub use error::{Error, Result};
