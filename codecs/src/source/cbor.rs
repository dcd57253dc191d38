//! CBOR as Jackson reads it, as JSON text.
//!
//! Spec: [RFC 8949](https://www.rfc-editor.org/rfc/rfc8949). Tags 2 and 3 (big integers) and 4 (decimal fractions)
//! change the value; all others, such as the self-describing tag 55799, are passed over. The bytes under tag 3 are
//! taken as Jackson up to 2.19 takes them, and so all servers do: `C3 41 01` is −1, where the RFC says −2.

use crate::error::{Error, Result};
use crate::json_writer::{JsonWriter, Written};
use minicbor::data::Token;
use minicbor::decode::Decoder;

const POSITIVE_BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;
const DECIMAL_FRACTION: u64 = 4;

/// Converts one CBOR value that takes up all of `bytes` to JSON text of at most `limit` bytes.
pub(super) fn to_json(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut converter =
        Converter { file, input: Decoder::new(bytes), open: Vec::new(), json: JsonWriter::new(limit) };
    while !converter.json.is_complete() {
        converter.step()?;
    }
    let end = converter.input.position();
    if end < bytes.len() {
        let extra = bytes.len().saturating_sub(end);
        return Err(converter.corrupt(end, format!("{extra} bytes after the CBOR value")));
    }
    Ok(converter.json.into_bytes())
}

/// An array or map that is not closed; `left` values and names, `None` up to a break.
struct Container {
    is_map: bool,
    left: Option<u64>,
}

struct Converter<'a> {
    file: &'a str,
    input: Decoder<'a>,
    open: Vec<Container>,
    json: JsonWriter,
}

impl<'a> Converter<'a> {
    /// Converts one name, value or end.
    fn step(&mut self) -> Result<()> {
        if let Some(container) = self.open.last_mut() {
            match &mut container.left {
                Some(0) => return self.close(),
                Some(left) => *left = left.saturating_sub(1),
                None => {}
            }
        }
        let at = self.input.position();
        let (tag, token) = self.tagged_token()?;
        match token {
            Token::Break if tag.is_none() && self.open.last().is_some_and(|open| open.left.is_none()) => {
                self.close()
            }
            Token::Break => Err(self.corrupt(at, "a break outside a container without a length")),
            token if self.json.expects_name() => self.name(at, &token),
            token => self.value(at, tag, &token),
        }
    }

    fn close(&mut self) -> Result<()> {
        let at = self.input.position();
        let is_map = self.open.pop().is_some_and(|container| container.is_map);
        let written = if is_map { self.json.end_object() } else { self.json.end_array() };
        self.written(at, written)
    }

    /// The next token that is not a tag, and the last tag before it.
    fn tagged_token(&mut self) -> Result<(Option<u64>, Token<'a>)> {
        let mut tag = None;
        loop {
            match self.token()? {
                Token::Tag(number) => tag = Some(number.as_u64()),
                token => return Ok((tag, token)),
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>> {
        let at = self.input.position();
        self.input.decode::<Token<'a>>().map_err(|error| {
            if error.is_end_of_input() {
                let file = self.file.to_owned();
                return Error::Truncated { file, offset: at as u64, what: "CBOR value", missing: 1 };
            }
            self.corrupt(at, format!("CBOR value: {error}"))
        })
    }

    fn name(&mut self, at: usize, token: &Token<'a>) -> Result<()> {
        let written = match token {
            Token::String(text) => self.json.name(text.as_bytes()),
            Token::BeginString => {
                let text = self.chunks(true)?;
                self.json.name(&text)
            }
            other => match integer(other) {
                Some(number) => self.json.name(number.to_string().as_bytes()),
                None => Err(format!("`{other}` where a name should be")),
            },
        };
        self.written(at, written)
    }

    fn value(&mut self, at: usize, tag: Option<u64>, token: &Token<'a>) -> Result<()> {
        let written = match token {
            Token::Array(2) if tag == Some(DECIMAL_FRACTION) => self.decimal_fraction(at)?,
            Token::Array(length) => self.start(false, Some(*length)),
            Token::BeginArray => self.start(false, None),
            Token::Map(length) => match length.checked_mul(2) {
                Some(length) => self.start(true, Some(length)),
                None => Err(format!("a map of {length} entries")),
            },
            Token::BeginMap => self.start(true, None),
            Token::String(text) => self.json.string(text.as_bytes()),
            Token::BeginString => {
                let text = self.chunks(true)?;
                self.json.string(&text)
            }
            Token::Bytes(bytes) => self.bytes(tag, bytes),
            Token::BeginBytes => {
                let bytes = self.chunks(false)?;
                self.bytes(tag, &bytes)
            }
            scalar => self.scalar(scalar),
        };
        self.written(at, written)
    }

    fn scalar(&mut self, token: &Token<'a>) -> Written {
        match token {
            Token::Null | Token::Undefined => self.json.literal("null"),
            Token::Bool(true) => self.json.literal("true"),
            Token::Bool(false) => self.json.literal("false"),
            Token::F16(value) | Token::F32(value) => self.json.float(*value),
            Token::F64(value) => self.json.double(*value),
            Token::Simple(value) => self.json.integer(value),
            other => match integer(other) {
                Some(number) => self.json.integer(number),
                None => Err(format!("`{other}` where a value should be")),
            },
        }
    }

    fn start(&mut self, is_map: bool, left: Option<u64>) -> Written {
        if is_map {
            self.json.start_object()?;
        } else {
            self.json.start_array()?;
        }
        self.open.push(Container { is_map, left });
        Ok(())
    }

    fn bytes(&mut self, tag: Option<u64>, bytes: &[u8]) -> Written {
        match tag {
            Some(POSITIVE_BIGNUM) => self.json.big_integer(false, bytes),
            Some(NEGATIVE_BIGNUM) => self.json.big_integer(true, bytes),
            _ => self.json.binary(bytes),
        }
    }

    /// The parts of a string or of binary without a length, up to a break.
    fn chunks(&mut self, is_text: bool) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            let at = self.input.position();
            match self.token()? {
                Token::Break => return Ok(whole),
                Token::String(text) if is_text => whole.extend_from_slice(text.as_bytes()),
                Token::Bytes(bytes) if !is_text => whole.extend_from_slice(bytes),
                other => return Err(self.corrupt(at, format!("`{other}` inside a string without a length"))),
            }
        }
    }

    /// Exponent and mantissa: mantissa × 10^exponent.
    fn decimal_fraction(&mut self, at: usize) -> Result<Written> {
        let exponent = self.token()?;
        let Some(scale) = integer(&exponent).and_then(|exponent| i64::try_from(-exponent).ok()) else {
            return Err(self.corrupt(at, format!("an exponent `{exponent}`")));
        };
        let (tag, mantissa) = self.tagged_token()?;
        let (is_negative, magnitude) = match (tag, &mantissa) {
            (Some(POSITIVE_BIGNUM), Token::Bytes(bytes)) => (false, bytes.to_vec()),
            (Some(NEGATIVE_BIGNUM), Token::Bytes(bytes)) => (true, bytes.to_vec()),
            (_, number) => match integer(number) {
                Some(number) => (number < 0, number.unsigned_abs().to_be_bytes().to_vec()),
                None => return Err(self.corrupt(at, format!("a mantissa `{mantissa}`"))),
            },
        };
        Ok(self.json.big_decimal(is_negative, &magnitude, scale))
    }

    fn written(&self, at: usize, result: Written) -> Result<()> {
        result.map_err(|what| self.corrupt(at, what))
    }

    fn corrupt(&self, at: usize, what: impl Into<String>) -> Error {
        Error::Corrupt { file: self.file.to_owned(), offset: at as u64, what: what.into() }
    }
}

