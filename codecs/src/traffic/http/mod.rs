//! HTTP/1.0 and HTTP/1.1 messages in captured bytes: where each ends, and what is in it.
//!
//! Captured bytes are cut anywhere, and a client and a server made sense of them already. So this is lenient where both
//! must have agreed (bare line feeds, folded headers, empty lines before a request, equal lengths said twice) and refuses
//! what makes the place of the next message a guess. RFC 9112 says what a message is.
//!
//! The framers find the end of a message without keeping it: they hold a head that is cut (up to [`MAX_HEAD`]) and
//! nothing of a body. The rest looks at the bytes of one whole message.
//!
//! Heads are walked by code of ours and not by `httparse`, which starts from the front each time that bytes come, wants
//! to be told how many headers there will be, and refuses folded headers in requests. One walk serves the framers and the
//! parsers, so that they cannot disagree about where a head ends; a test compares it with `httparse`.

mod body;
mod chunked;
mod framer;
mod head;
mod length;
mod lines;
mod request;
mod response;

pub use body::{Body, body};
pub use head::{RequestHead, ResponseHead, Version, parse_request, parse_response, request_method, unfolded};
pub(crate) use head::{names, path};
pub use request::RequestFramer;
pub use response::ResponseFramer;

/// The most bytes of a head, and of the trailers and of one chunk-size line of a chunked body.
pub const MAX_HEAD: usize = 2 << 20;

/// The most headers of a message.
pub const MAX_HEADERS: usize = 4096;

/// What a framer found in the bytes that it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of them belong to the message, and it goes on.
    More,
    /// The message ends.
    Ended {
        /// How many of the bytes belong to it.
        used: usize,
    },
    /// An interim response (1xx) ends, and another response to the same request follows; not seen of requests.
    Interim {
        /// How many of the bytes belong to it.
        used: usize,
    },
}

/// What there is of a response when its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// All of it.
    Whole,
    /// A part of it.
    Cut,
    /// Nothing; interim responses do not count.
    Nothing,
}

/// Why bytes are no HTTP message. Where the next message starts is unknown then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The first line is not one of HTTP/1.
    #[error("not an HTTP/1 message: its first line is no {expected}")]
    StartLine {
        /// What a first line looks like.
        expected: &'static str,
    },
    /// The bytes end inside the head.
    #[error("the head of the message has no end")]
    HeadCut,
    /// More than [`MAX_HEAD`].
    #[error("{what} of more than {MAX_HEAD} bytes, the limit here")]
    TooLong {
        /// What is too long.
        what: &'static str,
    },
    /// More than [`MAX_HEADERS`].
    #[error("more than {MAX_HEADERS} headers, the limit here")]
    TooManyHeaders,
    /// A line that has no colon, or no name before it.
    #[error("line {line} of the head is no header: expected `name: value`")]
    HeaderLine {
        /// Which line, from 1, which is the first line of the message.
        line: usize,
    },
    /// A `Content-Length` that is no number, or two that differ.
    #[error("the `Content-Length` of the message is {what}")]
    ContentLength {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A request with a transfer coding that does not say where it ends.
    #[error("the last `Transfer-Encoding` of the request is not `chunked`")]
    TransferEncoding,
    /// A chunked body with something else where a chunk's size or end should be.
    #[error("a chunked body with byte {found:#04x} where {expected} should be")]
    Chunk {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: u8,
    },
}

#[cfg(test)]
mod tests;
