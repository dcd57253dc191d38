//! The documents of one unit of a snapshot in batches, to be compared.

use super::context::Buffers;
use super::differences::{Kind, Record};
use super::documents::{Batch, Identity};
use super::error::{Error, Result};
use super::index::TargetIndex;
use crate::document::{Document, DocumentBlock};
use crate::error::{Error as EngineError, chain};
use crate::ndjson::Unwritable;
use crate::segment::{Added, Batcher, ChunkBytes, IndexBooks, ReadFailure, Segment, SegmentSource, Unit};
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
    /// The index of the snapshot.
    pub(super) source: Arc<str>,
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

    fn exclude(&self, documents: u32) {
        if self.is_first() && documents > 0 {
            self.index
                .with_counts(|counts| counts.excluded = counts.excluded.saturating_add(documents.into()));
        }
    }

    /// Records documents that cannot be read; `live` is none for a shard of which nothing is known.
    fn fail(
        &self,
        shard: &str,
        segment: Option<(&str, Range<u32>)>,
        live: Option<u64>,
        reason: String,
    ) -> Result<()> {
        if !self.is_first() {
            return Ok(());
        }
        self.index.unreadable(self.record(shard, segment, reason), live)
    }

    fn record(&self, shard: &str, segment: Option<(&str, Range<u32>)>, reason: String) -> Record {
        let (segment, documents) = segment.unzip();
        Record {
            shard: Some(shard.to_owned()),
            segment: segment.map(str::to_owned),
            documents,
            reason: Some(reason),
            ..Record::new(Kind::Unreadable, &self.index.name)
        }
    }

    /// Records that the documents of a segment cannot be trusted, though they could be read and are compared.
    fn fail_checksum(&self, segment: &Segment, error: &codecs::Error) -> Result<()> {
        if !self.is_first() {
            return Ok(());
        }
        let place = Some((segment.name(), 0..segment.max_doc()));
        let reason = format!(
            "{error}; what could be read of this segment is compared, and may not be what was indexed"
        );
        self.index.untrusted(self.record(segment.shard().what(), place, reason))
    }

    fn fail_read(&self, segment: &Segment, failure: ReadFailure) -> Result<()> {
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

impl IndexBooks for Reading {
    type Error = Error;

    fn note_shard(&self, segments: &[SegmentSource]) {
        if self.is_first() {
            let documents = segments.iter().map(|segment| u64::from(segment.live_count())).sum();
            self.index.with_counts(|counts| counts.selected = counts.selected.saturating_add(documents));
        }
    }

    fn fail_shard(&self, shard: &str, error: &EngineError) -> Result<()> {
        self.fail(shard, None, None, chain(error))
    }

    fn fail_segment(&self, source: &SegmentSource, error: &EngineError) -> Result<()> {
        let place = Some((source.commit.name.as_str(), 0..source.info.doc_count));
        self.fail(source.shard.what(), place, Some(source.live_count().into()), chain(error))
    }

    fn fail_documents(&self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.fail_read(segment, failure)
    }
}

/// Puts the documents of a unit into batches.
pub(super) struct DocumentBatcher {
    reading: Arc<Reading>,
    buffers: Arc<Buffers>,
    block: DocumentBlock,
    batch: Batch,
}

impl DocumentBatcher {
    pub(super) fn new(reading: Arc<Reading>, buffers: &Arc<Buffers>) -> Self {
        let batch = Batch::new(Arc::clone(&reading.index));
        Self { reading, buffers: Arc::clone(buffers), block: DocumentBlock::default(), batch }
    }

    /// Gives the batch to `take`, and gets its buffers back.
    pub(super) async fn give<Taken>(mut self, take: &impl Fn(Batch) -> Taken) -> Result<Self>
    where
        Taken: Future<Output = Result<Batch>>,
    {
        self.batch = take(self.take_batch()).await?;
        self.batch.clear();
        Ok(self)
    }

    fn take_batch(&mut self) -> Batch {
        let mut empty = Batch::new(Arc::clone(&self.reading.index));
        empty.origin = Some(Arc::clone(&self.reading.source));
        std::mem::replace(&mut self.batch, empty)
    }
}

impl Batcher for DocumentBatcher {
    type Error = Error;

    fn workspace(&self) -> u64 {
        WORKSPACE
    }

    fn memory_of_large(&self, decompressed: u64) -> u64 {
        decompressed.saturating_mul(COPIES)
    }

    fn open(&mut self) {
        (self.block, self.batch) = self.buffers.take(&self.reading.index);
        self.batch.origin = Some(Arc::clone(&self.reading.source));
        self.batch.clear();
    }

    fn close(&mut self) {
        let batch = self.take_batch();
        self.buffers.give_back(std::mem::take(&mut self.block), batch);
    }

    fn is_empty(&self) -> bool {
        self.batch.documents.is_empty()
    }

    fn is_full(&self) -> bool {
        self.batch.documents.len() >= BATCH_DOCUMENTS || self.batch.byte_len() >= BATCH_BYTES
    }

    fn add(&mut self, chunk: ChunkBytes<'_>) -> Result<Added> {
        let failures = chunk.read(&mut self.block);
        let (reading, segment) = (&self.reading, chunk.segment);
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
        Ok(Added::Whole)
    }

    fn fail(&mut self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.reading.fail_read(segment, failure)
    }

    fn fail_fetch(&mut self, unit: &Unit, error: EngineError) -> Result<()> {
        let (segment, live) = (&unit.segment, u64::from(unit.live_count()));
        let place = Some((segment.name(), unit.documents.clone()));
        self.reading.fail(segment.shard().what(), place, Some(live), chain(&error))
    }

    fn fail_checksum(&mut self, segment: &Segment, error: codecs::Error) -> Result<()> {
        self.reading.fail_checksum(segment, &error)
    }
}
