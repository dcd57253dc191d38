//! What an answer says about operations: of the status first, of the type of the error where the status is not to be
//! trusted.

use crate::target::{Response, SendError};
use crate::telemetry::{RequestOutcome, RetryCause};
use codecs::bulk::{Diverted, OperationError, OperationResult, read_error, read_response};
use std::collections::BTreeSet;

/// Errors that pass when the cluster has recovered, whatever status they come with.
///
/// | type                                     | status that it comes with, beside 429 and 503                          |
/// |------------------------------------------|------------------------------------------------------------------------|
/// | `cluster_block_exception`                | 403: disk over the flood stage (before Elasticsearch 7.9), write block |
/// | `es_rejected_execution_exception`, …     | 503 in Elasticsearch 1                                                 |
/// | `process_cluster_event_timeout_exception`| a mapping update that waits for the cluster manager                    |
/// | `index_shard_closed_exception`, `illegal_index_shard_state_exception`, `shard_not_found_exception` | 404: the shard moves |
/// | `node_closed_exception`, `node_disconnected_exception`, `node_not_connected_exception`, `connect_transport_exception`, `receive_timeout_transport_exception`, `send_request_transport_exception` | 500: a node has gone |
/// | `shard_not_in_primary_mode_exception`, `retry_on_primary_exception`, `no_longer_primary_shard_exception` | 500: the primary moves |
/// | `circuit_breaking_exception`             | 503 before Elasticsearch 7                                             |
const BUSY: [&str; 24] = [
    "circuit_breaking_exception",
    "cluster_block_exception",
    "cluster_manager_not_discovered_exception",
    "cluster_manager_throttling_exception",
    "connect_transport_exception",
    "es_rejected_execution_exception",
    "failed_to_commit_cluster_state_exception",
    "illegal_index_shard_state_exception",
    "index_shard_closed_exception",
    "master_not_discovered_exception",
    "no_longer_primary_shard_exception",
    "no_shard_available_action_exception",
    "node_closed_exception",
    "node_disconnected_exception",
    "node_not_connected_exception",
    "not_master_exception",
    "process_cluster_event_timeout_exception",
    "receive_timeout_transport_exception",
    "rejected_execution_exception",
    "retry_on_primary_exception",
    "send_request_transport_exception",
    "shard_not_found_exception",
    "shard_not_in_primary_mode_exception",
    "unavailable_shards_exception",
];

/// Those of [`BUSY`] that leave open whether the operation was done: a node had it and was not heard of again.
const MAYBE_DONE: [&str; 4] = [
    "node_closed_exception",
    "node_disconnected_exception",
    "receive_timeout_transport_exception",
    "send_request_transport_exception",
];

/// What one answer says about one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// It was refused with an error that counts as success.
    Allowed,
    /// It will be refused each time.
    Refused,
    /// The cluster has no room or no shard for it now.
    Busy,
    /// The cluster failed at it; it may have been done.
    Fault,
    /// The credentials are not good for it.
    Denied,
}

pub(super) fn is_busy(type_name: &str) -> bool {
    BUSY.contains(&type_name)
}

/// Whether an operation may have been done though it comes with this error.
pub(super) fn may_be_done(type_name: &str) -> bool {
    MAYBE_DONE.contains(&type_name)
}

/// Type and reason of the error of an operation. A document that is not in the index is one, whatever the cluster calls it.
pub(super) fn error_of(result: &OperationResult) -> Option<(&str, &str)> {
    let diverted = result.diverted.map(|diverted| match diverted {
        Diverted::Dropped => (
            "dropped_by_pipeline",
            "the target wrote nothing (`result` is `noop`): an ingest pipeline of the index drops the document",
        ),
        Diverted::FailureStore => (
            "in_failure_store",
            "the target could not index it and put it into the failure store of the data stream",
        ),
    });
    result.error.as_ref().map(|error| (error.type_name.as_str(), error.reason.as_str())).or(diverted)
}

/// Judges one operation.
pub(super) fn judge(result: &OperationResult, allowed: &BTreeSet<String>) -> Verdict {
    let type_name = error_of(result).map(|(type_name, _)| type_name);
    match (result.status, type_name) {
        (_, Some(type_name)) if is_busy(type_name) => Verdict::Busy,
        (429 | 503, _) => Verdict::Busy,
        (_, Some(type_name)) if allowed.contains(type_name) => Verdict::Allowed,
        (401, _) | (403, Some("security_exception" | "authorization_exception")) => Verdict::Denied,
        (200..=299, None) => Verdict::Done,
        (200..=299, _) if result.error.is_none() => Verdict::Refused,
        (400..=499, _) => Verdict::Refused,
        // 5xx; and what contradicts itself, such as an error with status 200.
        _ => Verdict::Fault,
    }
}

