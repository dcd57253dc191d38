//! What becomes of an answer of the target: good, bad, or to be tried again.

use super::bulk::Operations;
use crate::flow::Backoff;
use crate::target::{RawResponse, SendError};
use crate::telemetry::ReplayRetry;
use codecs::bulk::{OperationResult, read_response};
use http::header::RETRY_AFTER;
use std::collections::HashSet;
use std::time::Duration;

/// Errors of operations of a bulk request that come again however often it is sent: the set of the Java replayer.
pub const FINAL_ERRORS: [&str; 9] = [
    "version_conflict_engine_exception",
    "mapper_parsing_exception",
    "strict_dynamic_mapping_exception",
    "document_missing_exception",
    "action_request_validation_exception",
    "invalid_index_name_exception",
    "routing_missing_exception",
    "illegal_argument_exception",
    "resource_already_exists_exception",
];

/// When a request is sent again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Statuses, of a request or of an operation of a bulk, that ask for another attempt.
    pub statuses: Vec<u16>,
    /// Attempts in all while the target answers so, or not at all.
    pub attempts: u32,
    /// Attempts in all where the source did it and the target refuses it.
    pub mismatch_attempts: u32,
    /// How long to wait between attempts; what the target asks for (`Retry-After`) is added.
    pub backoff: Backoff,
    /// After this time, counted from the first attempt and without pauses, none is begun.
    pub budget: Duration,
    /// Errors of operations of a bulk that are final.
    pub final_errors: HashSet<String>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            statuses: vec![429, 502, 503, 504],
            attempts: 20,
            mismatch_attempts: 4,
            backoff: Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(20) },
            budget: Duration::from_secs(300),
            final_errors: FINAL_ERRORS.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done, well or not.
    Done,
    /// It is sent again.
    Again {
        /// At most so many attempts in all.
        attempts: u32,
        /// What the target asks for.
        wait: Option<Duration>,
        /// Of a bulk request, the operations that failed, by their positions in what was sent; otherwise all of it.
        only: Option<Vec<usize>>,
    },
}

impl RetryPolicy {
    /// Judges an attempt. `source` is the status that the source answered with, if it is known; `operations` finds those
    /// that were sent, of a bulk request.
    pub(super) fn judge(
        &self,
        answer: &Result<RawResponse, SendError>,
        source: Option<u16>,
        operations: impl FnOnce() -> Option<Operations>,
    ) -> Verdict {
        let response = match answer {
            Ok(response) => response,
            Err(error) if error.is_retryable() => return self.again(self.attempts, None),
            Err(_) => return Verdict::Done,
        };
        let status = response.head.status.as_u16();
        if self.statuses.contains(&status) {
            let wait = response.head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            return self.again(self.attempts, wait.and_then(Backoff::requested));
        }
        if status == 200
            && !says_no_errors(&response.body)
            && let Some(operations) = operations()
        {
            return self.judge_operations(&response.plain_body(), operations.len());
        }
        let was_done = source.is_some_and(|source| (200..300).contains(&source));
        let is_refusal = status >= 400 && !matches!(status, 401 | 403);
        if was_done && is_refusal { self.again(self.mismatch_attempts, None) } else { Verdict::Done }
    }

    fn judge_operations(&self, body: &[u8], operations: usize) -> Verdict {
        let Ok(results) = read_response(body, operations) else { return Verdict::Done };
        let mut attempts = 0;
        let mut failed = Vec::new();
        for (position, result) in results.iter().enumerate() {
            let most = self.attempts_of(result);
            if most > 1 {
                attempts = attempts.max(most);
                failed.push(position);
            }
        }
        if failed.is_empty() {
            return Verdict::Done;
        }
        Verdict::Again { attempts, wait: None, only: Some(failed) }
    }

    /// How often an operation with this result is sent at most.
    fn attempts_of(&self, result: &OperationResult) -> u32 {
        let Some(error) = &result.error else { return 1 };
        if self.statuses.contains(&result.status) || result.status >= 500 {
            return self.attempts;
        }
        if self.final_errors.contains(&error.type_name) { 1 } else { self.mismatch_attempts }
    }

    fn again(&self, attempts: u32, wait: Option<Duration>) -> Verdict {
        Verdict::Again { attempts, wait, only: None }
    }
}

