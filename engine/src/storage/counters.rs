//! How much work a storage did.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a storage since it was opened; they can be read at any time.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pages of listings.
    pub list: Counter,
    /// Whole blobs.
    pub read: Counter,
    /// Ranges of blobs; ranges that were merged count as one.
    pub read_range: Counter,
    /// Whole blobs that were written; bytes that were sent.
    pub write: Counter,
}

/// Counters of one operation.
#[derive(Debug, Default)]
pub struct Counter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    /// How many requests were sent, or files read or written; a retry is a request too.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many requests were sent again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How many bytes of blobs came (or went), those of failed attempts and those between merged ranges too.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
