//! The stored `_id` of a document, in its three forms, and `_uid`, which holds the type as well.
//!
//! | first byte   | form            | the rest                                                                    |
//! |--------------|-----------------|-----------------------------------------------------------------------------|
//! | `FF`         | UTF-8           | the id                                                                      |
//! | `FE`         | decimal digits  | two digits a byte, high half first; `F` in the last low half for none       |
//! | `FD`         | base64, escaped | the decoded bytes of an id that is unpadded URL-safe base64                  |
//! | `00` to `FC` | base64          | this byte belongs to the decoded bytes                                      |
//!
//! Elasticsearch 6 and later. Before, and in indices that were created before, there is `_uid`: `type#id`, or an
//! `_id` in plain text. Source: [`Uid`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/index/mapper/Uid.java).

use crate::error::Result;
use crate::input::{Decoded, Failure, decode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const UTF8: u8 = 0xFF;
const NUMERIC: u8 = 0xFE;
const BASE64_ESCAPE: u8 = 0xFD;
/// Decoded bytes that are encoded at a time: a multiple of three, so that no piece needs padding.
const BASE64_PIECE: usize = 48;

/// Appends the id that `bytes` stand for to `out`, as UTF-8.
///
/// # Errors
/// The bytes are empty, an id in digits has something else in it, or the text is not UTF-8. Then `out` is as before.
pub fn decode_id(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    let result = decode("_id", bytes, |input| append_id(input, out));
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn append_id<'a>(input: &'a [u8], out: &mut Vec<u8>) -> Decoded<'a, ()> {
    match input {
        [] => return Failure::truncated(input, 1),
        [UTF8, text @ ..] => match std::str::from_utf8(text) {
            Ok("") => return Failure::corrupt(text, "an empty id"),
            Ok(text) => out.extend_from_slice(text.as_bytes()),
            Err(_) => return Failure::corrupt(text, "an id that is not UTF-8"),
        },
        [NUMERIC, digits @ ..] => return append_digits(digits, out),
        [BASE64_ESCAPE, first, rest @ ..] => {
            // The writer escapes only what would look like another form.
            if *first < BASE64_ESCAPE {
                return Failure::corrupt(input, format!("an escaped id that starts with {first:02x}"));
            }
            append_base64(&[*first], rest, out);
        }
        [BASE64_ESCAPE] => return Failure::truncated(input, 1),
        bytes => append_base64(&[], bytes, out),
    }
    Ok((&[], ()))
}

fn append_digits<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> Decoded<'a, ()> {
    if digits.is_empty() {
        return Failure::truncated(digits, 1);
    }
    let mut left = digits;
    while let Some((byte, rest)) = left.split_first() {
        let (high, low) = (byte >> 4, byte & 0x0F);
        let is_odd_end = low == 0x0F && rest.is_empty();
        if high > 9 || (low > 9 && !is_odd_end) {
            return Failure::corrupt(left, format!("{byte:02x} in an id of digits"));
        }
        out.push(b'0' | high);
        if !is_odd_end {
            out.push(b'0' | low);
        }
        left = rest;
    }
    Ok((left, ()))
}

/// Appends the base64 of two slices as if they were one.
fn append_base64(first: &[u8], rest: &[u8], out: &mut Vec<u8>) {
    let mut piece = [0_u8; BASE64_PIECE];
    let mut text = [0_u8; BASE64_PIECE / 3 * 4];
    let mut bytes = first.iter().chain(rest);
    loop {
        let mut length = 0_usize;
        for (place, byte) in piece.iter_mut().zip(bytes.by_ref()) {
            *place = *byte;
            length = length.saturating_add(1);
        }
        let filled = piece.get(..length).unwrap_or_default();
        let written = URL_SAFE_NO_PAD.encode_slice(filled, &mut text).unwrap_or_default();
        out.extend_from_slice(text.get(..written).unwrap_or_default());
        if length < BASE64_PIECE {
            return;
        }
    }
}

/// Type and id of a stored `_uid`: what stands before the first `#`, and what stands after it.
///
/// # Errors
/// There is no `#`, one of the two is empty, or the text is not UTF-8.
pub fn split_uid(bytes: &[u8]) -> Result<(&str, &str)> {
    decode("_uid", bytes, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Failure::corrupt(input, "a `_uid` that is not UTF-8");
        };
        match text.split_once('#') {
            Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok((&[], (kind, id))),
            Some(_) => Failure::corrupt(input, format!("`{text}`, a `_uid` without a type or without an id")),
            None => Failure::corrupt(input, format!("`{text}`, a `_uid` without `#`")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(bytes: &[u8]) -> String {
        let mut out = b">".to_vec();
        decode_id(bytes, &mut out).unwrap();
        String::from_utf8(out).unwrap().split_off(1)
    }

    #[test]
    fn an_id_has_three_forms() {
        assert_eq!(id(b"\xFFdoc one"), "doc one");
        assert_eq!(id("\u{FF}東".as_bytes()), "w7_mnbE"); // C3 is not a mark of a form
        assert_eq!(id(&[0xFE, 0x12, 0x3F]), "123");
        assert_eq!(id(&[0xFE, 0x00, 0x12]), "0012");
        assert_eq!(id(&[0xBA, 0x77, 0x21, 0x6A, 0x78, 0x1E, 0x75, 0xDA, 0x1C]), "unchangeddoc");
        assert_eq!(id(&[0x01, 0x4D, 0x3F, 0x66, 0x8E, 0x01]), "AU0_Zo4B");
        assert_eq!(id(&[0x69]), "aQ");
    }

    #[test]
    fn base64_that_looks_like_another_form_is_escaped() {
        assert_eq!(id(&[0xFD, 0xFF, 0x00, 0x00]), "_wAA");
        assert_eq!(id(&[0xFD, 0xFD]), "_Q");
    }

    #[test]
    fn long_base64_is_as_one_piece() {
        for length in [47, 48, 49, 95, 96, 97, 512] {
            let bytes: Vec<u8> = (0..length).map(|n: usize| u8::try_from(n * 7 % 250).unwrap()).collect();
            assert_eq!(id(&bytes), URL_SAFE_NO_PAD.encode(&bytes));
            let mut escaped = vec![0xFD, 0xFE];
            escaped.extend_from_slice(&bytes);
            assert_eq!(id(&escaped), URL_SAFE_NO_PAD.encode(&escaped[1..]));
        }
    }

    #[test]
    fn a_malformed_id_is_an_error_and_leaves_the_buffer_as_it_was() {
        let cases: [&[u8]; 9] = [
            b"",
            b"\xFF",
            b"\xFF\xC3\x28",
            b"\xFE",
            b"\xFE\xA0",
            b"\xFE\x12\x3F\x45",
            b"\xFE\x1A",
            b"\xFD",
            b"\xFD\x01",
        ];
        for bytes in cases {
            let mut out = b"before".to_vec();
            assert!(decode_id(bytes, &mut out).is_err(), "{bytes:02x?}");
            assert_eq!(out, b"before");
        }
    }

    #[test]
    fn a_uid_is_split_at_the_first_number_sign() {
        assert_eq!(split_uid(b"type#a#b").unwrap(), ("type", "a#b"));
        for bytes in [&b""[..], b"type", b"#id", b"type#", b"type#\xFF"] {
            assert!(split_uid(bytes).is_err(), "{bytes:02x?}");
        }
    }
}
