//! What all parts of a comparison share.

use super::cluster::Endpoint;
use super::documents::{Batch, Sample};
use super::index::TargetIndex;
use super::repair::Resend;
use super::transformed::Transforms;
use crate::document::DocumentBlock;
use crate::segment::Resources;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers larger than this are not kept for the next unit.
const MAX_KEPT_BUFFER: usize = 16 << 20;

/// What all parts of a comparison share.
pub(super) struct Context {
    pub(super) target: Endpoint,
    /// The source, where it is a living cluster.
    pub(super) source: Option<Endpoint>,
    /// What documents of the source go through before they are compared.
    pub(super) transforms: Option<Transforms>,
    pub(super) sample: Sample,
    pub(super) live: bool,
    pub(super) resend: Option<Resend>,
    /// With memory for documents in flight: three quarters of what the run may have.
    pub(super) resources: Resources,
    /// For keys of documents: the fourth quarter, in bytes.
    pub(super) memory_for_keys: u64,
    pub(super) buffers: Arc<Buffers>,
    /// Compressed bytes of a unit.
    pub(super) unit_bytes: u64,
    /// Units that are under way at once, at most.
    pub(super) in_flight: usize,
}

/// Buffers that units use one after the other.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<(DocumentBlock, Batch)>>);

impl Buffers {
    pub(super) fn take(&self, index: &Arc<TargetIndex>) -> (DocumentBlock, Batch) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (block, mut batch) =
            kept.unwrap_or_else(|| (DocumentBlock::default(), Batch::new(Arc::clone(index))));
        batch.index = Arc::clone(index);
        (block, batch)
    }

    pub(super) fn give_back(&self, mut block: DocumentBlock, mut batch: Batch) {
        block.clear();
        batch.clear();
        if block.capacity() <= MAX_KEPT_BUFFER && batch.capacity() <= MAX_KEPT_BUFFER {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((block, batch));
        }
    }
}
