//! What the framers of requests and of responses have in common.

use super::chunked::{Chunked, Part};
use super::length::{BodyLength, LengthHeaders};
use super::lines::{BlankLine, Lines, leading_line_ends};
use super::{FramingError, MAX_HEAD};

/// A head that comes in pieces. Each byte is looked at a fixed number of times; a head that comes in one piece is not copied.
#[derive(Debug)]
pub(super) struct HeadBuffer {
    pieces: Vec<u8>,
    blank: BlankLine,
    skipped: usize,
}

impl HeadBuffer {
    pub(super) const fn new() -> Self {
        Self { pieces: Vec::new(), blank: BlankLine::AFTER_LINE_START, skipped: 0 }
    }

    /// Whether nothing but line ends was seen.
    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes bytes; when the head is whole, gives what `read` makes of it and how many of the bytes belong to it.
    pub(super) fn push<T>(
        &mut self,
        bytes: &[u8],
        read: impl Fn(&mut Lines<'_>) -> Result<T, FramingError>,
    ) -> Result<Option<(T, usize)>, FramingError> {
        let skipped = if self.pieces.is_empty() { leading_line_ends(bytes) } else { 0 };
        self.skipped = self.skipped.saturating_add(skipped);
        let rest = bytes.get(skipped..).unwrap_or_default();
        if self.pieces.is_empty()
            && let Some((head, length)) = self.in_one_piece(rest, &read)
        {
            return Ok(Some((head, skipped.saturating_add(length))));
        }
        let end = if rest.is_empty() { None } else { self.blank.find(rest) };
        let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let length = self.skipped.saturating_add(self.pieces.len()).saturating_add(part.len());
        if length > MAX_HEAD {
            return Err(FramingError::TooLong { what: "the head of a message" });
        }
        self.pieces.extend_from_slice(part);
        let Some(end) = end else { return Ok(None) };
        let head = std::mem::replace(self, Self::new()).pieces;
        Ok(Some((read(&mut Lines::new(&head))?, skipped.saturating_add(end))))
    }

    /// Most heads come in one piece and are as they should be: they are looked at once. Whatever else this one is,
    /// it is found out when it is whole, so that it does not matter where it is cut.
    fn in_one_piece<T>(
        &mut self,
        bytes: &[u8],
        read: impl Fn(&mut Lines<'_>) -> Result<T, FramingError>,
    ) -> Option<(T, usize)> {
        let mut lines = Lines::new(bytes);
        let head = read(&mut lines).ok()?;
        if self.skipped.saturating_add(lines.at()) > MAX_HEAD {
            return None;
        }
        self.skipped = 0;
        Some((head, lines.at()))
    }

    /// Whether the bytes so far can be the beginning of a head, by its first byte.
    pub(super) fn starts_with(&self, bytes: &[u8], is_first: impl FnOnce(u8) -> bool) -> bool {
        let first = bytes.get(leading_line_ends(bytes)..).and_then(<[u8]>::first);
        !self.pieces.is_empty() || first.is_none_or(|first| is_first(*first))
    }
}

/// Reads the headers that say how long a message is. Other lines are passed over, whatever they are.
pub(super) fn length_headers(lines: &mut Lines<'_>) -> Result<LengthHeaders, FramingError> {
    let mut headers = LengthHeaders::default();
    lines.headers_of(LengthHeaders::INITIALS, |name, value| headers.read(name, value))?;
    Ok(headers)
}

/// A body under way.
#[derive(Debug)]
pub(super) enum BodyEnd {
    /// After so many bytes.
    Bytes(u64),
    Chunked(Chunked),
    UntilClose,
}

impl BodyEnd {
    pub(super) const fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::Bytes(bytes) => Self::Bytes(bytes),
            BodyLength::Chunked => Self::Chunked(Chunked::new()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Takes bytes; how many of them belong to the body, if it ends.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>, FramingError> {
        match self {
            Self::Bytes(left) => match usize::try_from(*left) {
                Ok(length) if length <= bytes.len() => Ok(Some(length)),
                _ => {
                    *left = left.saturating_sub(bytes.len() as u64);
                    Ok(None)
                }
            },
            Self::Chunked(chunked) => {
                let mut rest = bytes;
                loop {
                    match chunked.next(&mut rest)? {
                        None => return Ok(None),
                        Some(Part::End) => return Ok(Some(bytes.len().saturating_sub(rest.len()))),
                        Some(Part::Data(_) | Part::Trailers) => {}
                    }
                }
            }
            Self::UntilClose => Ok(None),
        }
    }
}
