//! How far a run is, for whoever watches.

use crate::telemetry::{FailedClass, meters};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counters of a run; all only grow, but for what it waits on.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    shards: AtomicU64,
    shards_opened: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    fetched: AtomicU64,
    written: AtomicU64,
    written_documents: AtomicU64,
    fetching: AtomicU32,
    writing: AtomicU32,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Live documents of all selected indices, nested children counted, as far as they are known.
    pub total: u64,
    /// Shards of all selected indices.
    pub shards: u64,
    /// Shards whose documents are in `total`.
    pub shards_opened: u64,
    /// Documents that are written, passed over with their parents, or failed.
    pub done: u64,
    /// Documents that failed.
    pub failed: u64,
    /// Bytes fetched of stored fields.
    pub fetched: u64,
    /// Bytes of lines written.
    pub written: u64,
    /// Documents written.
    pub written_documents: u64,
    /// Reads of the repository that are under way.
    pub fetching: u32,
    /// Writes to the target that are under way.
    pub writing: u32,
}

impl Progress {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> ProgressSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressSnapshot {
            total: read(&self.total),
            shards: read(&self.shards),
            shards_opened: read(&self.shards_opened),
            done: read(&self.done),
            failed: read(&self.failed),
            fetched: read(&self.fetched),
            written: read(&self.written),
            written_documents: read(&self.written_documents),
            fetching: self.fetching.load(Ordering::Relaxed),
            writing: self.writing.load(Ordering::Relaxed),
        }
    }

    pub(super) fn expect(&self, documents: u64) {
        self.total.fetch_add(documents, Ordering::Relaxed);
        meters().selected(documents);
    }

    pub(super) fn expect_shards(&self, shards: u64) {
        self.shards.fetch_add(shards, Ordering::Relaxed);
    }

    pub(super) fn shard_opened(&self) {
        self.shards_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fetched(&self, bytes: u64) {
        self.fetched.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn written(&self, documents: u64, bytes: u64) {
        self.done.fetch_add(documents, Ordering::Relaxed);
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.written_documents.fetch_add(documents, Ordering::Relaxed);
        meters().sent(documents, bytes);
    }

    pub(super) fn excluded(&self, documents: u64) {
        self.done.fetch_add(documents, Ordering::Relaxed);
        meters().excluded(documents);
    }

    pub(super) fn failed(&self, class: FailedClass, documents: u64) {
        meters().failed(class, documents);
        self.done.fetch_add(documents, Ordering::Relaxed);
        self.failed.fetch_add(documents, Ordering::Relaxed);
    }

    /// Counts a read of the repository while it is under way.
    pub(super) async fn waiting_for_repository<T>(&self, read: impl Future<Output = T>) -> T {
        let _waiting = Waiting::new(&self.fetching);
        read.await
    }

    /// Counts a write to the target while it is under way.
    pub(super) async fn waiting_for_sink<T>(&self, write: impl Future<Output = T>) -> T {
        let _waiting = Waiting::new(&self.writing);
        write.await
    }
}

struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(counter: &'a AtomicU32) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
