//! Every document of every index of every version, against the truth from the servers that wrote them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and says what it found"
)]

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
