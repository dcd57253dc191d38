//! Captured traffic, made by an encoder that is not ours, through ferry.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod burst;
mod capture;
#[path = "servers/captured.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use more of it, and need no finer visibility")]
mod captured;
mod commands;
mod control;
mod java;
mod s3;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../engine/tests/replay/target.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod target;
mod tls;
mod transactions;
