//! Stored fields and soft deletes of segments: those of real servers, damaged, and those no server of ours writes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a wrong assumption of a test fails that test"
)]

#[allow(dead_code, reason = "the tests of snapshots use the rest")]
#[path = "../snapshot_fixtures/archive.rs"]
mod archive;
#[allow(dead_code, reason = "the tests of snapshots use the rest")]
#[path = "../snapshot_fixtures/catalog.rs"]
mod catalog;
mod damage;
mod real;
mod synthetic;
