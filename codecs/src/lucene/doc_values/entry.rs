//! What an entry of a `.dvm` file says about its column.

use crate::error::Result;
use crate::input::{Decoded, Failure, decode};
use crate::lucene::doc_set::DocSet;
use crate::lucene::packed::Endianness;
use std::ops::Range;

/// A part of the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Span {
    /// A span from two numbers of a file; `at` is where an error points.
    pub(super) fn new(at: &[u8], offset: i64, length: i64) -> Decoded<'_, Self> {
        match (u64::try_from(offset), u64::try_from(length)) {
            (Ok(offset), Ok(length)) if offset.checked_add(length).is_some() => {
                Ok((at, Self { offset, length }))
            }
            _ => Failure::corrupt(at, format!("a part of {length} bytes at byte {offset}")),
        }
    }

    /// A span from where it starts and ends.
    pub(super) fn between(at: &[u8], start: i64, end: i64) -> Decoded<'_, Self> {
        match end.checked_sub(start) {
            Some(length) => Self::new(at, start, length),
            None => Failure::corrupt(at, format!("a part from byte {start} to byte {end}")),
        }
    }

    pub(super) const fn range(self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }

    /// Its bytes in `data`, which starts at byte `start` of the file.
    pub(super) fn of(self, start: u64, data: &[u8]) -> Option<&[u8]> {
        let from = usize::try_from(self.offset.checked_sub(start)?).ok()?;
        let length = usize::try_from(self.length).ok()?;
        data.get(from..)?.get(..length)
    }
}

/// Which documents of the segment have a value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// No document.
    None,
    /// All documents.
    All,
    /// Those of a set in the data file.
    IndexedDisi(IndexedDisi),
}

/// Where a set of documents lies in the data file, and how it is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedDisi {
    /// First byte in the data file.
    pub offset: u64,
    /// Bytes of the blocks and of the jump table after them.
    pub length: u64,
    /// Entries of eight bytes in the jump table; always 0 before Lucene 8.
    pub jump_table_entries: u16,
    /// A dense block starts with a rank for each `1 << dense_rank_power` documents; none before Lucene 8.
    pub dense_rank_power: Option<u8>,
    /// Byte order of the blocks.
    pub endianness: Endianness,
}

impl Documents {
    /// The range of the data file that [`Documents::decode`] needs; none when it needs no bytes.
    #[must_use]
    pub fn range(&self) -> Option<Range<u64>> {
        match self {
            Self::None | Self::All => None,
            Self::IndexedDisi(disi) => Some(disi.offset..disi.offset.saturating_add(disi.length)),
        }
    }

    /// Decodes the set from the bytes of [`Documents::range`] of the data file `file`.
    ///
    /// Fails unless it has `count` documents, all below `max_doc`.
    pub fn decode(&self, file: &str, bytes: &[u8], max_doc: u32, count: u64) -> Result<DocSet> {
        match self {
            Self::None => Ok(DocSet::empty(max_doc)),
            Self::All => Ok(DocSet::full(max_doc)),
            Self::IndexedDisi(disi) => decode(file, bytes, |input| disi.decode(input, max_doc, count))
                .map_err(|error| error.shifted(disi.offset)),
        }
    }

    /// Accepts `count` as the number of documents that have a value.
    pub(super) fn check_count(self, at: &[u8], count: u64, max_doc: u32) -> Decoded<'_, ()> {
        let max_doc = u64::from(max_doc);
        let expected = match self {
            Self::None => 0..=0,
            Self::All => max_doc..=max_doc,
            Self::IndexedDisi(_) => 1..=max_doc,
        };
        if expected.contains(&count) {
            return Ok((at, ()));
        }
        let what = format!("{count} of {max_doc} documents have a value, but the set is {self:?}");
        Failure::corrupt(at, what)
    }
}

/// A numeric column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumericEntry {
    /// Which documents have a value.
    pub documents: Documents,
    /// How many documents have a value.
    pub value_count: u64,
    /// How many documents the segment has.
    pub max_doc: u32,
}

impl NumericEntry {
    /// The range of the data file that [`NumericEntry::documents_with_value`] needs; none when it needs no bytes.
    #[must_use]
    pub fn range(&self) -> Option<Range<u64>> {
        self.documents.range()
    }

    /// The documents that have a value, from the bytes of [`NumericEntry::range`] of the data file `file`.
    pub fn documents_with_value(&self, file: &str, bytes: &[u8]) -> Result<DocSet> {
        self.documents.decode(file, bytes, self.max_doc, self.value_count)
    }
}
