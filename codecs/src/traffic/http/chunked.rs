//! The chunked transfer coding, in bytes that are cut anywhere.
//!
//! | part      | form                                                                              |
//! |-----------|-----------------------------------------------------------------------------------|
//! | chunk     | size in hexadecimal digits, extensions after `;`, line end, data, line end         |
//! | last one  | size 0, extensions, line end                                                      |
//! | trailers  | headers, and an empty line                                                        |
//!
//! Spec: [RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1)

use super::lines::BlankLine;
use super::{FramingError, MAX_HEAD};

/// Walks a chunked body.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of the line, or of the trailers, under way.
    length: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// In the digits of a size.
    Size { size: u64, is_empty: bool },
    /// After the digits, up to the line feed.
    Extensions { size: u64 },
    /// In the data, with so many bytes left.
    Data(u64),
    /// After the data.
    DataEnd { carriage_return: bool },
    /// After the last chunk.
    Trailers(BlankLine),
    /// After the empty line.
    End,
}

/// A part of a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Bytes of the body; a chunk that is cut gives several.
    Data(&'a [u8]),
    /// The last chunk has ended: trailers are next.
    Trailers,
    /// The body has ended.
    End,
}

const SIZE: State = State::Size { size: 0, is_empty: true };

impl Chunked {
    pub(super) const fn new() -> Self {
        Self { state: SIZE, length: 0 }
    }

    /// Takes the next part from the front of `input`; `None` if there is no more in it.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Part<'a>>, FramingError> {
        loop {
            match self.state {
                State::Data(left) => {
                    let Some(data) = self.data(left, input) else { return Ok(None) };
                    return Ok(Some(Part::Data(data)));
                }
                State::Trailers(blank) => return self.trailers(blank, input),
                State::End => return Ok(Some(Part::End)),
                State::Extensions { size } => {
                    if !self.extensions(size, input)? {
                        return Ok(None);
                    }
                    if matches!(self.state, State::Trailers(_)) {
                        return Ok(Some(Part::Trailers));
                    }
                }
                State::Size { .. } | State::DataEnd { .. } => {
                    let Some((byte, rest)) = input.split_first() else { return Ok(None) };
                    // The byte after the digits is for the extensions to take.
                    if self.byte(*byte)? {
                        *input = rest;
                    }
                }
            }
        }
    }

    fn data<'a>(&mut self, left: u64, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        if input.is_empty() {
            return None;
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (data, rest) = input.split_at_checked(length)?;
        *input = rest;
        self.state = match left.saturating_sub(length as u64) {
            0 => State::DataEnd { carriage_return: false },
            left => State::Data(left),
        };
        Some(data)
    }

    /// Takes a byte of a size, or of the line end after data; false if it is neither of them.
    fn byte(&mut self, byte: u8) -> Result<bool, FramingError> {
        const DIGIT: &str = "a hexadecimal digit of a chunk's size";
        const LINE_END: &str = "the line end after a chunk";
        self.state = match (self.state, byte) {
            (State::DataEnd { carriage_return: false }, b'\r') => State::DataEnd { carriage_return: true },
            (State::DataEnd { .. }, b'\n') => SIZE,
            (State::DataEnd { .. }, found) => return Err(FramingError::Chunk { expected: LINE_END, found }),
            (State::Size { size, is_empty: false }, b'\r' | b'\n' | b';' | b' ' | b'\t') => {
                self.length = 0;
                self.state = State::Extensions { size };
                return Ok(false);
            }
            (State::Size { size, .. }, found) => {
                let wrong = FramingError::Chunk { expected: DIGIT, found };
                let digit = char::from(found).to_digit(16).ok_or(wrong)?;
                let size = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
                let size = size.ok_or(FramingError::TooLong { what: "a chunk" })?;
                State::Size { size, is_empty: false }
            }
            (state, _) => state,
        };
        Ok(true)
    }

    /// Passes over the rest of the line of a size; false if it goes on.
    fn extensions(&mut self, size: u64, input: &mut &[u8]) -> Result<bool, FramingError> {
        let found = memchr::memchr(b'\n', input);
        let length = found.map_or(input.len(), |place| place.saturating_add(1));
        self.count(length, "the line of a chunk's size")?;
        *input = input.get(length..).unwrap_or_default();
        if found.is_some() {
            self.length = 0;
            self.state =
                if size == 0 { State::Trailers(BlankLine::AT_LINE_START) } else { State::Data(size) };
        }
        Ok(found.is_some())
    }

    fn trailers<'a>(
        &mut self,
        mut blank: BlankLine,
        input: &mut &'a [u8],
    ) -> Result<Option<Part<'a>>, FramingError> {
        let end = blank.find(input);
        let length = end.unwrap_or(input.len());
        self.count(length, "trailers")?;
        *input = input.get(length..).unwrap_or_default();
        self.state = if end.is_some() { State::End } else { State::Trailers(blank) };
        Ok(end.map(|_| Part::End))
    }

    fn count(&mut self, length: usize, what: &'static str) -> Result<(), FramingError> {
        self.length = self.length.saturating_add(length);
        if self.length > MAX_HEAD { Err(FramingError::TooLong { what }) } else { Ok(()) }
    }
}
