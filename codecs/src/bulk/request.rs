//! The body of a bulk request as clients of any version write it.
//!
//! | line | what |
//! |---|---|
//! | action | an object with one member: the operation, and an object of its parameters |
//! | document | after `index`, `create` and `update`, not after `delete` |
//!
//! Lines end with a newline. Empty lines before an action are passed over, as the servers do. A body whose last line has no newline is
//! refused by the servers; here the line is read as it is.

use crate::json_scan::{NotJson, members};
use memchr::memchr;
use std::borrow::Cow;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkOp {
    /// Writes a document, over one with the same `_id`.
    Index,
    /// Writes a document, and fails if there is one with the same `_id`.
    Create,
    /// Changes parts of a document.
    Update,
    /// Deletes a document.
    Delete,
}

impl BulkOp {
    /// Its name in an action line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn of_token(token: &[u8]) -> Option<Self> {
        Some(match token {
            b"\"index\"" => Self::Index,
            b"\"create\"" => Self::Create,
            b"\"update\"" => Self::Update,
            b"\"delete\"" => Self::Delete,
            _ => return None,
        })
    }
}

/// One operation of a body, as it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkItem<'a> {
    /// What it does.
    pub op: BulkOp,
    /// The action line without its newline.
    pub action: &'a [u8],
    /// The object of parameters in the action line.
    pub parameters: &'a [u8],
    /// The line after it without its newline; `None` for a deletion, and at a body that is cut.
    pub document: Option<&'a [u8]>,
}

/// The parameters that say which document an operation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkTarget<'a> {
    /// `_index`
    pub index: Option<Cow<'a, str>>,
    /// `_type`
    pub type_name: Option<Cow<'a, str>>,
    /// `_id`; a number is its text, as for the servers.
    pub id: Option<Cow<'a, str>>,
    /// Whether an `index` operation has `"op_type":"create"`.
    pub op_type_is_create: bool,
}

/// Why a body is not one of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a bulk request: operation {position}: {what}")]
pub struct NotBulk {
    /// Which operation, counted from 0.
    pub position: usize,
    /// Expected and found.
    pub what: String,
}

/// The operations of a body, in order.
#[derive(Debug, Clone)]
pub struct BulkItems<'a> {
    rest: &'a [u8],
    position: usize,
}

/// The operations of the body of a bulk request. After an error there is nothing more.
#[must_use]
pub const fn items(body: &[u8]) -> BulkItems<'_> {
    BulkItems { rest: body, position: 0 }
}

impl<'a> BulkItems<'a> {
    /// The next line without its newline.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = self.rest.get(..end).unwrap_or_default();
        self.rest = self.rest.get(end.saturating_add(1)..).unwrap_or_default();
        Some(line)
    }

    fn item(&mut self, action: &'a [u8]) -> Result<BulkItem<'a>, String> {
        let mut members = members(action).map_err(|error| error.to_string())?;
        let (name, parameters) = match members.next() {
            Some(member) => member.map_err(|error| error.to_string())?,
            None => return Err("an action line without an operation".to_owned()),
        };
        let op = BulkOp::of_token(name).ok_or_else(|| {
            format!(
                "expected `index`, `create`, `update` or `delete`, found {}",
                String::from_utf8_lossy(name)
            )
        })?;
        match members.next() {
            None => {}
            Some(Ok(_)) => return Err("an action line with more than one operation".to_owned()),
            Some(Err(error)) => return Err(error.to_string()),
        }
        let document = if op == BulkOp::Delete { None } else { self.line() };
        Ok(BulkItem { op, action, parameters, document })
    }
}

impl<'a> Iterator for BulkItems<'a> {
    type Item = Result<BulkItem<'a>, NotBulk>;

    fn next(&mut self) -> Option<Self::Item> {
        let action = loop {
            let line = self.line()?;
            if !line.trim_ascii().is_empty() {
                break line;
            }
        };
        let item = self.item(action).map_err(|what| {
            self.rest = &[];
            NotBulk { position: self.position, what }
        });
        self.position = self.position.saturating_add(1);
        Some(item)
    }
}

