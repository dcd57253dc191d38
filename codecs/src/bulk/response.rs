//! The response to a bulk request: a result for each operation, by position.

use crate::error::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use std::fmt;

/// More of the reason of an error is not kept, in bytes.
const LONGEST_REASON: usize = 1024;

/// How deep causes of causes are read.
const DEEPEST_CAUSE: u32 = 3;

/// Name of the response in errors.
const FILE: &str = "bulk response";

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationResult {
    /// HTTP status of the operation alone.
    pub status: u16,
    /// Why it was refused, if it was. Judge by this and by the status: a cluster can be wrong about one of them.
    pub error: Option<OperationError>,
    /// Where the document went instead, though the status is that of success.
    pub diverted: Option<Diverted>,
}

/// What a cluster does with a document that it does not put into the index, and calls a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diverted {
    /// `"result":"noop"`: nothing was written. For an `index` or `create`, a `drop` processor of an ingest pipeline had it; an
    /// `update` that changes nothing says the same.
    Dropped,
    /// `"failure_store":"used"`: it could not be indexed, and is in the failure store of the data stream (Elasticsearch 8.15 and later).
    FailureStore,
}

/// Why an operation, or a whole request, was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationError {
    /// Type such as `mapper_parsing_exception`; `unknown` where the cluster says none.
    pub type_name: String,
    /// Words of the cluster with those about the cause, at most 1 KiB.
    pub reason: String,
}

/// Reads the response to a request of so many operations; the results are in the order of the operations.
///
/// Clusters answer an error as an object (Elasticsearch 2 and later, OpenSearch) or as one string (Elasticsearch 1).
/// Text that is not UTF-8, and halves of surrogate pairs, concern only the words of the error that they are in.
///
/// # Errors
/// The response is cut, is not JSON of this form, or has not one result for each operation: which operations were
/// done is then not known.
pub fn read_response(body: &[u8], operations: usize) -> Result<Vec<OperationResult>> {
    let text = String::from_utf8_lossy(body);
    let mut json = serde_json::Deserializer::from_str(&text);
    let results = Response { operations }
        .deserialize(&mut json)
        .and_then(|results| json.end().map(|()| results))
        .map_err(|error| failure(&text, &error))?;
    if results.len() == operations {
        return Ok(results);
    }
    let what = format!("expected {operations} items, one for each operation, found {}", results.len());
    Err(Error::Corrupt { file: FILE.to_owned(), offset: body.len() as u64, what })
}

/// Reads why a whole request was refused; `None` if the body does not say so, such as a page of a proxy.
#[must_use]
pub fn read_error(body: &[u8]) -> Option<OperationError> {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
    }
    let text = String::from_utf8_lossy(body);
    serde_json::from_str::<Refusal<'_>>(&text).ok().map(|refusal| OperationError::read(refusal.error))
}

fn failure(text: &str, error: &serde_json::Error) -> Error {
    let file = FILE.to_owned();
    if error.is_eof() {
        return Error::Truncated { file, offset: text.len() as u64, what: "the response", missing: 1 };
    }
    let lines_before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let offset = lines_before.map(str::len).sum::<usize>().saturating_add(error.column().saturating_sub(1));
    Error::Corrupt { file, offset: offset as u64, what: error.to_string() }
}

/// The response; only `items` is of interest. `errors` is not believed: each item says its own.
struct Response {
    operations: usize,
}

impl<'de> DeserializeSeed<'de> for Response {
    type Value = Vec<OperationResult>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Response {
    type Value = Vec<OperationResult>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `items`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut results = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "items" {
                map.next_value::<IgnoredAny>()?;
            } else if results.is_some() {
                return Err(de::Error::duplicate_field("items"));
            } else {
                results = Some(map.next_value_seed(Items { operations: self.operations })?);
            }
        }
        results.ok_or_else(|| de::Error::missing_field("items"))
    }
}

struct Items {
    operations: usize,
}

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<OperationResult>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<OperationResult>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} items", self.operations)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut results = Vec::new();
        while let Some(Item(result)) = sequence.next_element()? {
            if results.len() == self.operations {
                let most = self.operations;
                return Err(de::Error::custom(format!(
                    "expected {most} items, one for each operation, found more"
                )));
            }
            results.push(result);
        }
        Ok(results)
    }
}

/// An object with one key, the name of the operation.
struct Item(OperationResult);

#[derive(Deserialize)]
struct ItemBody<'a> {
    status: u16,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    failure_store: Option<&'a RawValue>,
}

impl ItemBody<'_> {
    fn read(&self) -> OperationResult {
        let is = |value: Option<&RawValue>, text| value.is_some_and(|value| value.get() == text);
        let diverted = if is(self.failure_store, r#""used""#) {
            Some(Diverted::FailureStore)
        } else {
            is(self.result, r#""noop""#).then_some(Diverted::Dropped)
        };
        OperationResult { status: self.status, error: self.error.map(OperationError::read), diverted }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item: an object with one operation")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let Some(_) = map.next_key::<IgnoredAny>()? else {
                    return Err(de::Error::custom("an item without an operation"));
                };
                let body: ItemBody<'_> = map.next_value()?;
                if map.next_key::<IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("an item with more than one operation"));
                }
                Ok(Item(body.read()))
            }
        }
        deserializer.deserialize_map(One)
    }
}

