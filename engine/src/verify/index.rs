//! One index of the target: what belongs in it, what was found, and its books.

use super::cluster::Endpoint;
use super::differences::{Differences, Kind, Record};
use super::error::Result;
use super::report::{Counts, IndexReport, Progress};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

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

/// The indices of the target: those that documents are expected in, and those that turn up.
#[derive(Debug)]
pub(super) struct Targets {
    indices: Mutex<BTreeMap<String, Arc<TargetIndex>>>,
    differences: Arc<Differences>,
    progress: Arc<Progress>,
}

impl Targets {
    pub(super) fn new(differences: Arc<Differences>, progress: Arc<Progress>) -> Self {
        Self { indices: Mutex::default(), differences, progress }
    }

    /// Expects documents of an index of the source in one of the target.
    pub(super) fn expect(&self, name: String, source: &str) {
        let mut indices = self.lock();
        let index = indices.entry(name).or_insert_with_key(|name| self.create(name.clone()));
        index.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(source.to_owned());
    }

    /// An index that documents are expected in.
    pub(super) fn get(&self, name: &str) -> Option<Arc<TargetIndex>> {
        self.lock().get(name).cloned()
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<Arc<TargetIndex>> {
        self.lock().values().cloned().collect()
    }

    /// An index, after its documents are counted.
    pub(super) async fn index(&self, name: &str, target: &Endpoint) -> Result<Arc<TargetIndex>> {
        let index = {
            let mut indices = self.lock();
            Arc::clone(indices.entry(name.to_owned()).or_insert_with(|| self.create(name.to_owned())))
        };
        index.count(target).await?;
        Ok(index)
    }

    fn create(&self, name: String) -> Arc<TargetIndex> {
        Arc::new(TargetIndex::new(name, Arc::clone(&self.differences), Arc::clone(&self.progress)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<TargetIndex>>> {
        self.indices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One index of the target.
#[derive(Debug)]
pub(super) struct TargetIndex {
    pub(super) name: String,
    /// The indices of the source that belong in it.
    sources: Mutex<BTreeSet<String>>,
    counted: OnceCell<()>,
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
            sources: Mutex::default(),
            counted: OnceCell::new(),
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

    /// Counts its documents in the target, if that was not done before.
    pub(super) async fn count(&self, target: &Endpoint) -> Result<()> {
        let count = async || {
            let (presence, note) = target.count(&self.name).await?;
            self.set_presence(presence);
            note.into_iter().for_each(|note| self.note(note));
            Ok(())
        };
        self.counted.get_or_try_init(count).await.map(drop)
    }

    /// The indices of the source that belong in it.
    pub(super) fn sources(&self) -> Vec<String> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
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
            sources: self.sources(),
            checked: counts.checked(),
            counts,
            in_target: self.presence().documents(),
            notes: notes.iter().cloned().collect(),
        }
    }
}
