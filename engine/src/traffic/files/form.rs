//! What form a file has, by its content.

use super::LONGEST_RECORD;
use super::input::Input;
use codecs::traffic::record::TrafficStream;
use std::io;

/// So many bytes are looked at to tell text from what is none.
const START: usize = 4096;

/// A length before a record takes no more bytes.
const LONGEST_VARINT: usize = 5;

/// Where in a file a record begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines of base64, with or without a key.
    Lines,
    /// Each record behind its length.
    Delimited,
    /// One record.
    Raw,
}

/// Tells the form; reads as much as that takes.
pub(super) fn tell(input: &mut Input) -> io::Result<Form> {
    // No more than it takes: through a pipe, the next bytes may come much later.
    while input.bytes().len() <= LONGEST_VARINT && input.fill()? {}
    // A length, and the line feed by which a record begins, can look like a line.
    let after_length = length(input.bytes()).and_then(|(_, start)| input.bytes().get(start));
    if after_length.is_some_and(|byte| *byte < b' ') && begins_with_record(input)? {
        return Ok(Form::Delimited);
    }
    while begins_as_text(input.bytes()).is_none() && input.fill()? {}
    if begins_as_text(input.bytes()).unwrap_or(true) {
        return Ok(Form::Lines);
    }
    Ok(if begins_with_record(input)? { Form::Delimited } else { Form::Raw })
}

/// Whether there is a length, and a record of that length behind it.
fn begins_with_record(input: &mut Input) -> io::Result<bool> {
    let Some((length, start)) = length(input.bytes()) else { return Ok(false) };
    if length > LONGEST_RECORD {
        return Ok(false);
    }
    let end = start.saturating_add(length);
    while input.bytes().len() < end && input.fill()? {}
    let first = input.bytes().get(start..end);
    Ok(first.is_some_and(|first| TrafficStream::decode_record(first.to_vec().into()).is_ok()))
}

/// Whether bytes are text, as soon as that is known: by a first line that is not empty, or by a byte that is in no line.
fn begins_as_text(bytes: &[u8]) -> Option<bool> {
    let mut is_in_line = false;
    for byte in bytes.iter().take(START) {
        match byte {
            b'\n' if is_in_line => return Some(true),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            0..b' ' => return Some(false),
            _ => is_in_line = true,
        }
    }
    (bytes.len() >= START).then_some(true)
}

/// The length that bytes begin with, and how many bytes it takes; none if it is not whole, or none.
pub(super) fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0_u64;
    for (place, byte) in bytes.iter().take(LONGEST_VARINT).enumerate() {
        let shift = u32::try_from(place).ok()?.checked_mul(7)?;
        length |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((usize::try_from(length).ok()?, place.checked_add(1)?));
        }
    }
    None
}
