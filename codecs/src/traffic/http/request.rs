//! Where requests end.

use super::framer::{BodyEnd, HeadBuffer, length_headers};
use super::head::{REQUEST_LINE, request_line};
use super::{FramingError, Progress};

/// Finds where requests end in what a client sent, cut anywhere.
///
/// A request without `Content-Length` and `Transfer-Encoding` has no body. Empty lines before a request belong to it.
/// After an error nothing that follows on the connection can be framed; the framer is then of no more use.
#[derive(Debug)]
pub struct RequestFramer {
    head: HeadBuffer,
    body: Option<BodyEnd>,
    expects_continue: bool,
}

impl RequestFramer {
    /// At the start of a connection.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: HeadBuffer::new(), body: None, expects_continue: false }
    }

    /// Takes bytes of the request under way. When it ends, the framer is new again: the rest of the bytes is to be given
    /// to it as those of the next request.
    ///
    /// # Errors
    ///
    /// [`FramingError`]: the bytes are no request of HTTP/1.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, FramingError> {
        let mut used = 0;
        let mut body = match self.body.take() {
            Some(body) => body,
            None => match self.read_head(bytes)? {
                None => return Ok(Progress::More),
                Some((body, length)) => {
                    used = length;
                    body
                }
            },
        };
        if let Some(length) = body.push(bytes.get(used..).unwrap_or_default())? {
            self.expects_continue = false;
            return Ok(Progress::Ended { used: used.saturating_add(length) });
        }
        self.body = Some(body);
        Ok(Progress::More)
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<(BodyEnd, usize)>, FramingError> {
        // A connection that is not HTTP mostly shows at once; its bytes need not be kept until they are too many.
        if !self.head.starts_with(bytes, |first| first.is_ascii_alphabetic()) {
            return Err(REQUEST_LINE);
        }
        let read = self.head.push(bytes, |lines| {
            request_line(lines.start_line()?)?;
            length_headers(lines)
        })?;
        let Some((headers, used)) = read else { return Ok(None) };
        self.expects_continue = headers.expects_continue;
        Ok(Some((BodyEnd::new(headers.of_request()?), used)))
    }

    /// Whether nothing of a request was seen since the last one ended, but for empty lines.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.body.is_none() && self.head.is_empty()
    }

    /// Whether the request under way has a whole head with `Expect: 100-continue` in it.
    #[must_use]
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }
}

impl Default for RequestFramer {
    fn default() -> Self {
        Self::new()
    }
}
