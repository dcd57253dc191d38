//! Writing a tuple.

use super::bodies::Bodies;
use super::json::{key, milliseconds, number, signed, string};
use super::message::{TupleRequest, TupleResponse};
use super::secrets;
use super::time::write_timestamp;
use crate::traffic::http::FramingError;
use std::time::{Duration, SystemTime};

/// What is known of a request of the source in the end.
#[derive(Debug, Clone, Default)]
pub struct Tuple<'a> {
    /// What the client sent.
    pub source_request: Option<Result<TupleRequest<'a>, FramingError>>,
    /// What the source answered.
    pub source_response: Option<Result<TupleResponse<'a>, FramingError>>,
    /// What was sent to the target.
    pub target_request: Option<Result<TupleRequest<'a>, FramingError>>,
    /// What the target answered, at each attempt to which it did.
    pub target_responses: Vec<TupleResponse<'a>>,
    /// The id of the client's connection.
    pub connection: &'a str,
    /// Which of the connection's requests it is, from 0.
    pub index: u64,
    /// Why there is no answer of the target.
    pub error: Option<&'a str>,
    /// When the request started, by the source's clock.
    pub source_time: Option<SystemTime>,
    /// When the first attempt to send it to the target started.
    pub target_time: Option<SystemTime>,
    /// Where its first record is.
    pub place: Option<Place<'a>>,
    /// Each attempt to send it.
    pub attempts: Vec<Attempt<'a>>,
    /// What the transforms did.
    pub transform_status: Option<&'a str>,
}

/// The place of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The topic, or the name of the file.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// One attempt to send a request to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// When it started.
    pub at: SystemTime,
    /// How long it was waited before it, since the attempt before.
    pub delay: Duration,
    /// What the target answered.
    pub status: Option<u16>,
    /// How long it took, to the last byte of the answer or to the error.
    pub response_time: Option<Duration>,
    /// How many items of a bulk request were sent, where it were not all.
    pub items: Option<u64>,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// How tuples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TupleSettings {
    /// Write the values of `Authorization`, cookies and the like, and passwords and keys in bodies of the APIs for users (default:
    /// `REDACTED` instead of them).
    pub keep_credentials: bool,
    /// A compressed body that becomes longer than this is written as it is, in bytes (default: 256 MiB).
    pub most_inflated: usize,
}

impl Default for TupleSettings {
    fn default() -> Self {
        Self { keep_credentials: false, most_inflated: 256 << 20 }
    }
}

/// Appends a tuple as one line, with its line feed.
pub fn write(tuple: &Tuple<'_>, settings: &TupleSettings, line: &mut Vec<u8>) {
    line.push(b'{');
    let mut bodies = Bodies::new(!settings.keep_credentials && has_secrets(tuple));
    if let Some(request) = &tuple.source_request {
        key("sourceRequest", line);
        write_message(request, line, |request, line| request.write(settings, &mut bodies, line));
    }
    if let Some(response) = &tuple.source_response {
        key("sourceResponse", line);
        write_message(response, line, |response, line| response.write(settings, &mut bodies, line));
    }
    if let Some(request) = &tuple.target_request {
        key("targetRequest", line);
        write_message(request, line, |request, line| request.write(settings, &mut bodies, line));
    }
    key("targetResponses", line);
    line.push(b'[');
    for (count, response) in tuple.target_responses.iter().enumerate() {
        if count > 0 {
            line.push(b',');
        }
        response.write(settings, &mut bodies, line);
    }
    line.push(b']');
    write_outcome(tuple, line);
    write_times(tuple, line);
    write_attempts(&tuple.attempts, line);
    if let Some(status) = tuple.transform_status {
        key("transformStatus", line);
        string(status.as_bytes(), line);
    }
    line.extend_from_slice(b"}\n");
}

/// Whether its bodies may have secrets.
fn has_secrets(tuple: &Tuple<'_>) -> bool {
    let requests = [&tuple.source_request, &tuple.target_request];
    requests.into_iter().flatten().flatten().any(|request| secrets::has_secrets(request.target))
}

fn write_message<'t, T>(
    message: &'t Result<T, FramingError>,
    line: &mut Vec<u8>,
    write: impl FnOnce(&'t T, &mut Vec<u8>),
) {
    match message {
        Ok(message) => write(message, line),
        Err(error) => {
            line.extend_from_slice(b"{\"Exception\":");
            string(error.to_string().as_bytes(), line);
            line.push(b'}');
        }
    }
}

fn write_outcome(tuple: &Tuple<'_>, line: &mut Vec<u8>) {
    key("connectionId", line);
    string(tuple.connection.as_bytes(), line);
    line.pop(); // the quotation mark, since the number belongs to the id
    line.push(b'.');
    number(tuple.index, 1, line);
    line.push(b'"');
    if let Some(error) = tuple.error {
        key("error", line);
        string(error.as_bytes(), line);
    }
    let failed = tuple.attempts.iter().filter(|attempt| attempt.error.is_some()).count();
    key("numRequests", line);
    number(tuple.attempts.len() as u64, 1, line);
    key("numErrors", line);
    number(failed as u64, 1, line);
}

fn write_times(tuple: &Tuple<'_>, line: &mut Vec<u8>) {
    for (name, time) in [("sourceTimestamp", tuple.source_time), ("targetTimestamp", tuple.target_time)] {
        if let Some(time) = time {
            key(name, line);
            line.push(b'"');
            write_timestamp(time, line);
            line.push(b'"');
        }
    }
    if let Some(Ok(response)) = &tuple.source_response {
        key("sourceResponseMillis", line);
        milliseconds(response.response_time, line);
    }
    if let Some(place) = &tuple.place {
        key("topic", line);
        string(place.topic.as_bytes(), line);
        key("partition", line);
        signed(i64::from(place.partition), line);
        key("offset", line);
        signed(place.offset, line);
    }
}

fn write_attempts(attempts: &[Attempt<'_>], line: &mut Vec<u8>) {
    key("attempts", line);
    line.push(b'[');
    for (count, attempt) in attempts.iter().enumerate() {
        if count > 0 {
            line.push(b',');
        }
        line.extend_from_slice(b"{\"at\":\"");
        write_timestamp(attempt.at, line);
        line.push(b'"');
        key("delay_ms", line);
        milliseconds(attempt.delay, line);
        if let Some(status) = attempt.status {
            key("status", line);
            number(u64::from(status), 1, line);
        }
        if let Some(time) = attempt.response_time {
            key("response_time_ms", line);
            milliseconds(time, line);
        }
        if let Some(items) = attempt.items {
            key("items", line);
            number(items, 1, line);
        }
        if let Some(error) = attempt.error {
            key("error", line);
            string(error.as_bytes(), line);
        }
        line.push(b'}');
    }
    line.push(b']');
}
