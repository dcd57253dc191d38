//! The lines of heads and trailers. A line ends with a line feed, with or without a carriage return before it.

use super::{FramingError, MAX_HEADERS};
use memchr::memchr;

/// Finds the empty line that ends a head or trailers, in bytes that are cut anywhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlankLine {
    line: Line,
}

/// What was seen of the line under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    CarriageReturn,
    Text,
}

impl BlankLine {
    /// The first line may be the empty one.
    pub(super) const AT_LINE_START: Self = Self { line: Line::Empty };
    /// The first line is known not to be empty.
    pub(super) const AFTER_LINE_START: Self = Self { line: Line::Text };

    /// The place after the empty line, if it ends in these bytes.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(length) = memchr(b'\n', rest) else {
                self.line = self.line.with(rest);
                return None;
            };
            let line = self.line.with(rest.get(..length).unwrap_or_default());
            at = at.saturating_add(length).saturating_add(1);
            self.line = Line::Empty;
            if line != Line::Text {
                return Some(at);
            }
        }
    }
}

impl Line {
    const fn with(self, bytes: &[u8]) -> Self {
        match (self, bytes) {
            (line, []) => line,
            (Self::Empty, [b'\r']) => Self::CarriageReturn,
            _ => Self::Text,
        }
    }
}

/// The length of the line ends before the first line, which some clients send after a body.
pub(super) fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Walks the lines of a head, or of trailers.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

/// A line of a head after the first.
pub(super) enum Field<'a> {
    /// A header: its name, and its value without the space around it, folds in it as they are.
    Header(&'a [u8], &'a [u8]),
    /// Something else.
    Malformed,
    /// The empty line.
    End,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 0 }
    }

    /// How far it went, in bytes.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The first line, without its end and without the empty lines before it.
    pub(super) fn start_line(&mut self) -> Result<&'a [u8], FramingError> {
        self.at = leading_line_ends(self.bytes);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = memchr(b'\n', rest).ok_or(FramingError::HeadCut)?;
        self.advance(length);
        Ok(without_carriage_return(rest.get(..length).unwrap_or_default()))
    }

    fn advance(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).saturating_add(1);
        self.line = self.line.saturating_add(1);
    }

    /// The next line with those that continue it, empty at the end; `None` if the bytes end before it does.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let mut length = memchr(b'\n', rest)?;
        let first = without_carriage_return(rest.get(..length)?);
        if first.is_empty() {
            self.advance(length);
            return Some(first);
        }
        // A line that starts with space goes on with the value of the line before it.
        while let Some(b' ' | b'\t') = rest.get(length.saturating_add(1)) {
            let next = length.saturating_add(1);
            length = next.saturating_add(memchr(b'\n', rest.get(next..)?)?);
        }
        self.advance(length);
        rest.get(..length)
    }

    /// The next header; `None` if the bytes end before it does.
    pub(super) fn field(&mut self) -> Option<Field<'a>> {
        self.line().map(field)
    }

    /// Calls back with every header up to the empty line.
    pub(super) fn headers(&mut self, mut each: impl FnMut(&'a [u8], &'a [u8])) -> Result<(), FramingError> {
        for _ in 0..=MAX_HEADERS {
            match self.field().ok_or(FramingError::HeadCut)? {
                Field::Header(name, value) => each(name, value),
                Field::Malformed => return Err(FramingError::HeaderLine { line: self.line }),
                Field::End => return Ok(()),
            }
        }
        Err(FramingError::TooManyHeaders)
    }

    /// Calls back with the headers whose name starts with one of `initials`, which are lower case. Other lines are
    /// passed over, whatever they are.
    pub(super) fn headers_of(
        &mut self,
        initials: &[u8],
        mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), FramingError>,
    ) -> Result<(), FramingError> {
        for _ in 0..=MAX_HEADERS {
            let line = self.line().ok_or(FramingError::HeadCut)?;
            let Some(initial) = line.first() else { return Ok(()) };
            if initials.contains(&initial.to_ascii_lowercase())
                && let Field::Header(name, value) = field(line)
            {
                each(name, value)?;
            }
        }
        Err(FramingError::TooManyHeaders)
    }
}

fn field(line: &[u8]) -> Field<'_> {
    if line.is_empty() {
        return Field::End;
    }
    let Some(colon) = memchr(b':', line) else { return Field::Malformed };
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    let name = name.trim_ascii_end();
    // Visible ASCII: what is not, no client meant as a name.
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return Field::Malformed;
    }
    Field::Header(name, value.get(1..).unwrap_or_default().trim_ascii())
}

const fn without_carriage_return(line: &[u8]) -> &[u8] {
    match line {
        [text @ .., b'\r'] => text,
        _ => line,
    }
}
