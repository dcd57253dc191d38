//! The requests and responses of a tuple, and how they are written.

use super::bodies::Bodies;
use super::headers::write_headers;
use super::json::{key, number, string};
use super::redact::redacted_target;
use super::write::TupleSettings;
use crate::traffic::http::{FramingError, Version, body, names, parse_request, parse_response, path};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A request, its transfer coding taken off. `Debug` shows no values, no query and no body.
#[derive(Clone, PartialEq, Eq)]
pub struct TupleRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The target, as sent.
    pub target: &'a str,
    /// The version.
    pub version: Version,
    /// Names and values, in their order.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// The body, its content coding still on it.
    pub body: Cow<'a, [u8]>,
}

/// A response, its transfer coding taken off. `Debug` shows no values and no body.
#[derive(Clone, PartialEq, Eq)]
pub struct TupleResponse<'a> {
    /// The version.
    pub version: Version,
    /// The status.
    pub status: u16,
    /// The reason.
    pub reason: &'a str,
    /// Names and values, in their order.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// The body, its content coding still on it.
    pub body: Cow<'a, [u8]>,
    /// From the last byte of the request to the last one of the response.
    pub response_time: Duration,
}

impl fmt::Debug for TupleRequest<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path, length) = (self.method, path(self.target), self.body.len());
        write!(formatter, "{method:?} {path:?} {:?} {length} bytes", names(&self.headers))
    }
}

impl fmt::Debug for TupleResponse<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?} {} bytes", self.status, names(&self.headers), self.body.len())
    }
}

impl<'a> TupleRequest<'a> {
    /// Reads a whole message.
    ///
    /// # Errors
    ///
    /// [`FramingError`]: it is no request of HTTP/1.
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        let head = parse_request(message)?;
        let body = body(message, head.length, &head.headers)?.data;
        let (method, target, version) = (head.method, head.target, head.version);
        Ok(Self { method, target, version, headers: head.headers, body })
    }

    pub(super) fn write<'t>(&'t self, settings: &TupleSettings, bodies: &mut Bodies<'t>, line: &mut Vec<u8>) {
        const KEYS: [&str; 4] = ["Request-URI", "Method", "HTTP-Version", "payload"];
        line.push(b'{');
        let payload = bodies.prepare(&self.body, &self.headers, settings);
        write_headers(&self.headers, &KEYS, payload.is_decoded(), settings, line);
        key("Request-URI", line);
        let target =
            if settings.keep_credentials { Cow::Borrowed(self.target) } else { redacted_target(self.target) };
        string(target.as_bytes(), line);
        key("Method", line);
        string(self.method.as_bytes(), line);
        write_version(self.version, line);
        bodies.write(payload, line);
        line.push(b'}');
    }
}

impl<'a> TupleResponse<'a> {
    /// Reads a whole message.
    ///
    /// # Errors
    ///
    /// [`FramingError`]: it is no response of HTTP/1.
    pub fn parse(message: &'a [u8], response_time: Duration) -> Result<Self, FramingError> {
        let head = parse_response(message)?;
        let body = body(message, head.length, &head.headers)?.data;
        let (version, status, reason) = (head.version, head.status, head.reason);
        Ok(Self { version, status, reason, headers: head.headers, body, response_time })
    }

    pub(super) fn write<'t>(&'t self, settings: &TupleSettings, bodies: &mut Bodies<'t>, line: &mut Vec<u8>) {
        const KEYS: [&str; 5] =
            ["HTTP-Version", "Status-Code", "Reason-Phrase", "response_time_ms", "payload"];
        line.push(b'{');
        let payload = bodies.prepare(&self.body, &self.headers, settings);
        write_headers(&self.headers, &KEYS, payload.is_decoded(), settings, line);
        write_version(self.version, line);
        key("Status-Code", line);
        number(u64::from(self.status), 1, line);
        key("Reason-Phrase", line);
        string(self.reason.as_bytes(), line);
        key("response_time_ms", line);
        number(u64::try_from(self.response_time.as_millis()).unwrap_or(u64::MAX), 1, line);
        bodies.write(payload, line);
        line.push(b'}');
    }
}

fn write_version(version: Version, line: &mut Vec<u8>) {
    key("HTTP-Version", line);
    string(version.as_str().as_bytes(), line);
}
