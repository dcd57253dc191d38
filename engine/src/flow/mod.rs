//! What keeps the lines from running too fast or giving up too soon.

mod backoff;

pub use backoff::Backoff;
