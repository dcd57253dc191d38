//! What all items of a run share.

use super::pace::Pace;
use crate::backfill::Progress;
use crate::bulk::{
    BatchBuilder, BatchLimits, BatchOutcome, BulkBatch, BulkSink, FailedDocuments, FailureClass,
    OperationWriter, SinkError,
};
use crate::document::DocumentBlock;
use crate::flow::{Cancel, Fence, Kept};
use crate::segment::{Resources, Segment};
use crate::transform::Chain;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks larger than this are not kept for the next unit.
const MAX_KEPT_BLOCK: usize = 8 << 20;

/// What all items of a run share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) resources: Resources,
    /// None to measure what comes before it: everything counts as written.
    pub(super) sink: Option<BulkSink>,
    pub(super) writer: OperationWriter,
    pub(super) chain: Option<Chain>,
    pub(super) limits: BatchLimits,
    pub(super) failed: FailedDocuments,
    pub(super) progress: Arc<Progress>,
    pub(super) cancel: Cancel,
    pub(super) blocks: Blocks,
    /// Empty buffers of batches.
    pub(super) buffers: Kept<Vec<u8>>,
    pub(super) pace: Pace,
    pub(super) noted: Noted,
}

/// Index, shard and name of a segment.
pub(super) type SegmentId = (String, u32, String);

/// What is told at the end, beside the counts of the items.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Segments whose checksum is wrong though documents of them were written, with what is wrong.
    untrusted: Mutex<BTreeMap<String, String>>,
    /// Segments of which something could not be decoded.
    damaged: Mutex<BTreeSet<SegmentId>>,
    /// The first failure of each class, by index.
    failures: Mutex<BTreeMap<(String, FailureClass), String>>,
    allowed: AtomicU64,
    possible_duplicates: AtomicU64,
}

impl Context {
    /// Brings a batch of the item of this fence to the target.
    pub(super) async fn send(&self, batch: BulkBatch, fence: &Fence) -> Result<BatchOutcome, SinkError> {
        match &self.sink {
            Some(sink) => self.progress.waiting_for_sink(sink.send_fenced(batch, fence)).await,
            None => {
                let (indexed, bytes) = (batch.len() as u64, batch.byte_len());
                Ok(BatchOutcome { indexed, bytes, buffer: batch.into_buffer(), ..BatchOutcome::default() })
            }
        }
    }

    /// Gives a builder a buffer, if it has none.
    pub(super) fn lend_buffer(&self, builder: &mut BatchBuilder) {
        if !builder.has_buffer() {
            builder.reuse(self.buffers.take());
        }
    }

    /// Keeps the buffer of a batch for another one.
    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        if (1..=self.limits.bytes.saturating_mul(2)).contains(&buffer.capacity()) {
            self.buffers.give_back(buffer);
        }
    }

    /// How many requests the target may have at once, as things are.
    pub(super) fn requests(&self) -> usize {
        self.sink.as_ref().map_or(1, |sink| sink.limit().limit())
    }

    /// Notes a segment whose documents cannot be trusted.
    pub(super) fn note_untrusted(&self, index: &str, segment: &Segment, error: &codecs::Error) {
        let (shard, segment) = (segment.shard().what(), segment.name());
        tracing::error!(index, shard, segment, %error, "the checksum of stored fields is wrong");
        let mut untrusted = self.noted.untrusted.lock().unwrap_or_else(PoisonError::into_inner);
        untrusted.insert(format!("{shard}, segment `{segment}`"), error.to_string());
    }

    /// Notes the reason of a failure, if it is the first of its class.
    pub(super) fn note_failure(&self, index: &str, class: FailureClass, reason: &str) {
        let mut failures = self.noted.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.entry((index.to_owned(), class)).or_insert_with(|| reason.to_owned());
    }
}

impl Noted {
    pub(super) fn note_operations(&self, outcome: &BatchOutcome) {
        self.allowed.fetch_add(outcome.allowed, Ordering::Relaxed);
        self.possible_duplicates.fetch_add(outcome.possible_duplicates, Ordering::Relaxed);
    }

    /// Operations with an error that counts as success, and those that may be there twice.
    pub(super) fn operations(&self) -> (u64, u64) {
        (self.allowed.load(Ordering::Relaxed), self.possible_duplicates.load(Ordering::Relaxed))
    }

    pub(super) fn note_damage(&self, segment: SegmentId) {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(segment);
    }

    pub(super) fn is_damaged(&self, segment: &SegmentId) -> bool {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(segment)
    }

    /// The segments that cannot be trusted, and why.
    pub(super) fn untrusted(&self) -> BTreeMap<String, String> {
        self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first failure of each class, by index.
    pub(super) fn failures(&self) -> BTreeMap<(String, FailureClass), String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Blocks that units use one after the other.
#[derive(Debug, Default)]
pub(super) struct Blocks(Kept<DocumentBlock>);

impl Blocks {
    pub(super) fn take(&self) -> DocumentBlock {
        self.0.take()
    }

    pub(super) fn give_back(&self, mut block: DocumentBlock) {
        block.clear();
        if block.capacity() <= MAX_KEPT_BLOCK {
            self.0.give_back(block);
        }
    }
}
