//! What becomes of records.

mod connections;
mod framing;
mod lab;
mod memory;
mod random;
mod sessions;
mod tokens;

/// A request of which the response is `OK`.
const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const POST: &str = "POST /_bulk HTTP/1.1\r\nContent-Length: 6\r\n\r\n{}\n{}\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
