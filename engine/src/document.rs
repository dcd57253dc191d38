//! Documents in blocks: one buffer, many documents.

use codecs::lucene::stored_fields::Documents;
use codecs::source;
use std::borrow::Cow;
use std::ops::Range;

/// Sources from this size on, and chunks with so many bytes, are not copied without need, and reserve their memory.
pub(crate) const LARGE_SOURCE: usize = 1 << 20;

/// The documents of one chunk of stored fields: live, with their identity, `_source` still in place.
#[derive(Debug, Default)]
pub struct DocumentBlock {
    /// The decompressed chunk; the sources are ranges of it.
    pub(crate) documents: Documents,
    /// Ids, types, routings and parents, decoded, one after the other.
    pub(crate) text: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    /// Live documents of the chunk that have no identity of their own: nested children.
    pub(crate) children: u32,
}

/// Where the parts of one document are.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) document: u32,
    pub(crate) id: Range<usize>,
    pub(crate) type_name: Option<Range<usize>>,
    pub(crate) routing: Option<Range<usize>>,
    pub(crate) parent: Option<Range<usize>>,
    pub(crate) source: Option<Range<usize>>,
}

/// One document of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its number in the segment.
    pub number: u32,
    /// `_id` as text (UTF-8 as far as the cluster kept it so).
    pub id: &'a [u8],
    /// `_type`, for indices made before Elasticsearch 6.
    pub type_name: Option<&'a [u8]>,
    /// `_routing`, where the document was routed by more than its id.
    pub routing: Option<&'a [u8]>,
    /// `_parent`, for indices made before Elasticsearch 6.
    pub parent: Option<&'a [u8]>,
    /// `_source` as stored, whatever its format; none where the index keeps no `_source`.
    pub source: Option<&'a [u8]>,
}

impl DocumentBlock {
    /// Forgets the documents and keeps the memory.
    pub fn clear(&mut self) {
        self.documents.clear();
        self.text.clear();
        self.entries.clear();
        self.children = 0;
    }

    /// How many documents there are, nested children left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many live nested children were passed over; their text is in their parents.
    #[must_use]
    pub const fn children(&self) -> u32 {
        self.children
    }

    /// Bytes of memory that the block's buffers hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.documents.capacity().saturating_add(self.text.capacity())
    }

    /// The documents, in the order of the segment.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Document<'_>> {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        self.entries.iter().map(move |entry| Document {
            number: entry.document,
            id: text(&entry.id),
            type_name: entry.type_name.as_ref().map(text),
            routing: entry.routing.as_ref().map(text),
            parent: entry.parent.as_ref().map(text),
            source: entry
                .source
                .as_ref()
                .map(|range| self.documents.buffer().get(range.clone()).unwrap_or_default()),
        })
    }
}

/// Why a document cannot be written anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The index keeps no `_source`.
    #[error("no `_source` is stored")]
    NoSource,
    /// The stored bytes are in none of the formats that Elasticsearch stores, or damaged.
    #[error("`_source` could not be converted to JSON")]
    Source(#[source] codecs::Error),
}

impl<'a> Document<'a> {
    /// `_source` as JSON text, whatever its form in the segment; maybe of several lines.
    ///
    /// # Errors
    ///
    /// [`Unwritable`] when there is none, or when it cannot be converted.
    pub fn json_source(&self) -> Result<Cow<'a, [u8]>, Unwritable> {
        json_source(self.source.ok_or(Unwritable::NoSource)?)
    }
}

/// A stored `_source` as JSON text.
pub(crate) fn json_source(stored: &[u8]) -> Result<Cow<'_, [u8]>, Unwritable> {
    source::to_json("_source", stored, limit(stored)).map_err(Unwritable::Source)
}

/// How long a converted `_source` may be, in bytes: more than DEFLATE, the closest of its forms, can save, but bounded.
fn limit(stored: &[u8]) -> usize {
    stored.len().saturating_mul(1100).clamp(1 << 16, 1 << 30)
}
