//! What the head of a message says.

use super::FramingError;
use super::lines::{Lines, leading_line_ends};
use memchr::{memchr, memrchr};
use std::borrow::Cow;
use std::fmt;

/// The version of a message: those of HTTP/1 are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `HTTP/1.0`
    Http10,
    /// `HTTP/1.1`, and what calls itself a later one.
    Http11,
}

/// The head of a request. `Debug` shows no values and no query: there may be secrets in them.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The target: mostly path and query.
    pub target: &'a str,
    /// The version.
    pub version: Version,
    /// Names and values in their order. A value that is folded has its line ends in it: see [`unfolded`].
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// Bytes of the head with its empty line, and with empty lines before it.
    pub length: usize,
}

/// The head of a response. `Debug` shows no values: there may be secrets in them.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The version.
    pub version: Version,
    /// The status: three digits.
    pub status: u16,
    /// The reason, which may be empty; up to its first byte that is not UTF-8.
    pub reason: &'a str,
    /// Names and values in their order. A value that is folded has its line ends in it: see [`unfolded`].
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// Bytes of the head with its empty line.
    pub length: usize,
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?} {:?}", self.method, path(self.target), names(&self.headers))
    }
}

impl fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {:?}", self.version, self.status, names(&self.headers))
    }
}

/// The path of a target, for `Debug`; an absolute URL may have a password in it.
pub(crate) fn path(target: &str) -> &str {
    if target.starts_with('/') { target.split('?').next().unwrap_or_default() } else { "…" }
}

/// The names of headers, for `Debug`.
pub(crate) fn names<'a>(headers: &[(&'a str, &[u8])]) -> Vec<&'a str> {
    headers.iter().map(|(name, _)| *name).collect()
}

/// Reads the head of a request.
///
/// # Errors
///
/// [`FramingError`]: not the head of a request of HTTP/1, or only a part of one.
pub fn parse_request(message: &[u8]) -> Result<RequestHead<'_>, FramingError> {
    let mut lines = Lines::new(message);
    let (method, target, version) = request_line(lines.start_line()?)?;
    let target = std::str::from_utf8(target).map_err(|_| REQUEST_LINE)?;
    let headers = headers(&mut lines)?;
    Ok(RequestHead { method, target, version, headers, length: lines.at() })
}

/// Reads the head of a response.
///
/// # Errors
///
/// [`FramingError`]: not the head of a response of HTTP/1, or only a part of one.
pub fn parse_response(message: &[u8]) -> Result<ResponseHead<'_>, FramingError> {
    let mut lines = Lines::new(message);
    let (version, status, reason) = status_line(lines.start_line()?)?;
    let headers = headers(&mut lines)?;
    Ok(ResponseHead { version, status, reason, headers, length: lines.at() })
}

/// The method at the start of a request, without looking at the rest.
#[must_use]
pub fn request_method(message: &[u8]) -> Option<&str> {
    let rest = message.get(leading_line_ends(message)..)?;
    method(rest.get(..memchr(b' ', rest)?)?)
}

/// A value whose folds are spaces, as RFC 9112 wants it; nearly every value is as it was.
#[must_use]
pub fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    Cow::Owned(lines.collect::<Vec<_>>().join(&b' '))
}

fn headers<'a>(lines: &mut Lines<'a>) -> Result<Vec<(&'a str, &'a [u8])>, FramingError> {
    let mut headers = Vec::with_capacity(16);
    // The name is ASCII.
    lines.headers(|name, value| headers.push((std::str::from_utf8(name).unwrap_or_default(), value)))?;
    Ok(headers)
}

pub(super) const REQUEST_LINE: FramingError =
    FramingError::StartLine { expected: "`METHOD TARGET HTTP/1.1`" };
pub(super) const STATUS_LINE: FramingError = FramingError::StartLine { expected: "`HTTP/1.1 STATUS REASON`" };

/// Splits the first line of a request. A target with spaces, which some clients send, is one.
pub(super) fn request_line(line: &[u8]) -> Result<(&str, &[u8], Version), FramingError> {
    let split = || {
        let line = line.trim_ascii_end();
        let (rest, version) = line.split_at_checked(memrchr(b' ', line)?)?;
        let (name, target) = rest.split_at_checked(memchr(b' ', rest)?)?;
        Some((method(name)?, target.trim_ascii(), self::version(version.get(1..)?)?))
    };
    split().filter(|(_, target, _)| !target.is_empty()).ok_or(REQUEST_LINE)
}

/// Splits the first line of a response. The reason, and the space before it, may be left out.
pub(super) fn status_line(line: &[u8]) -> Result<(Version, u16, &str), FramingError> {
    let split = || {
        let (version, rest) = line.split_at_checked(8)?;
        let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else {
            return None;
        };
        if !matches!(reason, [] | [b' ', ..]) {
            return None;
        }
        let digit = |byte: &u8| u16::from(byte & 15);
        let status = digit(a).saturating_mul(100).saturating_add(digit(b).saturating_mul(10));
        let reason = reason.trim_ascii();
        let reason = reason.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        Some((self::version(version)?, status.saturating_add(digit(c)), reason))
    };
    split().ok_or(STATUS_LINE)
}

/// A method is a token; of its marks only those that some method has.
fn method(name: &[u8]) -> Option<&str> {
    let is_method =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'!');
    let name = Some(name).filter(|name| !name.is_empty() && name.iter().all(is_method))?;
    std::str::from_utf8(name).ok()
}

const fn version(text: &[u8]) -> Option<Version> {
    match text {
        b"HTTP/1.0" => Some(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Some(Version::Http11),
        _ => None,
    }
}

impl Version {
    /// As it stands in a head.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
