//! What a comparison came to.

use super::differences::Record;
use crate::telemetry::{Comparison, meters};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// The books of one index.
///
/// `selected = equal + missing + different + unreadable + excluded + not_sampled`, or the comparison is not complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Live documents of the source, nested children among them.
    pub selected: u64,
    /// Documents that the target has as they should be, repaired ones among them.
    pub equal: u64,
    /// Documents that the target does not have.
    pub missing: u64,
    /// Documents that the target has with another `_source`, routing or parent.
    pub different: u64,
    /// Documents that cannot be read from the source, so that nothing is known of them in the target.
    pub unreadable: u64,
    /// Nested children, which are compared with the documents that they belong to; from a living source also
    /// documents that were deleted there meanwhile.
    pub excluded: u64,
    /// Documents that the sample leaves out.
    pub not_sampled: u64,
    /// Documents of the target that the source does not have.
    pub extra: u64,
    /// Documents that were sent again and are equal now.
    pub repaired: u64,
    /// Shards of which not even the number of documents can be read.
    pub unknown_shards: u64,
    /// Segments whose checksum is wrong though documents of them were compared, which may not be what was indexed.
    pub untrusted_segments: u64,
}

impl Counts {
    /// Documents that were looked for in the target.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.equal.saturating_add(self.missing).saturating_add(self.different)
    }

    /// Selected documents of which nothing is known: 0, or the comparison is not complete.
    #[must_use]
    pub fn unaccounted(&self) -> i128 {
        let known = [self.checked(), self.unreadable, self.excluded, self.not_sampled];
        known.into_iter().fold(i128::from(self.selected), |rest, count| rest - i128::from(count))
    }

    /// Whether the target holds what the source holds, as far as it was looked at.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.holds_what_is_read()
            && self.unreadable == 0
            && self.unknown_shards == 0
            && self.untrusted_segments == 0
    }

    /// Whether the target holds what could be read of the source.
    #[must_use]
    pub const fn holds_what_is_read(&self) -> bool {
        self.missing == 0 && self.different == 0 && self.extra == 0
    }

    /// Adds the counts of another index.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.selected, other.selected),
            (&mut self.equal, other.equal),
            (&mut self.missing, other.missing),
            (&mut self.different, other.different),
            (&mut self.unreadable, other.unreadable),
            (&mut self.excluded, other.excluded),
            (&mut self.not_sampled, other.not_sampled),
            (&mut self.extra, other.extra),
            (&mut self.repaired, other.repaired),
            (&mut self.unknown_shards, other.unknown_shards),
            (&mut self.untrusted_segments, other.untrusted_segments),
        ];
        for (sum, count) in pairs {
            *sum = sum.saturating_add(count);
        }
    }
}

/// One index of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexReport {
    /// Its name in the target.
    pub index: String,
    /// The indices of the source that belong in it.
    pub sources: Vec<String>,
    /// The books.
    #[serde(flatten)]
    pub counts: Counts,
    /// Documents that were looked for in the target.
    pub checked: u64,
    /// How many documents the target counts (`_count`); none when it has no such index.
    pub in_target: Option<u64>,
    /// What one should know to judge the counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An index of the source that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Name of the index.
    pub index: String,
    /// The reason.
    pub reason: String,
}

/// A finished comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The source: a snapshot and its repository, or the URL of a cluster.
    pub source: String,
    /// The URL of the target.
    pub target: String,
    /// The indices of the target, by name.
    pub indices: Vec<IndexReport>,
    /// The indices of the source that were left out.
    pub excluded_indices: Vec<Excluded>,
    /// The file of differences, if there are any.
    pub differences: Option<PathBuf>,
    /// The first differences.
    pub examples: Vec<Record>,
    /// The most memory that the data in flight had reserved, in bytes.
    pub peak_reserved: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target holds what the source holds.
    Equal,
    /// It does not, or a part of the source cannot be read.
    Different,
    /// The books do not balance, which must not be.
    Unbalanced,
}

impl Report {
    /// The sum over all indices.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for index in &self.indices {
            total.add(&index.counts);
        }
        total
    }

    /// How the comparison ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.indices.iter().any(|index| index.counts.unaccounted() != 0) {
            Outcome::Unbalanced
        } else if self.total().agrees() {
            Outcome::Equal
        } else {
            Outcome::Different
        }
    }

    /// The report with its outcome and the sum over all indices, as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "outcome": self.outcome(), "total": self.total(), "report": self })
    }
}

/// How far a comparison is, for whoever watches. All counters only grow.
#[derive(Debug, Default)]
pub struct Progress {
    selected: AtomicU64,
    done: AtomicU64,
    differing: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Documents of the shards that are open so far.
    pub selected: u64,
    /// Documents that are compared, excluded, left out by the sample, or unreadable.
    pub done: u64,
    /// Documents that differ, are missing, extra or unreadable.
    pub differing: u64,
}

impl Progress {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> ProgressSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressSnapshot {
            selected: read(&self.selected),
            done: read(&self.done),
            differing: read(&self.differing),
        }
    }

    /// Adds what changed in the books of an index.
    pub(super) fn add(&self, before: &Counts, after: &Counts) {
        let done = |counts: &Counts| {
            let parts = [counts.checked(), counts.unreadable, counts.excluded, counts.not_sampled];
            parts.into_iter().fold(0, u64::saturating_add)
        };
        let differing = |counts: &Counts| {
            let parts = [counts.missing, counts.different, counts.extra, counts.unreadable];
            parts.into_iter().fold(0, u64::saturating_add)
        };
        let grown = |after: u64, before: u64| after.saturating_sub(before);
        meters().alive();
        meters().selected(grown(after.selected, before.selected));
        let results = [
            (Comparison::Equal, after.equal, before.equal),
            (Comparison::Missing, after.missing, before.missing),
            (Comparison::Different, after.different, before.different),
            (Comparison::Extra, after.extra, before.extra),
            (Comparison::Unreadable, after.unreadable, before.unreadable),
        ];
        for (result, after, before) in results {
            meters().compared(result, grown(after, before));
        }
        self.selected.fetch_add(grown(after.selected, before.selected), Ordering::Relaxed);
        self.done.fetch_add(grown(done(after), done(before)), Ordering::Relaxed);
        self.differing.fetch_add(grown(differing(after), differing(before)), Ordering::Relaxed);
    }
}
