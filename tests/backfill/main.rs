//! Every document of every index of every version, against the truth from the servers that wrote them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
