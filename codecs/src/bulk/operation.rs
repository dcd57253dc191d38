//! The action line of an operation.

use crate::error::{Error, Result};
use crate::json_line::write_string;
use serde::Deserialize;

/// What an operation does with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpType {
    /// Writes it, and replaces one with the same `_id`.
    #[default]
    Index,
    /// Writes it, and fails with status 409 if there is one with the same `_id`. Data streams take nothing else.
    Create,
}

impl OpType {
    /// Its name in an action line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
        }
    }
}

/// An operation without its document. What is `None` is left out of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Action<'a> {
    /// What is done.
    pub op: OpType,
    /// `_index`, where it is not the one in the path of the request.
    pub index: Option<&'a [u8]>,
    /// `_type`, for clusters that have types.
    pub type_name: Option<&'a [u8]>,
    /// `_id`; the cluster makes one where there is none.
    pub id: Option<&'a [u8]>,
    /// `routing`, where the document is routed by more than its id.
    pub routing: Option<&'a [u8]>,
    /// `parent`, for clusters that have parent types (Elasticsearch 5 and before, and indices of that age in 6).
    pub parent: Option<&'a [u8]>,
}

impl Action<'_> {
    /// Appends the line with its newline.
    pub fn write(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(match self.op {
            OpType::Index => b"{\"index\":{",
            OpType::Create => b"{\"create\":{",
        });
        let fields: [(&[u8], Option<&[u8]>); 5] = [
            (b"\"_index\":", self.index),
            (b"\"_type\":", self.type_name),
            (b"\"_id\":", self.id),
            (b"\"routing\":", self.routing),
            (b"\"parent\":", self.parent),
        ];
        let mut is_first = true;
        for (name, value) in fields {
            let Some(value) = value else { continue };
            if !std::mem::replace(&mut is_first, false) {
                output.push(b',');
            }
            output.extend_from_slice(name);
            write_string(value, output);
        }
        output.extend_from_slice(b"}}\n");
    }
}

/// An action line that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedAction {
    /// Name of the operation, such as `index`.
    pub op: String,
    /// `_index`.
    pub index: Option<String>,
    /// `_type`.
    pub type_name: Option<String>,
    /// `_id`.
    pub id: Option<String>,
    /// `routing` or `_routing`.
    pub routing: Option<String>,
    /// `parent` or `_parent`.
    pub parent: Option<String>,
}

#[derive(Deserialize)]
enum Line {
    #[serde(rename = "index")]
    Index(Fields),
    #[serde(rename = "create")]
    Create(Fields),
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_type")]
    type_name: Option<String>,
    #[serde(rename = "_id")]
    id: Option<String>,
    #[serde(alias = "_routing")]
    routing: Option<String>,
    #[serde(alias = "_parent")]
    parent: Option<String>,
}

impl ParsedAction {
    /// Reads an action line, with or without its newline. Parameters that ferry never writes are passed over.
    ///
    /// # Errors
    /// The line is not JSON of one operation `index` or `create`.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let parsed: Line = serde_json::from_slice(line).map_err(|error| Error::Corrupt {
            file: "action line".to_owned(),
            offset: error.column().saturating_sub(1) as u64,
            what: error.to_string(),
        })?;
        let (op, fields) = match parsed {
            Line::Index(fields) => (OpType::Index, fields),
            Line::Create(fields) => (OpType::Create, fields),
        };
        let Fields { index, type_name, id, routing, parent } = fields;
        Ok(Self { op: op.name().to_owned(), index, type_name, id, routing, parent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(action: &Action<'_>) -> String {
        let mut output = Vec::new();
        action.write(&mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_line_has_only_what_has_a_value() {
        assert_eq!(line(&Action::default()), "{\"index\":{}}\n");
        let id = Action { id: Some(b"1"), ..Action::default() };
        assert_eq!(line(&id), "{\"index\":{\"_id\":\"1\"}}\n");
        let all = Action {
            op: OpType::Create,
            index: Some(b"i"),
            type_name: Some(b"t"),
            id: Some(b"1"),
            routing: Some(b"r"),
            parent: Some(b"p"),
        };
        let expected = r#"{"create":{"_index":"i","_type":"t","_id":"1","routing":"r","parent":"p"}}"#;
        assert_eq!(line(&all), format!("{expected}\n"));
    }

    #[test]
    fn no_id_can_end_the_line_or_add_a_parameter() {
        let action = Action { id: Some(b"a\",\"_index\":\"other\"\n\\\x01"), ..Action::default() };
        let expected = r#"{"index":{"_id":"a\",\"_index\":\"other\"\n\\\u0001"}}"#;
        assert_eq!(line(&action), format!("{expected}\n"));
        let parsed = ParsedAction::parse(line(&action).as_bytes()).unwrap();
        assert_eq!(parsed.id.unwrap().as_bytes(), action.id.unwrap());
        assert_eq!(parsed.index, None);
    }

    #[test]
    fn both_names_of_a_parameter_are_read() {
        for text in
            [r#"{"create":{"routing":"r","parent":"p"}}"#, r#"{"create":{"_routing":"r","_parent":"p"}}"#]
        {
            let parsed = ParsedAction::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (parsed.op.as_str(), parsed.routing.unwrap(), parsed.parent.unwrap()),
                ("create", "r".into(), "p".into())
            );
        }
    }

    #[test]
    fn what_is_no_action_line_is_an_error_with_its_place() {
        for text in
            ["", "{}", "[]", r#"{"delete":{}}"#, r#"{"index":{},"create":{}}"#, r#"{"index":{"_id":1}}"#]
        {
            assert!(ParsedAction::parse(text.as_bytes()).is_err(), "{text}");
        }
        let error = ParsedAction::parse(br#"{"index":{"_id":"1}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`action line`: corrupt at byte 19: EOF while parsing a string at line 1 column 20"
        );
    }
}
