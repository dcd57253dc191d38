//! One document → one line (or an action line and a source line).

use crate::document::Document;
use codecs::source;
use memchr::memchr;
use std::borrow::Cow;

/// What a document becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineFormat {
    /// One line: `{"_index","_type","_id","_routing","_parent","_source"}`, keys without a value left out.
    #[default]
    Document,
    /// An action line and a source line, as `_bulk` takes them.
    Bulk,
}

/// Why a document has no line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The index keeps no `_source`.
    #[error("no `_source` is stored")]
    NoSource,
    /// The stored bytes are in none of the formats that Elasticsearch stores, or damaged.
    #[error("`_source` could not be converted to JSON")]
    Source(#[source] codecs::Error),
}

/// Writes the documents of one index as lines.
#[derive(Debug, Clone)]
pub struct LineWriter {
    format: LineFormat,
    /// `"_index":"name"`, ready to be copied.
    index: Vec<u8>,
    /// Type of documents that do not say theirs, where the source has types.
    default_type: Option<Vec<u8>>,
    typed: bool,
}

impl LineWriter {
    /// A writer for an index. `typed` says whether the source has types; `default_type` is the type of documents
    /// that do not store theirs (Elasticsearch 6).
    #[must_use]
    pub fn new(format: LineFormat, index: &str, typed: bool, default_type: Option<&str>) -> Self {
        let mut key = b"\"_index\":".to_vec();
        json_string(index.as_bytes(), &mut key);
        Self { format, index: key, default_type: default_type.map(|name| name.as_bytes().to_vec()), typed }
    }

    /// Appends the line of a document; on an error `output` is as it was.
    pub fn write(&self, document: &Document<'_>, output: &mut Vec<u8>) -> Result<(), Unwritable> {
        let json = source_json(document)?;
        self.write_before_source(document, output);
        write_on_one_line(&json, output);
        self.write_after_source(output);
        Ok(())
    }

    /// Whether a stored `_source` can stand in a line as it is.
    pub(super) fn is_line(&self, stored: &[u8]) -> bool {
        matches!(source::to_json("_source", stored, limit(stored)), Ok(Cow::Borrowed(json)) if memchr(b'\n', json).is_none())
    }

    pub(super) fn write_after_source(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(match self.format {
            LineFormat::Document => b"}\n",
            LineFormat::Bulk => b"\n",
        });
    }

    pub(super) fn write_before_source(&self, document: &Document<'_>, output: &mut Vec<u8>) {
        let bulk = self.format == LineFormat::Bulk;
        output.extend_from_slice(if bulk { b"{\"index\":{" } else { b"{" });
        output.extend_from_slice(&self.index);
        if self.typed
            && let Some(type_name) = document.type_name.or(self.default_type.as_deref())
        {
            output.extend_from_slice(b",\"_type\":");
            json_string(type_name, output);
        }
        output.extend_from_slice(b",\"_id\":");
        json_string(document.id, output);
        if let Some(routing) = document.routing {
            output.extend_from_slice(if bulk && !self.typed { b",\"routing\":" } else { b",\"_routing\":" });
            json_string(routing, output);
        }
        if let Some(parent) = document.parent {
            output.extend_from_slice(b",\"_parent\":");
            json_string(parent, output);
        }
        output.extend_from_slice(if bulk { b"}}\n" } else { b",\"_source\":" });
    }
}

/// Appends the `_source` of a document as every line has it; on an error `output` is as it was.
pub(crate) fn write_source(document: &Document<'_>, output: &mut Vec<u8>) -> Result<(), Unwritable> {
    write_on_one_line(&source_json(document)?, output);
    Ok(())
}

fn source_json<'a>(document: &Document<'a>) -> Result<Cow<'a, [u8]>, Unwritable> {
    let stored = document.source.ok_or(Unwritable::NoSource)?;
    source::to_json("_source", stored, limit(stored)).map_err(Unwritable::Source)
}

/// How long a converted `_source` may be, in bytes: many times what any of its forms saves, but bounded.
fn limit(stored: &[u8]) -> usize {
    stored.len().saturating_mul(256).clamp(1 << 16, 1 << 30)
}

/// Appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD, which is what a server shows for them.
fn json_string(text: &[u8], output: &mut Vec<u8>) {
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

/// Appends JSON text so that it has no newline: as it is where it has none, which is the common case.
///
/// Outside strings a newline is white space and becomes a space, and a comment (which Elasticsearch accepts)
/// becomes spaces. Inside a string, where JSON allows none, it becomes the escape that stands for it.
fn write_on_one_line(json: &[u8], output: &mut Vec<u8>) {
    if memchr(b'\n', json).is_none() {
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
            (Place::Escape, _) => emit(output, byte, Place::String),
            (Place::LineComment, b'\n') => emit(output, b' ', Place::Outside),
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
    fn a_newline_inside_a_string_becomes_its_escape() {
        assert_eq!(on_one_line("{\"a\":\"x\ny\"}"), "{\"a\":\"x\\ny\"}");
    }

    #[test]
    fn a_line_has_only_the_keys_that_have_a_value() {
        let document = Document {
            number: 0,
            id: "ü\"\n".as_bytes(),
            type_name: None,
            routing: Some(b"r"),
            parent: None,
            source: Some(b"{}"),
        };
        let line = |format, typed, default_type| {
            let mut output = Vec::new();
            LineWriter::new(format, "i", typed, default_type).write(&document, &mut output).unwrap();
            String::from_utf8(output).unwrap()
        };
        let plain = "{\"_index\":\"i\",\"_id\":\"ü\\\"\\n\",\"_routing\":\"r\",\"_source\":{}}\n";
        assert_eq!(line(LineFormat::Document, false, Some("doc")), plain);
        let bulk =
            "{\"index\":{\"_index\":\"i\",\"_type\":\"doc\",\"_id\":\"ü\\\"\\n\",\"_routing\":\"r\"}}\n{}\n";
        assert_eq!(line(LineFormat::Bulk, true, Some("doc")), bulk);
    }
}
