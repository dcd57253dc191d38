//! Captured traffic, made by an encoder that is not ours, through ferry.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod capture;
mod commands;
mod control;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../engine/tests/replay/target.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod target;
mod transactions;
