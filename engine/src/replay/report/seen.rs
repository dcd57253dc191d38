//! What a tuple says, as far as the report counts it.

use super::compare::{
    BulkComparison, Comparison, Difference, SearchComparison, Subject, compare, compare_bulk,
};
use super::endpoint::Endpoint;
use super::noise::Repeat;
use super::outcome::{Answer, Outcome};
use super::{Settings, redact};
use codecs::traffic::tuple::{MessageRecord, PayloadRecord, TupleRecord};
use siphasher::sip::SipHasher13;
use std::borrow::Cow;
use std::hash::Hasher;
use std::time::{Duration, SystemTime};

/// A tuple that was read.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) endpoint: Endpoint,
    method: Cow<'a, str>,
    target_of_request: Cow<'a, str>,
    pub(super) connection: Cow<'a, str>,
    pub(super) place: Option<Place<'a>>,
    /// What tells it from other tuples, as a hash; none if it says nothing of that kind.
    pub(super) identity: Option<u64>,
    pub(super) source: Answer,
    pub(super) target: Answer,
    pub(super) outcome: Outcome,
    /// Why there is no answer, or why the request was not sent.
    pub(super) reason: Option<String>,
    pub(super) attempts: u64,
    pub(super) times: (Option<SystemTime>, Option<SystemTime>),
    pub(super) latency: Option<(Duration, Duration)>,
    /// The times are whole milliseconds, and the target's has the time to connect in it.
    pub(super) is_coarse: bool,
    pub(super) body: Body,
    pub(super) repeat: Option<Repeat<'a>>,
}

/// Where the request's first record is.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) topic: Cow<'a, str>,
    pub(super) topic_hash: u64,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// What comparing both bodies came to.
#[derive(Debug)]
pub(super) enum Body {
    NotCompared(&'static str),
    Compared {
        differences: Vec<Difference>,
        has_more: bool,
        searches: Vec<SearchComparison>,
        bulk: Option<Bulk>,
    },
}

/// The items of a bulk.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) items: u64,
    pub(super) same: u64,
    pub(super) different: Vec<(String, String)>,
}

impl<'a> Seen<'a> {
    /// Reads a line, and compares the answers in it.
    pub(super) fn of(line: &'a [u8], settings: &Settings) -> Result<Self, String> {
        let tuple = TupleRecord::parse(line).map_err(|error| error.to_string())?;
        let is_empty = tuple.source_request.is_none() && tuple.target_request.is_none();
        if is_empty && tuple.source_response.is_none() && tuple.target_responses.is_empty() {
            return Err("no tuple: it has neither a request nor an answer".to_owned());
        }
        Ok(Self::of_tuple(tuple, settings))
    }

    fn of_tuple(tuple: TupleRecord<'a>, settings: &Settings) -> Self {
        let request = tuple.source_request.as_ref().or(tuple.target_request.as_ref());
        let method = request.and_then(|request| request.method.clone()).unwrap_or(Cow::Borrowed("?"));
        let uri = request.and_then(|request| request.target.clone()).unwrap_or(Cow::Borrowed("?"));
        let is_known = request.is_some_and(|request| request.method.is_some() && request.target.is_some());
        let endpoint = if is_known { Endpoint::of(&method, &uri) } else { Endpoint::unknown() };
        let source = answer(tuple.source_response.as_ref());
        let target = target_answer(&tuple);
        let outcome = Outcome::of(source, target);
        let times = tuple.source_response_time.zip(tuple.target_response_time());
        let subject = settings.subject(&endpoint);
        Self {
            body: body(&tuple, &endpoint, outcome, &method, subject, settings.compare_all),
            repeat: settings.learn_noise.then(|| repeat(&tuple, &endpoint, settings.compare_all)).flatten(),
            identity: identity(&tuple),
            place: place(&tuple),
            reason: reason(&tuple, outcome),
            attempts: tuple.requests.unwrap_or_default().max(tuple.attempts.len() as u64),
            times: (tuple.source_time, tuple.target_time),
            latency: times.filter(|_| source.status().and(target.status()).is_some()),
            is_coarse: tuple.attempts.is_empty(),
            connection: tuple.connection_id,
            target_of_request: uri,
            method,
            endpoint,
            source,
            target,
            outcome,
        }
    }

    /// Method and target, without secrets.
    pub(super) fn request(&self) -> String {
        redact::request_line(&self.method, &self.target_of_request)
    }
}

fn answer(message: Option<&MessageRecord<'_>>) -> Answer {
    let status = message.and_then(|message| message.status);
    status.filter(|status| (100..1000).contains(status)).map_or(Answer::Missing, Answer::Status)
}

/// What the target answered at the last attempt.
fn target_answer(tuple: &TupleRecord<'_>) -> Answer {
    if let Some(attempt) = tuple.attempts.last() {
        return attempt.status.map_or(Answer::Missing, Answer::Status);
    }
    match answer(tuple.target_response()) {
        Answer::Missing if !was_sent(tuple) => Answer::NotSent,
        answer => answer,
    }
}

