//! Content codings of bodies.

use super::headers::Headers;
use bytes::Bytes;
use codecs::traffic::content;

/// The most bytes that a body may have without its coding.
pub(crate) const MOST: usize = 256 << 20;

/// The codings of a body, in the order in which they were applied.
fn codings(headers: &Headers) -> impl Iterator<Item = &str> {
    headers.list("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"))
}

/// The codings of a body as one text; empty where there are none.
pub(crate) fn coding(headers: &Headers) -> String {
    codings(headers).map(str::to_ascii_lowercase).collect::<Vec<_>>().join(", ")
}

/// The body without its content coding; not copied where it has none.
pub(crate) fn decoded(headers: &Headers, body: &Bytes) -> Result<Bytes, String> {
    decode(&coding(headers), body)
}

/// The body without this coding.
pub(crate) fn decode(coding: &str, body: &Bytes) -> Result<Bytes, String> {
    if coding.is_empty() || body.is_empty() {
        return Ok(body.clone());
    }
    let decoded = content::decode(coding, body, MOST);
    decoded.map(Bytes::from).map_err(|error| format!("the body cannot be read: {error}"))
}

/// The body in this coding.
pub(crate) fn encode(coding: &str, body: Bytes) -> Result<Bytes, String> {
    if coding.is_empty() || body.is_empty() {
        return Ok(body);
    }
    let encoded = content::encode(coding, &body);
    encoded.map(Bytes::from).map_err(|error| format!("the body cannot be written as `{coding}`: {error}"))
}
