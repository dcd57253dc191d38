//! The parts of ferry that wait: storage, clusters, memory budgets, the backfill line and the replay line.
//!
//! A module imports only from the shelves before its own:
//! (0) `error`, `flow`, `aws`, `telemetry`, `document` → (1) `storage`, `target`, `transform` → (2) `snapshot`, `coordination`, `traffic` →
//! (3) `segment`, `ndjson`, `bulk` → (4) `backfill`, `inspect`, `replay`, `verify`.

mod aws;
pub mod backfill;
pub mod bulk;
pub mod coordination;
pub mod document;
pub mod error;
pub mod flow;
pub mod inspect;
pub mod ndjson;
pub mod replay;
pub mod segment;
pub mod snapshot;
pub mod storage;
pub mod target;
pub mod telemetry;
pub mod traffic;
pub mod transform;
pub mod verify;

pub use error::{Error, Result};
