//! Units → batches of documents: fetch → decode → batch, in as much memory as was reserved.

use super::open::Segment;
use super::read::ReadFailure;
use super::units::Unit;
use crate::document::{DocumentBlock, LARGE_SOURCE};
use crate::error::{Error, Result};
use crate::flow::{MemoryBudget, MemoryPermit, on_pool};
use crate::telemetry::{Stage, meters};
use bytes::Bytes;
use codecs::lucene::stored_fields::Chunk;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

/// What reading units takes.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub(crate) memory: MemoryBudget,
    pub(crate) threads: Arc<rayon::ThreadPool>,
}

/// What documents are put into, and where it goes.
///
/// A batcher gets documents chunk by chunk, on a thread that computes, until it is full; then what it has is delivered.
/// It is opened after memory was reserved, and closed before that is given back.
pub(crate) trait Batcher: Send + 'static {
    /// What ends the reading of the unit.
    type Error: From<Error> + Send;

    /// Bytes that it takes beside the compressed bytes, as long as no chunk is large.
    fn workspace(&self) -> u64;

    /// Bytes that it takes beside those, for a large chunk of so many decompressed bytes.
    fn memory_of_large(&self, decompressed: u64) -> u64;

    /// Gets ready: takes buffers.
    fn open(&mut self) {}

    /// Gives buffers back.
    fn close(&mut self) {}

    /// Whether there is nothing to deliver.
    fn is_empty(&self) -> bool;

    /// Whether it must be delivered before more is added.
    fn is_full(&self) -> bool;

    /// Whether it takes more of the unit; what it has is delivered in any case.
    fn wants_more(&self) -> bool {
        true
    }

    /// Fetches the bytes of a unit.
    fn fetch(&self, unit: &Unit) -> impl Future<Output = Result<Bytes>> + Send {
        unit.fetch()
    }

    /// Adds the live documents of a chunk.
    fn add(&mut self, chunk: ChunkBytes<'_>) -> Result<Added, Self::Error>;

    /// Documents that cannot be read.
    fn fail(&mut self, segment: &Segment, failure: ReadFailure) -> Result<(), Self::Error>;

    /// The bytes of a unit cannot be fetched; `error` is damage.
    fn fail_fetch(&mut self, unit: &Unit, error: Error) -> Result<(), Self::Error>;

    /// The checksum of all stored fields of the segment is wrong or cut off, though documents of it could be read.
    fn fail_checksum(&mut self, segment: &Segment, error: codecs::Error) -> Result<(), Self::Error>;
}

/// A chunk with live documents.
pub(crate) struct ChunkBytes<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) chunk: &'a Chunk,
    /// Its bytes, compressed.
    bytes: &'a [u8],
    /// Its decompressed bytes, if they are so many that their memory was reserved.
    pub(crate) large: Option<u64>,
    /// Bytes of memory that the batcher may take for this chunk beside the compressed bytes.
    pub(crate) permitted: u64,
    /// Live documents that were read, nested ones too.
    documents: &'a Cell<u64>,
}

impl ChunkBytes<'_> {
    /// Reads its live documents into a block; what cannot be read is returned.
    pub(crate) fn read(&self, block: &mut DocumentBlock) -> Vec<ReadFailure> {
        let mut failures = Vec::new();
        self.segment.read_chunk(self.chunk, self.bytes, block, |failure| failures.push(failure));
        self.documents.set((block.len() as u64).saturating_add(block.children().into()));
        failures
    }
}

/// What came of adding a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// Its documents are in.
    Whole,
    /// Nothing was done: it needs this many bytes more than [`Batcher::memory_of_large`] said.
    NeedsMore(u64),
}

/// Reads the documents of a unit into a batcher; `deliver` brings what it has to where it goes, and empties it.
pub(crate) async fn read_unit<B: Batcher, Delivered>(
    resources: &Resources,
    unit: Unit,
    mut batcher: B,
    deliver: &impl Fn(B) -> Delivered,
) -> Result<B, B::Error>
where
    Delivered: Future<Output = Result<B, B::Error>>,
{
    let compressed = unit.bytes.end.saturating_sub(unit.bytes.start);
    let mut needed = compressed.saturating_add(batcher.workspace());
    let mut next = unit.chunks.start;
    loop {
        let start = Instant::now();
        let mut permit = resources.memory.reserve(needed).await;
        meters().spent(Stage::WaitForMemory, start.elapsed());
        let rest = match unit.rest(next) {
            Ok(rest) => rest,
            Err(failure) => {
                batcher.fail(&unit.segment, failure)?;
                return Ok(batcher);
            }
        };
        let start = Instant::now();
        let fetched = batcher.fetch(&rest).await;
        meters().fetched(fetched.as_ref().map_or(0, Bytes::len), start.elapsed());
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => {
                batcher.fail_fetch(&rest, error)?;
                return Ok(batcher);
            }
            Err(error) => return Err(error.into()),
        };
        batcher.open();
        let permitted = permit.bytes();
        let work = Work { unit: rest, bytes, is_summed: false, next, batcher, permitted, documents: 0 };
        let (done, stopped) = drain(resources, work, &mut permit, deliver).await?;
        batcher = done;
        batcher.close();
        match stopped {
            None => return Ok(batcher),
            Some((at, memory)) => (next, needed) = (at, memory),
        }
    }
}

