//! Tuples as they are written, whole, and read again.

mod payloads;
mod reading;
mod redaction;
mod writing;

use super::*;
use std::time::{Duration, SystemTime};

fn written_with(tuple: &Tuple<'_>, settings: &TupleSettings) -> String {
    let mut line = b"before\n".to_vec();
    write(tuple, settings, &mut line);
    let line = String::from_utf8(line).unwrap();
    let line = line.strip_prefix("before\n").unwrap().strip_suffix('\n').unwrap().to_owned();
    assert!(!line.contains('\n'), "{line}");
    serde_json::from_str::<&serde_json::value::RawValue>(&line)
        .unwrap_or_else(|error| panic!("{error}: {line}"));
    line
}

fn written(tuple: &Tuple<'_>) -> String {
    written_with(tuple, &TupleSettings::default())
}

/// The source request of a tuple that has nothing else, as it is written.
fn written_request(message: &[u8]) -> String {
    let tuple = Tuple { source_request: Some(TupleRequest::parse(message)), ..Tuple::default() };
    let line = written(&tuple);
    let rest = r#","targetResponses":[],"connectionId":".0","numRequests":0,"numErrors":0,"attempts":[]}"#;
    line.strip_prefix(r#"{"sourceRequest":"#).unwrap().strip_suffix(rest).unwrap().to_owned()
}

/// The payload of a request with this body.
fn written_payload(content_type: &str, body: &[u8]) -> String {
    let head =
        format!("PUT / HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = written_request(&[head.as_bytes(), body].concat());
    request.split_once(r#""payload":"#).unwrap().1.strip_suffix('}').unwrap().to_owned()
}

fn second(seconds: u64, micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros)
}