impl<'a> BulkItem<'a> {
    /// Reads which document it is about.
    ///
    /// # Errors
    /// The parameters are no object.
    pub fn target(&self) -> Result<BulkTarget<'a>, NotJson> {
        let mut target = BulkTarget::default();
        for member in members(self.parameters)? {
            let (name, value) = member?;
            match name {
                b"\"_index\"" => target.index = text(value),
                b"\"_type\"" => target.type_name = text(value),
                b"\"_id\"" => target.id = text(value),
                b"\"op_type\"" | b"\"_op_type\"" => target.op_type_is_create = value == b"\"create\"",
                _ => {}
            }
        }
        Ok(target)
    }
}

/// A scalar as the servers take it for a text: a string without its escapes, a number or word as it stands; `null`, objects and arrays
/// are none.
#[must_use]
pub fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    match value {
        [b'"', inner @ .., b'"'] if memchr(b'\\', inner).is_none() => Some(String::from_utf8_lossy(inner)),
        [b'"', ..] => serde_json::from_slice::<String>(value).ok().map(Cow::Owned),
        b"null" | [b'{' | b'[', ..] => None,
        word => Some(String::from_utf8_lossy(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> Vec<String> {
        let one = |item: Result<BulkItem<'_>, NotBulk>| match item {
            Err(error) => error.to_string(),
            Ok(item) => {
                let target = item.target().unwrap();
                let document = item.document.map(|line| String::from_utf8_lossy(line).into_owned());
                format!(
                    "{} {}/{}/{} {}",
                    item.op.name(),
                    target.index.as_deref().unwrap_or("-"),
                    target.type_name.as_deref().unwrap_or("-"),
                    target.id.as_deref().unwrap_or("-"),
                    document.as_deref().unwrap_or("-")
                )
            }
        };
        items(body.as_bytes()).map(one).collect()
    }

    #[test]
    fn every_operation_is_read_with_its_document() {
        let body = "{\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\"}}\n{\"a\":1}\n\
                    { \"delete\" : { \"_id\" : 7 } }\r\n\
                    \n\
                    {\"update\":{\"_id\":\"\\u0041\\\"\"}}\n{\"doc\":{}}\n\
                    {\"create\":{}}\n{\"b\":2}\n";
        let expected = [
            "index i/t/1 {\"a\":1}",
            "delete -/-/7 -",
            "update -/-/A\" {\"doc\":{}}",
            "create -/-/- {\"b\":2}",
        ];
        assert_eq!(shown(body), expected);
    }

    #[test]
    fn a_cut_body_ends_with_what_is_there() {
        assert_eq!(shown("{\"index\":{\"_id\":\"1\"}}"), ["index -/-/1 -"]);
        assert_eq!(shown("{\"index\":{\"_id\":\"1\"}}\n{\"a\""), ["index -/-/1 {\"a\""]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn what_is_no_operation_is_an_error_once() {
        let table = [
            (
                "{\"index\":{}}\n{}\n{\"upsert\":{}}\n{}\n",
                "not a bulk request: operation 1: expected `index`, `create`, `update` or `delete`, found \"upsert\"",
            ),
            ("{}\n{}\n", "not a bulk request: operation 0: an action line without an operation"),
            (
                "{\"index\":{},\"create\":{}}\n",
                "not a bulk request: operation 0: an action line with more than one operation",
            ),
            (
                "{\"index\":{}\n",
                "not a bulk request: operation 0: not JSON at byte 11: neither a comma nor the end of the object or array",
            ),
            ("x\n", "not a bulk request: operation 0: not JSON at byte 0: no object"),
        ];
        for (body, expected) in table {
            assert_eq!(shown(body).last().unwrap(), expected);
        }
    }

    #[test]
    fn an_index_operation_may_say_that_it_creates() {
        let item = items(b"{\"index\":{\"op_type\":\"create\"}}\n{}\n").next().unwrap().unwrap();
        assert!(item.target().unwrap().op_type_is_create);
    }
}