/// Decodes and delivers batch after batch; returns where it stopped and the memory it needs, if it had too little.
async fn drain<B: Batcher, Delivered>(
    resources: &Resources,
    mut work: Work<B>,
    permit: &mut MemoryPermit,
    deliver: &impl Fn(B) -> Delivered,
) -> Result<(B, Option<(u64, u64)>), B::Error>
where
    Delivered: Future<Output = Result<B, B::Error>>,
{
    loop {
        let (returned, outcome) = on_pool(&resources.threads, move || {
            let start = Instant::now();
            let outcome = work.decode();
            meters().decoded(std::mem::take(&mut work.documents), start.elapsed());
            (work, outcome)
        })
        .await;
        work = returned;
        match outcome? {
            Decoded::Batch => {
                let Work { unit, bytes, is_summed, next, batcher, permitted, documents } = work;
                let batcher = deliver(batcher).await?;
                work = Work { unit, bytes, is_summed, next, batcher, permitted, documents };
            }
            Decoded::NeedsMemory(bytes) if permit.try_grow(bytes) => work.permitted = bytes,
            Decoded::NeedsMemory(bytes) => return Ok((work.batcher, Some((work.next, bytes)))),
            Decoded::Done => return Ok((work.batcher, None)),
        }
    }
}

/// Where a unit is: all chunks before `next` are done.
struct Work<B> {
    unit: Unit,
    /// The bytes of the unit; fewer where a blob is cut.
    bytes: Bytes,
    /// Whether the bytes are in the checksum.
    is_summed: bool,
    next: u64,
    batcher: B,
    permitted: u64,
    /// Live documents that were added and not counted yet.
    documents: u64,
}

/// What one call of [`Work::decode`] came to.
enum Decoded {
    /// There is something to deliver.
    Batch,
    /// The next chunk needs this many bytes in all.
    NeedsMemory(u64),
    /// The unit has no more chunks.
    Done,
}

impl<B: Batcher> Work<B> {
    /// Decodes chunks until there is something to deliver.
    fn decode(&mut self) -> Result<Decoded, B::Error> {
        self.sum()?;
        let segment = Arc::clone(&self.unit.segment);
        while self.next < self.unit.chunks.end && !self.batcher.is_full() && self.batcher.wants_more() {
            let chunk = match segment.chunk(self.next) {
                Ok(chunk) => chunk,
                Err(error) => {
                    // Cannot be: the unit was made from these chunks.
                    let failure = segment.failure_of(self.unit.documents.clone(), error);
                    self.batcher.fail(&segment, failure)?;
                    self.next = self.unit.chunks.end;
                    break;
                }
            };
            if segment.has_live(&chunk)
                && let Some(stop) = self.add(&segment, &chunk)?
            {
                return Ok(stop);
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(if self.batcher.is_empty() { Decoded::Done } else { Decoded::Batch })
    }

    /// Adds a chunk, unless something must be done before.
    fn add(&mut self, segment: &Segment, chunk: &Chunk) -> Result<Option<Decoded>, B::Error> {
        let bytes = self.bytes_of(chunk);
        let length = match segment.decompressed_len(chunk, &bytes) {
            Ok(length) => length,
            Err(failure) => {
                self.batcher.fail(segment, failure)?;
                return Ok(None);
            }
        };
        let large = (length >= LARGE_SOURCE).then_some(length as u64);
        let compressed = self.bytes.len() as u64;
        let mut needed = compressed;
        if let Some(length) = large {
            if !self.batcher.is_empty() {
                return Ok(Some(Decoded::Batch));
            }
            let memory = self.batcher.memory_of_large(length);
            needed = compressed.saturating_add(self.batcher.workspace()).saturating_add(memory);
            if needed > self.permitted {
                return Ok(Some(Decoded::NeedsMemory(needed)));
            }
        }
        let permitted = self.permitted.saturating_sub(compressed);
        let documents = Cell::new(0);
        let chunk = ChunkBytes { segment, chunk, bytes: &bytes, large, permitted, documents: &documents };
        Ok(match self.batcher.add(chunk)? {
            Added::Whole => {
                self.documents = self.documents.saturating_add(documents.get());
                None
            }
            Added::NeedsMore(more) => Some(Decoded::NeedsMemory(needed.saturating_add(more))),
        })
    }

    /// Adds the bytes to the checksum of the file.
    fn sum(&mut self) -> Result<(), B::Error> {
        if std::mem::replace(&mut self.is_summed, true) {
            return Ok(());
        }
        let segment = &self.unit.segment;
        let Some(checksum) = &segment.checksum else { return Ok(()) };
        match checksum.add(self.unit.bytes.clone(), &self.bytes) {
            Ok(()) => Ok(()),
            Err(error) => self.batcher.fail_checksum(segment, error),
        }
    }

    fn bytes_of(&self, chunk: &Chunk) -> Bytes {
        let start = self.unit.bytes.start;
        let offset = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        let (from, to) = (offset(chunk.bytes.start), offset(chunk.bytes.end));
        if to <= self.bytes.len() && from <= to { self.bytes.slice(from..to) } else { Bytes::new() }
    }
}
