//! Strings of JSON: their escapes read and written.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text of a string token, escapes resolved.
///
/// Fails for what is not Unicode text: bytes that are not UTF-8, halves of surrogate pairs.
pub(crate) fn decode(token: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    let text = std::str::from_utf8(inner).map_err(|_| "a string is not UTF-8")?;
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let (character, length) = escaped(after).ok_or("a string has half of a surrogate pair")?;
        decoded.push(character);
        rest = after.get(length..).unwrap_or_default();
    }
    decoded.push_str(rest);
    Ok(Cow::Owned(decoded))
}

/// The character that an escape stands for, and how long the escape is; `text` begins after the backslash.
fn escaped(text: &str) -> Option<(char, usize)> {
    let simple = match text.chars().next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(text),
        other => other,
    };
    Some((simple, 1))
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |start: usize| u32::from_str_radix(text.get(start..start.checked_add(4)?)?, 16).ok();
    let first = unit(1)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    let second = unit(7).filter(|_| text.get(5..7) == Some("\\u"))?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xD800) << 10) + low)?, 11))
}

/// Whether the string token means `text`.
pub(crate) fn means(token: &[u8], text: &str) -> bool {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if inner == text.as_bytes() {
        return !inner.contains(&b'\\');
    }
    inner.contains(&b'\\') && decode(token).is_ok_and(|decoded| decoded == text)
}

/// Appends `text` as a JSON string; control characters are escaped, nothing else that need not be.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character < ' ' || character == '"' || character == '\\')
    {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let mut characters = after.chars();
        if let Some(character) = characters.next() {
            encode_special(character, out);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

fn encode_special(character: char, out: &mut Vec<u8>) {
    let short = match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        other => {
            let mut escape = String::with_capacity(6);
            // Writing to a string cannot fail.
            let _ = write!(escape, "\\u{:04x}", u32::from(other));
            return out.extend_from_slice(escape.as_bytes());
        }
    };
    out.extend_from_slice(short.as_bytes());
}
