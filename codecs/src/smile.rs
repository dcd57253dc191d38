//! SMILE, the binary JSON of Jackson in which snapshots keep their metadata, and some documents their `_source`.
//!
//! A document is a header and one value. Every token starts with a byte that says what it is; what that means
//! depends on whether a value or a name is due.
//!
//! | byte      | as a value                                | as a name                              |
//! |-----------|-------------------------------------------|----------------------------------------|
//! | `01`-`1F` | earlier string, number byte − 1           |                                        |
//! | `20`      | empty string                              | empty name                             |
//! | `21`-`23` | null, false, true                         |                                        |
//! | `24`-`26` | zig-zag `int`, zig-zag `long`, big integer|                                        |
//! | `28`-`2A` | float, double, big decimal                |                                        |
//! | `30`-`33` |                                           | earlier name, 10 bits with the next byte|
//! | `34`      |                                           | long name, up to `FC`                  |
//! | `40`-`7F` | ASCII string of 1 to 64 bytes             | earlier name, number byte − 40         |
//! | `80`-`BF` | Unicode string of 2 to 65 bytes           | ASCII name of 1 to 64 bytes            |
//! | `C0`-`F7` | `C0`-`DF`: small integer, zig-zag         | Unicode name of 2 to 57 bytes          |
//! | `E0` `E4` | long ASCII or Unicode string, up to `FC`  |                                        |
//! | `E8`      | binary, seven bits a byte                 |                                        |
//! | `EC`-`EF` | earlier string, 10 bits with the next byte|                                        |
//! | `F8`-`FB` | start and end of an array, start of an object | `FB`: end of an object             |
//! | `FD`      | binary as it is, after its length         |                                        |
//! | `FF`      | end of the document                       |                                        |
//!
//! Spec: [SMILE format 1.0.6](https://github.com/FasterXML/smile-format-specification/blob/smile-1.0.6/smile-specification.md)

use crate::error::Result;
use crate::input::{Decoded, Failure, decode, take, u8};
use crate::json_writer::{JsonWriter, Written};
use nom::Parser;
use nom::error::context;

mod number;
mod shared;

use number::{big_decimal, big_integer, double, float, seven_bit_binary, vint, zigzag};
use shared::Shared;

const END_OF_OBJECT: u8 = 0xFB;
const END_OF_STRING: u8 = 0xFC;
const END_OF_DOCUMENT: u8 = 0xFF;

/// Whether `bytes` start with the SMILE header `:)\n`.
#[must_use]
pub fn is_smile(bytes: &[u8]) -> bool {
    bytes.starts_with(b":)\n")
}

/// Converts one SMILE document to JSON text of at most `limit` bytes.
///
/// Numbers keep their value: integers and decimals all their digits, floats the shortest text that gives the same
/// float again. `NaN` and infinities become strings, binary becomes base64, as Jackson writes them. Names keep
/// their order, and stand twice if they did. References make the text longer than the input, hence the limit.
///
/// # Errors
/// The bytes end early or contradict the format, text is not UTF-8, the depth is over 1000, or the text would be
/// longer than `limit`. Bytes after an end marker are ignored, as the servers do; other bytes at the end are not.
pub fn to_json(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    decode(file, bytes, |input| {
        let (mut rest, mut decoder) = Decoder::new(input, limit)?;
        while !decoder.json.is_complete() {
            (rest, ()) = if decoder.json.expects_name() {
                context("SMILE name", |input| decoder.name(input)).parse(rest)?
            } else {
                context("SMILE value", |input| decoder.value(input)).parse(rest)?
            };
        }
        match rest {
            [] | [END_OF_DOCUMENT, ..] => Ok((rest, decoder.json.into_bytes())),
            _ => Failure::corrupt(rest, format!("{} bytes after the SMILE document", rest.len())),
        }
    })
}

struct Decoder<'a> {
    names: Shared<'a>,
    strings: Shared<'a>,
    has_raw_binary: bool,
    json: JsonWriter,
}

impl<'a> Decoder<'a> {
    /// The header: `:)\n`, then version (four bits) and flags: shared names, shared strings, raw binary.
    fn new(input: &'a [u8], limit: usize) -> Decoded<'a, Self> {
        let (rest, magic) = context("SMILE header", |input| take(input, 3_usize)).parse(input)?;
        if magic != b":)\n" {
            return Failure::corrupt(input, format!("expected the SMILE header 3a290a, found {magic:02x?}"));
        }
        let (after, flags) = context("SMILE flags", u8).parse(rest)?;
        if flags >> 4 != 0 {
            return Failure::unsupported(rest, "version of SMILE", flags >> 4, "version 0");
        }
        let decoder = Self {
            names: Shared::new(flags & 1 != 0),
            strings: Shared::new(flags & 2 != 0),
            has_raw_binary: flags & 4 != 0,
            json: JsonWriter::new(limit),
        };
        Ok((after, decoder))
    }

    fn name(&mut self, input: &'a [u8]) -> Decoded<'a, ()> {
        let (rest, token) = u8(input)?;
        let (rest, text) = match token {
            0x20 => return written(input, rest, self.json.name(b"")),
            END_OF_OBJECT => return written(input, rest, self.json.end_object()),
            0x30..=0x33 => return self.shared_name(input, long_reference(token, rest)?),
            0x40..=0x7F => return self.shared_name(input, (rest, usize::from(token & 0x3F))),
            0x34 => until_end_of_string(rest)?,
            0x80..=0xBF => take(rest, (token & 0x3F).saturating_add(1))?,
            0xC0..=0xF7 => take(rest, (token & 0x3F).saturating_add(2))?,
            _ => return Failure::corrupt(input, format!("a name cannot start with {token:02x}")),
        };
        self.names.add(text);
        written(input, rest, self.json.name(text))
    }

    fn shared_name(&mut self, at: &'a [u8], (rest, index): (&'a [u8], usize)) -> Decoded<'a, ()> {
        match self.names.get(index) {
            Some(text) => written(at, rest, self.json.name(text)),
            None => Failure::corrupt(at, format!("a reference to name {index} of {}", self.names.len())),
        }
    }

