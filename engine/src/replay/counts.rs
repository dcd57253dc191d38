//! What a replay counts.

use super::histogram::Histogram;
use super::outcome::Finished;
use super::select::Skip;
use super::summary::{Quantiles, Summary};
use crate::telemetry::{Label, ReplayRetry};
use crate::traffic::{AccumulatorCounts, SourceResponse};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Pairs of statuses that are told apart. Those that come when there are so many are counted together.
const MOST_PAIRS: usize = 500;

/// Stands for statuses that are not told apart.
const OTHER: u16 = 0;

/// Counts of a replay that runs. The cheap ones are atomic, the others behind a lock that is held for an addition.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    waiting: AtomicU64,
    in_flight: AtomicU64,
    done: AtomicU64,
    abandoned: AtomicU64,
    /// Attempts that are followed by another one, by cause.
    retries: [AtomicU64; ReplayRetry::ALL.len()],
    tuples: AtomicU64,
    is_writing: AtomicBool,
    files: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    /// In milliseconds since 1970; 0 for never.
    last_commit: AtomicU64,
    more: Mutex<More>,
    published: Mutex<Published>,
}

/// What others count, as of a moment ago.
#[derive(Debug, Clone, Copy, Default)]
struct Published {
    traffic: AccumulatorCounts,
    uncommitted: Option<Instant>,
}

/// A request that is one of a count until this is dropped.
#[derive(Debug)]
pub(super) struct Counted<'a>(&'a AtomicU64);

#[derive(Debug, Clone, Default)]
struct More {
    skipped: BTreeMap<&'static str, u64>,
    dropped: u64,
    failed_transforms: u64,
    unanswered: u64,
    statuses: BTreeMap<(Option<u16>, Option<u16>), u64>,
    /// Of the request that was sent last.
    last_lag: Duration,
    lag: Histogram,
    took: Histogram,
}

/// How late requests were sent, and how long the target took.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    pub(super) last_lag: Duration,
    pub(super) lag: Histogram,
    pub(super) took: Histogram,
}

