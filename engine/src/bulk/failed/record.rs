//! The record of one document that failed.

use super::super::{FailedOperation, FailureClass};
use super::java;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codecs::bulk::ParsedAction;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use time::OffsetDateTime;

/// A document that failed, with all that is needed to understand it and to send it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailedRecord<'a> {
    /// The session that it belongs to.
    #[serde(borrow, default)]
    pub session: Cow<'a, str>,
    /// The worker that recorded it.
    #[serde(borrow, default)]
    pub worker: Cow<'a, str>,
    /// The work item that it is part of.
    #[serde(borrow, default)]
    pub item: Cow<'a, str>,
    /// The index in the target.
    #[serde(borrow)]
    pub index: Cow<'a, str>,
    /// `_id`.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// Routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Cow<'a, str>>,
    /// Mapping type, where the operation names one.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<Cow<'a, str>>,
    /// The segment that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Cow<'a, str>>,
    /// Its number in the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<u32>,
    /// How many documents the record stands for: more than one where they could not be told apart.
    #[serde(default = "one")]
    pub documents: u64,
    /// What kind of failure it is.
    pub class: FailureClass,
    /// Status of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FailedError<'a>>,
    /// The action line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Cow<'a, RawValue>>,
    /// The document, if it is JSON.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a RawValue>,
    /// The bytes of a document that is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_base64: Option<Cow<'a, str>>,
    /// When it was recorded.
    #[serde(borrow, default)]
    pub timestamp: Cow<'a, str>,
}

/// Why a document failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedError<'a> {
    /// Type in the words of the cluster, where it named one.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<Cow<'a, str>>,
    /// In words.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
}

const fn one() -> u64 {
    1
}

impl<'a> FailedRecord<'a> {
    /// The record of documents that never became an operation; the caller adds what it knows: id, segment, number,
    /// how many there are, their bytes.
    #[must_use]
    pub fn of_documents(item: &'a str, index: &'a str, class: FailureClass, reason: &'a str) -> Self {
        let none = Cow::Borrowed("");
        Self {
            session: none.clone(),
            worker: none.clone(),
            item: Cow::Borrowed(item),
            index: Cow::Borrowed(index),
            id: None,
            routing: None,
            type_name: None,
            segment: None,
            document: None,
            documents: 1,
            class,
            status: None,
            error: Some(FailedError { type_name: None, reason: Cow::Borrowed(reason) }),
            operation: None,
            source: None,
            source_base64: None,
            timestamp: none,
        }
    }

    /// The record of an operation; session and worker are for the writer to fill in.
    pub(super) fn of(item: &'a str, index: &'a str, failed: &'a FailedOperation) -> Self {
        let action = ParsedAction::parse(&failed.action).unwrap_or_default();
        let raw = |bytes: &'a [u8]| serde_json::from_slice::<&RawValue>(bytes).ok();
        let source = raw(&failed.source);
        Self {
            id: failed.id.as_deref().map(Cow::Borrowed),
            routing: action.routing.map(Cow::Owned),
            type_name: action.type_name.map(Cow::Owned),
            segment: failed.origin.as_ref().map(|origin| Cow::Borrowed(&*origin.segment)),
            document: failed.origin.as_ref().map(|origin| origin.document),
            status: failed.status,
            error: Some(FailedError {
                type_name: failed.error_type.as_deref().map(Cow::Borrowed),
                reason: Cow::Borrowed(&failed.reason),
            }),
            operation: raw(&failed.action).map(Cow::Borrowed),
            source_base64: source.is_none().then(|| Cow::Owned(STANDARD.encode(&failed.source))),
            source,
            ..Self::of_documents(item, index, failed.class, &failed.reason)
        }
    }

    /// Reads a line of ferry, or of the failed-document stream of the Java migrator.
    pub(super) fn parse(line: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line).or_else(|error| java::parse(line).ok_or(error))
    }

    /// The document as it was to be sent, where the record has it.
    #[must_use]
    pub fn source_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match (self.source, &self.source_base64) {
            (Some(source), _) => Some(Cow::Borrowed(source.get().as_bytes())),
            (None, Some(encoded)) => STANDARD.decode(encoded.as_bytes()).ok().map(Cow::Owned),
            (None, None) => None,
        }
    }

    /// The type of the error, or nothing.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.error.as_ref().and_then(|error| error.type_name.as_deref())
    }
}

/// Now, as RFC 3339 has it.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second, milli) = now.to_hms_milli();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::Origin;
    use bytes::Bytes;
    use std::sync::Arc;

    fn failed(source: &'static [u8]) -> FailedOperation {
        FailedOperation {
            position: 3,
            origin: Some(Origin { segment: Arc::from("_7"), document: 41 }),
            id: Some("ü\"1".to_owned()),
            class: FailureClass::Refused,
            status: Some(400),
            error_type: Some("mapper_parsing_exception".to_owned()),
            reason: "failed to parse".to_owned(),
            action: Bytes::from(r#"{"index":{"_id":"ü\"1","routing":"r"}}"#),
            source: Bytes::from_static(source),
        }
    }

    #[test]
    fn a_record_has_the_document_as_it_is() {
        let failed = failed(br#"{"n": 1e400, "n": "\ud800"}"#);
        let line = serde_json::to_string(&FailedRecord::of("item", "i", &failed)).unwrap();
        let expected = r#"{"session":"","worker":"","item":"item","index":"i","_id":"ü\"1","routing":"r","segment":"_7","document":41,"documents":1,"class":"refused","status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse"},"operation":{"index":{"_id":"ü\"1","routing":"r"}},"source":{"n": 1e400, "n": "\ud800"},"timestamp":""}"#;
        assert_eq!(line, expected);
        let read = FailedRecord::parse(&line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), expected);
        assert_eq!(read.source_bytes().unwrap(), &failed.source[..]);
    }

    #[test]
    fn a_document_that_is_not_json_is_kept_byte_for_byte() {
        for source in [&b"{\"a\":\xFF\"}"[..], b"{", b""] {
            let failed = failed(source);
            let line = serde_json::to_string(&FailedRecord::of("item", "i", &failed)).unwrap();
            let read = FailedRecord::parse(&line).unwrap();
            assert!(read.source.is_none());
            assert_eq!(read.source_bytes().unwrap(), source);
        }
    }

    #[test]
    fn a_class_of_another_version_is_read() {
        let line = r#"{"index":"i","class":"invented_later","new_field":{}}"#;
        let read = FailedRecord::parse(line).unwrap();
        assert_eq!((read.class, read.documents, read.source_bytes()), (FailureClass::Other, 1, None));
    }

    #[test]
    fn now_is_a_time_of_rfc_3339() {
        let text = now();
        assert_eq!(text.len(), "2026-05-14T12:00:00.000Z".len());
        assert!(text.starts_with("20") && text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
    }
}
