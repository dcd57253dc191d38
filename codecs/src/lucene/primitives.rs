//! The variable-length values that all Lucene files are made of.
//!
//! Source: [`DataInput`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/store/DataInput.html).

use crate::input::{Decoded, Failure, counted, take, u8};

/// A `VInt`: seven bits a byte, low bits first, at most five bytes; the high bit says that more follow.
pub fn vint(input: &[u8]) -> Decoded<'_, u32> {
    let mut rest = input;
    let mut value = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let (after, byte) = u8(rest)?;
        rest = after;
        value |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return if shift == 28 && byte > 0x0F {
                Failure::corrupt(input, "a VInt of more than 32 bits")
            } else {
                Ok((rest, value))
            };
        }
    }
    Failure::corrupt(input, "a VInt of more than five bytes")
}

/// A `VLong`: like a [`vint`], at most nine bytes, ten in files that allow negative numbers.
pub fn vlong(input: &[u8]) -> Decoded<'_, u64> {
    let mut rest = input;
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (after, byte) = u8(rest)?;
        rest = after;
        if shift == 63 && byte > 1 {
            return Failure::corrupt(input, "a VLong of more than 64 bits");
        }
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok((rest, value));
        }
    }
    Failure::corrupt(input, "a VLong of more than ten bytes")
}

/// Undoes the zig-zag encoding, which gives small negative numbers small codes.
#[must_use]
pub const fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// A string: its length in bytes as a [`vint`], then UTF-8.
pub fn string(input: &[u8]) -> Decoded<'_, &str> {
    let (rest, length) = vint(input)?;
    let (rest, bytes) = take(rest, length)?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((rest, text)),
        Err(_) => Failure::corrupt(input, format!("a string of {length} bytes that is not UTF-8")),
    }
}

/// A map of strings: the number of entries as a [`vint`], then keys and values (Lucene 5.0 and later).
pub fn string_map(input: &[u8]) -> Decoded<'_, Vec<(&str, &str)>> {
    let (rest, count) = vint(input)?;
    counted(rest, count, 2, string_pair)
}

/// A map of strings as Lucene 4 wrote it: the number of entries as four bytes.
pub fn string_map_be(input: &[u8]) -> Decoded<'_, Vec<(&str, &str)>> {
    let (rest, count) = crate::input::be_u32(input)?;
    counted(rest, count, 2, string_pair)
}

/// A set of strings: their number as a [`vint`], then the strings.
pub fn string_set(input: &[u8]) -> Decoded<'_, Vec<&str>> {
    let (rest, count) = vint(input)?;
    counted(rest, count, 1, string)
}

fn string_pair(input: &[u8]) -> Decoded<'_, (&str, &str)> {
    let (rest, key) = string(input)?;
    let (rest, value) = string(rest)?;
    Ok((rest, (key, value)))
}

/// A set of strings as Lucene 4 wrote it: their number as four bytes.
pub fn string_set_be(input: &[u8]) -> Decoded<'_, Vec<&str>> {
    let (rest, count) = crate::input::be_u32(input)?;
    counted(rest, count, 1, string)
}
