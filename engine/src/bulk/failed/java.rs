//! Records of the failed-document stream of the Java migrator (opensearch-migrations 3.3).
//!
//! | field           | what                                                                                        |
//! |-----------------|---------------------------------------------------------------------------------------------|
//! | `targetIndex`, `documentId`, `sessionId`, `workerId`, `workItemId`, `timestamp` | as their names say          |
//! | `failureType`   | type of the error                                                                           |
//! | `failureClass`  | `NON_RETRYABLE` or `RETRYABLE_EXHAUSTED`                                                    |
//! | `requestItem`   | `{"schema":"rfs-opensearch-bulk-v1","operation_type":"index","operation":{…},"document":{…}}` |
//! | `responseItem`  | the item of the bulk response                                                               |

use super::super::FailureClass;
use super::record::{FailedError, FailedRecord};
use codecs::bulk::{Action, OpType, read_response};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JavaRecord<'a> {
    session_id: Option<String>,
    worker_id: Option<String>,
    work_item_id: Option<String>,
    target_index: String,
    document_id: Option<String>,
    failure_type: Option<String>,
    failure_class: Option<String>,
    timestamp: Option<String>,
    #[serde(borrow)]
    request_item: Option<&'a RawValue>,
    #[serde(borrow)]
    response_item: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RequestItem<'a> {
    operation_type: Option<String>,
    operation: Option<Operation>,
    #[serde(borrow)]
    document: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Operation {
    #[serde(rename = "_id")]
    id: Option<String>,
    #[serde(rename = "_type")]
    type_name: Option<String>,
    routing: Option<String>,
    op_type: Option<String>,
}

/// Reads a record; `None` if it is none of that kind.
pub(super) fn parse(line: &str) -> Option<FailedRecord<'_>> {
    let record: JavaRecord<'_> = serde_json::from_str(line).ok()?;
    let request =
        record.request_item.and_then(|item| serde_json::from_str::<RequestItem<'_>>(item.get()).ok());
    let (operation, source) = match request {
        // A deletion has no document to be sent again.
        Some(request) if request.operation_type.as_deref().is_none_or(|op| op == "index") => {
            (request.operation.unwrap_or_default(), request.document)
        }
        _ => (Operation::default(), None),
    };
    let result = record.response_item.and_then(|item| {
        let response = format!("{{\"items\":[{}]}}", item.get());
        read_response(response.as_bytes(), 1).ok()?.pop()
    });
    let (status, error) = result.map_or((None, None), |result| (Some(result.status), result.error));
    let error_type = record.failure_type.or_else(|| error.as_ref().map(|error| error.type_name.clone()));
    let id = operation.id.clone().or(record.document_id);
    let line = source.is_some().then(|| action_line(&operation)).flatten();
    let text = |text: Option<String>| Cow::Owned(text.unwrap_or_default());
    Some(FailedRecord {
        session: text(record.session_id),
        worker: text(record.worker_id),
        item: text(record.work_item_id),
        index: Cow::Owned(record.target_index),
        id: id.map(Cow::Owned),
        routing: operation.routing.map(Cow::Owned),
        type_name: operation.type_name.map(Cow::Owned),
        segment: None,
        document: None,
        documents: 1,
        class: match record.failure_class.as_deref() {
            Some("NON_RETRYABLE") => FailureClass::Refused,
            Some("RETRYABLE_EXHAUSTED") => FailureClass::RetriesExhausted,
            _ => FailureClass::Other,
        },
        status,
        error: Some(FailedError {
            type_name: error_type.map(Cow::Owned),
            reason: text(error.map(|error| error.reason)),
        }),
        operation: line.map(Cow::Owned),
        source,
        source_base64: None,
        timestamp: text(record.timestamp),
    })
}

fn action_line(operation: &Operation) -> Option<Box<RawValue>> {
    let action = Action {
        op: if operation.op_type.as_deref() == Some("create") { OpType::Create } else { OpType::Index },
        index: None,
        type_name: operation.type_name.as_deref().map(str::as_bytes),
        id: operation.id.as_deref().map(str::as_bytes),
        routing: operation.routing.as_deref().map(str::as_bytes),
        parent: None,
    };
    let mut line = Vec::new();
    action.write(&mut line);
    let line = String::from_utf8(line).ok()?;
    RawValue::from_string(line.trim_end().to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"sessionId":"s","workerId":"w","workItemId":"movies__0__0","targetIndex":"movies","documentId":"doc-1","failureType":"mapper_parsing_exception","failureClass":"NON_RETRYABLE","timestamp":"2026-05-14T12:00:00Z","requestItem":{"schema":"rfs-opensearch-bulk-v1","document":{"year":"x"},"operation":{"_id":"doc-1","_index":"movies","routing":"r"},"include_document":true,"operation_type":"index"},"responseItem":{"index":{"_id":"doc-1","status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [year]"}}}}"#;

    #[test]
    fn a_record_of_the_java_migrator_can_be_sent_again() {
        let record = FailedRecord::parse(LINE).unwrap();
        assert_eq!(
            (&*record.index, record.id.as_deref(), record.routing.as_deref()),
            ("movies", Some("doc-1"), Some("r"))
        );
        assert_eq!((record.class, record.status), (FailureClass::Refused, Some(400)));
        let error = record.error.as_ref().unwrap();
        assert_eq!(
            (error.type_name.as_deref(), &*error.reason),
            (Some("mapper_parsing_exception"), "failed to parse field [year]")
        );
        assert_eq!(record.source_bytes().unwrap(), &br#"{"year":"x"}"#[..]);
        assert_eq!(record.operation.unwrap().get(), r#"{"index":{"_id":"doc-1","routing":"r"}}"#);
    }

    #[test]
    fn a_record_without_document_or_answer_is_still_a_record() {
        let line = r#"{"targetIndex":"i","documentId":"1","failureClass":"RETRYABLE_EXHAUSTED","requestItem":null,"responseItem":null}"#;
        let record = FailedRecord::parse(line).unwrap();
        assert_eq!(
            (record.class, record.status, record.source_bytes()),
            (FailureClass::RetriesExhausted, None, None)
        );
        assert!(record.operation.is_none());
        let deletion =
            r#"{"targetIndex":"i","requestItem":{"operation_type":"delete","operation":{"_id":"1"}}}"#;
        assert!(FailedRecord::parse(deletion).unwrap().operation.is_none());
    }
}
