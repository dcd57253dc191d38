//! What a run came to.

use super::index::FailedByClass;
use serde::Serialize;
use std::path::PathBuf;

/// The counts of one index. `selected = written + excluded + failed`, or the run is not complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Live documents that the commits of the shards count, nested children among them.
    pub selected: u64,
    /// Documents whose lines are written.
    pub written: u64,
    /// Nested children: they have no line of their own, their text is in their parents.
    pub excluded: u64,
    /// Documents that failed, by class; each is in the file of failed documents.
    pub failed: FailedByClass,
    /// Bytes of lines.
    pub bytes: u64,
    /// Shards whose metadata cannot be read: how many documents they have is not known.
    pub unknown_shards: u64,
    /// Segments whose checksum is wrong though documents of them were written, which may not be what was indexed.
    pub untrusted_segments: u64,
    /// The first failure, for the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
}

/// One index of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexReport {
    /// Name of the index.
    pub index: String,
    /// How many shards it has.
    pub shards: u32,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// What the mapping says about a `_source` that is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An index that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Name of the index.
    pub index: String,
    /// The reason.
    pub reason: String,
}

/// A finished run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The snapshot that was read.
    pub snapshot: String,
    /// The indices that were copied, by name.
    pub indices: Vec<IndexReport>,
    /// The indices of the snapshot that were left out.
    pub excluded_indices: Vec<Excluded>,
    /// The file of failed documents, if there are any.
    pub failed_documents: Option<PathBuf>,
    /// Requests to the repository.
    pub requests: u64,
    /// Bytes read from the repository.
    pub bytes_fetched: u64,
    /// The most memory that the data in flight had reserved, in bytes.
    pub peak_reserved: u64,
    /// Seconds that the run took.
    pub seconds: f64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every selected document is written, or passed over with its parent.
    Complete,
    /// Some documents failed; each is recorded.
    CompleteWithFailures,
    /// The counts do not add up, which must not be.
    Unbalanced,
}

impl Counts {
    /// All failed documents.
    #[must_use]
    pub fn failed_total(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Selected documents of which nothing is known: 0, or the run is not complete.
    #[must_use]
    pub fn missing(&self) -> i128 {
        i128::from(self.selected)
            - i128::from(self.written)
            - i128::from(self.excluded)
            - i128::from(self.failed_total())
    }

    /// Adds the counts of another index.
    pub fn add(&mut self, other: &Self) {
        self.selected = self.selected.saturating_add(other.selected);
        self.written = self.written.saturating_add(other.written);
        self.excluded = self.excluded.saturating_add(other.excluded);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.unknown_shards = self.unknown_shards.saturating_add(other.unknown_shards);
        self.untrusted_segments = self.untrusted_segments.saturating_add(other.untrusted_segments);
        for (class, count) in &other.failed {
            let sum = self.failed.entry(class).or_insert(0);
            *sum = u64::saturating_add(*sum, *count);
        }
    }
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

    /// The report with its outcome and the sum over all indices, as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "outcome": self.outcome(), "total": self.total(), "report": self })
    }

    /// How the run ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let total = self.total();
        if self.indices.iter().any(|index| index.counts.missing() != 0) {
            Outcome::Unbalanced
        } else if total.failed_total() > 0 || total.unknown_shards > 0 || total.untrusted_segments > 0 {
            Outcome::CompleteWithFailures
        } else {
            Outcome::Complete
        }
    }
}
