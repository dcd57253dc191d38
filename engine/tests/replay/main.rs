//! The replay line with a target that does what it is told.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod capture;
mod control;
mod line;
mod reading;
mod target;
