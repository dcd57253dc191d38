//! One unit of a snapshot: fetch → decode → batches of documents, in as much memory as it reserved.

use super::context::Context;
use super::differences::{Kind, Record};
use super::documents::{Batch, Identity};
use super::error::Result;
use super::index::TargetIndex;
use crate::document::{Document, DocumentBlock};
use crate::error::chain;
use crate::flow::{MemoryPermit, on_pool};
use crate::ndjson::{LARGE_SOURCE, Unwritable};
use crate::segment::{ReadFailure, Segment, Unit};
use bytes::Bytes;
use codecs::lucene::stored_fields::Chunk;
use std::ops::Range;
use std::sync::Arc;

/// A batch is closed by the chunk that gives it so many documents, or so many bytes of sources.
const BATCH_DOCUMENTS: usize = super::check::MOST_DOCUMENTS;
const BATCH_BYTES: usize = super::check::MOST_BYTES;

/// What one batch takes beside its compressed bytes, as long as no chunk is large: the sources, the chunk that they
/// come from, the answer of the target, and what comparing takes.
const WORKSPACE: u64 = 20 << 20;

/// How often a large chunk is in memory at once: decompressed, as sources, in the answer, and what comparing takes.
const COPIES: u64 = 5;

/// What is read of an index of a snapshot, and for what.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) index: Arc<TargetIndex>,
    /// Whether documents have types that the target has too.
    pub(super) typed: bool,
    /// Type of documents that do not store theirs.
    pub(super) default_type: Option<String>,
    pub(super) purpose: Purpose,
}

/// What documents are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To compare them; what cannot be read is counted and recorded.
    Compare,
    /// To go through their sources once more.
    Sources,
    /// To go through their identities once more.
    Identities,
}

impl Reading {
    fn identity(&self, document: &Document<'_>) -> Identity {
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let type_name = document.type_name.map(text).or_else(|| self.default_type.clone());
        let parent = document.parent.map(text);
        Identity {
            id: text(document.id),
            type_name: type_name.filter(|_| self.typed),
            routing: document.routing.map(text).or_else(|| parent.clone()),
            parent,
        }
    }

    fn is_first(&self) -> bool {
        self.purpose == Purpose::Compare
    }

    pub(super) fn select(&self, documents: u64) {
        if self.is_first() {
            self.index.with_counts(|counts| counts.selected = counts.selected.saturating_add(documents));
        }
    }

    fn exclude(&self, documents: u32) {
        if self.is_first() && documents > 0 {
            self.index
                .with_counts(|counts| counts.excluded = counts.excluded.saturating_add(documents.into()));
        }
    }

    /// Records documents that cannot be read; `live` is none for a shard of which nothing is known.
    pub(super) fn fail(
        &self,
        shard: &str,
        segment: Option<(&str, Range<u32>)>,
        live: Option<u64>,
        reason: String,
    ) -> Result<()> {
        if !self.is_first() {
            return Ok(());
        }
        let (segment, documents) = segment.unzip();
        let record = Record {
            shard: Some(shard.to_owned()),
            segment: segment.map(str::to_owned),
            documents,
            reason: Some(reason),
            ..Record::new(Kind::Unreadable, &self.index.name)
        };
        self.index.unreadable(record, live)
    }

    pub(super) fn fail_read(&self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        let place = Some((segment.name(), failure.documents));
        self.fail(segment.shard().what(), place, Some(failure.live.into()), failure.error.to_string())
    }

    fn fail_source(
        &self,
        segment: &Segment,
        document: &Document<'_>,
        identity: Identity,
        reason: &Unwritable,
    ) -> Result<()> {
        if !self.is_first() {
            return Ok(());
        }
        let record = Record {
            id: Some(identity.id),
            type_name: identity.type_name,
            routing: identity.routing,
            shard: Some(segment.shard().what().to_owned()),
            segment: Some(segment.name().to_owned()),
            documents: Some(document.number..document.number.saturating_add(1)),
            reason: Some(chain(reason)),
            ..Record::new(Kind::Unreadable, &self.index.name)
        };
        self.index.add_seen(1);
        self.index.unreadable(record, Some(1))
    }
}

/// Where a unit is: all chunks before `next` are done.
struct Work {
    unit: Unit,
    reading: Arc<Reading>,
    bytes: Bytes,
    /// Where `bytes` start in `.fdt`.
    start: u64,
    next: u64,
    block: DocumentBlock,
    batch: Batch,
    permitted: u64,
}

/// What one call of [`Work::decode`] came to.
enum Decoded {
    /// There are documents.
    Batch,
    /// The next chunk needs this many bytes in all.
    NeedsMemory(u64),
    /// The unit has no more chunks.
    Done,
}

