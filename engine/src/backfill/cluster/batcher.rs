//! The documents of one unit as bulk operations.

use super::context::Context;
use super::error::Error;
use super::unsent::Unsent;
use crate::bulk::{BatchBuilder, BulkBatch, FailureClass, OperationWriter};
use crate::coordination::Cursor;
use crate::document::{Document, DocumentBlock};
use crate::error::{Error as EngineError, Result as EngineResult, chain};
use crate::segment::{Added, Batcher, ChunkBytes, ReadFailure, Segment, Unit};
use crate::transform::{Chain, Item, Operation, Output, Worker};
use bytes::Bytes;
use codecs::bulk::{Action, OpType};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What decoding takes beside batches, as long as no chunk is large: the chunk and what identity adds to it.
const WORKSPACE: u64 = 4 << 20;

/// How often a large chunk is in memory: decompressed, as lines, and what converting it takes.
const COPIES: u64 = 3;

/// As that, with a tree of each document.
const COPIES_AS_TREE: u64 = 8;

/// Unsent documents that are kept before they are recorded.
const MOST_UNSENT: usize = 1000;

/// Documents that cannot be read, and must not be passed over: the item ends before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The first of them.
    pub(super) from: Cursor,
    /// The first document after them.
    pub(super) to: Cursor,
    /// What is wrong, and where.
    pub(super) reason: String,
}

impl Damage {
    /// Adds documents that follow those that are damaged, or are the first.
    fn note(damage: &mut Option<Self>, segment: &str, documents: Range<u32>, reason: String) {
        let at = |document| Cursor { segment: segment.to_owned(), document };
        let to = at(documents.end);
        match damage {
            None => *damage = Some(Self { from: at(documents.start), to, reason }),
            Some(damage) => damage.to = to,
        }
    }
}

/// Documents of a unit that are done, one way or the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Documents with at least one operation.
    pub(super) sent: u64,
    /// Nested children, and documents that a transform left out.
    pub(super) excluded: u64,
}

/// Makes bulk operations of documents.
pub(super) struct OperationBatcher {
    context: Arc<Context>,
    writer: OperationWriter,
    index: Arc<str>,
    default_type: Option<Arc<str>>,
    transform: Option<Worker>,
    block: DocumentBlock,
    /// For the index of the same name in the target.
    builder: BatchBuilder,
    /// For other indices that a transform sends documents to.
    others: BTreeMap<Arc<str>, BatchBuilder>,
    full: Vec<BulkBatch>,
    unsent: Vec<Unsent>,
    unsent_bytes: usize,
    tally: Tally,
    damage: Option<Damage>,
    /// Whether documents after the damage came: it is known how far it goes.
    is_past_damage: bool,
}

impl OperationBatcher {
    pub(super) fn new(context: &Arc<Context>, index: &Arc<str>, default_type: Option<Arc<str>>) -> Self {
        Self {
            context: Arc::clone(context),
            writer: context.writer.clone(),
            index: Arc::clone(index),
            default_type,
            transform: context.chain.as_ref().map(Chain::worker),
            block: DocumentBlock::default(),
            builder: BatchBuilder::new(Arc::clone(index), context.limits),
            others: BTreeMap::new(),
            full: Vec::new(),
            unsent: Vec::new(),
            unsent_bytes: 0,
            tally: Tally::default(),
            damage: None,
            is_past_damage: false,
        }
    }

    /// The batches that are full; all there are when it is not full, because then nothing more comes.
    pub(super) fn take_batches(&mut self) -> Vec<BulkBatch> {
        let mut batches = std::mem::take(&mut self.full);
        if batches.is_empty() || !self.wants_more() {
            batches.extend(self.builder.finish());
            batches.extend(self.others.values_mut().filter_map(BatchBuilder::finish));
        }
        batches
    }

    pub(super) fn take_unsent(&mut self) -> Vec<Unsent> {
        self.unsent_bytes = 0;
        std::mem::take(&mut self.unsent)
    }

    pub(super) const fn tally(&self) -> Tally {
        self.tally
    }

