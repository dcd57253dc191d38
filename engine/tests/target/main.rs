//! The client of a cluster against servers on loopback that answer by script.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod aws;
mod detect;
mod exchange;
mod secrets;
mod server;
mod tls;
