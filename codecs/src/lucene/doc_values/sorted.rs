//! Sorted columns: an ordinal for each document that has a value, and a dictionary of the values.

use super::Documents;
use super::entry::Span;
use super::terms::{Terms, TermsEntry};
use crate::error::Result;
use crate::input::{Decoded, Failure, decode};
use crate::lucene::doc_set::DocSet;
use crate::lucene::packed::{DirectMonotonic, DirectReader};
use std::ops::Range;

/// What the meta file says about a sorted column.
#[derive(Debug, Clone, PartialEq)]
pub struct SortedEntry {
    pub(super) documents: SortedDocuments,
    pub(super) ordinals: OrdinalsEntry,
    pub(super) terms: TermsEntry,
    pub(super) max_doc: u32,
}

/// Which documents have an ordinal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SortedDocuments {
    /// Lucene 7: those of a set, one ordinal each.
    Set { documents: Documents, count: u64 },
    /// Lucene 5.4, sparse: those of a monotonic sequence, one ordinal each.
    Ids { ids: DirectMonotonic, span: Span },
    /// Lucene 5.4: each has one, and -1 is none.
    ByOrdinal,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OrdinalsEntry {
    pub(super) span: Span,
    pub(super) count: u64,
    pub(super) reader: DirectReader,
    pub(super) mapping: Mapping,
}

/// How a packed value becomes a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mapping {
    Linear { min: i64, factor: i64 },
    Table(Vec<i64>),
}

impl Mapping {
    fn get(&self, value: u64) -> Option<i64> {
        match self {
            Self::Linear { min, factor } => Some(min.wrapping_add(factor.wrapping_mul(value.cast_signed()))),
            Self::Table(table) => table.get(usize::try_from(value).ok()?).copied(),
        }
    }
}

impl OrdinalsEntry {
    /// Value `index`, where `bytes` are those of the span.
    fn get(&self, bytes: &[u8], index: u64) -> Option<i64> {
        self.mapping.get(self.reader.get(bytes, index)?)
    }
}

impl SortedEntry {
    /// The range of the data file that [`SortedEntry::decode`] needs; empty when it needs no bytes.
    ///
    /// A column lies together in its file, so that this is little more than the column; but it comes from the meta
    /// file and must be compared with the length of the data file before it is fetched.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        let documents = match &self.documents {
            SortedDocuments::Set { documents, .. } => documents.range(),
            SortedDocuments::Ids { span, .. } => Some(span.range()),
            SortedDocuments::ByOrdinal => None,
        };
        let parts = self.terms.spans().map(Span::range);
        let parts = parts.chain([self.ordinals.span.range()]).chain(documents);
        parts
            .filter(|part| !part.is_empty())
            .reduce(|all, part| all.start.min(part.start)..all.end.max(part.end))
            .unwrap_or_default()
    }

    /// Decodes the column from the bytes of [`SortedEntry::range`] of the data file `file`.
    ///
    /// Reads all documents, ordinals and terms once, so that the column that it returns has no more errors in it.
    pub fn decode<D: AsRef<[u8]>>(&self, file: &str, data: D) -> Result<SortedColumn<D>> {
        let start = self.range().start;
        let (documents, terms) = decode(file, data.as_ref(), |input| self.decode_parts(input, start))
            .map_err(|error| error.shifted(start))?;
        Ok(SortedColumn {
            start,
            documents,
            ordinals: self.ordinals.clone(),
            terms,
            terms_span: self.terms.span,
            data,
        })
    }

    fn decode_parts<'a>(&self, input: &'a [u8], start: u64) -> Decoded<'a, (RankedDocuments, Terms)> {
        let part = |span: Span| match span.of(start, input) {
            Some(bytes) => Ok((input, bytes)),
            None if span.length == 0 => Ok((input, &[][..])),
            None => {
                let missing = span.range().end.saturating_sub(start.saturating_add(input.len() as u64));
                Failure::truncated(input, missing)
            }
        };
        let (_, terms_bytes) = part(self.terms.span)?;
        let (_, addresses) = self.terms.spans().nth(1).map_or(Ok((input, &[][..])), part)?;
        let (_, terms) = Terms::decode(&self.terms, terms_bytes, addresses)?;
        let documents = match &self.documents {
            SortedDocuments::Set { documents, count } => match documents {
                Documents::None => RankedDocuments::new(DocSet::empty(self.max_doc)),
                Documents::All => RankedDocuments::All,
                Documents::IndexedDisi(disi) => {
                    let span = Span { offset: disi.offset, length: disi.length };
                    let (_, bytes) = part(span)?;
                    let (_, set) = disi.decode(bytes, self.max_doc, *count)?;
                    RankedDocuments::new(set)
                }
            },
            SortedDocuments::Ids { ids, span } => {
                let (_, bytes) = part(*span)?;
                let (_, set) = documents_of_ids(ids, bytes, self.max_doc)?;
                RankedDocuments::new(set)
            }
            SortedDocuments::ByOrdinal => RankedDocuments::All,
        };
        let (_, ordinals) = part(self.ordinals.span)?;
        self.check_ordinals(ordinals)?;
        Ok((&[], (documents, terms)))
    }

    /// Accepts the ordinals if each is that of a term; -1 too where it says that a document has no value.
    fn check_ordinals<'a>(&self, bytes: &'a [u8]) -> Decoded<'a, ()> {
        let terms = i64::try_from(self.terms.count).unwrap_or(i64::MAX);
        let least = if self.documents == SortedDocuments::ByOrdinal { -1 } else { 0 };
        for index in 0..self.ordinals.count {
            let ordinal = self.ordinals.get(bytes, index);
            if !ordinal.is_some_and(|ordinal| (least..terms).contains(&ordinal)) {
                let what = format!("ordinal {index} is {ordinal:?}, of {terms} terms");
                return Failure::corrupt(bytes, what);
            }
        }
        Ok((bytes, ()))
    }
}

