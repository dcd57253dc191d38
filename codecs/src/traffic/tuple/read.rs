//! Reading a tuple, also one that Java wrote.
//!
//! What is not known is passed over. In a message, what has another type than expected counts as absent: tuples are read for
//! a report, which has a use for the rest of them.

mod message;
mod text;

use super::time::parse_timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

pub use message::{MessageRecord, PayloadRecord};
use text::Text;

/// A tuple that was read; what can be borrowed from its line is.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TupleRecord<'a> {
    /// What the client sent.
    pub source_request: Option<MessageRecord<'a>>,
    /// What the source answered.
    pub source_response: Option<MessageRecord<'a>>,
    /// What was sent to the target.
    pub target_request: Option<MessageRecord<'a>>,
    /// What the target answered, at each attempt to which it did.
    pub target_responses: Vec<MessageRecord<'a>>,
    /// The id of the connection, `.`, and the number of the request in it.
    pub connection_id: Cow<'a, str>,
    /// Why there is no answer of the target.
    pub error: Option<Cow<'a, str>>,
    /// Attempts.
    pub requests: Option<u64>,
    /// Attempts that failed.
    pub errors: Option<u64>,
    /// When the request started, by the source's clock.
    pub source_time: Option<SystemTime>,
    /// When the first attempt started.
    pub target_time: Option<SystemTime>,
    /// How long the source took; of a tuple of Java only whole milliseconds.
    pub source_response_time: Option<Duration>,
    /// Where the request's first record is: its topic.
    pub topic: Option<Cow<'a, str>>,
    /// Its partition.
    pub partition: Option<i32>,
    /// Its offset.
    pub offset: Option<i64>,
    /// Each attempt; none in a tuple of Java.
    pub attempts: Vec<AttemptRecord<'a>>,
    /// What the transforms did.
    pub transform_status: Option<Cow<'a, str>>,
}

/// An attempt that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptRecord<'a> {
    /// When it started.
    pub at: Option<SystemTime>,
    /// How long it was waited before it.
    pub delay: Option<Duration>,
    /// What the target answered.
    pub status: Option<u16>,
    /// How long it took.
    pub response_time: Option<Duration>,
    /// How many items of a bulk request were sent, where it were not all.
    pub items: Option<u64>,
    /// Why it failed.
    pub error: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(borrow)]
    source_request: Option<MessageRecord<'a>>,
    #[serde(borrow)]
    source_response: Option<MessageRecord<'a>>,
    #[serde(borrow)]
    target_request: Option<MessageRecord<'a>>,
    #[serde(borrow, default)]
    target_responses: Option<Vec<MessageRecord<'a>>>,
    #[serde(borrow)]
    connection_id: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    num_requests: Option<u64>,
    num_errors: Option<u64>,
    #[serde(borrow)]
    source_timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    target_timestamp: Option<Text<'a>>,
    source_response_millis: Option<f64>,
    #[serde(borrow)]
    topic: Option<Text<'a>>,
    partition: Option<i32>,
    offset: Option<i64>,
    #[serde(borrow, default)]
    attempts: Option<Vec<RawAttempt<'a>>>,
    #[serde(borrow)]
    transform_status: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawAttempt<'a> {
    #[serde(borrow)]
    at: Option<Text<'a>>,
    delay_ms: Option<f64>,
    status: Option<u16>,
    response_time_ms: Option<f64>,
    items: Option<u64>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
}

impl<'a> TupleRecord<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// It is not JSON, not an object, or one of the keys of a tuple has a value of another type.
    pub fn parse(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        let raw: Raw<'a> = serde_json::from_slice(line)?;
        let source_millis = raw.source_response_millis.and_then(duration);
        let java_millis = raw.source_response.as_ref().and_then(|response| response.response_time);
        Ok(Self {
            source_response_time: source_millis.or(java_millis),
            source_request: raw.source_request,
            source_response: raw.source_response,
            target_request: raw.target_request,
            target_responses: raw.target_responses.unwrap_or_default(),
            connection_id: raw.connection_id.map(|text| text.0).unwrap_or_default(),
            error: raw.error.map(|text| text.0),
            requests: raw.num_requests,
            errors: raw.num_errors,
            source_time: raw.source_timestamp.and_then(|text| parse_timestamp(&text.0)),
            target_time: raw.target_timestamp.and_then(|text| parse_timestamp(&text.0)),
            topic: raw.topic.map(|text| text.0),
            partition: raw.partition,
            offset: raw.offset,
            attempts: raw.attempts.unwrap_or_default().into_iter().map(AttemptRecord::from).collect(),
            transform_status: raw.transform_status.map(|text| text.0),
        })
    }

    /// What the target answered in the end.
    #[must_use]
    pub fn target_response(&self) -> Option<&MessageRecord<'a>> {
        self.target_responses.last()
    }

    /// How long the target took to answer in the end; of a tuple of Java only whole milliseconds.
    #[must_use]
    pub fn target_response_time(&self) -> Option<Duration> {
        let attempt = self.attempts.iter().rev().find(|attempt| attempt.status.is_some());
        let time = attempt.and_then(|attempt| attempt.response_time);
        time.or_else(|| self.target_response().and_then(|response| response.response_time))
    }
}

impl<'a> From<RawAttempt<'a>> for AttemptRecord<'a> {
    fn from(raw: RawAttempt<'a>) -> Self {
        Self {
            at: raw.at.and_then(|text| parse_timestamp(&text.0)),
            delay: raw.delay_ms.and_then(duration),
            status: raw.status,
            response_time: raw.response_time_ms.and_then(duration),
            items: raw.items,
            error: raw.error.map(|text| text.0),
        }
    }
}

/// Milliseconds to the nearest microsecond; none if they are negative or too many.
fn duration(milliseconds: f64) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(milliseconds / 1000.0).ok()?;
    Some(Duration::from_micros(u64::try_from(time.as_nanos().saturating_add(500) / 1000).ok()?))
}