fn was_sent(tuple: &TupleRecord<'_>) -> bool {
    let has_failed = tuple.error.is_some() && tuple.target_request.is_some();
    !tuple.target_responses.is_empty() || tuple.requests.unwrap_or_default() > 0 || has_failed
}

fn reason(tuple: &TupleRecord<'_>, outcome: Outcome) -> Option<String> {
    let error = tuple.attempts.last().and_then(|attempt| attempt.error.as_deref()).or(tuple.error.as_deref());
    let text = match outcome {
        Outcome::NoAnswer => error.unwrap_or("not known"),
        Outcome::NotSent => tuple.transform_status.as_deref().or(error).unwrap_or("not known"),
        _ => return None,
    };
    Some(redact::cut(text))
}

fn place<'a>(tuple: &TupleRecord<'a>) -> Option<Place<'a>> {
    let topic = tuple.topic.clone()?;
    let topic_hash = hash(&[topic.as_bytes()]);
    Some(Place { topic, topic_hash, partition: tuple.partition?, offset: tuple.offset? })
}

fn identity(tuple: &TupleRecord<'_>) -> Option<u64> {
    if tuple.connection_id.is_empty() && tuple.offset.is_none() {
        return None;
    }
    let (partition, offset) = (tuple.partition.unwrap_or(-1), tuple.offset.unwrap_or(-1));
    Some(hash(&[
        tuple.topic.as_deref().unwrap_or_default().as_bytes(),
        &partition.to_be_bytes(),
        &offset.to_be_bytes(),
        tuple.connection_id.as_bytes(),
    ]))
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    for part in parts {
        hasher.write(&(part.len() as u64).to_be_bytes());
        hasher.write(part);
    }
    hasher.finish()
}

/// The body of a message, borrowed from the line where it stands there as it is.
fn bytes_of<'a>(message: &MessageRecord<'a>) -> Cow<'a, [u8]> {
    match &message.payload {
        PayloadRecord::Json(json) => Cow::Borrowed(json.get().as_bytes()),
        PayloadRecord::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        other => Cow::Owned(other.bytes().into_owned()),
    }
}

fn repeat<'a>(tuple: &TupleRecord<'a>, endpoint: &Endpoint, compare_all: bool) -> Option<Repeat<'a>> {
    let (request, response) = (tuple.source_request.as_ref()?, tuple.source_response.as_ref()?);
    let is_wanted =
        endpoint.is_read && response.status == Some(200) && (compare_all || !endpoint.is_of_servers);
    let body = Some(bytes_of(response)).filter(|body| is_wanted && matches!(**body, [b'{' | b'[', ..]))?;
    let (method, target) = (request.method.as_deref()?, request.target.as_deref()?);
    let request = hash(&[method.as_bytes(), target.as_bytes(), &bytes_of(request)]);
    Some(Repeat { request, body })
}

fn body(
    tuple: &TupleRecord<'_>,
    endpoint: &Endpoint,
    outcome: Outcome,
    method: &str,
    subject: Subject<'_>,
    compare_all: bool,
) -> Body {
    if outcome != Outcome::SameStatus {
        return Body::NotCompared("the status is not the same, or not known of both");
    }
    let (Some(source), Some(target)) = (&tuple.source_response, tuple.target_response()) else {
        return Body::NotCompared("an answer is not in the tuple");
    };
    if endpoint.is_of_servers && !compare_all {
        return Body::NotCompared("the answer tells of the servers, not of what they hold");
    }
    let (source_body, target_body) = (bytes_of(source), bytes_of(target));
    if method == "HEAD" || (source_body.is_empty() && target_body.is_empty()) {
        return Body::NotCompared("neither answer has a body");
    }
    if endpoint.is_bulk && source.status == Some(200) {
        match compare_items(tuple, subject, &source_body) {
            Ok(bulk) => return Body::of_bulk(bulk),
            Err(reason) if tuple.target_responses.len() > 1 => return Body::NotCompared(reason),
            Err(_) => {} // Nothing but `took` was asked for, perhaps.
        }
    }
    Body::of(compare(subject, &source_body, &target_body))
}

fn compare_items(
    tuple: &TupleRecord<'_>,
    subject: Subject<'_>,
    source: &[u8],
) -> Result<BulkComparison, &'static str> {
    let done = tuple.target_responses.iter().filter(|response| response.status == Some(200));
    let bodies: Vec<_> = done.map(bytes_of).collect();
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| &**body).collect();
    compare_bulk(subject, source, &bodies)
}

impl Body {
    fn of(comparison: Comparison) -> Self {
        let Comparison { differences, has_more, searches } = comparison;
        Self::Compared { differences, has_more, searches, bulk: None }
    }

    fn of_bulk(compared: BulkComparison) -> Self {
        let BulkComparison { items, same, different, comparison } = compared;
        let Comparison { differences, has_more, searches } = comparison;
        Self::Compared { differences, has_more, searches, bulk: Some(Bulk { items, same, different }) }
    }
}