    fn value(&mut self, input: &'a [u8]) -> Decoded<'a, ()> {
        let (rest, token) = u8(input)?;
        let json = &mut self.json;
        match token {
            0x01..=0x1F => self.shared_string(input, (rest, usize::from(token).saturating_sub(1))),
            0x20 => written(input, rest, json.string(b"")),
            0x21 => written(input, rest, json.literal("null")),
            0x22 => written(input, rest, json.literal("false")),
            0x23 => written(input, rest, json.literal("true")),
            0x24..=0x2A => self.number(input, rest, token),
            0x40..=0x7F => self.short_string(input, take(rest, (token & 0x3F).saturating_add(1))?),
            0x80..=0xBF => self.short_string(input, take(rest, (token & 0x3F).saturating_add(2))?),
            0xC0..=0xDF => written(input, rest, json.integer(zigzag(u64::from(token & 0x1F)))),
            0xE0 | 0xE4 => {
                let (rest, text) = until_end_of_string(rest)?;
                written(input, rest, json.string(text))
            }
            0xE8 => {
                let (rest, bytes) = seven_bit_binary(rest)?;
                written(input, rest, json.binary(&bytes))
            }
            0xEC..=0xEF => self.shared_string(input, long_reference(token, rest)?),
            0xF8 => written(input, rest, json.start_array()),
            0xF9 => written(input, rest, json.end_array()),
            0xFA => written(input, rest, json.start_object()),
            0xFD => self.raw_binary(input, rest),
            _ => Failure::corrupt(input, format!("a value cannot start with {token:02x}")),
        }
    }

    fn number(&mut self, at: &'a [u8], rest: &'a [u8], token: u8) -> Decoded<'a, ()> {
        let json = &mut self.json;
        match token {
            0x24 => {
                let (rest, value) = vint(rest)?;
                match i32::try_from(zigzag(value)) {
                    Ok(value) => written(at, rest, json.integer(value)),
                    Err(_) => Failure::corrupt(at, "an int of more than 32 bits"),
                }
            }
            0x25 => {
                let (rest, value) = vint(rest)?;
                written(at, rest, json.integer(zigzag(value)))
            }
            0x26 => {
                let (rest, (is_negative, magnitude)) = big_integer(rest)?;
                written(at, rest, json.big_integer(is_negative, &magnitude))
            }
            0x28 => {
                let (rest, value) = float(rest)?;
                written(at, rest, json.float(value))
            }
            0x29 => {
                let (rest, value) = double(rest)?;
                written(at, rest, json.double(value))
            }
            0x2A => {
                let (rest, (is_negative, magnitude, scale)) = big_decimal(rest)?;
                written(at, rest, json.big_decimal(is_negative, &magnitude, scale))
            }
            _ => Failure::corrupt(at, format!("a value cannot start with {token:02x}")),
        }
    }

    fn short_string(&mut self, at: &'a [u8], (rest, text): (&'a [u8], &'a [u8])) -> Decoded<'a, ()> {
        self.strings.add(text);
        written(at, rest, self.json.string(text))
    }

    fn shared_string(&mut self, at: &'a [u8], (rest, index): (&'a [u8], usize)) -> Decoded<'a, ()> {
        match self.strings.get(index) {
            Some(text) => written(at, rest, self.json.string(text)),
            None => Failure::corrupt(at, format!("a reference to string {index} of {}", self.strings.len())),
        }
    }

    fn raw_binary(&mut self, at: &'a [u8], rest: &'a [u8]) -> Decoded<'a, ()> {
        if !self.has_raw_binary {
            return Failure::corrupt(at, "raw binary where the header says that there is none");
        }
        let (rest, length) = vint(rest)?;
        let (rest, bytes) = take(rest, length)?;
        written(at, rest, self.json.binary(bytes))
    }
}

fn written<'a>(at: &'a [u8], rest: &'a [u8], result: Written) -> Decoded<'a, ()> {
    match result {
        Ok(()) => Ok((rest, ())),
        Err(what) => Failure::corrupt(at, what),
    }
}

fn until_end_of_string(input: &[u8]) -> Decoded<'_, &[u8]> {
    let Some(length) = memchr::memchr(END_OF_STRING, input) else {
        return Failure::truncated(input, 1);
    };
    let (rest, text) = take(input, length)?;
    let (rest, _) = u8(rest)?;
    Ok((rest, text))
}

/// The index in a reference of two bytes: the low two bits of the first, then the second.
fn long_reference(token: u8, input: &[u8]) -> Decoded<'_, usize> {
    let (rest, low) = u8(input)?;
    Ok((rest, usize::from(token & 3) << 8 | usize::from(low)))
}