/// Why an operation is sent again that was judged [`Verdict::Busy`] or [`Verdict::Fault`].
pub(super) fn retry_cause(result: &OperationResult) -> RetryCause {
    let is_passing = result.error.as_ref().is_some_and(|error| is_busy(&error.type_name));
    match result.status {
        429 => RetryCause::TooManyRequests,
        503 => RetryCause::Unavailable,
        _ if is_passing => RetryCause::Unavailable,
        500..=599 => RetryCause::ServerError,
        _ => RetryCause::BadAnswer,
    }
}

/// What came of one request.
#[derive(Debug)]
pub(super) enum Answer {
    /// A result for each operation.
    Results(Vec<OperationResult>),
    /// The cluster has no room for the request.
    Busy {
        /// In words.
        why: String,
        cause: RetryCause,
        /// Whether some of it may have been done.
        maybe_done: bool,
    },
    /// The answer was lost, makes no sense, or says that something broke: all or a part may have been done.
    Fault {
        /// In words.
        why: String,
        cause: RetryCause,
        /// Whether that can be: not if there was no connection.
        maybe_done: bool,
    },
    /// Longer than the cluster takes.
    TooLarge(Refusal),
    /// Something in it is wrong.
    BadRequest(Refusal),
    /// There is no such index, and the cluster makes none.
    NoIndex(Refusal),
    /// The credentials are not good for it.
    Denied(Refusal),
    /// No request of this form is taken.
    Unwanted(Refusal),
    /// It cannot be sent.
    Unsendable(SendError),
}

impl Answer {
    /// What came of the request as a whole.
    pub(super) fn outcome(&self, allowed: &BTreeSet<String>) -> RequestOutcome {
        match self {
            Self::Results(results)
                if results.iter().any(|result| judge(result, allowed) == Verdict::Busy) =>
            {
                RequestOutcome::Busy
            }
            Self::Results(_) => RequestOutcome::Answered,
            Self::Busy { .. } => RequestOutcome::Busy,
            Self::Fault { .. } => RequestOutcome::Fault,
            _ => RequestOutcome::Refused,
        }
    }

    /// Whether the status is 429, of the request or of some operations.
    pub(super) fn is_throttled(&self) -> bool {
        match self {
            Self::Results(results) => results.iter().any(|result| result.status == 429),
            Self::Busy { cause, .. } => *cause == RetryCause::TooManyRequests,
            _ => false,
        }
    }
}

/// An answer that refuses a whole request.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error_type: Option<String>,
    /// Type and reason, or the start of the body.
    pub(super) reason: String,
}

impl Refusal {
    fn new(response: &Response, error: Option<OperationError>) -> Self {
        let status = response.status;
        match error {
            Some(error) => Self { status, error_type: Some(error.type_name), reason: error.reason },
            None => Self { status, error_type: None, reason: response.excerpt() },
        }
    }

    /// For messages.
    pub(super) fn words(&self) -> String {
        let Self { status, error_type, reason } = self;
        match error_type {
            Some(error_type) => format!("status {status} `{error_type}`: {reason}"),
            None if reason.is_empty() => format!("status {status}"),
            None => format!("status {status}: {reason}"),
        }
    }
}

/// Understands the answer to a request of so many operations.
pub(super) fn understand(answer: Result<Response, SendError>, operations: usize) -> Answer {
    let response = match answer {
        Ok(response) => response,
        Err(error) if error.is_retryable() || matches!(error, SendError::ResponseTooLarge { .. }) => {
            let maybe_done = !matches!(error, SendError::Connect(_));
            let cause = match error {
                SendError::Timeout(_) => RetryCause::Timeout,
                SendError::ResponseTooLarge { .. } => RetryCause::BadAnswer,
                _ => RetryCause::Connection,
            };
            return Answer::Fault { why: crate::error::chain(&error), cause, maybe_done };
        }
        Err(error) => return Answer::Unsendable(error),
    };
    if response.is_success() {
        return match read_response(&response.body, operations) {
            Ok(results) => Answer::Results(results),
            Err(error) => {
                let cause = RetryCause::BadAnswer;
                Answer::Fault { why: error.to_string(), cause, maybe_done: true }
            }
        };
    }
    refused(&response)
}

