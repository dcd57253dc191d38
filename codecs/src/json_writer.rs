//! JSON text, written token by token: what the binary forms of a document are converted to.

use crate::big_number;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How deep objects and arrays may stand in each other.
///
/// Jackson 2.15 and later, and so Elasticsearch 8.8 and later, refuse documents deeper than 1000.
pub(crate) const DEPTH_LIMIT: usize = 1000;

/// Why a token was not written, for the decoder to report with the place in its input.
pub(crate) type Written = Result<(), String>;

/// JSON text that grows token by token up to a limit.
///
/// The decoders keep the order of names and write a name twice if it stands twice.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    output: Vec<u8>,
    limit: usize,
    open: Vec<Container>,
    /// A value without a name (or a name without a value) is due.
    name_written: bool,
}

#[derive(Debug, Clone, Copy)]
struct Container {
    is_object: bool,
    is_empty: bool,
}

impl JsonWriter {
    /// A writer of at most `limit` bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { output: Vec::new(), limit, open: Vec::new(), name_written: false }
    }

    /// Whether the next token is a name or the end of an object.
    pub(crate) fn expects_name(&self) -> bool {
        !self.name_written && self.open.last().is_some_and(|container| container.is_object)
    }

    /// Whether one whole value was written.
    pub(crate) const fn is_complete(&self) -> bool {
        self.open.is_empty() && !self.output.is_empty()
    }

    /// The text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.output
    }

    pub(crate) fn start_object(&mut self) -> Written {
        self.start(true, b'{')
    }

    pub(crate) fn start_array(&mut self) -> Written {
        self.start(false, b'[')
    }

    fn start(&mut self, is_object: bool, bracket: u8) -> Written {
        if self.open.len() >= DEPTH_LIMIT {
            return Err(format!("more than {DEPTH_LIMIT} objects and arrays in each other"));
        }
        self.before_value()?;
        self.output.push(bracket);
        self.open.push(Container { is_object, is_empty: true });
        self.within_limit()
    }

    pub(crate) fn end_object(&mut self) -> Written {
        if !self.expects_name() {
            return Err("the end of an object where there is none, or after a name".to_owned());
        }
        self.open.pop();
        self.output.push(b'}');
        self.within_limit()
    }

    pub(crate) fn end_array(&mut self) -> Written {
        if self.open.last().is_none_or(|container| container.is_object) {
            return Err("the end of an array where there is none".to_owned());
        }
        self.open.pop();
        self.output.push(b']');
        self.within_limit()
    }

    /// The name of the next value; `text` is UTF-8 that may have surrogates.
    pub(crate) fn name(&mut self, text: &[u8]) -> Written {
        if !self.expects_name() {
            return Err("a name outside an object".to_owned());
        }
        self.separate();
        self.quoted(text)?;
        self.output.push(b':');
        self.name_written = true;
        self.within_limit()
    }

    /// A string; `text` is UTF-8 that may have surrogates.
    pub(crate) fn string(&mut self, text: &[u8]) -> Written {
        self.before_value()?;
        self.quoted(text)
    }

    /// A literal or number as it stands.
    pub(crate) fn literal(&mut self, text: &str) -> Written {
        self.before_value()?;
        self.output.extend_from_slice(text.as_bytes());
        self.within_limit()
    }

    pub(crate) fn integer(&mut self, value: impl std::fmt::Display) -> Written {
        self.literal(&value.to_string())
    }

    /// A number, or the string `NaN`, `Infinity` or `-Infinity` as the servers write them.
    pub(crate) fn double(&mut self, value: f64) -> Written {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.literal(&number.to_string()),
            None => self.not_finite(value),
        }
    }

    /// A number of single precision: the shortest text that gives the same `f32`.
    pub(crate) fn float(&mut self, value: f32) -> Written {
        if !value.is_finite() {
            return self.not_finite(f64::from(value));
        }
        let text = serde_json::to_string(&value).map_err(|error| error.to_string())?;
        self.literal(&text)
    }

    fn not_finite(&mut self, value: f64) -> Written {
        let text: &[u8] = match value {
            _ if value.is_nan() => b"NaN",
            _ if value > 0.0 => b"Infinity",
            _ => b"-Infinity",
        };
        self.string(text)
    }

    /// A base64 string with padding, as the servers write binary values.
    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Written {
        self.before_value()?;
        self.fits(bytes.len())?;
        self.output.push(b'"');
        self.output.extend_from_slice(STANDARD.encode(bytes).as_bytes());
        self.output.push(b'"');
        self.within_limit()
    }

    /// A whole number of any size: its sign, and its magnitude with the highest byte first.
    pub(crate) fn big_integer(&mut self, is_negative: bool, magnitude: &[u8]) -> Written {
        let digits = big_number::decimal_digits(magnitude)?;
        self.literal(&big_number::decimal(is_negative, &digits, 0))
    }

    /// A decimal fraction: sign, unscaled magnitude with the highest byte first, and the number of decimals.
    pub(crate) fn big_decimal(&mut self, is_negative: bool, magnitude: &[u8], scale: i64) -> Written {
        let digits = big_number::decimal_digits(magnitude)?;
        self.literal(&big_number::decimal(is_negative, &digits, scale))
    }

    fn before_value(&mut self) -> Written {
        if self.open.is_empty() {
            return if self.output.is_empty() { Ok(()) } else { Err("a second value".to_owned()) };
        }
        if self.expects_name() {
            return Err("a value where a name should be".to_owned());
        }
        if !self.name_written {
            self.separate();
        }
        self.name_written = false;
        Ok(())
    }

    fn separate(&mut self) {
        if let Some(container) = self.open.last_mut()
            && !std::mem::replace(&mut container.is_empty, false)
        {
            self.output.push(b',');
        }
    }

    fn fits(&self, more: usize) -> Written {
        if more > self.limit.saturating_sub(self.output.len()) {
            return Err(format!("more than {} bytes as JSON, the limit here", self.limit));
        }
        Ok(())
    }

    fn within_limit(&self) -> Written {
        if self.output.len() > self.limit {
            return Err(format!("more than {} bytes as JSON, the limit here", self.limit));
        }
        Ok(())
    }

    fn quoted(&mut self, text: &[u8]) -> Written {
        self.fits(text.len())?;
        self.output.push(b'"');
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.run(rest)?;
        }
        self.output.push(b'"');
        self.within_limit()
    }

    /// Writes the text up to the first bytes that are not UTF-8, which can only be one surrogate.
    fn run<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8], String> {
        let valid = match std::str::from_utf8(text) {
            Ok(_) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let (plain, rest) = text.split_at_checked(valid).unwrap_or_default();
        write_escaped(plain, &mut self.output);
        match rest {
            [] => Ok(rest),
            // A surrogate as Java encodes it when it stands alone: JSON has an escape for it.
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, after @ ..] => {
                let unit = 0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F);
                self.output.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                Ok(after)
            }
            _ => Err("text that is not UTF-8".to_owned()),
        }
    }
}

