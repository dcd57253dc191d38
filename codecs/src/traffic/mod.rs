//! Captured HTTP traffic: the records of a capture proxy, HTTP/1.1 framing, the tuple record.

pub mod content;
pub mod http;
pub mod record;
pub mod tuple;