fn documents_of_ids<'a>(ids: &DirectMonotonic, bytes: &'a [u8], max_doc: u32) -> Decoded<'a, DocSet> {
    let mut set = DocSet::empty(max_doc);
    let mut previous = None;
    for index in 0..ids.count() {
        let doc = ids.get(bytes, index).and_then(|doc| u32::try_from(doc).ok());
        let added = doc.is_some_and(|doc| set.insert(doc));
        if !added || previous >= doc {
            return Failure::corrupt(bytes, format!("document {index} of a sparse column is {doc:?}"));
        }
        previous = doc;
    }
    Ok((bytes, set))
}

/// Documents that have a value, each with its place among them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RankedDocuments {
    All,
    Some {
        set: DocSet,
        /// For each word of the set the number of documents before it.
        ranks: Vec<u32>,
    },
}

impl RankedDocuments {
    fn new(set: DocSet) -> Self {
        let ranks = set
            .words()
            .iter()
            .scan(0_u32, |sum, word| {
                let rank = *sum;
                *sum = rank.saturating_add(word.count_ones());
                Some(rank)
            })
            .collect();
        Self::Some { set, ranks }
    }

    /// How many documents of the set are before `doc`; none if it is not in the set.
    fn rank(&self, doc: u32) -> Option<u32> {
        match self {
            Self::All => Some(doc),
            Self::Some { set, ranks } => {
                let index = (doc / 64) as usize;
                let (word, rank) = (set.words().get(index)?, ranks.get(index)?);
                let bit = 1_u64 << (doc % 64);
                let before = word & bit.wrapping_sub(1);
                (word & bit != 0).then(|| rank.saturating_add(before.count_ones()))
            }
        }
    }
}

/// A sorted column: at most one value of bytes a document.
#[derive(Debug, Clone)]
pub struct SortedColumn<D> {
    start: u64,
    documents: RankedDocuments,
    ordinals: OrdinalsEntry,
    terms: Terms,
    terms_span: Span,
    data: D,
}

impl<D: AsRef<[u8]>> SortedColumn<D> {
    /// The value of a document; none when it has none, or there is no such document.
    ///
    /// Values share prefixes in the file: `buffer` is where they are put together, to be used again for the next.
    #[must_use]
    pub fn value<'a>(&'a self, doc: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let index = u64::from(self.documents.rank(doc)?);
        if index >= self.ordinals.count {
            return None;
        }
        let data = self.data.as_ref();
        let ordinals = self.ordinals.span.of(self.start, data).unwrap_or_default();
        let ordinal = u64::try_from(self.ordinals.get(ordinals, index)?).ok()?;
        let terms = self.terms_span.of(self.start, data).unwrap_or_default();
        self.terms.get(terms, ordinal, buffer)
    }
}
