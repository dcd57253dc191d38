//! One unit of work: fetch → decode → lines → sink, in as much memory as it reserved.

use super::index::IndexJob;
use crate::document::DocumentBlock;
use crate::error::Result;
use crate::flow::{MemoryBudget, MemoryPermit, on_pool};
use crate::ndjson::{LARGE_SOURCE, LineBatch};
use crate::segment::{ReadFailure, Unit};
use bytes::Bytes;
use codecs::lucene::stored_fields::Chunk;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines that are written together, in bytes: a batch is closed by the chunk that makes it this long.
const BATCH_BYTES: usize = 1 << 20;

/// What decoding one batch takes beside its compressed bytes, as long as no chunk is large: the lines, the chunk
/// that they come from, and what identity and keys add to small documents.
const WORKSPACE: u64 = 4 << 20;

/// Buffers larger than this are not kept for the next unit.
const MAX_KEPT_BUFFER: usize = 8 << 20;

/// Buffers that units use one after the other.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Buffer>>);

#[derive(Debug, Default)]
pub(super) struct Buffer {
    block: DocumentBlock,
    batch: LineBatch,
}

impl Buffers {
    fn take(&self) -> Buffer {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffer: Buffer) {
        buffer.block.clear();
        buffer.batch.clear();
        if buffer.block.capacity() <= MAX_KEPT_BUFFER && buffer.batch.capacity() <= MAX_KEPT_BUFFER {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}

/// What units share.
#[derive(Debug)]
pub(super) struct UnitContext {
    pub(super) memory: MemoryBudget,
    pub(super) threads: Arc<rayon::ThreadPool>,
    pub(super) buffers: Buffers,
    /// Compressed bytes of a unit.
    pub(super) unit_bytes: u64,
    /// Units that are under way at once, at most.
    pub(super) in_flight: usize,
}

/// Where a unit is: all chunks before `next` are done.
struct Work {
    unit: Unit,
    job: Arc<IndexJob>,
    bytes: Bytes,
    /// Where `bytes` start in `.fdt`.
    start: u64,
    next: u64,
    buffer: Buffer,
    permitted: u64,
}

/// What one call of [`Work::decode`] came to.
enum Decoded {
    /// There are lines to write.
    Batch,
    /// The next chunk needs this many bytes in all.
    NeedsMemory(u64),
    /// The unit has no more chunks.
    Done,
}

/// Copies the documents of one unit. What cannot be read is recorded; only a sink that fails is an error.
pub(super) async fn copy(context: &UnitContext, job: Arc<IndexJob>, unit: Unit) -> Result<()> {
    let compressed = unit.bytes.end.saturating_sub(unit.bytes.start);
    let mut needed = compressed.saturating_add(WORKSPACE);
    let mut next = unit.chunks.start;
    loop {
        let mut permit = context.memory.reserve(needed).await;
        let rest = match unit.rest(next) {
            Ok(rest) => rest,
            Err(failure) => return job.fail(&unit.segment, failure),
        };
        let bytes = match job.progress.waiting_for_repository(rest.fetch()).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => return job.fail_fetch(&rest, &error),
            Err(error) => return Err(error),
        };
        job.progress.fetched(bytes.len() as u64);
        let buffer = context.buffers.take();
        let start = rest.bytes.start;
        let work = Work {
            unit: unit.clone(),
            job: Arc::clone(&job),
            bytes,
            start,
            next,
            buffer,
            permitted: permit.bytes(),
        };
        match drain(context, work, &mut permit).await? {
            None => return Ok(()),
            Some((at, memory)) => (next, needed) = (at, memory),
        }
    }
}

/// Decodes and writes batch after batch; returns where it stopped and the memory it needs, if it had too little.
async fn drain(
    context: &UnitContext,
    mut work: Work,
    permit: &mut MemoryPermit,
) -> Result<Option<(u64, u64)>> {
    let mut stopped = None;
    loop {
        let (returned, outcome) = on_pool(&context.threads, move || {
            let outcome = work.decode();
            (work, outcome)
        })
        .await;
        work = returned;
        match outcome? {
            Decoded::Batch => {
                let batch = std::mem::take(&mut work.buffer.batch);
                work.buffer.batch = Arc::clone(&work.job).write(batch).await?;
            }
            Decoded::NeedsMemory(bytes) if permit.try_grow(bytes) => work.permitted = bytes,
            Decoded::NeedsMemory(bytes) => {
                stopped = Some((work.next, bytes));
                break;
            }
            Decoded::Done => break,
        }
    }
    context.buffers.give_back(work.buffer);
    Ok(stopped)
}

impl Work {
    /// Decodes chunks until there is a batch.
    fn decode(&mut self) -> Result<Decoded> {
        self.buffer.batch.clear();
        while self.next < self.unit.chunks.end {
            let segment = &self.unit.segment;
            let chunk = match segment.chunk(self.next) {
                Ok(chunk) => chunk,
                Err(error) => {
                    let from = self.unit.documents.start; // cannot be: the unit was made from these chunks
                    self.job.fail(segment, segment.failure_of(from..self.unit.documents.end, error))?;
                    self.next = self.unit.chunks.end;
                    break;
                }
            };
            let bytes = self.bytes_of(&chunk);
            let length = match segment.decompressed_len(&chunk, &bytes) {
                Ok(length) => length,
                Err(failure) => {
                    self.job.fail(segment, failure)?;
                    self.next = self.next.saturating_add(1);
                    continue;
                }
            };
            if length >= LARGE_SOURCE {
                if self.buffer.batch.documents() > 0 {
                    return Ok(Decoded::Batch);
                }
                let needed =
                    (self.bytes.len() as u64).saturating_add(WORKSPACE).saturating_add(length as u64);
                if needed > self.permitted {
                    return Ok(Decoded::NeedsMemory(needed));
                }
                let copied = self.read_large(&chunk, &bytes, needed)?;
                if copied > 0 {
                    return Ok(Decoded::NeedsMemory(needed.saturating_add(copied)));
                }
            } else {
                self.read(&chunk, &bytes)?;
            }
            self.next = self.next.saturating_add(1);
            if self.buffer.batch.byte_len() >= BATCH_BYTES as u64 {
                return Ok(Decoded::Batch);
            }
        }
        Ok(if self.buffer.batch.documents() > 0 { Decoded::Batch } else { Decoded::Done })
    }

