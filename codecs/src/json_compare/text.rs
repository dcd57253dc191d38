//! Strings of JSON texts: what they say, whatever escapes they use.

use std::cmp::Ordering;

/// The bytes that a string or a bare word says: UTF-8, and a surrogate that stands alone as the three bytes that
/// UTF-8 would have for it. What is no escape stays as it is.
pub(super) struct Unescaped<'a> {
    rest: &'a [u8],
    /// Bytes of an escape that are still to be given.
    pending: [u8; 4],
    pending_from: usize,
    is_string: bool,
}

/// What a token says; `token` has its quotes, if it has any.
pub(super) fn unescaped(token: &[u8]) -> Unescaped<'_> {
    let string = token.strip_prefix(b"\"").map(|text| text.strip_suffix(b"\"").unwrap_or(text));
    Unescaped { rest: string.unwrap_or(token), pending: [0; 4], pending_from: 4, is_string: string.is_some() }
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let Some(byte) = self.pending.get(self.pending_from) {
            self.pending_from += 1;
            return Some(*byte);
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *first == b'\\' && self.is_string { Some(self.escape()) } else { Some(*first) }
    }
}

impl Unescaped<'_> {
    /// The first byte of an escape, after its backslash; the others become pending.
    fn escape(&mut self) -> u8 {
        let Some((kind, rest)) = self.rest.split_first() else { return b'\\' };
        let plain = match kind {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'"' | b'\\' | b'/' => *kind,
            b'u' => match four_digits(rest) {
                Some(unit) => return self.unit(unit),
                None => return b'\\',
            },
            _ => return b'\\',
        };
        self.rest = rest;
        plain
    }

    fn unit(&mut self, unit: u16) -> u8 {
        self.rest = self.rest.get(5..).unwrap_or_default();
        let mut code = u32::from(unit);
        if (0xD800..0xDC00).contains(&unit)
            && let Some(after) = self.rest.strip_prefix(b"\\u")
            && let Some(low @ 0xDC00..0xE000) = four_digits(after)
        {
            self.rest = self.rest.get(6..).unwrap_or_default();
            code = 0x10000 + ((code - 0xD800) << 10) + (u32::from(low) - 0xDC00);
        }
        let (bytes, length) = encode(code);
        self.pending_from = 4_usize.saturating_sub(length);
        self.pending = bytes;
        self.next().unwrap_or_default()
    }
}

/// UTF-8 of a code point, surrogates too, at the end of the array.
fn encode(code: u32) -> ([u8; 4], usize) {
    let low =
        |shift: u32, mask: u32, mark: u32| u8::try_from((code >> shift) & mask | mark).unwrap_or_default();
    match code {
        0..0x80 => ([0, 0, 0, low(0, 0x7F, 0)], 1),
        0x80..0x800 => ([0, 0, low(6, 0x1F, 0xC0), low(0, 0x3F, 0x80)], 2),
        0x800..0x10000 => ([0, low(12, 0xF, 0xE0), low(6, 0x3F, 0x80), low(0, 0x3F, 0x80)], 3),
        _ => ([low(18, 7, 0xF0), low(12, 0x3F, 0x80), low(6, 0x3F, 0x80), low(0, 0x3F, 0x80)], 4),
    }
}

fn four_digits(text: &[u8]) -> Option<u16> {
    let digits = text.get(..4)?.iter().map(|byte| char::from(*byte).to_digit(16));
    let value = digits.into_iter().try_fold(0, |value, digit| Some(value << 4 | digit?))?;
    u16::try_from(value).ok()
}

/// The order of what two tokens say.
pub(super) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    if left == right { Ordering::Equal } else { unescaped(left).cmp(unescaped(right)) }
}

/// Appends what a token says as a string with as few escapes as JSON allows; a lone surrogate keeps its three bytes.
pub(super) fn write_string(token: &[u8], output: &mut Vec<u8>) {
    output.push(b'"');
    for byte in unescaped(token) {
        match byte {
            b'"' | b'\\' => output.extend_from_slice(&[b'\\', byte]),
            0..0x20 => output.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => output.push(byte),
        }
    }
    output.push(b'"');
}

/// Appends a name as a step of a [JSON pointer](https://www.rfc-editor.org/rfc/rfc6901); a lone surrogate is shown
/// as its escape.
pub(super) fn write_step(token: &[u8], pointer: &mut String) {
    let said: Vec<u8> = unescaped(token).collect();
    let mut shown = Vec::with_capacity(said.len().saturating_add(1));
    let mut rest = said.as_slice();
    loop {
        rest = match rest {
            [] => break,
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, rest @ ..] => {
                let unit = 0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F);
                shown.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                rest
            }
            [byte, rest @ ..] => {
                shown.push(*byte);
                rest
            }
        };
    }
    pointer.push('/');
    pointer.push_str(&String::from_utf8_lossy(&shown).replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(token: &str) -> Vec<u8> {
        unescaped(token.as_bytes()).collect()
    }

    #[test]
    fn an_escape_says_the_same_as_the_character() {
        assert_eq!(says(r#""\u0041\n\/\u00e9\u20AC\ud83d\uDE00""#), "A\n/é€😀".as_bytes());
        assert_eq!(says("bare\\n"), b"bare\\n");
    }

    #[test]
    fn a_surrogate_alone_is_three_bytes() {
        assert_eq!(says(r#""\ud83d""#), [0xED, 0xA0, 0xBD]);
        assert_eq!(says(r#""\ud83d\ud83d\ude00""#), [&[0xED, 0xA0, 0xBD][..], "😀".as_bytes()].concat());
        assert_eq!(says(r#""\udE00x""#), [0xED, 0xB8, 0x80, b'x']);
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(says(r#""\q\u12g4\""#), br#"\q\u12g4\"#);
    }

    #[test]
    fn a_written_string_says_the_same() {
        for token in [r#""a\"\\\u0007é\ud83dx""#, r#""""#, "word"] {
            let mut written = Vec::new();
            write_string(token.as_bytes(), &mut written);
            assert_eq!(compare(token.as_bytes(), &written), Ordering::Equal, "{token}");
        }
    }

    #[test]
    fn a_step_is_escaped_as_pointers_are() {
        let mut pointer = String::new();
        write_step(br#""a/b~\"\\""#, &mut pointer);
        write_step(b"\"\"", &mut pointer);
        assert_eq!(pointer, "/a~1b~0\"\\/");
    }
}
