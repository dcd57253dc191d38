//! The replay line with a target that does what it is told.

#![expect(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod capture;
mod control;
mod framing;
mod leaving;
mod line;
mod memory;
mod reading;
mod target;
