//! The body of a message, without its transfer coding.

use super::FramingError;
use super::chunked::{Chunked, Part};
use super::length::{BodyLength, LengthHeaders};
use super::lines::{Field, Lines};
use std::borrow::Cow;
use std::fmt;

/// The body of a message; its content coding is still on it. `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Body<'a> {
    /// The bytes: of the message itself where they stand in one piece.
    pub data: Cow<'a, [u8]>,
    /// The headers after a chunked body.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether it is as long as the head says. It is not in a message that is cut, and in the response to a HEAD.
    pub complete: bool,
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.trailers.iter().map(|(name, _)| name).collect();
        write!(
            formatter,
            "{} bytes {names:?} {}",
            self.data.len(),
            if self.complete { "complete" } else { "cut" }
        )
    }
}

/// The body of a message that is whole or cut: as much of it as there is.
///
/// # Errors
///
/// [`FramingError`]: headers that contradict each other, or a chunked body that is none.
pub fn body<'a>(
    message: &'a [u8],
    head_length: usize,
    headers: &[(&str, &[u8])],
) -> Result<Body<'a>, FramingError> {
    let mut length = LengthHeaders::default();
    for (name, value) in headers {
        length.read(name.as_bytes(), value)?;
    }
    let rest = message.get(head_length..).unwrap_or_default();
    let (data, complete) = match length.of_response() {
        BodyLength::Chunked => return dechunked(rest),
        BodyLength::UntilClose => (rest, true),
        BodyLength::Bytes(bytes) => {
            let length = usize::try_from(bytes).unwrap_or(usize::MAX);
            (rest.get(..length).unwrap_or(rest), length <= rest.len())
        }
    };
    Ok(Body { data: Cow::Borrowed(data), trailers: Vec::new(), complete })
}

fn dechunked(bytes: &[u8]) -> Result<Body<'_>, FramingError> {
    let mut chunked = Chunked::new();
    let mut rest = bytes;
    let mut body = Body { data: Cow::Borrowed(&[]), trailers: Vec::new(), complete: false };
    while let Some(part) = chunked.next(&mut rest)? {
        match part {
            Part::Data(data) if body.data.is_empty() => body.data = Cow::Borrowed(data),
            Part::Data(data) => append(&mut body.data, data, bytes.len()),
            Part::Trailers => body.trailers = trailers(rest),
            Part::End => {
                body.complete = true;
                break;
            }
        }
    }
    Ok(body)
}

/// Room for all that can follow is made once: the data is shorter than its chunks.
fn append(all: &mut Cow<'_, [u8]>, data: &[u8], most: usize) {
    if let Cow::Borrowed(first) = *all {
        let mut owned = Vec::with_capacity(most);
        owned.extend_from_slice(first);
        *all = Cow::Owned(owned);
    }
    all.to_mut().extend_from_slice(data);
}

fn trailers(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut lines = Lines::new(bytes);
    let mut trailers = Vec::new();
    while trailers.len() < super::MAX_HEADERS {
        match lines.field() {
            Some(Field::Header(name, value)) => {
                let value = super::unfolded(value).into_owned();
                trailers.push((String::from_utf8_lossy(name).into_owned(), value));
            }
            Some(Field::Malformed) => {}
            Some(Field::End) | None => break,
        }
    }
    trailers
}
