//! Operations on one index, ready to be sent.

use super::OperationWriter;
use crate::document::{Document, Unwritable};
use crate::flow::MemoryPermit;
use bytes::Bytes;
use codecs::bulk::{Action, ParsedAction};
use codecs::json_line::write_on_one_line;
use std::ops::Range;
use std::sync::Arc;

/// Where an operation comes from. Operations that a transform made of one document share its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the segment.
    pub segment: Arc<str>,
    /// Number of the document in the segment.
    pub document: u32,
}

/// How large a batch may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Bytes of all lines; one operation that is larger goes alone.
    pub bytes: usize,
    /// Number of operations.
    pub operations: usize,
}

impl Default for BatchLimits {
    /// 10 MiB, 20 000 operations.
    fn default() -> Self {
        Self { bytes: 10 << 20, operations: 20_000 }
    }
}

/// Operations on one index in one buffer: the body of a bulk request.
#[derive(Debug)]
pub struct BulkBatch {
    index: Arc<str>,
    body: Bytes,
    operations: Vec<Operation>,
    segments: Vec<Arc<str>>,
    /// The ids of the documents that go without, one after the other; see [`Operation::unsent_id`].
    unsent_ids: Vec<u8>,
    pub(super) memory: Option<MemoryPermit>,
}

/// Where an operation is in the body: its action line from `start`, its source line from `source` to `end`, both
/// with their newline.
#[derive(Debug, Clone, Copy)]
struct Operation {
    start: usize,
    source: usize,
    end: usize,
    /// Where the id ends in `unsent_ids`; it starts where the one before ends.
    unsent_id: usize,
    segment: u32,
    document: u32,
}

impl BulkBatch {
    /// The index that the operations are for.
    #[must_use]
    pub const fn index(&self) -> &Arc<str> {
        &self.index
    }

    /// How many operations there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is no operation; a builder gives no such batch.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Bytes of the body.
    #[must_use]
    pub const fn byte_len(&self) -> u64 {
        self.body.len() as u64
    }

    /// The batch with its share of memory, which it gives back when the last of it is dropped.
    ///
    /// A second attempt with a part of the operations copies them: the batch then takes up to twice its bytes.
    #[must_use]
    pub fn holding(mut self, memory: MemoryPermit) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Where the operation at this position comes from.
    #[must_use]
    pub fn origin(&self, position: u32) -> Option<Origin> {
        let operation = self.operation(position)?;
        let segment = self.segments.get(operation.segment as usize)?;
        Some(Origin { segment: Arc::clone(segment), document: operation.document })
    }

    /// The action line of an operation, without its newline.
    #[must_use]
    pub fn action(&self, position: u32) -> Bytes {
        self.operation(position).map_or_else(Bytes::new, |operation| {
            self.body.slice(operation.start..operation.source.saturating_sub(1))
        })
    }

    /// The source line of an operation, without its newline.
    #[must_use]
    pub fn source(&self, position: u32) -> Bytes {
        self.operation(position).map_or_else(Bytes::new, |operation| {
            self.body.slice(operation.source..operation.end.saturating_sub(1))
        })
    }

    /// The `_id` of an operation, also of one that is sent without.
    #[must_use]
    pub fn id(&self, position: u32) -> Option<String> {
        let sent = ParsedAction::parse(&self.action(position)).ok().and_then(|action| action.id);
        sent.or_else(|| {
            let end = self.operation(position)?.unsent_id;
            let before = position.checked_sub(1).and_then(|before| self.operation(before));
            let start = before.map_or(0, |before| before.unsent_id);
            let id = self.unsent_ids.get(start..end).filter(|id| !id.is_empty())?;
            Some(String::from_utf8_lossy(id).into_owned())
        })
    }

    /// Whether the target makes the id of an operation: done twice, the document is there twice.
    pub(super) fn makes_id(&self, position: u32) -> bool {
        ParsedAction::parse(&self.action(position)).is_ok_and(|action| action.id.is_none())
    }

    /// Operations for which the target makes the id.
    pub(crate) fn without_id(&self) -> u64 {
        (0..).take(self.len()).filter(|position| self.makes_id(*position)).count() as u64
    }