    /// What is wrong with the unit, if there is something.
    pub(super) const fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    fn exclude(&mut self, documents: u64) {
        self.tally.excluded = self.tally.excluded.saturating_add(documents);
    }

    fn add_document(&mut self, segment: &Arc<str>, document: &Document<'_>) {
        match self.transform.take() {
            None => self.add_as_it_is(segment, document),
            Some(mut worker) => {
                self.add_transformed(&mut worker, segment, document);
                self.transform = Some(worker);
            }
        }
    }

    fn add_as_it_is(&mut self, segment: &Arc<str>, document: &Document<'_>) {
        self.context.lend_buffer(&mut self.builder);
        match self.builder.add(&self.writer, segment, document) {
            Ok(full) => {
                self.full.extend(full);
                self.tally.sent = self.tally.sent.saturating_add(1);
            }
            Err(reason) => self.unsent.push(Unsent::unwritable(segment, document, &reason)),
        }
    }

    fn add_transformed(&mut self, worker: &mut Worker, segment: &Arc<str>, document: &Document<'_>) {
        let source = match document.json_source() {
            Ok(source) => source,
            Err(reason) => return self.unsent.push(Unsent::unwritable(segment, document, &reason)),
        };
        let text = String::from_utf8_lossy;
        let (id, type_name) = (text(document.id), document.type_name.map(text));
        let (routing, parent) = (document.routing.map(text), document.parent.map(text));
        let index = Arc::clone(&self.index);
        let item = Item {
            index: &index,
            type_name: type_name.as_deref(),
            id: &id,
            routing: routing.as_deref(),
            parent: parent.as_deref(),
            source: &source,
        };
        let mut operations = 0_u64;
        let applied = worker.apply(item, &mut |output| {
            operations = operations.saturating_add(1);
            self.add_output(segment, document, &output);
        });
        match applied {
            Err(failure) => {
                let unsent = Unsent::new(segment, document, FailureClass::Transform, failure.to_string());
                self.unsent_bytes = self.unsent_bytes.saturating_add(source.len());
                self.unsent.push(unsent.with_source(&source));
            }
            Ok(()) if operations == 0 => self.exclude(1),
            Ok(()) => self.tally.sent = self.tally.sent.saturating_add(1),
        }
    }

    fn add_output(&mut self, segment: &Arc<str>, document: &Document<'_>, output: &Output<'_>) {
        let [id, type_name, routing] =
            [&output.id, &output.type_name, &output.routing].map(|text| text.as_deref().map(str::as_bytes));
        let action = Action {
            op: match output.op {
                Operation::Create => OpType::Create,
                Operation::Index => self.writer.op,
            },
            index: None,
            type_name: type_name.filter(|_| self.writer.types),
            id: id.filter(|_| !self.writer.server_ids),
            routing,
            parent: output.parent.map(str::as_bytes).filter(|_| self.writer.parents),
        };
        if *output.index != *self.index && !self.others.contains_key(&*output.index) {
            let index: Arc<str> = Arc::from(&*output.index);
            let builder = BatchBuilder::new(Arc::clone(&index), self.context.limits);
            self.others.insert(index, builder);
        }
        let other = self.others.get_mut(&*output.index);
        let builder = other.unwrap_or(&mut self.builder);
        self.context.lend_buffer(builder);
        let id = id.unwrap_or(document.id);
        let full = builder.add_operation(&action, id, &output.source, segment, document.number);
        self.full.extend(full);
        self.bound_builders();
    }

    /// Many indices must not take many times the bytes of one batch.
    fn bound_builders(&mut self) {
        let others = self.others.values().map(BatchBuilder::byte_len);
        let total = others.fold(self.builder.byte_len(), usize::saturating_add);
        if total > self.context.limits.bytes
            && let Some(largest) = self.others.values_mut().max_by_key(|builder| builder.byte_len())
        {
            self.full.extend(largest.finish());
        }
    }