fn refused(response: &Response) -> Answer {
    let error = read_error(&response.body);
    let is_of_cluster = error.is_some();
    let busy_type = error.as_ref().is_some_and(|error| is_busy(&error.type_name));
    let refusal = Refusal::new(response, error);
    let type_name = refusal.error_type.as_deref().unwrap_or_default();
    match response.status {
        // An error of the cluster itself says that it did not start; what comes from a proxy does not.
        429 => Answer::Busy { why: refusal.words(), cause: RetryCause::TooManyRequests, maybe_done: false },
        503 => {
            Answer::Busy { why: refusal.words(), cause: RetryCause::Unavailable, maybe_done: !is_of_cluster }
        }
        _ if busy_type => {
            let maybe_done = may_be_done(type_name);
            Answer::Busy { why: refusal.words(), cause: RetryCause::Unavailable, maybe_done }
        }
        401 | 403 => Answer::Denied(refusal),
        413 => Answer::TooLarge(refusal),
        400 => Answer::BadRequest(refusal),
        404 if matches!(type_name, "index_not_found_exception" | "index_missing_exception") => {
            Answer::NoIndex(refusal)
        }
        408 | 500..=599 => {
            Answer::Fault { why: refusal.words(), cause: RetryCause::ServerError, maybe_done: true }
        }
        _ => Answer::Unwanted(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn result(status: u16, error: Option<&str>) -> OperationResult {
        let error = error.map(|name| OperationError { type_name: name.to_owned(), reason: "r".to_owned() });
        OperationResult { status, error, diverted: None }
    }

    #[test]
    fn a_document_that_is_not_in_the_index_was_refused_whatever_the_status() {
        let judged = |diverted, allowed: &[&str]| {
            let result = OperationResult { diverted: Some(diverted), ..result(200, None) };
            judge(&result, &allowed.iter().map(|name| (*name).to_owned()).collect())
        };
        assert_eq!(judged(Diverted::Dropped, &[]), Verdict::Refused);
        assert_eq!(judged(Diverted::FailureStore, &[]), Verdict::Refused);
        assert_eq!(judged(Diverted::Dropped, &["dropped_by_pipeline"]), Verdict::Allowed);
    }

    #[test]
    fn what_may_be_done_passes_too() {
        assert!(MAYBE_DONE.iter().all(|name| is_busy(name)));
    }

    fn verdict(status: u16, error: Option<&str>) -> Verdict {
        let allowed = BTreeSet::from(["version_conflict_engine_exception".to_owned()]);
        judge(&result(status, error), &allowed)
    }

    #[test]
    fn the_status_decides() {
        assert_eq!([200, 201].map(|status| verdict(status, None)), [Verdict::Done; 2]);
        assert_eq!(verdict(400, Some("mapper_parsing_exception")), Verdict::Refused);
        assert_eq!(verdict(404, Some("index_not_found_exception")), Verdict::Refused);
        assert_eq!(verdict(429, Some("anything")), Verdict::Busy);
        assert_eq!(verdict(503, None), Verdict::Busy);
        assert_eq!(verdict(500, Some("null_pointer_exception")), Verdict::Fault);
        assert_eq!(verdict(502, None), Verdict::Fault);
        assert_eq!(verdict(401, None), Verdict::Denied);
        assert_eq!(verdict(403, Some("security_exception")), Verdict::Denied);
        assert_eq!(verdict(403, Some("other_exception")), Verdict::Refused);
    }

    #[test]
    fn the_type_decides_where_the_status_lies() {
        assert_eq!(verdict(403, Some("cluster_block_exception")), Verdict::Busy);
        assert_eq!(verdict(404, Some("index_shard_closed_exception")), Verdict::Busy);
        assert_eq!(verdict(500, Some("node_closed_exception")), Verdict::Busy);
        assert_eq!(verdict(200, Some("mapper_parsing_exception")), Verdict::Fault);
        assert_eq!(verdict(0, None), Verdict::Fault);
    }

    #[test]
    fn an_allowed_type_counts_as_success_but_not_one_that_passes() {
        assert_eq!(verdict(409, Some("version_conflict_engine_exception")), Verdict::Allowed);
        let allowed = BTreeSet::from(["es_rejected_execution_exception".to_owned()]);
        assert_eq!(judge(&result(429, Some("es_rejected_execution_exception")), &allowed), Verdict::Busy);
    }

    #[test]
    fn the_types_are_in_order_and_none_is_there_twice() {
        assert!(BUSY.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn a_refusal_by_a_proxy_may_hide_that_the_work_was_done() {
        let answer = |status, body: &'static str| {
            understand(Ok(Response { status, retry_after: None, body: Bytes::from(body) }), 1)
        };
        let of_cluster = r#"{"error":{"type":"x","reason":"r"},"status":503}"#;
        assert!(matches!(answer(503, of_cluster), Answer::Busy { maybe_done: false, .. }));
        assert!(matches!(answer(503, "<html>"), Answer::Busy { maybe_done: true, .. }));
        assert!(matches!(answer(504, "<html>"), Answer::Fault { maybe_done: true, .. }));
        assert!(matches!(answer(404, "<html>"), Answer::Unwanted(_)));
        let block = r#"{"error":{"type":"cluster_block_exception","reason":"r"},"status":403}"#;
        assert!(matches!(answer(403, block), Answer::Busy { .. }));
        assert!(matches!(answer(403, "<html>"), Answer::Denied(_)));
    }
}