/// Whether the answer to a bulk request says at its beginning that nothing failed: there is no need to look at its items.
fn says_no_errors(body: &[u8]) -> bool {
    const START: usize = 100;
    let start = body.get(..START).unwrap_or(body);
    let before_items =
        memchr::memmem::find(start, b"\"items\"").map_or(start, |at| start.get(..at).unwrap_or(start));
    memchr::memmem::find(before_items, b"\"errors\":false").is_some()
}

/// What was wrong with an attempt that is followed by another one.
pub(super) fn cause(answer: &Result<RawResponse, SendError>) -> ReplayRetry {
    match answer {
        Ok(answer) => match answer.head.status.as_u16() {
            429 => ReplayRetry::TooManyRequests,
            502..=504 => ReplayRetry::Unavailable,
            408 | 500.. => ReplayRetry::ServerError,
            200 => ReplayRetry::Operations,
            _ => ReplayRetry::Refused,
        },
        Err(SendError::Timeout(_)) => ReplayRetry::Timeout,
        Err(_) => ReplayRetry::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn answer(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Result<RawResponse, SendError> {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        Ok(RawResponse { head, body: body.into(), is_cut: false })
    }

    fn attempts(verdict: Verdict) -> u32 {
        match verdict {
            Verdict::Done => 1,
            Verdict::Again { attempts, .. } => attempts,
        }
    }

    #[test]
    fn an_overloaded_target_gets_all_attempts_and_the_time_that_it_asks_for() {
        let policy = RetryPolicy::default();
        let verdict = policy.judge(&answer(429, &[("retry-after", "7")], ""), Some(200), || None);
        let wait = Some(Duration::from_secs(7));
        assert_eq!(verdict, Verdict::Again { attempts: 20, wait, only: None });
        assert_eq!(attempts(policy.judge(&Err(SendError::Timeout(Duration::ZERO)), None, || None)), 20);
        let tls = SendError::Tls(Arc::new(std::io::Error::other("no")));
        assert_eq!(attempts(policy.judge(&Err(tls), Some(200), || None)), 1);
    }

    #[test]
    fn a_refusal_is_tried_again_only_where_the_source_did_it() {
        let policy = RetryPolicy::default();
        for (status, source, expected) in [
            (404, Some(200), 4),
            (404, Some(404), 1),
            (404, None, 1),
            (400, Some(201), 4),
            (403, Some(200), 1),
            (401, Some(200), 1),
            (302, Some(200), 1),
            (200, Some(500), 1),
            (500, Some(200), 4),
            (500, Some(500), 1),
        ] {
            let verdict = policy.judge(&answer(status, &[], ""), source, || None);
            assert_eq!(attempts(verdict), expected, "{status} where the source said {source:?}");
        }
    }

    #[test]
    fn what_is_sent_again_has_a_cause() {
        for (status, expected) in [
            (429, ReplayRetry::TooManyRequests),
            (503, ReplayRetry::Unavailable),
            (504, ReplayRetry::Unavailable),
            (500, ReplayRetry::ServerError),
            (408, ReplayRetry::ServerError),
            (404, ReplayRetry::Refused),
            (200, ReplayRetry::Operations),
        ] {
            assert_eq!(cause(&answer(status, &[], "")), expected, "{status}");
        }
        assert_eq!(cause(&Err(SendError::Timeout(Duration::ZERO))), ReplayRetry::Timeout);
        let lost = SendError::Lost(Arc::new(std::io::Error::other("gone")));
        assert_eq!(cause(&Err(lost)), ReplayRetry::Connection);
    }

    #[test]
    fn of_a_bulk_only_the_operations_that_failed_and_may_succeed_are_sent_again() {
        let policy = RetryPolicy::default();
        let operations =
            Operations::find(b"{\"delete\":{}}\n{\"delete\":{}}\n{\"delete\":{}}\n{\"delete\":{}}\n")
                .unwrap();
        let body = r#"{"took":1,"errors":true,"items":[{"delete":{"status":200}},
            {"delete":{"status":429,"error":{"type":"rejected_execution_exception","reason":"r"}}},
            {"delete":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"r"}}},
            {"delete":{"status":404,"error":{"type":"index_not_found_exception","reason":"r"}}}]}"#;
        let verdict = policy.judge(&answer(200, &[], body), Some(200), || Some(operations));
        assert_eq!(verdict, Verdict::Again { attempts: 20, wait: None, only: Some(vec![1, 3]) });
        let fine = r#"{"took":1,"errors":false,"items":[]}"#;
        assert_eq!(policy.judge(&answer(200, &[], fine), Some(200), || Some(operations)), Verdict::Done);
    }
}