/// An error or a cause, as Elasticsearch 2 and later write it.
#[derive(Deserialize)]
struct ErrorObject<'a> {
    #[serde(rename = "type", borrow)]
    type_name: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
    #[serde(borrow)]
    caused_by: Option<&'a RawValue>,
}

impl OperationError {
    /// Never fails: what cannot be understood is the reason as it stands.
    fn read(error: &RawValue) -> Self {
        let object = serde_json::from_str::<ErrorObject<'_>>(error.get());
        let mut read = match object {
            Ok(object) if error.get().starts_with('{') => Self::of_object(&object, DEEPEST_CAUSE),
            _ => {
                let reason = text_of(error);
                Self { type_name: type_in_text(&reason).unwrap_or_else(unknown), reason }
            }
        };
        cut(&mut read.type_name, 256);
        cut(&mut read.reason, LONGEST_REASON);
        read
    }

    fn of_object(object: &ErrorObject<'_>, depth: u32) -> Self {
        let type_name = object.type_name.map(text_of).filter(|name| !name.is_empty()).unwrap_or_else(unknown);
        let mut reason = object.reason.map(text_of).unwrap_or_default();
        cut(&mut reason, LONGEST_REASON);
        let cause = object.caused_by.filter(|cause| depth > 0 && cause.get().starts_with('{'));
        if let Some(cause) = cause.and_then(|cause| serde_json::from_str::<ErrorObject<'_>>(cause.get()).ok())
        {
            let cause = Self::of_object(&cause, depth.saturating_sub(1));
            if !reason.is_empty() {
                reason.push_str("; ");
            }
            reason.push_str(&format!("caused by {}: {}", cause.type_name, cause.reason));
        }
        Self { type_name, reason }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// A string, or the text of anything else, safe for a terminal and on one line; `null` is empty.
fn text_of(value: &RawValue) -> String {
    let text: String = match value.get() {
        "null" => return String::new(),
        text => serde_json::from_str(text).unwrap_or_else(|_| text.trim_matches('"').to_owned()),
    };
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

/// The type in the words of Elasticsearch 1, `MapperParsingException[failed to parse]`, as later versions write it.
fn type_in_text(text: &str) -> Option<String> {
    // The error of another node: its own class comes after the address.
    let text = match text.strip_prefix("RemoteTransportException") {
        Some(rest) => rest.split_once("nested: ").map_or(text, |(_, nested)| nested),
        None => text,
    };
    let (class, _) = text.split_once('[')?;
    let class = class.rsplit('.').next().unwrap_or(class);
    if class.is_empty() || !class.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut name = String::with_capacity(class.len().saturating_add(8));
    for letter in class.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    Some(name)
}

fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, type_name: &str, reason: &str) -> OperationResult {
        let error = OperationError { type_name: type_name.to_owned(), reason: reason.to_owned() };
        OperationResult { status, error: Some(error), diverted: None }
    }

    fn done(status: u16) -> OperationResult {
        OperationResult { status, error: None, diverted: None }
    }

    #[test]
    fn a_document_that_is_not_in_the_index_is_told_from_one_that_is() {
        // Of Elasticsearch 7.10.2 with a `drop` processor, and of the documentation of failure stores.
        let body = br#"{"took":0,"ingest_took":1,"errors":false,"items":[
            {"index":{"_index":"i","_type":"_doc","_id":"1","_version":-3,"result":"noop","_shards":{"total":0,"successful":0,
             "failed":0},"status":200}},
            {"create":{"_index":".fs-logs-2025.01.01-000002","_id":"x","_version":1,"result":"created","failure_store":"used",
             "status":201}},
            {"index":{"_index":"i","_id":"2","result":"updated","failure_store":"not_applicable_or_unknown","status":200}}]}"#;
        let diverted = read_response(body, 3).unwrap().into_iter().map(|result| result.diverted);
        let expected = [Some(Diverted::Dropped), Some(Diverted::FailureStore), None];
        assert_eq!(diverted.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn results_are_in_the_order_of_the_operations_whatever_their_ids() {
        let body = br#"{"took":7,"errors":false,"items":[
            {"index":{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":2},"status":201}},
            {"create":{"_index":"i","_id":"1","status":409,"error":{"type":"version_conflict_engine_exception",
             "reason":"[1]: version conflict","index_uuid":"u","shard":"0","index":"i"}}},
            {"index":{"_index":"i","_id":"1","status":200}}]}"#;
        let conflict = refused(409, "version_conflict_engine_exception", "[1]: version conflict");
        assert_eq!(read_response(body, 3).unwrap(), [done(201), conflict, done(200)]);
    }

    #[test]
    fn the_causes_of_an_error_are_part_of_its_reason() {
        let body = br#"{"items":[{"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse",
            "caused_by":{"type":"illegal_argument_exception","reason":"For input","caused_by":{"type":"x","reason":null}}}}}]}"#;
        let reason = "failed to parse; caused by illegal_argument_exception: For input; caused by x: ";
        assert_eq!(read_response(body, 1).unwrap(), [refused(400, "mapper_parsing_exception", reason)]);
    }

    #[test]
    fn an_error_of_elasticsearch_1_is_a_string() {
        let one = "MapperParsingException[failed to parse [n]]; nested: NumberFormatException[For input string: \\\"x\\\"]; ";
        let body = format!(r#"{{"items":[{{"index":{{"_id":"1","status":400,"error":"{one}"}}}}]}}"#);
        let expected = refused(400, "mapper_parsing_exception", &one.replace('\\', ""));
        assert_eq!(read_response(body.as_bytes(), 1).unwrap(), [expected]);
        let remote = "RemoteTransportException[[n][inet[/1:9300]][indices:data/write/bulk[s]]]; nested: \
                      EsRejectedExecutionException[rejected execution (queue capacity 50)]; ";
        assert_eq!(type_in_text(remote).unwrap(), "es_rejected_execution_exception");
        assert_eq!(type_in_text("no class"), None);
    }

    #[test]
    fn a_reason_is_cut_at_one_kibibyte_between_characters() {
        let body = format!(
            r#"{{"items":[{{"index":{{"status":400,"error":{{"type":"t","reason":"{}"}}}}}}]}}"#,
            "é".repeat(900)
        );
        let results = read_response(body.as_bytes(), 1).unwrap();
        let reason = &results[0].error.as_ref().unwrap().reason;
        assert_eq!((reason.len(), reason.chars().last()), (1023, Some('…')));
    }

    #[test]
    fn words_of_the_cluster_cannot_control_a_terminal() {
        let body = br#"{"items":[{"index":{"status":400,"error":{"type":"t","reason":"a\n at\u001b[2J"}}}]}"#;
        assert_eq!(read_response(body, 1).unwrap(), [refused(400, "t", "a  at [2J")]);
    }

    #[test]
    fn half_a_surrogate_and_bytes_that_are_not_utf_8_spoil_only_their_own_text() {
        let body = b"{\"items\":[{\"index\":{\"status\":400,\"error\":{\"type\":\"t\",\"reason\":\"\\ud800 \xFF\"}}},{\"index\":{\"status\":201}}]}";
        assert_eq!(read_response(body, 2).unwrap(), [refused(400, "t", "\\ud800 \u{FFFD}"), done(201)]);
    }

    #[test]
    fn a_number_of_items_that_is_not_that_of_the_operations_is_an_error() {
        let body = br#"{"items":[{"index":{"status":201}},{"index":{"status":201}}]}"#;
        let message = |operations| read_response(body, operations).unwrap_err().to_string();
        assert_eq!(
            message(3),
            "`bulk response`: corrupt at byte 61: expected 3 items, one for each operation, found 2"
        );
        assert!(
            message(1).contains("expected 1 items, one for each operation, found more"),
            "{}",
            message(1)
        );
    }

    #[test]
    fn every_cut_of_a_response_is_an_error() {
        let body = br#"{"items":[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"t","reason":"r"}}}]}"#;
        for length in 0..body.len() {
            assert!(
                matches!(read_response(&body[..length], 2), Err(Error::Truncated { .. })),
                "cut at {length}"
            );
        }
        assert!(read_response(body, 2).is_ok());
    }

    #[test]
    fn an_item_is_an_object_with_one_operation_and_its_status() {
        for item in [
            "1",
            "{}",
            r#"{"index":{}}"#,
            r#"{"index":1}"#,
            r#"{"index":{"status":"201"}}"#,
            r#"{"index":{"status":70000}}"#,
            r#"{"index":{"status":201},"create":{"status":201}}"#,
        ] {
            let body = format!("{{\"items\":[{item}]}}");
            assert!(matches!(read_response(body.as_bytes(), 1), Err(Error::Corrupt { .. })), "{item}");
        }
        for body in
            ["[]", "{}", r#"{"items":{}}"#, r#"{"items":[]} x"#, r#"{"items":[],"items":[]}"#, "<html>"]
        {
            assert!(matches!(read_response(body.as_bytes(), 0), Err(Error::Corrupt { .. })), "{body}");
        }
    }

    #[test]
    fn the_refusal_of_a_whole_request_is_an_object_or_a_string_or_not_there() {
        let object = br#"{"error":{"root_cause":[],"type":"index_not_found_exception","reason":"no such index [i]"},"status":404}"#;
        let error = read_error(object).unwrap();
        assert_eq!(
            (error.type_name.as_str(), error.reason.as_str()),
            ("index_not_found_exception", "no such index [i]")
        );
        let string = read_error(br#"{"error":"IndexMissingException[[i] missing]","status":404}"#).unwrap();
        assert_eq!(string.type_name, "index_missing_exception");
        assert_eq!(read_error(b"<html>Bad Gateway</html>"), None);
    }
}