    /// The lines of these operations, whose positions ascend. They are copied only where others stand between them.
    pub(super) fn body(&self, positions: &[u32]) -> Bytes {
        let ends = (positions.first().copied(), positions.last().copied());
        if let (Some(first), Some(last)) = ends
            && (last.saturating_sub(first) as usize).saturating_add(1) == positions.len()
            && let (Some(start), Some(end)) = (self.lines(first), self.lines(last))
        {
            return self.body.slice(start.start..end.end);
        }
        let mut lines = Vec::with_capacity(self.bytes_of(positions));
        for range in positions.iter().filter_map(|position| self.lines(*position)) {
            lines.extend_from_slice(self.body.get(range).unwrap_or_default());
        }
        Bytes::from(lines)
    }

    /// Bytes of the lines of these operations.
    pub(super) fn bytes_of(&self, positions: &[u32]) -> usize {
        let ranges = positions.iter().filter_map(|position| self.lines(*position));
        ranges.fold(0, |bytes: usize, range| bytes.saturating_add(range.len()))
    }

    /// The buffer for the next batch, if nothing else uses it.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        let mut buffer = if self.body.is_unique() { Vec::from(self.body) } else { Vec::new() };
        buffer.clear();
        buffer
    }

    fn operation(&self, position: u32) -> Option<&Operation> {
        self.operations.get(position as usize)
    }

    fn lines(&self, position: u32) -> Option<Range<usize>> {
        self.operation(position).map(|operation| operation.start..operation.end)
    }
}

/// Puts the operations on one index into batches.
#[derive(Debug)]
pub struct BatchBuilder {
    index: Arc<str>,
    limits: BatchLimits,
    buffer: Vec<u8>,
    operations: Vec<Operation>,
    segments: Vec<Arc<str>>,
    unsent_ids: Vec<u8>,
}

impl BatchBuilder {
    /// A builder for an index.
    #[must_use]
    pub fn new(index: impl Into<Arc<str>>, limits: BatchLimits) -> Self {
        Self {
            index: index.into(),
            limits,
            buffer: Vec::new(),
            operations: Vec::new(),
            segments: Vec::new(),
            unsent_ids: Vec::new(),
        }
    }

    /// How many operations wait for [`BatchBuilder::finish`].
    #[must_use]
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether none wait.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Bytes of their lines.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the buffer of a batch that was sent (see [`BatchOutcome::buffer`](super::BatchOutcome::buffer)), so that
    /// the next one needs no new memory.
    pub fn reuse(&mut self, buffer: Vec<u8>) {
        if self.buffer.is_empty() && buffer.is_empty() && buffer.capacity() > self.buffer.capacity() {
            self.buffer = buffer;
        }
    }

    /// Whether there is memory for lines.
    pub(crate) const fn has_buffer(&self) -> bool {
        self.buffer.capacity() > 0
    }

