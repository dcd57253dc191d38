//! YAML as Jackson reads it, as JSON text.
//!
//! Only the first document, which must be the only one. Plain scalars have the types of YAML 1.1, as Jackson 2.17
//! (Elasticsearch 8.17) reads them: `yes` and `on` are true, `010` is eight, `1_000` is a thousand; dates are
//! strings. Other versions read `010`, `08` and `0x1F` in other ways.

use crate::error::{Error, Result};
use crate::json_writer::{JsonWriter, Written};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

mod scalar;

use scalar::{Scalar, explicit, plain};

/// Converts one YAML document that takes up all of `bytes` to JSON text of at most `limit` bytes.
pub(super) fn to_json(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| corrupt(file, error.valid_up_to(), "YAML that is not UTF-8"))?;
    let mut json = JsonWriter::new(limit);
    let mut documents = 0_u32;
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| corrupt(file, error.marker().index(), format!("YAML: {}", error.info())))?;
        if matches!(event, Event::DocumentStart(_)) {
            documents = documents.saturating_add(1);
        }
        // Places are in characters; in bytes they are at least that far.
        let at = span.start.index();
        let written =
            if documents > 1 { Err("a second YAML document".to_owned()) } else { write(&mut json, &event) };
        written.map_err(|what| corrupt(file, at, what))?;
    }
    if json.is_complete() {
        return Ok(json.into_bytes());
    }
    Err(corrupt(file, bytes.len(), "YAML without a value"))
}

fn write(json: &mut JsonWriter, event: &Event<'_>) -> Written {
    match event {
        Event::MappingStart(..) => json.start_object(),
        Event::MappingEnd => json.end_object(),
        Event::SequenceStart(..) => json.start_array(),
        Event::SequenceEnd => json.end_array(),
        Event::Scalar(text, _, _, _) if json.expects_name() => json.name(text.as_bytes()),
        Event::Scalar(text, style, _, tag) => write_scalar(json, text, *style, tag.as_deref()),
        Event::Alias(_) => Err("a YAML alias, which ferry does not follow".to_owned()),
        _ => Ok(()),
    }
}

fn write_scalar(json: &mut JsonWriter, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Written {
    let scalar = match tag {
        Some(tag) if tag.is_yaml_core_schema() => explicit(&tag.suffix, text),
        Some(tag) if !tag.suffix.is_empty() => Scalar::String,
        _ if style == ScalarStyle::Plain => plain(text),
        _ => Scalar::String,
    };
    match scalar {
        Scalar::String => json.string(text.as_bytes()),
        Scalar::Null => json.literal("null"),
        Scalar::Bool(true) => json.literal("true"),
        Scalar::Bool(false) => json.literal("false"),
        Scalar::Integer(digits) => json.literal(&digits),
        Scalar::Double(value) => json.double(value),
        Scalar::Binary(bytes) => json.binary(&bytes),
    }
}

fn corrupt(file: &str, at: usize, what: impl Into<String>) -> Error {
    Error::Corrupt { file: file.to_owned(), offset: at as u64, what: what.into() }
}
