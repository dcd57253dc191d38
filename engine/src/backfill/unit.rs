//! The documents of one unit as lines.

use super::index::IndexJob;
use crate::document::DocumentBlock;
use crate::error::{Error, Result};
use crate::flow::Kept;
use crate::ndjson::LineBatch;
use crate::segment::{Added, Batcher, ChunkBytes, ReadFailure, Segment, Unit};
use bytes::Bytes;
use std::sync::Arc;

/// Lines that are written together, in bytes: a batch is closed by the chunk that makes it this long.
const BATCH_BYTES: u64 = 1 << 20;

/// What decoding one batch takes beside its compressed bytes, as long as no chunk is large: the lines, the chunk
/// that they come from, and what identity and keys add to small documents.
const WORKSPACE: u64 = 4 << 20;

/// Buffers larger than this are not kept for the next unit.
const MAX_KEPT_BUFFER: usize = 8 << 20;

/// What units need and give back.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    block: DocumentBlock,
    batch: LineBatch,
}

/// Makes lines of documents, and writes them.
pub(super) struct LineBatcher {
    job: Arc<IndexJob>,
    buffers: Arc<Kept<Buffer>>,
    buffer: Buffer,
}

impl LineBatcher {
    pub(super) fn new(job: Arc<IndexJob>, buffers: &Arc<Kept<Buffer>>) -> Self {
        Self { job, buffers: Arc::clone(buffers), buffer: Buffer::default() }
    }

    /// Writes the lines that there are.
    pub(super) async fn write(mut self) -> Result<Self> {
        let batch = std::mem::take(&mut self.buffer.batch);
        self.buffer.batch = Arc::clone(&self.job).write(batch).await?;
        self.buffer.batch.clear();
        Ok(self)
    }

    /// As a small chunk, but large sources are written from where they are; the block goes with the batch.
    fn add_large(&mut self, chunk: &ChunkBytes<'_>, needed: u64) -> Result<Added> {
        let mut block = DocumentBlock::default();
        let failures = chunk.read(&mut block);
        let copied = LineBatch::copied_len(&self.job.writer, &block);
        if copied > 0 && needed.saturating_add(copied) > chunk.permitted {
            return Ok(Added::NeedsMore(copied));
        }
        let block = Arc::new(block);
        let mut unwritable = Vec::new();
        self.buffer.batch.add_large(&self.job.writer, Arc::clone(&block), |document, reason| {
            unwritable.push((document.number, document.id.to_vec(), reason));
        });
        self.job.count(chunk.segment, &block, failures, unwritable)?;
        Ok(Added::Whole)
    }
}

impl Batcher for LineBatcher {
    type Error = Error;

    fn workspace(&self) -> u64 {
        WORKSPACE
    }

    fn memory_of_large(&self, decompressed: u64) -> u64 {
        decompressed
    }

    fn open(&mut self) {
        self.buffer = self.buffers.take();
    }

    fn close(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.block.clear();
        buffer.batch.clear();
        if buffer.block.capacity() <= MAX_KEPT_BUFFER && buffer.batch.capacity() <= MAX_KEPT_BUFFER {
            self.buffers.give_back(buffer);
        }
    }

    fn is_empty(&self) -> bool {
        self.buffer.batch.documents() == 0
    }

    fn is_full(&self) -> bool {
        self.buffer.batch.byte_len() >= BATCH_BYTES
    }

    async fn fetch(&self, unit: &Unit) -> Result<Bytes> {
        let bytes = self.job.progress.waiting_for_repository(unit.fetch()).await?;
        self.job.progress.fetched(bytes.len() as u64);
        Ok(bytes)
    }

    fn add(&mut self, chunk: ChunkBytes<'_>) -> Result<Added> {
        if let Some(decompressed) = chunk.large {
            return self
                .add_large(&chunk, self.workspace().saturating_add(self.memory_of_large(decompressed)));
        }
        let Buffer { block, batch } = &mut self.buffer;
        let failures = chunk.read(block);
        let mut unwritable = Vec::new();
        batch.add(&self.job.writer, block, |document, reason| {
            unwritable.push((document.number, document.id.to_vec(), reason));
        });
        self.job.count(chunk.segment, block, failures, unwritable)?;
        Ok(Added::Whole)
    }

    fn fail(&mut self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.job.fail(segment, failure)
    }

    fn fail_fetch(&mut self, unit: &Unit, error: Error) -> Result<()> {
        self.job.fail_fetch(unit, &error)
    }

    fn fail_checksum(&mut self, segment: &Segment, error: codecs::Error) -> Result<()> {
        self.job.fail_checksum(segment, &error)
    }
}
