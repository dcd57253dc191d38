//! What a backfill into a cluster came to.

use super::context::Context;
use crate::backfill::{Excluded, Outcome};
use crate::coordination::{Quarantined, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// A session that is complete: the work of all its workers, and what this one did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The snapshot that was read.
    pub snapshot: String,
    /// Name of the session.
    pub session: String,
    /// Where the session is kept.
    pub store: String,
    /// The target, without credentials.
    pub target: String,
    /// The selected indices, by name.
    pub indices: Vec<IndexRow>,
    /// The indices of the snapshot that were left out.
    pub excluded_indices: Vec<Excluded>,
    /// Work items that were given up, the first 1000.
    pub quarantined: Vec<Quarantined>,
    /// Where failed documents are recorded.
    pub failed_documents: String,
    /// The first reason for each kind of failure that this worker saw.
    pub failures: Vec<FailureRow>,
    /// Segments of which this worker wrote documents though their checksum is wrong, and what is wrong.
    pub untrusted_segments: BTreeMap<String, String>,
    /// What this worker did.
    pub worker: WorkerReport,
}

/// One index, by whichever workers. `selected = written + excluded + failed + quarantined`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexRow {
    /// Its name in the snapshot.
    pub index: String,
    /// Live documents that the commits of the shards count, nested children among them.
    pub selected: u64,
    /// Documents that the target has.
    pub written: u64,
    /// Nested children, and documents that a transform left out.
    pub excluded: u64,
    /// Documents that are recorded as failed.
    pub failed: u64,
    /// Documents of work items that were given up.
    pub quarantined: u64,
    /// Work items that were given up.
    pub quarantined_items: u64,
    /// Bytes of the requests that brought them.
    pub bytes: u64,
    /// Segments with a wrong checksum of which documents were written.
    pub untrusted: u64,
}

/// The first failure of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureRow {
    /// The index in the snapshot.
    pub index: String,
    /// What kind of failure it is.
    pub class: String,
    /// Why.
    pub reason: String,
}

/// What one worker did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WorkerReport {
    /// Work items that it took.
    pub items: u64,
    /// Documents that it wrote.
    pub written: u64,
    /// Requests to the repository.
    pub requests: u64,
    /// Bytes read from the repository.
    pub bytes_fetched: u64,
    /// Bulk requests, each attempt counted.
    pub bulk_requests: u64,
    /// Bytes of their bodies, before compression.
    pub bulk_bytes: u64,
    /// Bulk requests that the target had no room for.
    pub busy: u64,
    /// Bulk requests without a usable answer.
    pub faults: u64,
    /// Operations that were sent again.
    pub resent: u64,
    /// Operations without id that were sent again though the target may have done them.
    pub possible_duplicates: u64,
    /// Operations with an error that counts as success.
    pub allowed: u64,
    /// The most memory that the data in flight had reserved, in bytes.
    pub peak_reserved: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

impl WorkerReport {
    /// What the parts of a run know.
    pub(super) fn of(context: &Context) -> Self {
        let (allowed, possible_duplicates) = context.noted.operations();
        let written = context.progress.snapshot().written_documents;
        let report = Self { allowed, possible_duplicates, written, ..Self::default() };
        let Some(counters) = context.sink.as_ref().map(crate::bulk::BulkSink::counters) else {
            return report;
        };
        Self {
            bulk_requests: counters.requests(),
            bulk_bytes: counters.bytes(),
            busy: counters.busy(),
            faults: counters.faults(),
            resent: counters.resent(),
            ..report
        }
    }
}

impl Report {
    pub(super) fn new<'a>(
        snapshot: &str,
        status: Status,
        indices: impl Iterator<Item = &'a str>,
        excluded_indices: Vec<Excluded>,
        context: &Context,
        worker: WorkerReport,
    ) -> Self {
        let mut rows: BTreeMap<String, IndexRow> = indices
            .map(|index| (index.to_owned(), IndexRow { index: index.to_owned(), ..IndexRow::default() }))
            .collect();
        rows.extend(status.indices.iter().map(|index| (index.index.clone(), IndexRow::of(index))));
        let failures = context.noted.failures().into_iter().map(|((index, class), reason)| FailureRow {
            index,
            class: class.to_string(),
            reason,
        });
        Self {
            snapshot: snapshot.to_owned(),
            session: status.session,
            store: status.store,
            target: status.job.target,
            indices: rows.into_values().collect(),
            excluded_indices,
            quarantined: status.quarantined,
            failed_documents: context.failed.location().to_string(),
            failures: failures.collect(),
            untrusted_segments: context.noted.untrusted(),
            worker,
        }
    }

    /// The sum over all indices.
    #[must_use]
    pub fn total(&self) -> IndexRow {
        let mut total = IndexRow { index: "total".to_owned(), ..IndexRow::default() };
        for row in &self.indices {
            total.add(row);
        }
        total
    }

    /// How the session ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let total = self.total();
        if self.indices.iter().any(|row| row.missing() != 0) {
            Outcome::Unbalanced
        } else if total.failed > 0
            || total.quarantined_items > 0
            || total.untrusted > 0
            || !self.untrusted_segments.is_empty()
        {
            Outcome::CompleteWithFailures
        } else {
            Outcome::Complete
        }
    }

    /// The report with its outcome and the sum over all indices, as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "outcome": self.outcome(), "total": self.total(), "report": self })
    }
}

impl IndexRow {
    fn of(status: &crate::coordination::IndexStatus) -> Self {
        let totals = &status.totals;
        let quarantined_items = totals.items.quarantined;
        // How many documents an item has is known of all items of an index together, not of each.
        let left =
            if quarantined_items > 0 { totals.documents.saturating_sub(totals.documents_known()) } else { 0 };
        Self {
            index: status.index.clone(),
            selected: totals.documents,
            written: totals.written,
            excluded: totals.excluded,
            failed: totals.failed,
            quarantined: left,
            quarantined_items,
            bytes: totals.written_bytes,
            untrusted: totals.untrusted,
        }
    }

    /// Selected documents of which nothing is known: 0, or the session is not complete.
    #[must_use]
    pub fn missing(&self) -> i128 {
        let known = [self.written, self.excluded, self.failed, self.quarantined];
        i128::from(self.selected) - known.into_iter().map(i128::from).sum::<i128>()
    }

    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.selected, other.selected),
            (&mut self.written, other.written),
            (&mut self.excluded, other.excluded),
            (&mut self.failed, other.failed),
            (&mut self.quarantined, other.quarantined),
            (&mut self.quarantined_items, other.quarantined_items),
            (&mut self.bytes, other.bytes),
            (&mut self.untrusted, other.untrusted),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