    fn read(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<()> {
        let Buffer { block, batch } = &mut self.buffer;
        let failures = read_block(&self.unit, chunk, bytes, block);
        let mut unwritable = Vec::new();
        batch.add(&self.job.writer, block, |document, reason| {
            unwritable.push((document.number, document.id.to_vec(), reason));
        });
        self.job.count(&self.unit.segment, block, failures, unwritable)
    }

    /// As [`Work::read`], but large sources are written from where they are; the block goes with the batch.
    ///
    /// Returns how many bytes more than `needed` it takes, if those are not permitted; then nothing was done.
    fn read_large(&mut self, chunk: &Chunk, bytes: &[u8], needed: u64) -> Result<u64> {
        let mut block = DocumentBlock::default();
        let failures = read_block(&self.unit, chunk, bytes, &mut block);
        let copied = LineBatch::copied_len(&self.job.writer, &block);
        if copied > 0 && needed.saturating_add(copied) > self.permitted {
            return Ok(copied);
        }
        let block = Arc::new(block);
        let mut unwritable = Vec::new();
        self.buffer.batch.add_large(&self.job.writer, Arc::clone(&block), |document, reason| {
            unwritable.push((document.number, document.id.to_vec(), reason));
        });
        self.job.count(&self.unit.segment, &block, failures, unwritable)?;
        Ok(0)
    }

    fn bytes_of(&self, chunk: &Chunk) -> Bytes {
        let offset = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let (from, to) = (offset(chunk.bytes.start), offset(chunk.bytes.end));
        if to <= self.bytes.len() && from <= to { self.bytes.slice(from..to) } else { Bytes::new() }
    }
}

fn read_block(unit: &Unit, chunk: &Chunk, bytes: &[u8], block: &mut DocumentBlock) -> Vec<ReadFailure> {
    let mut failures = Vec::new();
    unit.segment.read_chunk(chunk, bytes, block, |failure| failures.push(failure));
    failures
}
