//! JSON on one line, as NDJSON needs it.

use memchr::memchr;

/// Appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD, which is what a server shows for them.
pub fn write_string(text: &[u8], output: &mut Vec<u8>) {
    let plain = text.iter().all(|byte| (0x20..0x7F).contains(byte) && !matches!(byte, b'"' | b'\\'));
    if plain {
        output.push(b'"');
        output.extend_from_slice(text);
        output.push(b'"');
    } else {
        let text = String::from_utf8_lossy(text);
        output.extend_from_slice(serde_json::Value::String(text.into_owned()).to_string().as_bytes());
    }
}

/// Whether JSON text can be followed by more on its line: it has no newline, and no comment after it.
#[must_use]
pub fn is_on_one_line(json: &[u8]) -> bool {
    json.last() == Some(&b'}') && memchr(b'\n', json).is_none()
}

/// Appends JSON text so that it has no newline: as it is where it has none, which is the common case.
///
/// Outside strings a newline is white space and becomes a space, and a comment (which Elasticsearch accepts)
/// becomes spaces. Inside a string, where JSON allows none, it becomes the escape that stands for it.
pub fn write_on_one_line(json: &[u8], output: &mut Vec<u8>) {
    if is_on_one_line(json) {
        output.extend_from_slice(json);
        return;
    }
    output.reserve(json.len());
    let mut place = Place::Outside;
    let mut bytes = json.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        place = match (place, byte) {
            (Place::Outside, b'"') => emit(output, byte, Place::String),
            (Place::Outside, b'\n' | b'\r') => emit(output, b' ', Place::Outside),
            (Place::Outside, b'/') if next == Some(b'/') => emit(output, b' ', Place::LineComment),
            (Place::Outside, b'/') if next == Some(b'*') => {
                bytes.next();
                output.push(b' ');
                emit(output, b' ', Place::BlockComment)
            }
            (Place::String, b'"') => emit(output, byte, Place::Outside),
            (Place::String, b'\\') => emit(output, byte, Place::Escape),
            (Place::String, b'\n') => {
                output.extend_from_slice(b"\\n");
                Place::String
            }
            // A backslash before a newline is no escape: it becomes one, so that no text can end the line.
            (Place::Escape, b'\n') => emit(output, b'n', Place::String),
            (Place::Escape, _) => emit(output, byte, Place::String),
            (Place::LineComment, b'\n' | b'\r') => emit(output, b' ', Place::Outside),
            (Place::BlockComment, b'*') if next == Some(b'/') => {
                bytes.next();
                output.push(b' ');
                emit(output, b' ', Place::Outside)
            }
            (Place::LineComment | Place::BlockComment, _) => emit(output, b' ', place),
            (Place::Outside | Place::String, _) => emit(output, byte, place),
        };
    }
}

#[derive(Clone, Copy)]
enum Place {
    Outside,
    String,
    Escape,
    LineComment,
    BlockComment,
}

fn emit(output: &mut Vec<u8>, byte: u8, next: Place) -> Place {
    output.push(byte);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_one_line(json: &str) -> String {
        let mut output = Vec::new();
        write_on_one_line(json.as_bytes(), &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn newlines_outside_strings_become_spaces_and_nothing_else_changes() {
        assert_eq!(on_one_line("{\n  \"a\":\r\n 1e400\n}\n"), "{   \"a\":   1e400 } ");
        assert_eq!(on_one_line("{\"a\" : \"\\n\\\"\"\n}"), "{\"a\" : \"\\n\\\"\" }");
        assert_eq!(on_one_line("{\"no\": \"newline\"}"), "{\"no\": \"newline\"}");
    }

    #[test]
    fn comments_become_spaces_where_a_newline_would_end_them() {
        assert_eq!(on_one_line("{// c \"\n\"a\":1}"), "{       \"a\":1}");
        assert_eq!(on_one_line("{/* \n\" */\"a\":\"//\"}"), "{        \"a\":\"//\"}");
    }

    #[test]
    fn a_carriage_return_ends_a_comment_too() {
        assert_eq!(on_one_line("{// c\r\"a\":1\n}"), "{     \"a\":1 }");
    }

    #[test]
    fn a_comment_after_the_source_does_not_swallow_what_follows() {
        assert_eq!(on_one_line("{\"a\":1} // c"), "{\"a\":1}     ");
        assert_eq!(on_one_line("{\"a\":\"/\"} "), "{\"a\":\"/\"} ");
    }

    #[test]
    fn a_newline_inside_a_string_becomes_its_escape() {
        assert_eq!(on_one_line("{\"a\":\"x\ny\"}"), "{\"a\":\"x\\ny\"}");
    }

    #[test]
    fn a_backslash_does_not_carry_a_newline_into_the_line() {
        assert_eq!(on_one_line("{\"a\":\"x\\\ny\"}"), "{\"a\":\"x\\ny\"}");
    }

    #[test]
    fn a_string_is_escaped_and_what_is_not_utf_8_is_replaced() {
        let string = |text: &[u8]| {
            let mut output = Vec::new();
            write_string(text, &mut output);
            String::from_utf8(output).unwrap()
        };
        assert_eq!(string(b"plain"), "\"plain\"");
        assert_eq!(string("ü\"\\\n".as_bytes()), "\"ü\\\"\\\\\\n\"");
        assert_eq!(string(b"a\xFFb"), "\"a\u{FFFD}b\"");
    }
}