impl Counts {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn skipped(&self, skip: &Skip) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut more = lock(&self.more);
        let count = more.skipped.entry(skip.name()).or_default();
        *count = count.saturating_add(1);
    }

    /// A request that was due then is sent now.
    /// It is in flight until what comes back is dropped.
    pub(super) fn sent(&self, due: Instant) -> Counted<'_> {
        let lag = due.elapsed();
        let mut more = lock(&self.more);
        more.last_lag = lag;
        more.lag.add(lag);
        Counted::one_of(&self.in_flight)
    }

    /// Requests that were sent, however often.
    pub(super) fn sent_total(&self) -> u64 {
        lock(&self.more).lag.total()
    }

    /// A request is to be sent again.
    pub(super) fn sent_again(&self, cause: ReplayRetry) {
        if let Some(count) = self.retries.get(cause.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often requests were sent again for this cause.
    pub(super) fn retries(&self, cause: ReplayRetry) -> u64 {
        self.retries.get(cause.place()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// A request is to be sent when its time or turn comes. It waits until what comes back is dropped.
    pub(super) fn waits(&self) -> Counted<'_> {
        Counted::one_of(&self.waiting)
    }

    /// Requests that wait for their time or turn.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
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

    /// A file of so many tuples was stored.
    pub(super) fn stored(&self, tuples: u64) {
        self.tuples.fetch_add(tuples, Ordering::Relaxed);
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// An offset was committed, or could not be.
    pub(super) fn committed(&self, is_committed: bool) {
        if !is_committed {
            self.failed_commits.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        self.last_commit.store(millis, Ordering::Relaxed);
    }

    /// Commits that were done, and such as failed.
    pub(super) fn commits(&self) -> (u64, u64) {
        (self.commits.load(Ordering::Relaxed), self.failed_commits.load(Ordering::Relaxed))
    }

    /// When an offset was committed last, since 1970; zero for never.
    pub(super) fn last_commit(&self) -> Duration {
        Duration::from_millis(self.last_commit.load(Ordering::Relaxed))
    }

    /// What was seen in the records until now.
    pub(super) fn publish_traffic(&self, traffic: &AccumulatorCounts) {
        lock(&self.published).traffic = *traffic;
    }

    /// When the oldest record that is not committed was read; none if all are committed.
    pub(super) fn publish_uncommitted(&self, since: Option<Instant>) {
        lock(&self.published).uncommitted = since;
    }

    pub(super) fn traffic(&self) -> AccumulatorCounts {
        lock(&self.published).traffic
    }

    /// How long the oldest record that is not committed has been under way.
    pub(super) fn uncommitted(&self) -> Duration {
        let since = lock(&self.published).uncommitted;
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn times(&self) -> Times {
        let More { last_lag, lag, took, .. } = lock(&self.more).clone();
        Times { last_lag, lag, took }
    }

    /// Whether the writer writes or commits now: everything else may wait for that.
    pub(super) fn is_writing(&self) -> bool {
        self.is_writing.load(Ordering::Relaxed)
    }

    pub(super) fn set_writing(&self, is_writing: bool) {
        self.is_writing.store(is_writing, Ordering::Relaxed);
    }

    /// What became of a request.
    pub(super) fn note(&self, finished: &Finished, response: Option<&SourceResponse>) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut more = lock(&self.more);
        let one_more = |count: &mut u64| *count = count.saturating_add(1);
        let Some(last) = finished.attempts.last() else {
            one_more(if finished.transform == "dropped" {
                &mut more.dropped
            } else {
                &mut more.failed_transforms
            });
            return;
        };
        let source = response.and_then(SourceResponse::status);
        match &last.answer {
            Ok(answer) => {
                more.took.add(last.took);
                more.pair(source, Some(answer.head.status.as_u16()));
            }
            Err(_) => {
                one_more(&mut more.unanswered);
                more.pair(source, None);
            }
        }
    }

    pub(super) fn summary(&self) -> Summary {
        let more = lock(&self.more).clone();
        let retries = self.retries.iter().map(|count| count.load(Ordering::Relaxed));
        let text = |status: Option<u16>| match status {
            None => "-".to_owned(),
            Some(OTHER) => "other".to_owned(),
            Some(status) => status.to_string(),
        };
        Summary {
            requests: self.requests.load(Ordering::Relaxed),
            skipped: more.skipped,
            dropped: more.dropped,
            failed_transforms: more.failed_transforms,
            answered: more.took.total(),
            unanswered: more.unanswered,
            in_flight: self.in_flight(),
            abandoned: self.abandoned.load(Ordering::Relaxed),
            retries: retries.sum(),
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

impl More {
    /// One more request with these statuses.
    fn pair(&mut self, source: Option<u16>, target: Option<u16>) {
        let is_known = self.statuses.len() < MOST_PAIRS || self.statuses.contains_key(&(source, target));
        let pair = if is_known { (source, target) } else { (Some(OTHER), Some(OTHER)) };
        let count = self.statuses.entry(pair).or_default();
        *count = count.saturating_add(1);
    }
}

impl<'a> Counted<'a> {
    fn one_of(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Poison is of no concern: whoever holds a lock here only counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn quantiles(histogram: &Histogram) -> Quantiles {
    let of = |share| histogram.quantile(share).unwrap_or_default();
    Quantiles { p50: of(0.5), p90: of(0.9), p99: of(0.99), max: histogram.max() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_statuses_are_told_apart_up_to_a_limit_and_none_is_lost() {
        let counts = Counts::default();
        for target in 100..999 {
            lock(&counts.more).pair(Some(200), Some(target));
        }
        lock(&counts.more).pair(Some(200), Some(100));
        let statuses = counts.summary().statuses;
        assert_eq!((statuses.len(), statuses.values().sum::<u64>()), (501, 900));
        assert_eq!((statuses["200>100"], statuses["other>other"]), (2, 399));
    }

    #[tokio::test]
    async fn a_request_that_is_cut_off_is_not_in_flight_any_more() {
        let counts = Counts::default();
        let sending = counts.sent(Instant::now());
        assert_eq!(counts.in_flight(), 1);
        drop(sending);
        assert_eq!((counts.in_flight(), counts.sent_total()), (0, 1));
    }
}
