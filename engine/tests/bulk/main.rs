//! The bulk sink against a cluster that answers by script.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a wrong assumption of a test fails that test"
)]

mod failed;
mod flow;
mod operations;
mod real;
mod requests;
mod server;