/// Reads the documents of one unit and gives them to `take`, batch after batch. What cannot be read is recorded.
pub(super) async fn read<Taken>(
    context: &Context,
    reading: &Arc<Reading>,
    unit: Unit,
    take: &impl Fn(Batch) -> Taken,
) -> Result<()>
where
    Taken: Future<Output = Result<Batch>>,
{
    let compressed = unit.bytes.end.saturating_sub(unit.bytes.start);
    let mut needed = compressed.saturating_add(WORKSPACE);
    let mut next = unit.chunks.start;
    loop {
        let mut permit = context.memory.reserve(needed).await;
        let rest = match unit.rest(next) {
            Ok(rest) => rest,
            Err(failure) => return reading.fail_read(&unit.segment, failure),
        };
        let bytes = match rest.fetch().await {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => {
                let (segment, live) = (&rest.segment, u64::from(rest.live_count()));
                let place = Some((segment.name(), rest.documents.clone()));
                return reading.fail(segment.shard().what(), place, Some(live), chain(&error));
            }
            Err(error) => return Err(error.into()),
        };
        let (block, batch) = context.buffers.take(&reading.index);
        let (start, permitted) = (rest.bytes.start, permit.bytes());
        let (unit, reading) = (unit.clone(), Arc::clone(reading));
        let work = Work { unit, reading, bytes, start, next, block, batch, permitted };
        match drain(context, work, &mut permit, take).await? {
            None => return Ok(()),
            Some((at, memory)) => (next, needed) = (at, memory),
        }
    }
}

/// Decodes and gives away batch after batch; returns where it stopped and the memory it needs, if it had too little.
async fn drain<Taken>(
    context: &Context,
    mut work: Work,
    permit: &mut MemoryPermit,
    take: &impl Fn(Batch) -> Taken,
) -> Result<Option<(u64, u64)>>
where
    Taken: Future<Output = Result<Batch>>,
{
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
                let empty = Batch::new(Arc::clone(&work.reading.index));
                work.batch = take(std::mem::replace(&mut work.batch, empty)).await?;
            }
            Decoded::NeedsMemory(bytes) if permit.try_grow(bytes) => work.permitted = bytes,
            Decoded::NeedsMemory(bytes) => {
                stopped = Some((work.next, bytes));
                break;
            }
            Decoded::Done => break,
        }
    }
    context.buffers.give_back(work.block, work.batch);
    Ok(stopped)
}

impl Work {
    /// Decodes chunks until there is a batch.
    fn decode(&mut self) -> Result<Decoded> {
        self.batch.clear();
        while self.next < self.unit.chunks.end {
            let segment = Arc::clone(&self.unit.segment);
            let chunk = match segment.chunk(self.next) {
                Ok(chunk) => chunk,
                Err(error) => {
                    // Cannot be: the unit was made from these chunks.
                    let failure = segment.failure_of(self.unit.documents.clone(), error);
                    self.reading.fail_read(&segment, failure)?;
                    self.next = self.unit.chunks.end;
                    break;
                }
            };
            let bytes = self.bytes_of(&chunk);
            let length = match segment.decompressed_len(&chunk, &bytes) {
                Ok(length) => length,
                Err(failure) => {
                    self.reading.fail_read(&segment, failure)?;
                    self.next = self.next.saturating_add(1);
                    continue;
                }
            };
            if length >= LARGE_SOURCE {
                if !self.batch.documents.is_empty() {
                    return Ok(Decoded::Batch);
                }
                let copies = (length as u64).saturating_mul(COPIES);
                let needed = (self.bytes.len() as u64).saturating_add(WORKSPACE).saturating_add(copies);
                if needed > self.permitted {
                    return Ok(Decoded::NeedsMemory(needed));
                }
            }
            self.read(&segment, &chunk, &bytes)?;
            self.next = self.next.saturating_add(1);
            if self.batch.documents.len() >= BATCH_DOCUMENTS || self.batch.byte_len() >= BATCH_BYTES {
                return Ok(Decoded::Batch);
            }
        }
        Ok(if self.batch.documents.is_empty() { Decoded::Done } else { Decoded::Batch })
    }

    fn read(&mut self, segment: &Segment, chunk: &Chunk, bytes: &[u8]) -> Result<()> {
        let mut failures = Vec::new();
        segment.read_chunk(chunk, bytes, &mut self.block, |failure| failures.push(failure));
        let reading = &self.reading;
        reading.exclude(self.block.children());
        for failure in failures {
            reading.fail_read(segment, failure)?;
        }
        for document in self.block.iter() {
            let identity = reading.identity(&document);
            if reading.purpose == Purpose::Identities {
                self.batch.add_text(identity, b"");
            } else if let Err(reason) = self.batch.add(&document, identity) {
                reading.fail_source(segment, &document, reading.identity(&document), &reason)?;
            }
        }
        Ok(())
    }

    fn bytes_of(&self, chunk: &Chunk) -> Bytes {
        let offset = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let (from, to) = (offset(chunk.bytes.start), offset(chunk.bytes.end));
        if to <= self.bytes.len() && from <= to { self.bytes.slice(from..to) } else { Bytes::new() }
    }
}
