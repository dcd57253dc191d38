//! The parts of JSON that tuples are written with.

use crate::json_writer::write_escaped;
use std::time::Duration;

/// Writes a name that needs no escapes, and a comma before it where it is not the first.
pub(super) fn key(name: &'static str, line: &mut Vec<u8>) {
    separate(line);
    line.push(b'"');
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

/// The same for any name.
pub(super) fn any_key(name: &str, line: &mut Vec<u8>) {
    separate(line);
    string(name.as_bytes(), line);
    line.push(b':');
}

fn separate(line: &mut Vec<u8>) {
    if line.last() != Some(&b'{') {
        line.push(b',');
    }
}

/// Writes a string. Bytes that are not UTF-8 are taken as ISO 8859-1, as HTTP once had it, so that none is lost.
pub(super) fn string(text: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    if std::str::from_utf8(text).is_ok() {
        write_escaped(text, line);
    } else {
        let text: String = text.iter().map(|byte| char::from(*byte)).collect();
        write_escaped(text.as_bytes(), line);
    }
    line.push(b'"');
}

/// Writes a number with at least `width` digits.
pub(super) fn number(value: u64, width: usize, line: &mut Vec<u8>) {
    let start = line.len();
    let mut rest = value;
    while rest > 0 || line.len().saturating_sub(start) < width {
        line.push(b'0' | u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
    }
    line.get_mut(start..).unwrap_or_default().reverse();
}

/// Writes a number.
pub(super) fn signed(value: i64, line: &mut Vec<u8>) {
    if value < 0 {
        line.push(b'-');
    }
    number(value.unsigned_abs(), 1, line);
}

/// Writes milliseconds with three decimals.
pub(super) fn milliseconds(time: Duration, line: &mut Vec<u8>) {
    number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), 1, line);
    line.push(b'.');
    number(u64::from(time.subsec_micros() % 1000), 3, line);
}
