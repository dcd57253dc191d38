//! Reading a topic of a real Kafka broker. All but the tests with a mock need one, which they start themselves:
//! `cargo test -p engine --test kafka -- --ignored kafka_`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test may panic and print, and its numbers are small"
)]

mod broker;
mod certificates;
mod child;
mod group;
mod login;
mod measure;
mod member;
mod memory;
mod mock;
mod notes;
mod outage;
mod reading;
mod topic;
mod until_end;
