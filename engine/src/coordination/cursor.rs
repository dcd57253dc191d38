//! How far an item is, and what came of its documents so far.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A place in a work item, between two documents: everything of the item before it is acknowledged.
///
/// `document` is the first document of `segment` that is *not* done; the end of a piece and the start of the next
/// one are the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Name of the segment, such as `_7`.
    pub segment: String,
    /// Number of a document in it.
    pub document: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.document)
    }
}

/// What came of the documents of an item that are before its cursor: no more, no fewer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents that the target has.
    pub written: u64,
    /// Documents that a transform left out.
    pub excluded: u64,
    /// Bytes of the documents that the target has.
    pub bytes: u64,
    /// Documents that are in the failed-document file, by class of failure.
    pub failed: BTreeMap<String, u64>,
    /// Segments that were read to their end and have a wrong checksum: what was written of them may not be what was indexed.
    #[serde(default)]
    pub untrusted: u64,
}

impl Counts {
    /// Documents that are in the failed-document file.
    #[must_use]
    pub fn failed_total(&self) -> u64 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All documents.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.written.saturating_add(self.excluded).saturating_add(self.failed_total())
    }

    /// Adds other documents.
    pub fn add(&mut self, other: &Self) {
        self.written = self.written.saturating_add(other.written);
        self.excluded = self.excluded.saturating_add(other.excluded);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.untrusted = self.untrusted.saturating_add(other.untrusted);
        for (class, count) in &other.failed {
            let sum = self.failed.entry(class.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}
