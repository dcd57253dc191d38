//! What a process tells about itself, and what `docs/metrics.md` says of it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a wrong assumption of a test fails that test"
)]

mod collector;
mod page;
mod server;
