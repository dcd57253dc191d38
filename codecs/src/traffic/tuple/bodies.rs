//! The bodies of a line. A target mostly gets what the source got, and often answers the same: such a body is written by
//! copying what stands in the line already.

use super::json::key;
use super::payload::write_payload;
use super::secrets::without_secrets;
use super::write::TupleSettings;
use crate::traffic::content;
use std::borrow::Cow;
use std::ops::Range;

/// The bodies that are in the line so far.
#[derive(Debug)]
pub(super) struct Bodies<'a> {
    /// They may have secrets, which are not written.
    has_secrets: bool,
    written: Vec<(Body<'a>, Range<usize>)>,
}

/// A body, and what the headers of its message say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Body<'a> {
    bytes: &'a [u8],
    content_type: &'a [u8],
    codings: Option<String>,
    is_decoded: bool,
}

/// A body that is to be written.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    body: Body<'a>,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    /// It is in the line here.
    Written(Range<usize>),
    /// Its bytes, without their content coding.
    Bytes(Cow<'a, [u8]>),
}

impl Prepared<'_> {
    /// Whether a content coding was taken off.
    pub(super) const fn is_decoded(&self) -> bool {
        self.body.is_decoded
    }
}

impl<'a> Bodies<'a> {
    pub(super) const fn new(has_secrets: bool) -> Self {
        Self { has_secrets, written: Vec::new() }
    }

    /// Finds a body in the line, or takes its content coding off.
    pub(super) fn prepare(
        &self,
        bytes: &'a [u8],
        headers: &[(&str, &'a [u8])],
        settings: &TupleSettings,
    ) -> Prepared<'a> {
        let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = content_type.map_or(&[][..], |(_, value)| value);
        let codings = content::codings(headers);
        let is_same = |body: &Body<'_>| {
            body.bytes == bytes && body.content_type == content_type && body.codings == codings
        };
        if let Some((body, place)) = self.written.iter().find(|(body, _)| is_same(body)) {
            return Prepared { body: body.clone(), content: Content::Written(place.clone()) };
        }
        let decoded =
            codings.as_deref().filter(|codings| !bytes.is_empty() && !content::is_identity(codings));
        let decoded =
            decoded.and_then(|codings| content::decode(codings, bytes, settings.most_inflated).ok());
        let body = Body { bytes, content_type, codings, is_decoded: decoded.is_some() };
        let plain = decoded.map_or(Cow::Borrowed(bytes), Cow::Owned);
        let content = match plain {
            plain if !self.has_secrets => plain,
            Cow::Borrowed(plain) => without_secrets(plain),
            Cow::Owned(plain) => Cow::Owned(without_secrets(&plain).into_owned()),
        };
        Prepared { body, content: Content::Bytes(content) }
    }

    /// Writes the member `payload`.
    pub(super) fn write(&mut self, prepared: Prepared<'a>, line: &mut Vec<u8>) {
        key("payload", line);
        let start = line.len();
        match prepared.content {
            Content::Written(place) if place.end <= start => line.extend_from_within(place),
            // No other line was begun since, so that it is there.
            Content::Written(_) => line.extend_from_slice(b"{}"),
            Content::Bytes(bytes) => {
                write_payload(&bytes, prepared.body.content_type, line);
                self.written.push((prepared.body, start..line.len()));
            }
        }
    }
}
