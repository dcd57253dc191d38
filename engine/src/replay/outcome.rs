//! What became of a request of the source.

use super::line::Text;
use super::request::Outgoing;
use super::send::Attempt;
use crate::traffic::{SourceRequest, SourceResponse};
use codecs::traffic::http::Version;
use codecs::traffic::tuple::{self, Place, Tuple, TupleRequest, TupleResponse, TupleSettings};
use std::borrow::Cow;
use std::time::Duration;

/// A request that is through, but for the source's response.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) request: SourceRequest,
    /// The source's response, when it is here already.
    pub(super) response: Option<SourceResponse>,
    /// What was sent to the target, if anything was.
    pub(super) sent: Option<Outgoing>,
    /// Each time that it was sent.
    pub(super) attempts: Vec<Attempt>,
    /// What the transforms did.
    pub(super) transform: &'static str,
    /// Why there is no answer of the target.
    pub(super) error: Option<String>,
    /// The line of the tuple, when it is written already.
    pub(super) text: Option<Text>,
}

impl Finished {
    /// Bytes of its messages.
    pub(super) fn bytes(&self) -> usize {
        let answers = self.attempts.iter().filter_map(|attempt| attempt.answer.as_ref().ok());
        let source = self.response.as_ref().map_or(0, |response| response.message.len());
        answers
            .map(|answer| answer.body.len())
            .fold(source, usize::saturating_add)
            .saturating_add(self.request.message.len())
    }

    /// The line of the tuple, with its line feed.
    pub(super) fn line(&self, settings: &TupleSettings) -> Vec<u8> {
        let request = &self.request;
        let response = self.response.as_ref();
        let source_response = response.filter(|response| !response.message.is_empty()).map(|response| {
            let time = response.last_byte.and_then(|end| end.duration_since(request.last_byte).ok());
            TupleResponse::parse(&response.message, time.unwrap_or_default())
        });
        let home = request.tokens.first();
        let tuple = Tuple {
            source_request: Some(TupleRequest::parse(&request.message)),
            source_response,
            target_request: self.sent.as_ref().map(|sent| Ok(target_request(sent))),
            target_responses: self.attempts.iter().filter_map(target_response).collect(),
            connection: &request.connection.id,
            index: request.index,
            error: self.error.as_deref(),
            source_time: Some(request.first_byte),
            target_time: self.attempts.first().map(|attempt| attempt.at),
            place: home.map(|token| Place {
                topic: token.ledger().topic(),
                partition: token.ledger().partition(),
                offset: token.offset(),
            }),
            attempts: self.tuple_attempts(),
            transform_status: Some(self.transform),
        };
        // What is sent is mostly what the client sent. A line that turns out longer costs a copy of it.
        let messages = self.bytes().saturating_add(request.message.len());
        let mut line = Vec::with_capacity(messages.saturating_add(messages / 16).saturating_add(1024));
        tuple::write(&tuple, settings, &mut line);
        line
    }

    fn tuple_attempts(&self) -> Vec<tuple::Attempt<'_>> {
        let mut before = None;
        let attempts = self.attempts.iter().map(|attempt| {
            let delay =
                before.and_then(|before| attempt.at.duration_since(before).ok()).unwrap_or(Duration::ZERO);
            before = attempt.at.checked_add(attempt.took);
            tuple::Attempt {
                at: attempt.at,
                delay,
                status: attempt.answer.as_ref().ok().map(|answer| answer.head.status.as_u16()),
                response_time: Some(attempt.took),
                items: attempt.operations.map(|count| count as u64),
                error: attempt.error.as_deref(),
            }
        });
        attempts.collect()
    }
}

fn target_request(sent: &Outgoing) -> TupleRequest<'_> {
    TupleRequest {
        method: &sent.method,
        target: &sent.target,
        version: sent.version,
        headers: sent.headers.iter().collect(),
        body: Cow::Borrowed(&sent.body),
    }
}

fn target_response(attempt: &Attempt) -> Option<TupleResponse<'_>> {
    let answer = attempt.answer.as_ref().ok()?;
    let headers = answer.head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Some(TupleResponse {
        version: if answer.head.version == http::Version::HTTP_10 {
            Version::Http10
        } else {
            Version::Http11
        },
        status: answer.head.status.as_u16(),
        reason: answer.head.status.canonical_reason().unwrap_or_default(),
        headers: headers.collect(),
        body: Cow::Borrowed(&answer.body),
        response_time: attempt.took,
    })
}