fn integer(token: &Token<'_>) -> Option<i128> {
    Some(match *token {
        Token::U8(value) => value.into(),
        Token::U16(value) => value.into(),
        Token::U32(value) => value.into(),
        Token::U64(value) => value.into(),
        Token::I8(value) => value.into(),
        Token::I16(value) => value.into(),
        Token::I32(value) => value.into(),
        Token::I64(value) => value.into(),
        Token::Int(value) => value.into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> Result<String> {
        to_json("x", bytes, 10_000).map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn lengths_may_be_known_or_not() {
        assert_eq!(json(b"\xA1aa\x82\x01\x20").unwrap(), r#"{"a":[1,-1]}"#);
        assert_eq!(json(b"\xBFaa\x9F\x01\x20\xFF\xFF").unwrap(), r#"{"a":[1,-1]}"#);
        assert_eq!(json(b"\xBF\x7Faaab\xFF\x7Fac\x60ad\xFF\xFF").unwrap(), r#"{"ab":"cd"}"#);
        assert_eq!(json(b"\x5FB\x01\x02A\x03\xFF").unwrap(), r#""AQID""#);
    }

    #[test]
    fn tags_2_to_4_make_numbers_and_others_are_passed_over() {
        assert_eq!(json(b"\xC2\x49\x01\0\0\0\0\0\0\0\0").unwrap(), "18446744073709551616");
        assert_eq!(json(b"\xC3\x49\x01\0\0\0\0\0\0\0\0").unwrap(), "-18446744073709551616");
        assert_eq!(json(b"\xC4\x82\x21\x19\x6A\xB3").unwrap(), "273.15");
        assert_eq!(json(b"\xC0\x61x").unwrap(), r#""x""#);
        assert_eq!(json(b"\x3B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF").unwrap(), "-18446744073709551616");
    }

    #[test]
    fn half_precision_and_simple_values() {
        assert_eq!(json(b"\x84\xF9\x3E\x00\xF6\xF7\xF5").unwrap(), "[1.5,null,null,true]");
        assert_eq!(json(b"\xF9\x7C\x00").unwrap(), r#""Infinity""#);
    }

    #[test]
    fn contradictions_are_errors() {
        for bytes in [
            &b"\xA1aa"[..],                          // a name without a value
            b"\xBFaa\xFF",                           // the same, closed
            b"\xFF",                                 // a break outside
            b"\x81\xFF",                             // a break in an array with a length
            b"\xA1\x80\x01",                         // an array as a name
            b"\x01\x01",                             // two values
            b"\x9F",                                 // never closed
            b"\x7FA\x01\xFF",                        // bytes in a string
            b"\xBB\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", // more entries than can be counted
            b"\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", // more values than there are bytes
            b"\x62\xC3\x28",                         // not UTF-8
            b"\x1C",                                 // reserved
        ] {
            assert!(json(bytes).is_err(), "{bytes:02x?}");
        }
        assert!(json(&[0x81; 1001]).unwrap_err().to_string().contains("more than 1000 objects"));
        let tags = [&[0xC6; 100_000][..], &[0x01]].concat();
        assert_eq!(json(&tags).unwrap(), "1");
    }
}
