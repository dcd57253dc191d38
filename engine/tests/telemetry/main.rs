//! What a process tells about itself, and what `docs/metrics.md` says of it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a wrong assumption of a test fails that test"
)]

#[path = "../bulk/server.rs"]
#[allow(dead_code, reason = "the tests of the bulk sink use all of it")]
mod cluster;
mod collector;
mod page;
mod server;
mod sink;
