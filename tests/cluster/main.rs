//! `ferry backfill`, `ferry verify` and what is around them, with real servers that the tests start themselves.
//!
//! `cluster_quick` in a name: a few minutes in all, with OpenSearch 2.19.1 (one of them with Elasticsearch 6.8.23 too). `cluster_all`: the long ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may panic and print; modules of a test need no finer visibility"
)]

#[path = "../support/mod.rs"]
mod support;

mod chaos;
mod http;
mod indices;
mod job;
mod kills;
mod lease;
mod matrix;
mod pipeline;
mod poison;
mod proxy;
mod random;
mod secrets;
mod server;
mod source;
mod typed;
