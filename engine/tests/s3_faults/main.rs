//! A storage that fails: each fault ends in success after retries, or in the error that says what is wrong.
//!
//! The server is a script on loopback (see `support`), so that each byte and each pause is known.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a wrong assumption of a test fails that test"
)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod environment;
