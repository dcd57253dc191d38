//! The body of a message in a tuple.

use super::form;
use super::json::string;
use crate::json_scan::{DEPTH_LIMIT, Scanner};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr2, memchr2_iter};
use serde::de::IgnoredAny;

/// Writes the object that a payload is.
pub(super) fn write_payload(body: &[u8], content_type: &[u8], line: &mut Vec<u8>) {
    line.push(b'{');
    match std::str::from_utf8(body) {
        Ok(text) => write_text(text, content_type, line),
        Err(_) => write_base64(body, line),
    }
    line.push(b'}');
}

fn write_text(text: &str, content_type: &[u8], line: &mut Vec<u8>) {
    if starts_json(text) && write_json(text, line).is_some() {
        return;
    }
    if form::is_form(content_type)
        && let Some(fields) = form::fields(text)
    {
        return write_form(&fields, line);
    }
    line.extend_from_slice(b"\"inlinedTextBody\":");
    string(text.as_bytes(), line);
}

/// A number or a word alone is text: it is an answer like `true` or `12` of a `_cat` API.
fn starts_json(text: &str) -> bool {
    matches!(text.trim_ascii_start().as_bytes(), [b'{' | b'[', ..])
}

/// Writes one or more JSON values; if the text is something else, the line is as before.
fn write_json(text: &str, line: &mut Vec<u8>) -> Option<()> {
    if is_too_deep(text) {
        return None;
    }
    let start = line.len();
    let written = write_values(text, line);
    if written.is_none() {
        line.truncate(start);
    }
    written
}

fn write_values(text: &str, line: &mut Vec<u8>) -> Option<()> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut next_value = |from: usize| -> Option<Option<(&str, usize)>> {
        let rest = text.get(from..)?;
        match values.next() {
            None => Some(None),
            Some(Ok(_)) if starts_json(rest) => {
                let end = values.byte_offset();
                Some(Some((text.get(from..end)?.trim_ascii_start(), end)))
            }
            Some(_) => None,
        }
    };
    let (first, mut at) = next_value(0)??;
    let Some((second, end)) = next_value(at)? else {
        line.extend_from_slice(b"\"inlinedJsonBody\":");
        write_on_one_line(first, line);
        return Some(());
    };
    line.extend_from_slice(b"\"inlinedJsonSequenceBodies\":[");
    write_on_one_line(first, line);
    let mut value = second;
    at = end.max(at);
    loop {
        line.push(b',');
        write_on_one_line(value, line);
        match next_value(at)? {
            Some((next, end)) => (value, at) = (next, end),
            None => break,
        }
    }
    line.push(b']');
    Some(())
}

/// Objects and arrays that stand in each other so deep that readers refuse them. Brackets in strings are counted too, so
/// that a closer look is needed only where there are many.
fn is_too_deep(text: &str) -> bool {
    let brackets = memchr2_iter(b'{', b'[', text.as_bytes()).take(DEPTH_LIMIT.saturating_add(1)).count();
    if brackets <= DEPTH_LIMIT {
        return false;
    }
    let mut scanner = Scanner::new(text.as_bytes());
    loop {
        match scanner.skip_space() {
            Ok(()) if scanner.peek().is_none() => return false,
            Ok(()) if scanner.skip_value().is_ok() => {}
            // What is no JSON is found out later.
            _ => return true,
        }
    }
}

/// Writes valid JSON without its line ends and the indentation after them: none of them is in a string.
fn write_on_one_line(json: &str, line: &mut Vec<u8>) {
    let mut rest = json.as_bytes();
    while let Some(place) = memchr2(b'\n', b'\r', rest) {
        let (before, after) = rest.split_at_checked(place).unwrap_or_default();
        line.extend_from_slice(before);
        rest = after.trim_ascii_start();
    }
    line.extend_from_slice(rest);
}

fn write_form(fields: &[(String, Vec<String>)], line: &mut Vec<u8>) {
    line.extend_from_slice(b"\"inlinedFormEncodedBody\":");
    let mut separator = b'{';
    for (name, values) in fields {
        line.push(separator);
        separator = b',';
        string(name.as_bytes(), line);
        let mut separator = &b":["[..];
        for value in values {
            line.extend_from_slice(separator);
            separator = b",";
            string(value.as_bytes(), line);
        }
        line.push(b']');
    }
    line.push(b'}');
}

fn write_base64(body: &[u8], line: &mut Vec<u8>) {
    // A multiple of three: no piece but the last is padded.
    const PIECE: usize = 3 * 1024;
    const ENCODED: usize = 4 * 1024;
    line.extend_from_slice(b"\"inlinedBase64Body\":\"");
    let mut encoded = [0; ENCODED];
    for piece in body.chunks(PIECE) {
        let length = STANDARD.encode_slice(piece, &mut encoded).unwrap_or_default();
        line.extend_from_slice(encoded.get(..length).unwrap_or_default());
    }
    line.push(b'"');
}
