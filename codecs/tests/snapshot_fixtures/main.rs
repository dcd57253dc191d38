//! Every repository in `tests/fixtures/snapshots`: what the decoders find in it is what the servers put there.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a wrong assumption of a test fails that test"
)]

mod archive;
mod catalog;
mod damage;
mod files;
mod metadata;
