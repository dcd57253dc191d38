//! A request on its way to the target.

use super::headers::Headers;
use bytes::Bytes;
use codecs::traffic::http::{self, FramingError, Version};
use std::borrow::Cow;

/// A request on its way from a client of the source to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Protocol, as sent.
    pub version: Version,
    /// Headers.
    pub headers: Headers,
    /// The body without its transfer coding; its content coding is still there.
    pub body: Bytes,
    /// Whether the client sent the body in chunks.
    pub chunked: bool,
    /// What came after a body in chunks.
    pub trailers: Headers,
}

impl Outgoing {
    /// Parses the bytes of a whole request. Names, values and a body that was not sent in chunks are shared with `message`, not copied.
    ///
    /// # Errors
    ///
    /// Bytes that are no request of HTTP/1.
    pub fn parse(message: &Bytes) -> Result<Self, FramingError> {
        let head = http::parse_request(message)?;
        let body = http::body(message, head.length, &head.headers)?;
        let mut headers = Headers::with_capacity(head.headers.len());
        for (name, value) in &head.headers {
            let value = match http::unfolded(value) {
                Cow::Borrowed(value) => share(message, value),
                Cow::Owned(value) => value.into(),
            };
            headers.push(share(message, name.as_bytes()), value);
        }
        let mut trailers = Headers::default();
        for (name, value) in &body.trailers {
            trailers.append(name, value.clone());
        }
        let chunked = headers.list("transfer-encoding").any(|coding| coding.eq_ignore_ascii_case("chunked"));
        Ok(Self {
            method: head.method.to_owned(),
            target: origin_form(head.target).to_owned(),
            version: head.version,
            headers,
            body: match body.data {
                Cow::Borrowed(data) => share(message, data),
                Cow::Owned(data) => data.into(),
            },
            chunked,
            trailers,
        })
    }

    /// The path, percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query without its question mark; empty where there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// A part of the message as bytes of their own, without a copy.
fn share(message: &Bytes, part: &[u8]) -> Bytes {
    let start = part.as_ptr().addr().checked_sub(message.as_ptr().addr());
    let range = start.and_then(|start| Some(start..start.checked_add(part.len())?));
    match range.filter(|range| range.end <= message.len()) {
        Some(range) => message.slice(range),
        None => Bytes::copy_from_slice(part),
    }
}

/// Path and query of a target, which a client that thinks it talks to a proxy sends with scheme and host.
pub(super) fn origin_form(target: &str) -> &str {
    let Some((scheme, rest)) = target.split_once("://") else { return target };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return target;
    }
    rest.find(['/', '?']).and_then(|start| rest.get(start..)).unwrap_or("/")
}

#[cfg(test)]
mod tests;