/// Writes text as it stands in a JSON string, without the quotation marks.
pub(crate) fn write_escaped(text: &[u8], output: &mut Vec<u8>) {
    let mut plain = text;
    while let Some(place) = first_escape(plain) {
        let (before, from) = plain.split_at_checked(place).unwrap_or_default();
        output.extend_from_slice(before);
        if let Some((byte, rest)) = from.split_first() {
            write_escape(*byte, output);
            plain = rest;
        }
    }
    output.extend_from_slice(plain);
}

fn write_escape(byte: u8, output: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0C => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => return output.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    };
    output.extend_from_slice(&[b'\\', short]);
}

/// The place of the first byte that needs an escape. Eight bytes are looked at at a time, since nearly all text is plain.
fn first_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (words, _) = text.as_chunks::<8>();
    for (count, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest of these bits is right; above it, borrows may set bits that are not.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let controls = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & HIGHS;
        let found = controls | zeros(word ^ ONES.wrapping_mul(0x22)) | zeros(word ^ ONES.wrapping_mul(0x5C));
        if found != 0 {
            return count.checked_mul(8)?.checked_add(found.trailing_zeros() as usize / 8);
        }
    }
    let start = words.len().saturating_mul(8);
    let place = text.get(start..)?.iter().position(|byte| needs_escape(*byte))?;
    start.checked_add(place)
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut JsonWriter) -> Written) -> Result<String, String> {
        let mut writer = JsonWriter::new(1000);
        write(&mut writer)?;
        Ok(String::from_utf8(writer.into_bytes()).unwrap())
    }

    #[test]
    fn control_characters_quotes_and_backslashes_are_escaped_and_nothing_else() {
        let written = text(|json| json.string("a\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é\u{2028}".as_bytes()));
        assert_eq!(written.unwrap(), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é\u{2028}\"");
    }

    #[test]
    fn an_escape_is_found_at_every_place_among_every_neighbour() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                for neighbour in [b'a', 0x20, 0x21, 0x23, 0x5B, 0x7F, 0x80, 0xA2, 0xDC, 0xFF] {
                    let mut text = [neighbour; 20];
                    text[place] = byte;
                    let expected = needs_escape(byte).then_some(place);
                    assert_eq!(first_escape(&text), expected, "{byte} at {place} among {neighbour}");
                    text[19] = b'"';
                    assert_eq!(
                        first_escape(&text),
                        expected.or(Some(19)),
                        "{byte} at {place} among {neighbour}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_lone_surrogate_is_escaped_and_other_bytes_that_are_not_utf_8_are_refused() {
        let written = text(|json| json.string(b"<\xED\xA0\x80\xED\xBF\xBF>"));
        assert_eq!(written.unwrap(), r#""<\ud800\udfff>""#);
        for bad in [&b"\xFF"[..], b"\xC3", b"\xED\xA0", b"\xF5\x80\x80\x80", b"\xC0\x80"] {
            assert_eq!(text(|json| json.string(bad)).unwrap_err(), "text that is not UTF-8");
        }
    }

    #[test]
    fn commas_stand_between_values_and_a_name_may_stand_twice() {
        let written = text(|json| {
            json.start_object()?;
            for _ in 0..2 {
                json.name(b"a")?;
                json.start_array()?;
                json.literal("1")?;
                json.literal("2")?;
                json.end_array()?;
            }
            json.end_object()
        });
        assert_eq!(written.unwrap(), r#"{"a":[1,2],"a":[1,2]}"#);
    }

    #[test]
    fn tokens_out_of_place_are_refused() {
        assert!(text(|json| json.start_object().and_then(|()| json.literal("1"))).is_err());
        assert!(text(|json| json.start_object().and_then(|()| json.end_array())).is_err());
        assert!(text(|json| json.start_array().and_then(|()| json.end_object())).is_err());
        assert!(text(|json| json.start_array().and_then(|()| json.name(b"a"))).is_err());
        assert!(text(|json| json.literal("1").and_then(|()| json.literal("1"))).is_err());
        assert!(text(JsonWriter::end_array).is_err());
        let after_name = text(|json| {
            json.start_object()?;
            json.name(b"a")?;
            json.end_object()
        });
        assert!(after_name.is_err());
    }

    #[test]
    fn depth_and_length_have_a_limit() {
        let mut writer = JsonWriter::new(10_000);
        for _ in 0..DEPTH_LIMIT {
            writer.start_array().unwrap();
        }
        assert!(writer.start_array().is_err());
        let mut writer = JsonWriter::new(4);
        assert!(writer.string(b"abc").is_err());
        let mut writer = JsonWriter::new(5);
        assert!(writer.string(b"abc").is_ok());
    }
}
