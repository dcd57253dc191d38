//! Where responses end.

use super::framer::{BodyEnd, HeadBuffer, length_headers};
use super::head::{STATUS_LINE, status_line};
use super::length::BodyLength;
use super::{Closed, FramingError, Progress};

/// Finds where the response to one request ends in what a server sent, cut anywhere.
///
/// | response                                              | its body ends                    |
/// |-------------------------------------------------------|----------------------------------|
/// | to HEAD; 204; 304                                     | with the head: there is none     |
/// | 101; 2xx to CONNECT                                   | with the head; no HTTP follows   |
/// | 1xx                                                   | with the head; another follows   |
/// | `Transfer-Encoding: chunked`                          | as its chunks say                |
/// | `Content-Length`                                      | after so many bytes              |
/// | any other, also one of another `Transfer-Encoding`     | when the connection is closed    |
#[derive(Debug)]
pub struct ResponseFramer {
    to: To,
    head: HeadBuffer,
    state: State,
}

/// What of the request's method matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Head,
    Connect,
    Other,
}

#[derive(Debug)]
enum State {
    Head,
    Body(BodyEnd),
    Ended { upgraded: bool },
}

/// What a head says about what follows.
enum Next {
    Body(BodyLength),
    Interim,
    Upgraded,
}

impl ResponseFramer {
    /// For the response to a request with this method.
    #[must_use]
    pub fn new(method: &str) -> Self {
        let to = match method {
            "HEAD" => To::Head,
            "CONNECT" => To::Connect,
            _ => To::Other,
        };
        Self { to, head: HeadBuffer::new(), state: State::Head }
    }

    /// Takes bytes of the response. After [`Progress::Interim`] the rest of the bytes is to be given again; after
    /// [`Progress::Ended`] no more bytes are used.
    ///
    /// # Errors
    ///
    /// [`FramingError`]: the bytes are no response of HTTP/1.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, FramingError> {
        let mut used = 0;
        if matches!(self.state, State::Head) {
            let Some((next, length)) = self.read_head(bytes)? else { return Ok(Progress::More) };
            used = length;
            match next {
                Next::Interim => return Ok(Progress::Interim { used }),
                Next::Upgraded => self.state = State::Ended { upgraded: true },
                Next::Body(length) => self.state = State::Body(BodyEnd::new(length)),
            }
        }
        let State::Body(body) = &mut self.state else { return Ok(Progress::Ended { used }) };
        let Some(length) = body.push(bytes.get(used..).unwrap_or_default())? else {
            return Ok(Progress::More);
        };
        self.state = State::Ended { upgraded: false };
        Ok(Progress::Ended { used: used.saturating_add(length) })
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<(Next, usize)>, FramingError> {
        if !self.head.starts_with(bytes, |first| first == b'H') {
            return Err(STATUS_LINE);
        }
        let to = self.to;
        self.head.push(bytes, |lines| {
            let (_, status, _) = status_line(lines.start_line()?)?;
            let headers = length_headers(lines)?;
            Ok(match (status, to) {
                (101, _) | (200..=299, To::Connect) => Next::Upgraded,
                (100..=199, _) => Next::Interim,
                (204 | 304, _) | (_, To::Head) => Next::Body(BodyLength::Bytes(0)),
                _ => Next::Body(headers.of_response()),
            })
        })
    }

    /// What there is of the response, now that the connection is closed.
    #[must_use]
    pub const fn close(&self) -> Closed {
        match &self.state {
            State::Head if self.head.is_empty() => Closed::Nothing,
            State::Body(BodyEnd::UntilClose) | State::Ended { .. } => Closed::Whole,
            State::Head | State::Body(_) => Closed::Cut,
        }
    }

    /// Whether the response made the connection something else than HTTP (101, or 2xx to CONNECT).
    #[must_use]
    pub const fn is_upgraded(&self) -> bool {
        matches!(self.state, State::Ended { upgraded: true })
    }
}
