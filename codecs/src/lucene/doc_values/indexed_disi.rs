//! Sets of documents in the data file of doc values.

use super::IndexedDisi;
use crate::input::{Decoded, Failure, be_u16, le_u16, take};
use crate::lucene::doc_set::DocSet;
use crate::lucene::packed::Endianness;
use nom::Parser;
use nom::error::context;

/// A block of this many documents or fewer is sparse.
const MAX_SPARSE: u32 = 4095;
/// The documents that a block spans.
const BLOCK_SIZE: u32 = 1 << 16;
/// Words of 64 bits in the bit set of a dense block.
const BLOCK_WORDS: usize = 1024;
/// The document number that ends the set.
const NO_MORE_DOCS: u32 = 0x7FFF_FFFF;
/// Bytes of an entry of the jump table.
const JUMP_LENGTH: usize = 8;

/// The set is a sequence of blocks, one for each 65536 documents of which some are in it, in increasing order; the
/// last block has the one document `0x7FFFFFFF`. After it, since Lucene 8, comes the jump table. A block:
///
/// | bytes | field       | meaning                                                                               |
/// |-------|-------------|---------------------------------------------------------------------------------------|
/// | 2     | block       | the upper 16 bits of its document numbers                                             |
/// | 2     | cardinality | its number of documents less one                                                      |
/// | 2 × n | documents   | sparse, 1 to 4095 documents: the lower 16 bits of each                                |
/// | n     | rank        | dense, 4096 to 65535: since Lucene 8, 2 bytes for each `1 << dense_rank_power` documents |
/// | 8192  | bits        | dense: 1024 words of 64 bits, the first document in the lowest bit of the first       |
///
/// A block of 65536 documents has nothing after its header. Ranks and jump table only speed up seeking; they are
/// skipped.
///
/// Spec: [`IndexedDISI`](https://github.com/apache/lucene/blob/releases/lucene/9.12.1/lucene/core/src/java/org/apache/lucene/codecs/lucene90/IndexedDISI.java)
impl IndexedDisi {
    pub(super) fn decode<'a>(&self, input: &'a [u8], max_doc: u32, count: u64) -> Decoded<'a, DocSet> {
        let jump_table = usize::from(self.jump_table_entries) * JUMP_LENGTH;
        if input.len() as u64 != self.length {
            let what = format!("expected the {} bytes of a document set, found {}", self.length, input.len());
            return Failure::corrupt(input, what);
        }
        let mut words = vec![0; max_doc.div_ceil(64) as usize];
        let mut rest = input;
        let mut previous = None;
        loop {
            let at = rest;
            let (after, block) = context("block", |input| self.u16(input)).parse(at)?;
            let (after, cardinality) = context("cardinality", |input| self.u16(input)).parse(after)?;
            let block = Block {
                base: u32::from(block) * BLOCK_SIZE,
                cardinality: u32::from(cardinality).saturating_add(1),
            };
            if previous >= Some(block.base) && block.base != NO_MORE_DOCS & !0xFFFF {
                return Failure::corrupt(at, format!("block {} is out of order", block.base / BLOCK_SIZE));
            }
            previous = Some(block.base);
            let (after, last) = self.decode_block(after, block, &mut words)?;
            rest = after;
            if last {
                break;
            }
        }
        if rest.len() != jump_table {
            let what = format!("expected a jump table of {jump_table} bytes, found {}", rest.len());
            return Failure::corrupt(rest, what);
        }
        let (_, set) = DocSet::from_words(rest, words, max_doc)?;
        if u64::from(set.len()) != count {
            let what = format!("expected a set of {count} documents, found {}", set.len());
            return Failure::corrupt(input, what);
        }
        Ok((&[], set))
    }

    /// Adds the documents of a block to `words`; true when it is the last block.
    fn decode_block<'a>(&self, input: &'a [u8], block: Block, words: &mut [u64]) -> Decoded<'a, bool> {
        match block.cardinality {
            0..=MAX_SPARSE => self.decode_sparse(input, block, words),
            BLOCK_SIZE => {
                let bits = std::iter::repeat_n(u64::MAX, BLOCK_WORDS);
                let (_, ()) = block.set_words(input, bits, words)?;
                Ok((input, false))
            }
            _ => self.decode_dense(input, block, words),
        }
    }

    fn decode_sparse<'a>(&self, input: &'a [u8], block: Block, words: &mut [u64]) -> Decoded<'a, bool> {
        let mut rest = input;
        let mut previous = None;
        for _ in 0..block.cardinality {
            let (after, low) = context("document", |input| self.u16(input)).parse(rest)?;
            let doc = block.base | u32::from(low);
            if doc == NO_MORE_DOCS && block.cardinality == 1 {
                return Ok((after, true));
            }
            if previous >= Some(doc) {
                return Failure::corrupt(rest, format!("document {doc} is out of order"));
            }
            let Some(word) = words.get_mut((doc / 64) as usize) else {
                return Failure::corrupt(rest, format!("document {doc} is beyond the last"));
            };
            *word |= 1 << (doc % 64);
            previous = Some(doc);
            rest = after;
        }
        Ok((rest, false))
    }

    fn decode_dense<'a>(&self, input: &'a [u8], block: Block, words: &mut [u64]) -> Decoded<'a, bool> {
        let ranks = match self.dense_rank_power {
            None => 0,
            Some(power) => 2 * (BLOCK_SIZE.checked_shr(u32::from(power)).unwrap_or(0)) as usize,
        };
        let (rest, _) = context("ranks", |input| take(input, ranks)).parse(input)?;
        let (after, bytes) =
            context("bits of a dense block", |input| take(input, BLOCK_WORDS * 8)).parse(rest)?;
        let (chunks, _) = bytes.as_chunks::<8>();
        let bits = chunks.iter().map(|chunk| match self.endianness {
            Endianness::Big => u64::from_be_bytes(*chunk),
            Endianness::Little => u64::from_le_bytes(*chunk),
        });
        let found: u32 = bits.clone().map(u64::count_ones).sum();
        if found != block.cardinality {
            let what = format!("expected a block of {} documents, found {found}", block.cardinality);
            return Failure::corrupt(rest, what);
        }
        let (_, ()) = block.set_words(rest, bits, words)?;
        Ok((after, false))
    }

    fn u16<'a>(&self, input: &'a [u8]) -> Decoded<'a, u16> {
        match self.endianness {
            Endianness::Big => be_u16(input),
            Endianness::Little => le_u16(input),
        }
    }
}

#[derive(Clone, Copy)]
struct Block {
    base: u32,
    cardinality: u32,
}

impl Block {
    /// Sets the words of the block; those beyond the last document must be empty.
    fn set_words<'a>(
        self,
        at: &'a [u8],
        bits: impl Iterator<Item = u64>,
        words: &mut [u64],
    ) -> Decoded<'a, ()> {
        let start = (self.base / 64) as usize;
        let mut slots = words.get_mut(start..).unwrap_or_default().iter_mut();
        for word in bits {
            match slots.next() {
                Some(slot) => *slot = word,
                None if word == 0 => {}
                None => return Failure::corrupt(at, "a document beyond the last"),
            }
        }
        Ok((at, ()))
    }
}
