//! One document → one line (or an action line and a source line).

use crate::document::{Document, Unwritable};
use codecs::json_line::{is_on_one_line, write_on_one_line, write_string};

/// What a document becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineFormat {
    /// One line: `{"_index","_type","_id","_routing","_parent","_source"}`, keys without a value left out.
    #[default]
    Document,
    /// An action line and a source line, as `_bulk` takes them.
    Bulk,
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
        write_string(index.as_bytes(), &mut key);
        Self { format, index: key, default_type: default_type.map(|name| name.as_bytes().to_vec()), typed }
    }

    /// Appends the line of a document; on an error `output` is as it was.
    pub fn write(&self, document: &Document<'_>, output: &mut Vec<u8>) -> Result<(), Unwritable> {
        let json = document.json_source()?;
        self.write_before_source(document, output);
        write_on_one_line(&json, output);
        self.write_after_source(output);
        Ok(())
    }

    /// Whether a stored `_source` can stand in a line as it is.
    pub(super) fn is_line(&self, stored: &[u8]) -> bool {
        stored.first() == Some(&b'{') && is_on_one_line(stored)
    }

    /// About how many bytes of memory the line of a large source takes, beside the source: none when it stands in the
    /// line as it is; as many again as JSON; more when it is converted, which builds the text and copies it.
    pub(super) fn copied_len(&self, stored: &[u8]) -> u64 {
        const CONVERTED: u64 = 8;
        let length = stored.len() as u64;
        match stored.trim_ascii_start().first() {
            _ if self.is_line(stored) => 0,
            Some(b'{') => length,
            _ => length.saturating_mul(CONVERTED),
        }
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
            write_string(type_name, output);
        }
        output.extend_from_slice(b",\"_id\":");
        write_string(document.id, output);
        if let Some(routing) = document.routing {
            output.extend_from_slice(if bulk && !self.typed { b",\"routing\":" } else { b",\"_routing\":" });
            write_string(routing, output);
        }
        if let Some(parent) = document.parent {
            output.extend_from_slice(b",\"_parent\":");
            write_string(parent, output);
        }
        output.extend_from_slice(if bulk { b"}}\n" } else { b",\"_source\":" });
    }
}

/// Appends the `_source` of a document as every line has it; on an error `output` is as it was.
pub(crate) fn write_source(document: &Document<'_>, output: &mut Vec<u8>) -> Result<(), Unwritable> {
    write_on_one_line(&document.json_source()?, output);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_deflates_well_is_written() {
        let mut json = vec![b' '; 4 << 20];
        json[0] = b'{';
        json[(4 << 20) - 1] = b'}';
        let mut stream = flate2::write::DeflateEncoder::new(b"DFL\0".to_vec(), flate2::Compression::best());
        std::io::Write::write_all(&mut stream, &json).unwrap();
        let stored = stream.finish().unwrap();
        assert!(stored.len() * 256 < json.len(), "{}", stored.len());
        let document = Document {
            number: 0,
            id: b"1",
            type_name: None,
            routing: None,
            parent: None,
            source: Some(&stored),
        };
        let mut output = Vec::new();
        LineWriter::new(LineFormat::Bulk, "i", false, None).write(&document, &mut output).unwrap();
        assert!(output.ends_with(b"   }\n") && output.len() > json.len());
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
