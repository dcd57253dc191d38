//! What a replay counts.

use super::histogram::Histogram;
use super::outcome::Finished;
use super::select::Skip;
use crate::traffic::SourceResponse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Counts of a replay that runs. The cheap ones are atomic, the others behind a lock that is held for an addition.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    in_flight: AtomicU64,
    done: AtomicU64,
    abandoned: AtomicU64,
    tuples: AtomicU64,
    more: Mutex<More>,
}

#[derive(Debug, Default)]
struct More {
    skipped: BTreeMap<&'static str, u64>,
    dropped: u64,
    failed_transforms: u64,
    unanswered: u64,
    retries: u64,
    statuses: BTreeMap<(Option<u16>, Option<u16>), u64>,
    lag: Histogram,
    took: Histogram,
}

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
    /// How many pairs of statuses there are, `SOURCE>TARGET`, `-` for none.
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

impl Counts {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn skipped(&self, skip: &Skip) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let count = more.skipped.entry(skip.name()).or_default();
        *count = count.saturating_add(1);
    }

    /// A request that was due then is sent now.
    pub(super) fn sent(&self, due: Instant) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let lag = due.elapsed();
        self.more.lock().unwrap_or_else(PoisonError::into_inner).lag.add(lag);
    }

    pub(super) fn answered(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Requests that are through.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stored(&self, tuples: u64) {
        self.tuples.fetch_add(tuples, Ordering::Relaxed);
    }

    /// What became of a request.
    pub(super) fn note(&self, finished: &Finished, response: Option<&SourceResponse>) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let one_more = |count: &mut u64| *count = count.saturating_add(1);
        let Some(last) = finished.attempts.last() else {
            one_more(if finished.transform == "dropped" {
                &mut more.dropped
            } else {
                &mut more.failed_transforms
            });
            return;
        };
        more.retries = more.retries.saturating_add(finished.attempts.len().saturating_sub(1) as u64);
        let source = response.and_then(SourceResponse::status);
        match &last.answer {
            Ok(answer) => {
                more.took.add(last.took);
                one_more(more.statuses.entry((source, Some(answer.head.status.as_u16()))).or_default());
            }
            Err(_) => {
                one_more(&mut more.unanswered);
                one_more(more.statuses.entry((source, None)).or_default());
            }
        }
    }

    pub(super) fn summary(&self) -> Summary {
        let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |status: Option<u16>| status.map_or("-".to_owned(), |status| status.to_string());
        let answered =
            more.statuses.iter().filter(|((_, target), _)| target.is_some()).map(|(_, count)| count);
        Summary {
            requests: self.requests.load(Ordering::Relaxed),
            skipped: more.skipped.clone(),
            dropped: more.dropped,
            failed_transforms: more.failed_transforms,
            answered: answered.sum(),
            unanswered: more.unanswered,
            in_flight: self.in_flight(),
            abandoned: self.abandoned.load(Ordering::Relaxed),
            retries: more.retries,
            tuples: self.tuples.load(Ordering::Relaxed),
            statuses: more
                .statuses
                .iter()
                .map(|((source, target), count)| (format!("{}>{}", text(*source), text(*target)), *count))
                .collect(),
            lag: quantiles(&more.lag),
            took: quantiles(&more.took),
        }
    }
}

fn quantiles(histogram: &Histogram) -> Quantiles {
    let of = |share| histogram.quantile(share).unwrap_or_default();
    Quantiles { p50: of(0.5), p90: of(0.9), p99: of(0.99), max: histogram.max() }
}