    /// Notes documents that cannot be read: they and all after them are not sent.
    fn damaged(&mut self, segment: &Segment, documents: Range<u32>, reason: String) {
        if self.wants_more() {
            Damage::note(&mut self.damage, segment.name(), documents, reason);
        }
    }
}

impl Batcher for OperationBatcher {
    type Error = Error;

    fn workspace(&self) -> u64 {
        // A batch, and what of it is sent again.
        WORKSPACE.saturating_add((self.context.limits.bytes as u64).saturating_mul(2))
    }

    fn memory_of_large(&self, decompressed: u64) -> u64 {
        let is_parsed = self.context.chain.as_ref().is_some_and(Chain::needs_document);
        decompressed.saturating_mul(if is_parsed { COPIES_AS_TREE } else { COPIES })
    }

    fn open(&mut self) {
        self.block = self.context.blocks.take();
    }

    fn close(&mut self) {
        self.context.blocks.give_back(std::mem::take(&mut self.block));
        for builder in std::iter::once(&mut self.builder).chain(self.others.values_mut()) {
            self.context.give_back(builder.take_buffer());
        }
    }

    fn is_empty(&self) -> bool {
        let nothing_built = self.builder.is_empty() && self.others.values().all(BatchBuilder::is_empty);
        self.full.is_empty() && nothing_built && self.unsent.is_empty()
    }

    fn is_full(&self) -> bool {
        !self.full.is_empty()
            || self.unsent.len() >= MOST_UNSENT
            || self.unsent_bytes >= self.context.limits.bytes
    }

    fn wants_more(&self) -> bool {
        !self.is_past_damage
    }

    async fn fetch(&self, unit: &Unit) -> EngineResult<Bytes> {
        let bytes = self.context.progress.waiting_for_repository(unit.fetch()).await?;
        self.context.progress.fetched(bytes.len() as u64);
        Ok(bytes)
    }

    fn add(&mut self, chunk: ChunkBytes<'_>) -> Result<Added, Error> {
        if self.damage.is_some() {
            self.is_past_damage = true;
            return Ok(Added::Whole);
        }
        let mut block = std::mem::take(&mut self.block);
        let failures = chunk.read(&mut block);
        let is_whole = |failure: &ReadFailure| failure.documents == chunk.chunk.documents;
        if let Some(failure) = failures.iter().find(|failure| is_whole(failure)) {
            self.damaged(chunk.segment, failure.documents.clone(), failure.error.to_string());
        } else {
            let segment = chunk.segment.shared_name();
            for failure in &failures {
                self.unsent.push(Unsent::unreadable(segment, failure));
            }
            self.exclude(block.children().into());
            let default_type = self.default_type.clone();
            let default_type = default_type.as_deref().map(str::as_bytes);
            for document in block.iter() {
                let type_name = document.type_name.or(default_type);
                self.add_document(segment, &Document { type_name, ..document });
            }
        }
        self.block = block;
        Ok(Added::Whole)
    }

    fn fail(&mut self, segment: &Segment, failure: ReadFailure) -> Result<(), Error> {
        self.damaged(segment, failure.documents, failure.error.to_string());
        Ok(())
    }

    fn fail_fetch(&mut self, unit: &Unit, error: EngineError) -> Result<(), Error> {
        self.damaged(&unit.segment, unit.documents.clone(), chain(&error));
        Ok(())
    }

    fn fail_checksum(&mut self, segment: &Segment, error: codecs::Error) -> Result<(), Error> {
        self.context.note_untrusted(&self.index, segment, &error);
        self.unsent.push(Unsent::untrusted(segment, &error));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_starts_where_it_was_first_seen_and_goes_as_far_as_it_was_seen() {
        let mut damage = None;
        Damage::note(&mut damage, "_0", 10..20, "first".to_owned());
        Damage::note(&mut damage, "_0", 20..50, "second".to_owned());
        let at = |document| Cursor { segment: "_0".to_owned(), document };
        assert_eq!(damage, Some(Damage { from: at(10), to: at(50), reason: "first".to_owned() }));
    }
}
