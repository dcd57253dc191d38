//! nom, with a failure type that keeps the place and the innermost context, and with guarded lengths.

use crate::error::{Error, Result};
use nom::error::{ContextError, ErrorKind, ParseError};
use nom::{IResult, Parser};

/// Result of a parser over untrusted bytes: what is left, and the value.
pub type Decoded<'a, T> = IResult<&'a [u8], T, Failure>;

/// Where and why a parser stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How many bytes were left where the value starts.
    remaining: usize,
    kind: FailureKind,
    context: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FailureKind {
    Truncated { missing: u64 },
    Corrupt(String),
    Checksum { length: u64, expected: u32, actual: u32 },
    Unsupported { what: &'static str, found: String, supported: String },
}

impl Failure {
    /// The input ends `missing` bytes before the end of the value.
    pub fn truncated<T>(input: &[u8], missing: u64) -> Decoded<'_, T> {
        Self::fail(input, FailureKind::Truncated { missing })
    }

    /// The input contradicts the format; `what` says expected and found.
    pub fn corrupt<T>(input: &[u8], what: impl Into<String>) -> Decoded<'_, T> {
        Self::fail(input, FailureKind::Corrupt(what.into()))
    }

    /// The input is in a format that we cannot read.
    pub fn unsupported<'a, T>(
        input: &'a [u8],
        what: &'static str,
        found: impl ToString,
        supported: impl ToString,
    ) -> Decoded<'a, T> {
        let (found, supported) = (found.to_string(), supported.to_string());
        Self::fail(input, FailureKind::Unsupported { what, found, supported })
    }

    /// The checksum of the first `length` bytes of the file is not the one that was recorded.
    pub fn checksum<T>(input: &[u8], length: u64, expected: u32, actual: u32) -> Decoded<'_, T> {
        Self::fail(input, FailureKind::Checksum { length, expected, actual })
    }

    fn fail<T>(input: &[u8], kind: FailureKind) -> Decoded<'_, T> {
        Err(nom::Err::Failure(Self { remaining: input.len(), kind, context: None }))
    }

    fn into_error(self, file: &str, length: usize) -> Error {
        let file = file.to_owned();
        let offset = length.saturating_sub(self.remaining) as u64;
        match self.kind {
            FailureKind::Truncated { missing } => {
                Error::Truncated { file, offset, what: self.context.unwrap_or("a value"), missing }
            }
            FailureKind::Corrupt(what) => {
                let what = self.context.map_or(what.clone(), |context| format!("{context}: {what}"));
                Error::Corrupt { file, offset, what }
            }
            FailureKind::Checksum { length, expected, actual } => {
                Error::Checksum { file, length, expected, actual }
            }
            FailureKind::Unsupported { what, found, supported } => {
                Error::Unsupported { file, what, found, supported }
            }
        }
    }
}

impl ParseError<&[u8]> for Failure {
    fn from_error_kind(input: &[u8], kind: ErrorKind) -> Self {
        let kind = match kind {
            ErrorKind::Eof | ErrorKind::Complete => FailureKind::Truncated { missing: 1 },
            other => FailureKind::Corrupt(other.description().to_owned()),
        };
        Self { remaining: input.len(), kind, context: None }
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl ContextError<&[u8]> for Failure {
    fn add_context(_: &[u8], context: &'static str, mut other: Self) -> Self {
        other.context.get_or_insert(context);
        other
    }
}

/// Runs `parser` over all bytes of `file`; bytes that it leaves are for it to judge.
pub fn decode<'a, T>(
    file: &str,
    bytes: &'a [u8],
    mut parser: impl Parser<&'a [u8], Output = T, Error = Failure>,
) -> Result<T> {
    match parser.parse(bytes) {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
            Err(failure.into_error(file, bytes.len()))
        }
        Err(nom::Err::Incomplete(_)) => {
            let file = file.to_owned();
            Err(Error::Truncated { file, offset: bytes.len() as u64, what: "a value", missing: 1 })
        }
    }
}

/// Takes `length` bytes, whatever integer type the file gave the length in.
pub fn take<'a>(input: &'a [u8], length: impl TryInto<usize>) -> Decoded<'a, &'a [u8]> {
    let Ok(length) = length.try_into() else {
        return Failure::corrupt(input, "a length that is negative or larger than the address space");
    };
    match input.split_at_checked(length) {
        Some((taken, rest)) => Ok((rest, taken)),
        None => Failure::truncated(input, length.saturating_sub(input.len()) as u64),
    }
}

fn array<const N: usize>(input: &[u8]) -> Decoded<'_, [u8; N]> {
    match input.split_first_chunk::<N>() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Failure::truncated(input, N.saturating_sub(input.len()) as u64),
    }
}

macro_rules! integers {
    ($($name:ident $type:ty, $from:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(input: &[u8]) -> Decoded<'_, $type> {
            array(input).map(|(rest, bytes)| (rest, <$type>::$from(bytes)))
        }
    )*};
}

integers! {
    u8 u8, from_be_bytes, "One byte.";
    be_u16 u16, from_be_bytes, "Two bytes, big-endian.";
    be_u32 u32, from_be_bytes, "Four bytes, big-endian.";
    be_i32 i32, from_be_bytes, "Four bytes, big-endian, signed.";
    be_u64 u64, from_be_bytes, "Eight bytes, big-endian.";
    be_i64 i64, from_be_bytes, "Eight bytes, big-endian, signed.";
    le_u16 u16, from_le_bytes, "Two bytes, little-endian.";
    le_u32 u32, from_le_bytes, "Four bytes, little-endian.";
    le_i32 i32, from_le_bytes, "Four bytes, little-endian, signed.";
    le_u64 u64, from_le_bytes, "Eight bytes, little-endian.";
    le_i64 i64, from_le_bytes, "Eight bytes, little-endian, signed.";
}

/// `count` values, where `count` comes from the file: nothing is allocated on its word.
///
/// Each value takes at least `min_size` bytes, which bounds the count before the first is read.
pub fn counted<'a, T>(
    input: &'a [u8],
    count: impl TryInto<usize>,
    min_size: usize,
    mut value: impl FnMut(&'a [u8]) -> Decoded<'a, T>,
) -> Decoded<'a, Vec<T>> {
    let Ok(count) = count.try_into() else {
        return Failure::corrupt(input, "a count that is negative or larger than the address space");
    };
    let needed = count.saturating_mul(min_size.max(1));
    if needed > input.len() {
        return Failure::truncated(input, needed.saturating_sub(input.len()) as u64);
    }
    let mut values = Vec::with_capacity(count);
    let mut input = input;
    for _ in 0..count {
        let (rest, decoded) = value(input)?;
        values.push(decoded);
        input = rest;
    }
    Ok((input, values))
}
