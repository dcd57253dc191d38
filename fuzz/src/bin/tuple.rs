//! Tuples: whatever the messages are, a tuple is one line of JSON, and what is read from it is what they said.
//!
//! Input: flags (1), the request, the response. The input as a whole is read as a tuple, too.
#![no_main]

use codecs::json_compare::{Comparison, compare};
use codecs::traffic::content;
use codecs::traffic::tuple::{
    MessageRecord, PayloadRecord, Tuple, TupleRecord, TupleRequest, TupleResponse, TupleSettings, write,
};
use fuzz::{LIMIT, Parts, assert_json};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|input: &[u8]| {
    if let Ok(tuple) = TupleRecord::parse(input) {
        let _ = (
            tuple.target_response_time(),
            tuple.source_response.map(|response| response.payload.bytes().len()),
        );
    }
    let mut parts = Parts::new(input);
    let settings = TupleSettings { keep_credentials: parts.byte() & 1 == 1, most_inflated: LIMIT };
    let (request, response) =
        (TupleRequest::parse(parts.file()), TupleResponse::parse(parts.last(), Duration::ZERO));
    let tuple = Tuple {
        source_request: Some(request.clone()),
        source_response: Some(response.clone()),
        target_request: Some(request.clone()),
        target_responses: response.clone().into_iter().collect(),
        connection: "c",
        ..Tuple::default()
    };
    let mut line = Vec::new();
    write(&tuple, &settings, &mut line);
    assert_eq!(memchr(&line), Some(line.len() - 1), "one line");
    assert_json(&line);
    let record = TupleRecord::parse(&line).expect("what is written can be read");
    let (source, target) =
        (record.source_request.expect("a request"), record.target_request.expect("a request"));
    assert_eq!(source, target);
    match &request {
        Ok(request) => check(&source, &request.headers, &request.body),
        Err(_) => assert!(source.exception.is_some()),
    }
    let source = record.source_response.expect("a response");
    match &response {
        Ok(response) => check(&source, &response.headers, &response.body),
        Err(_) => assert!(source.exception.is_some()),
    }
});

fn memchr(line: &[u8]) -> Option<usize> {
    line.iter().position(|byte| *byte == b'\n')
}

fn check(record: &MessageRecord<'_>, headers: &[(&str, &[u8])], body: &[u8]) {
    let codings = content::codings(headers).unwrap_or_default();
    let plain = content::decode(&codings, body, LIMIT).unwrap_or_else(|_| body.to_vec());
    match &record.payload {
        PayloadRecord::Json(json) => {
            assert!(!matches!(compare(&plain, json.get().as_bytes()), Comparison::Different(_)));
        }
        PayloadRecord::JsonSequence(values) => assert!(values.len() > 1),
        PayloadRecord::Form(fields) => assert!(!fields.is_empty()),
        payload => assert_eq!(*payload.bytes(), plain),
    }
}
