//! The unit of work: a run of neighbouring chunks of one segment.

use super::open::Segment;
use super::read::ReadFailure;
use codecs::lucene::stored_fields::Chunk;
use std::ops::Range;
use std::sync::Arc;

/// Bytes without live documents that are read all the same: they cost less than a request, and the checksum needs them.
const SMALL_GAP: u64 = 64 << 10;

/// Some neighbouring chunks of one segment. The first and the last of them have live documents.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Chunk numbers.
    pub chunks: Range<u64>,
    /// Their bytes in `.fdt`, and what is before the first and after the last one, if that is little.
    pub bytes: Range<u64>,
    /// Their documents, deleted ones included.
    pub documents: Range<u32>,
}

/// The units of a segment, and what is wrong with its index where it cannot be followed.
#[derive(Debug)]
pub struct Units {
    segment: Arc<Segment>,
    unit_bytes: u64,
    small_gap: u64,
    next: u64,
    next_document: u32,
    /// Where the chunk that was last in a unit ends in `.fdt`.
    end: u64,
}

impl Segment {
    /// The units of the segment, in order, each of hardly more than `unit_bytes` compressed bytes, if it has more than
    /// one chunk. Many neighbouring chunks without a live document are left out.
    ///
    /// A failure is an index that contradicts itself: the documents from there on cannot be found.
    #[must_use]
    pub fn units(self: &Arc<Self>, unit_bytes: u64) -> Units {
        self.units_with_gaps(unit_bytes, SMALL_GAP)
    }

    /// As [`Segment::units`]; so many bytes without live documents are read all the same.
    pub(super) fn units_with_gaps(self: &Arc<Self>, unit_bytes: u64, small_gap: u64) -> Units {
        Units { segment: Arc::clone(self), unit_bytes, small_gap, next: 0, next_document: 0, end: 0 }
    }

    pub(super) fn has_live(&self, chunk: &Chunk) -> bool {
        self.live.is_none() || chunk.documents.clone().any(|document| self.is_live(document))
    }
}

impl Unit {
    /// How many of its documents live.
    #[must_use]
    pub fn live_count(&self) -> u32 {
        let live = self.documents.clone().filter(|document| self.segment.is_live(*document)).count();
        u32::try_from(live).unwrap_or(u32::MAX)
    }
}

impl Units {
    /// The segment that they are of.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// From the next unit on, each has at most so many compressed bytes.
    pub fn resize(&mut self, unit_bytes: u64) {
        self.unit_bytes = unit_bytes;
    }

    /// Adds a chunk with live documents; false when it does not fit.
    fn add(&mut self, unit: &mut Option<Unit>, chunk: Chunk) -> bool {
        let after = self.next.saturating_add(1);
        let gap = chunk.bytes.start.saturating_sub(self.end);
        match unit {
            None => {
                *unit = Some(Unit {
                    segment: Arc::clone(&self.segment),
                    chunks: self.next..after,
                    bytes: if gap <= self.small_gap { self.end } else { chunk.bytes.start }..chunk.bytes.end,
                    documents: chunk.documents,
                });
            }
            Some(unit) => {
                let bytes = chunk.bytes.end.saturating_sub(unit.bytes.start);
                if gap > self.small_gap || bytes > self.unit_bytes {
                    return false;
                }
                unit.chunks.end = after;
                unit.bytes.end = chunk.bytes.end;
                unit.documents.end = chunk.documents.end;
            }
        }
        self.end = chunk.bytes.end;
        true
    }

    /// Lets the last unit go to the end of the file, if that is near: there is the checksum.
    fn extend(&self, unit: &mut Unit) {
        let length = self.segment.stored_bytes();
        if self.segment.checksum.is_some() && length.saturating_sub(unit.bytes.end) <= self.small_gap {
            unit.bytes.end = unit.bytes.end.max(length);
        }
    }
}

impl Iterator for Units {
    type Item = Result<Unit, ReadFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut unit = None;
        while self.next < self.segment.stored.chunk_count() {
            let chunk = match self.segment.stored.chunk(self.next) {
                Ok(chunk) => chunk,
                Err(_) if unit.is_some() => break, // The next call reports it.
                Err(error) => {
                    self.next = u64::MAX;
                    return Some(Err(self
                        .segment
                        .failure_of(self.next_document..self.segment.max_doc(), error)));
                }
            };
            let end = chunk.documents.end;
            if self.segment.has_live(&chunk) && !self.add(&mut unit, chunk) {
                break;
            }
            self.next = self.next.saturating_add(1);
            self.next_document = end;
        }
        if self.next >= self.segment.stored.chunk_count()
            && let Some(unit) = &mut unit
        {
            self.extend(unit);
        }
        unit.map(Ok)
    }
}
