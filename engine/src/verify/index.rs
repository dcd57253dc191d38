//! One index of the target: what belongs in it, what was found, and its books.

use super::differences::{Differences, Kind, Record};
use super::error::Result;
use super::report::{Counts, IndexReport, Progress};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Documents found with another routing whose keys are kept, so that they are not called extra too.
const MISROUTED_KEPT: usize = 1 << 20;

/// What the target says of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Presence {
    /// It has no such index.
    #[default]
    Absent,
    /// It counts so many documents in so many shards.
    Present { documents: u64, shards: u32 },
}

impl Presence {
    pub(super) const fn documents(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Present { documents, .. } => Some(documents),
        }
    }
}

/// One index of the target.
#[derive(Debug)]
pub(super) struct TargetIndex {
    pub(super) name: String,
    /// The indices of the source that belong in it.
    pub(super) sources: BTreeSet<String>,
    pub(super) differences: Arc<Differences>,
    pub(super) progress: Arc<Progress>,
    presence: Mutex<Presence>,
    counts: Mutex<Counts>,
    notes: Mutex<BTreeSet<String>>,
    /// Documents of the source that have an identity.
    seen: AtomicU64,
    /// Documents that were found under their own identity.
    matched: AtomicU64,
    /// Keys of documents that were found with another routing.
    misrouted: Mutex<Vec<u128>>,
}

impl TargetIndex {
    pub(super) fn new(name: String, differences: Arc<Differences>, progress: Arc<Progress>) -> Self {
        Self {
            name,
            sources: BTreeSet::new(),
            differences,
            progress,
            presence: Mutex::default(),
            counts: Mutex::default(),
            notes: Mutex::default(),
            seen: AtomicU64::new(0),
            matched: AtomicU64::new(0),
            misrouted: Mutex::default(),
        }
    }

    pub(super) fn presence(&self) -> Presence {
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_presence(&self, presence: Presence) {
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner) = presence;
    }

    pub(super) fn with_counts(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counts.clone();
        change(&mut counts);
        self.progress.add(&before, &counts);
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a remark to the report; the same one only once.
    pub(super) fn note(&self, note: impl Into<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note.into());
    }

    pub(super) fn add_seen(&self, documents: u64) {
        self.seen.fetch_add(documents, Ordering::Relaxed);
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub(super) fn add_matched(&self, documents: u64) {
        self.matched.fetch_add(documents, Ordering::Relaxed);
    }

    pub(super) fn matched(&self) -> u64 {
        self.matched.load(Ordering::Relaxed)
    }

    /// Keeps the key that a document was found under instead of its own.
    pub(super) fn add_misrouted(&self, key: u128) {
        let mut keys = self.misrouted.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() < MISROUTED_KEPT {
            keys.push(key);
        } else {
            self.note(
                "more than a million documents have another routing: some of them are listed as extra too",
            );
        }
    }

    pub(super) fn misrouted(&self) -> Vec<u128> {
        self.misrouted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records documents of the source that cannot be read; `live` is none for a shard that cannot be opened.
    pub(super) fn unreadable(&self, record: Record, live: Option<u64>) -> Result<()> {
        self.with_counts(|counts| match live {
            Some(live) => counts.unreadable = counts.unreadable.saturating_add(live),
            None => counts.unknown_shards = counts.unknown_shards.saturating_add(1),
        });
        self.differences.record(Record { kind: Kind::Unreadable, ..record })
    }

    /// Records a segment of the source whose documents can be read, but not trusted.
    pub(super) fn untrusted(&self, record: Record) -> Result<()> {
        self.with_counts(|counts| counts.untrusted_segments = counts.untrusted_segments.saturating_add(1));
        self.differences.record(Record { kind: Kind::Unreadable, ..record })
    }

    pub(super) fn report(&self) -> IndexReport {
        let counts = self.counts();
        if counts.unreadable > 0 && counts.extra > 0 {
            self.note("documents that cannot be read from the source may be among those listed as extra");
        }
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        IndexReport {
            index: self.name.clone(),
            sources: self.sources.iter().cloned().collect(),
            checked: counts.checked(),
            counts,
            in_target: self.presence().documents(),
            notes: notes.iter().cloned().collect(),
        }
    }
}