    /// Gives the buffer away, if nothing waits in it.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        if self.operations.is_empty() { std::mem::take(&mut self.buffer) } else { Vec::new() }
    }

    /// Adds a document: one copy of its `_source`. Returns the batch that was full before, if it was.
    ///
    /// # Errors
    ///
    /// The document cannot be written; the builder is as it was.
    pub fn add(
        &mut self,
        writer: &OperationWriter,
        segment: &Arc<str>,
        document: &Document<'_>,
    ) -> Result<Option<BulkBatch>, Unwritable> {
        let source = document.json_source()?;
        let action = writer.action(document);
        Ok(self.add_operation(&action, document.id, &source, segment, document.number))
    }

    /// Adds an operation. `id` is that of the document, whether the action has it or not. Returns the batch that was full
    /// before, if it was.
    pub fn add_operation(
        &mut self,
        action: &Action<'_>,
        id: &[u8],
        source: &[u8],
        segment: &Arc<str>,
        document: u32,
    ) -> Option<BulkBatch> {
        let is_full = self.operations.len() >= self.limits.operations
            || self.buffer.len().saturating_add(source.len()) >= self.limits.bytes;
        let full = if is_full { self.finish() } else { None };
        self.append(action, id, source, segment, document);
        if self.buffer.len() > self.limits.bytes && self.operations.len() > 1 {
            return self.finish_before_last();
        }
        full
    }

    fn append(&mut self, action: &Action<'_>, id: &[u8], source: &[u8], segment: &Arc<str>, document: u32) {
        let start = self.buffer.len();
        action.write(&mut self.buffer);
        let source_start = self.buffer.len();
        write_on_one_line(source, &mut self.buffer);
        self.buffer.push(b'\n');
        if action.id.is_none() {
            self.unsent_ids.extend_from_slice(id);
        }
        if self.segments.last().is_none_or(|last| last != segment) {
            self.segments.push(Arc::clone(segment));
        }
        self.operations.push(Operation {
            start,
            source: source_start,
            end: self.buffer.len(),
            unsent_id: self.unsent_ids.len(),
            segment: u32::try_from(self.segments.len().saturating_sub(1)).unwrap_or(u32::MAX),
            document,
        });
    }

    /// What there is as a batch; none if there is nothing.
    pub fn finish(&mut self) -> Option<BulkBatch> {
        if self.operations.is_empty() {
            return None;
        }
        Some(BulkBatch {
            index: Arc::clone(&self.index),
            body: Bytes::from(std::mem::take(&mut self.buffer)),
            operations: std::mem::take(&mut self.operations),
            segments: std::mem::take(&mut self.segments),
            unsent_ids: std::mem::take(&mut self.unsent_ids),
            memory: None,
        })
    }

    /// All but the last operation as a batch; the last one stays.
    fn finish_before_last(&mut self) -> Option<BulkBatch> {
        let last = self.operations.pop()?;
        let segment = self.segments.last().map(Arc::clone);
        let lines = self.buffer.split_off(last.start);
        let id_start = self.operations.last().map_or(0, |before| before.unsent_id);
        let id = self.unsent_ids.split_off(id_start.min(self.unsent_ids.len()));
        let full = self.finish();
        self.segments.extend(segment);
        self.operations.push(Operation {
            start: 0,
            source: last.source.saturating_sub(last.start),
            end: lines.len(),
            unsent_id: id.len(),
            segment: 0,
            document: last.document,
        });
        self.buffer = lines;
        self.unsent_ids = id;
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codecs::bulk::OpType;

    fn document<'a>(number: u32, id: &'a str, source: &'a str) -> Document<'a> {
        Document {
            number,
            id: id.as_bytes(),
            type_name: Some(b"t"),
            routing: Some(b"r"),
            parent: Some(b"p"),
            source: Some(source.as_bytes()),
        }
    }

    fn segment() -> Arc<str> {
        Arc::from("_0")
    }

    fn builder(bytes: usize, operations: usize) -> BatchBuilder {
        BatchBuilder::new("i", BatchLimits { bytes, operations })
    }

    fn bodies(batches: &[BulkBatch]) -> Vec<&str> {
        batches.iter().map(|batch| std::str::from_utf8(&batch.body).unwrap()).collect()
    }

    /// The batches of documents with ids `0`, `1`, … and these sources.
    fn batches(mut builder: BatchBuilder, sources: &[&str]) -> Vec<BulkBatch> {
        let writer = OperationWriter::default();
        let mut batches = Vec::new();
        for (number, source) in (0..).zip(sources) {
            let id = number.to_string();
            batches.extend(builder.add(&writer, &segment(), &document(number, &id, source)).unwrap());
        }
        batches.extend(builder.finish());
        batches
    }

    const LINES: usize = "{\"index\":{\"_id\":\"0\",\"routing\":\"r\"}}\n{}\n".len();

    #[test]
    fn an_operation_has_what_its_writer_says() {
        let mut builder = builder(1000, 10);
        let writer = OperationWriter { op: OpType::Create, server_ids: false, types: true, parents: true };
        builder.add(&writer, &segment(), &document(7, "1", "{\n\"a\":1}")).unwrap();
        let batch = builder.finish().unwrap();
        let action = r#"{"create":{"_type":"t","_id":"1","routing":"r","parent":"p"}}"#;
        assert_eq!(bodies(&[batch]), [format!("{action}\n{{ \"a\":1}}\n")]);
    }

    #[test]
    fn a_batch_ends_before_its_bytes_or_its_operations_are_exceeded() {
        let of_three = batches(builder(3 * LINES, 10), &["{}"; 7]);
        assert_eq!(of_three.iter().map(BulkBatch::len).collect::<Vec<_>>(), [3, 3, 1]);
        assert!(of_three.iter().all(|batch| batch.byte_len() <= 3 * LINES as u64));
        let of_two = batches(builder(1000, 2), &["{}"; 5]);
        assert_eq!(of_two.iter().map(BulkBatch::len).collect::<Vec<_>>(), [2, 2, 1]);
        let origin = |batch: &BulkBatch, position| batch.origin(position).unwrap().document;
        assert_eq!((origin(&of_two[1], 0), origin(&of_two[1], 1), origin(&of_two[2], 0)), (2, 3, 4));
    }

    #[test]
    fn a_document_larger_than_a_batch_goes_alone() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(2 << 20));
        let batches = batches(builder(1 << 20, 10), &["{}", &large, "{}"]);
        assert_eq!(batches.iter().map(BulkBatch::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(batches[1].source(0), large);
        assert_eq!(batches.iter().map(|batch| batch.id(0).unwrap()).collect::<Vec<_>>(), ["0", "1", "2"]);
    }

    #[test]
    fn a_document_that_the_action_line_makes_too_large_starts_the_next_batch() {
        let batches = batches(builder(2 * LINES - 1, 10), &["{}"; 3]);
        assert_eq!(batches.iter().map(BulkBatch::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(batches[2].action(0), r#"{"index":{"_id":"2","routing":"r"}}"#);
        assert_eq!(batches[2].origin(0), Some(Origin { segment: segment(), document: 2 }));
    }

    #[test]
    fn a_document_without_source_leaves_the_builder_as_it_was() {
        let mut builder = builder(1000, 10);
        let bare = Document { source: None, ..document(0, "1", "") };
        let writer = OperationWriter::default();
        assert_eq!(builder.add(&writer, &segment(), &bare).unwrap_err(), Unwritable::NoSource);
        let bad = Document { source: Some(b"ZSTD"), ..bare };
        assert!(matches!(builder.add(&writer, &segment(), &bad), Err(Unwritable::Source(_))));
        assert!(builder.is_empty() && builder.finish().is_none());
    }

    #[test]
    fn an_id_that_is_not_sent_is_still_known() {
        let mut builder = builder(60, 10);
        let writer = OperationWriter { server_ids: true, ..OperationWriter::default() };
        let mut batches = Vec::new();
        for (number, id) in (0..).zip(["first", "second", "third"]) {
            batches.extend(builder.add(&writer, &segment(), &document(number, id, "{}")).unwrap());
        }
        batches.extend(builder.finish());
        let ids: Vec<_> = batches.iter().flat_map(|batch| (0..2).filter_map(|at| batch.id(at))).collect();
        assert_eq!(ids, ["first", "second", "third"]);
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].action(0), r#"{"index":{"routing":"r"}}"#);
    }

    #[test]
    fn operations_that_follow_each_other_are_not_copied() {
        let batch = batches(builder(1000, 10), &["{}"; 4]).remove(0);
        let all = batch.body(&[0, 1, 2, 3]);
        assert_eq!((all.as_ptr(), all.len()), (batch.body.as_ptr(), batch.body.len()));
        assert_eq!(batch.body(&[1, 2]).as_ptr(), batch.body[LINES..].as_ptr());
        let parts = [batch.body(&[0]), batch.body(&[2, 3])].concat();
        assert_eq!(batch.body(&[0, 2, 3]), parts);
        assert_eq!(batch.bytes_of(&[0, 2, 3]), parts.len());
    }

    #[test]
    fn a_buffer_is_used_again_when_nothing_holds_it() {
        let mut batches = batches(builder(1000, 10), &["{}"; 4]);
        let batch = batches.remove(0);
        let address = batch.body.as_ptr();
        let buffer = batch.into_buffer();
        assert_eq!((buffer.as_ptr(), buffer.len()), (address, 0));
        let mut builder = builder(1000, 10);
        builder.reuse(buffer);
        builder.add(&OperationWriter::default(), &segment(), &document(0, "1", "{}")).unwrap();
        let batch = builder.finish().unwrap();
        assert_eq!(batch.body.as_ptr(), address);
        let held = batch.source(0);
        assert_eq!(batch.into_buffer().capacity(), 0);
        assert_eq!(held, "{}");
    }
}
