//! What a replay has done, in numbers.

use std::collections::BTreeMap;

/// What a replay has done.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Requests of the source that were whole.
    pub requests: u64,
    /// Of these, not selected, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Of these, dropped by a transform on purpose.
    pub dropped: u64,
    /// Of these, not sent because a transform failed.
    pub failed_transforms: u64,
    /// Of these, sent and answered.
    pub answered: u64,
    /// Of these, without an answer of the target in the end.
    pub unanswered: u64,
    /// Of these, under way now.
    pub in_flight: u64,
    /// Of these, left to another process, or to a later run.
    pub abandoned: u64,
    /// Attempts beyond the first ones.
    pub retries: u64,
    /// Lines in files of tuples that are stored.
    pub tuples: u64,
    /// How many pairs of statuses there are, `SOURCE>TARGET`, `-` for none; `other>other` when there are too many.
    pub statuses: BTreeMap<String, u64>,
    /// How late requests were sent, beyond their due time.
    pub lag: Quantiles,
    /// How long the target took to answer.
    pub took: Quantiles,
}

/// Quantiles of times, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 90 % are not above it.
    pub p90: f64,
    /// 99 % are not above it.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}
