//! `ferry replay` with real servers: what clients say to an Elasticsearch 7.10 is recorded, put into a real Kafka broker, and replayed
//! to an OpenSearch 2.19.
//!
//! `replay_quick` in a name: a few minutes in all. `replay_all`: the long ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may panic and print; modules of a test need no finer visibility"
)]

mod baseline;
#[path = "../../../engine/tests/kafka/broker.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod broker;
mod captured;
#[path = "../../../engine/tests/kafka/certificates.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod certificates;
#[path = "../../cluster/http.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod http;
mod inspect;
mod kills;
mod poison;
#[path = "../../cluster/random.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod random;
mod recorded;
mod recording;
mod replay;
#[path = "../../cluster/server.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod server;
#[path = "../../support/mod.rs"]
mod support;
mod target;
mod topic;
mod tuples;
