//! Meta files of Lucene 7 to 10: an entry a field, one after the other, all of its lengths in it.
//!
//! | bytes | field  | meaning                                                               |
//! |-------|--------|-----------------------------------------------------------------------|
//! | 4     | field  | number of the field, -1 after the last entry                          |
//! | 1     | type   | 0 numeric, 1 binary, 2 sorted, 3 sorted set, 4 sorted numeric          |
//! | 40    | skipper | Lucene 10, only of fields with a skip index                           |
//! | n     | entry  | as the type says                                                      |
//!
//! Integers are big-endian in Lucene 7 and 8, little-endian since 9.
//!
//! Specs: [Lucene 7](https://lucene.apache.org/core/7_7_3/core/org/apache/lucene/codecs/lucene70/Lucene70DocValuesFormat.html),
//! [Lucene 8](https://lucene.apache.org/core/8_11_3/core/org/apache/lucene/codecs/lucene80/Lucene80DocValuesFormat.html),
//! [Lucene 9](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/lucene90/Lucene90DocValuesFormat.html).

use super::entry::{Documents, IndexedDisi, NumericEntry, Span};
use super::sorted::{Mapping, OrdinalsEntry, SortedDocuments, SortedEntry};
use super::terms::{TermsEncoding, TermsEntry};
use super::{Column, FieldTraits, push_column};
use crate::input::{Decoded, Failure, be_u16, le_u16, take, u8};
use crate::lucene::packed::{DirectMonotonic, DirectReader, Endianness};
use crate::lucene::primitives::{vint, vlong};
use nom::Parser;
use nom::error::context;

const NUMERIC: u8 = 0;
const BINARY: u8 = 1;
const SORTED: u8 = 2;
const SORTED_SET: u8 = 3;
const SORTED_NUMERIC: u8 = 4;

/// Bytes of the entry of a skip index: four numbers of eight bytes and two of four.
const SKIPPER_LENGTH: usize = 40;
/// Instead of the number of terms a block, as a shift: the blocks are compressed, `1 << 6` terms each.
const LZ4_BLOCKS: u32 = 6 << 16 | 1;
const LZ4_BLOCK_SHIFT: u32 = 6;

/// How binary values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BinaryMode {
    Plain,
    Compressed,
    /// As the field's attribute says.
    OfField,
}

/// How sorted columns and terms dictionaries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    Lucene70,
    Lucene80,
    Lucene90,
}

#[derive(Debug, Clone, Copy)]
struct Layout {
    generation: Generation,
    binary: BinaryMode,
    endianness: Endianness,
    max_doc: u32,
}

pub(super) fn decode_lucene70_fields<'a>(
    input: &'a [u8],
    _: i32,
    max_doc: u32,
    fields: &dyn Fn(u32) -> Option<FieldTraits>,
) -> Decoded<'a, Vec<(u32, Column)>> {
    let layout = Layout {
        generation: Generation::Lucene70,
        binary: BinaryMode::Plain,
        endianness: Endianness::Big,
        max_doc,
    };
    layout.fields(input, fields)
}

pub(super) fn decode_lucene80_fields<'a>(
    input: &'a [u8],
    version: i32,
    max_doc: u32,
    fields: &dyn Fn(u32) -> Option<FieldTraits>,
) -> Decoded<'a, Vec<(u32, Column)>> {
    let layout = Layout {
        generation: Generation::Lucene80,
        binary: match version {
            0 => BinaryMode::Plain,
            1 => BinaryMode::Compressed,
            _ => BinaryMode::OfField,
        },
        endianness: Endianness::Big,
        max_doc,
    };
    layout.fields(input, fields)
}

pub(super) fn decode_lucene90_fields<'a>(
    input: &'a [u8],
    _: i32,
    max_doc: u32,
    fields: &dyn Fn(u32) -> Option<FieldTraits>,
) -> Decoded<'a, Vec<(u32, Column)>> {
    let layout = Layout {
        generation: Generation::Lucene90,
        binary: BinaryMode::Plain,
        endianness: Endianness::Little,
        max_doc,
    };
    layout.fields(input, fields)
}

impl Layout {
    fn fields<'a>(
        self,
        input: &'a [u8],
        fields: &dyn Fn(u32) -> Option<FieldTraits>,
    ) -> Decoded<'a, Vec<(u32, Column)>> {
        let mut columns = Vec::new();
        let mut rest = input;
        loop {
            let at = rest;
            let (after, field) = context("field number", |input| self.endianness.u32(input)).parse(at)?;
            if field == u32::MAX {
                return Ok((after, columns));
            }
            let Some(traits) = fields(field) else {
                return Failure::corrupt(
                    at,
                    format!("an entry of field {field}, which the segment does not have"),
                );
            };
            let (after, column) = self.column(after, traits)?;
            let (_, ()) = push_column(at, &mut columns, field, column)?;
            rest = after;
        }
    }

    fn column(self, input: &[u8], traits: FieldTraits) -> Decoded<'_, Column> {
        let (rest, kind) = context("type of doc values", u8).parse(input)?;
        let skipper =
            if traits.skip_index && self.generation == Generation::Lucene90 { SKIPPER_LENGTH } else { 0 };
        let (rest, _) = context("skip index", |input| take(input, skipper)).parse(rest)?;
        match kind {
            NUMERIC => context("numeric entry", |input| self.numeric_column(input)).parse(rest),
            BINARY => context("binary entry", |input| self.binary(input, traits)).parse(rest),
            SORTED => context("sorted entry", |input| self.sorted(input)).parse(rest),
            SORTED_SET => context("sorted set entry", |input| self.sorted_set(input)).parse(rest),
            SORTED_NUMERIC => context("sorted numeric entry", |input| self.sorted_numeric(input)).parse(rest),
            _ => Failure::corrupt(input, format!("doc values of type {kind}")),
        }
    }

    fn numeric_column(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, (documents, value_count)) = self.numeric(input)?;
        let (_, ()) = documents.check_count(input, value_count, self.max_doc)?;
        let entry = NumericEntry { documents, value_count, max_doc: self.max_doc };
        Ok((rest, Column::Numeric(entry)))
    }

    /// | bytes | field     | meaning                                                               |
    /// |-------|-----------|-----------------------------------------------------------------------|
    /// | 16, 19 | documents | see [`Layout::documents`]                                            |
    /// | 8     | count     | of values                                                             |
    /// | 4     | table     | its size, up to 256; -1: no table; less: values in blocks             |
    /// | 8 × n | values    | of the table                                                          |
    /// | 1     | bits      | a value                                                               |
    /// | 32    | linear    | least value, factor, and where the values are                         |
    /// | 8     | jumps     | where the jump table of the value blocks is (since Lucene 8)          |
    fn numeric(self, input: &[u8]) -> Decoded<'_, (Documents, u64)> {
        let (rest, documents) = self.documents(input)?;
        let (rest, count) = self.u64(rest)?;
        let at = rest;
        let (rest, table) = self.endianness.u32(rest)?;
        let table = table.cast_signed();
        if table > 256 {
            return Failure::corrupt(at, format!("a table of {table} values"));
        }
        let (rest, _) = take(rest, table.max(0).unsigned_abs() as usize * 8)?;
        let jumps = if self.generation == Generation::Lucene70 { 0 } else { 8 };
        let (rest, _) = take(rest, 1 + 32 + jumps)?;
        Ok((rest, (documents, count)))
    }

    /// | bytes | field  | meaning                                                                |
    /// |-------|--------|------------------------------------------------------------------------|
    /// | 8     | offset | of the set in the data file; -1: all documents, -2: none               |
    /// | 8     | length | of the set                                                             |
    /// | 2     | jumps  | entries of its jump table (since Lucene 8)                             |
    /// | 1     | rank   | dense rank power, 7 to 15, or -1 (since Lucene 8)                      |
    fn documents(self, input: &[u8]) -> Decoded<'_, Documents> {
        let (rest, offset) = self.endianness.i64(input)?;
        let (rest, length) = self.endianness.i64(rest)?;
        let at = rest;
        let (rest, jump_table_entries, rank) = if self.generation == Generation::Lucene70 {
            (rest, 0, u8::MAX)
        } else {
            let (rest, jumps) = match self.endianness {
                Endianness::Big => be_u16(rest)?,
                Endianness::Little => le_u16(rest)?,
            };
            let (rest, rank) = u8(rest)?;
            (rest, jumps, rank)
        };
        let documents = match offset {
            -2 => Documents::None,
            -1 => Documents::All,
            _ => {
                let (_, span) = Span::new(input, offset, length)?;
                let dense_rank_power = match rank {
                    7..=15 => Some(rank),
                    u8::MAX => None,
                    _ => return Failure::corrupt(at, format!("a rank for each 2^{rank} documents")),
                };
                Documents::IndexedDisi(IndexedDisi {
                    offset: span.offset,
                    length: span.length,
                    // -1 is written for no jump table.
                    jump_table_entries: if jump_table_entries == u16::MAX { 0 } else { jump_table_entries },
                    dense_rank_power,
                    endianness: self.endianness,
                })
            }
        };
        Ok((rest, documents))
    }

    fn binary(self, input: &[u8], traits: FieldTraits) -> Decoded<'_, Column> {
        let compressed = match self.binary {
            BinaryMode::Plain => false,
            BinaryMode::Compressed => true,
            BinaryMode::OfField => traits.compressed,
        };
        let (rest, _) = self.span(input)?;
        let (rest, _) = self.documents(rest)?;
        let (rest, count) = self.endianness.u32(rest)?;
        let (rest, min_length) = self.endianness.u32(rest)?;
        let (rest, max_length) = self.endianness.u32(rest)?;
        let has_addresses = min_length.cast_signed() < max_length.cast_signed();
        if !(has_addresses || (compressed && count > 0)) {
            return Ok((rest, Column::Other));
        }
        let (rest, _) = self.endianness.i64(rest)?;
        let (rest, address_count) = if compressed {
            let (rest, chunks) = vint(rest)?;
            let (rest, _docs_per_chunk_shift) = vint(rest)?;
            let (rest, _max_chunk_length) = vint(rest)?;
            (rest, u64::from(chunks))
        } else {
            (rest, u64::from(count).saturating_add(1))
        };
        let (rest, _) = self.addresses(rest, address_count)?;
        Ok((rest, Column::Other))
    }

    /// Addresses of values: shift of their blocks, the blocks, and their length in the data file.
    fn addresses(self, input: &[u8], count: u64) -> Decoded<'_, DirectMonotonic> {
        let (rest, shift) = vint(input)?;
        let (rest, addresses) = DirectMonotonic::decode_meta(rest, count, shift, self.endianness)?;
        let (rest, _length) = self.endianness.i64(rest)?;
        Ok((rest, addresses))
    }

    /// | bytes  | field     | meaning                                    |
    /// |--------|-----------|--------------------------------------------|
    /// | 16, 19 | documents | see [`Layout::documents`]                  |
    /// | 4      | count     | of documents that have a value             |
    /// | 1      | bits      | an ordinal                                 |
    /// | 16     | ordinals  | where they are, one for each such document |
    /// | n      | terms     | see [`Layout::terms`]                      |
    ///
    /// Since Lucene 9 the ordinals are a numeric entry instead.
    fn sorted(self, input: &[u8]) -> Decoded<'_, Column> {
        if self.generation == Generation::Lucene90 {
            let (rest, _) = self.numeric(input)?;
            let (rest, _) = self.terms(rest)?;
            return Ok((rest, Column::Other));
        }
        let (rest, documents) = self.documents(input)?;
        let (rest, count) = self.endianness.u32(rest)?;
        let at = rest;
        let (rest, bits) = u8(rest)?;
        let (rest, span) = self.span(rest)?;
        let (rest, terms) = self.terms(rest)?;
        let Some(terms) = terms else {
            return Ok((rest, Column::Other));
        };
        let count = u64::from(count);
        let (_, ()) = documents.check_count(input, count, self.max_doc)?;
        let Some(reader) = DirectReader::new(bits, Endianness::Big) else {
            return Failure::corrupt(at, format!("ordinals of {bits} bits"));
        };
        let entry = SortedEntry {
            documents: SortedDocuments::Set { documents, count },
            ordinals: OrdinalsEntry { span, count, reader, mapping: Mapping::Linear { min: 0, factor: 1 } },
            terms,
            max_doc: self.max_doc,
        };
        Ok((rest, Column::Sorted(entry)))
    }

    fn sorted_set(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, multi_valued) = u8(input)?;
        match multi_valued {
            0 => {
                let (rest, _) = self.sorted(rest)?;
                return Ok((rest, Column::Other));
            }
            1 => {}
            _ => return Failure::corrupt(input, format!("a sorted set of kind {multi_valued}")),
        }
        let rest = if self.generation == Generation::Lucene90 {
            self.sorted_numeric(rest)?.0
        } else {
            let (rest, _) = self.documents(rest)?;
            let (rest, _bits) = u8(rest)?;
            let (rest, _ordinals) = self.span(rest)?;
            let (rest, count) = self.endianness.u32(rest)?;
            let (rest, _) = self.endianness.i64(rest)?;
            self.addresses(rest, u64::from(count).saturating_add(1))?.0
        };
        let (rest, _) = self.terms(rest)?;
        Ok((rest, Column::Other))
    }

    fn sorted_numeric(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, (_, value_count)) = self.numeric(input)?;
        let (rest, count) = self.endianness.u32(rest)?;
        let count = u64::from(count);
        if count == value_count {
            return Ok((rest, Column::Other));
        }
        let (rest, _) = self.endianness.i64(rest)?;
        let (rest, _) = self.addresses(rest, count.saturating_add(1))?;
        Ok((rest, Column::Other))
    }

    /// | bytes  | field          | meaning                                                                |
    /// |--------|----------------|------------------------------------------------------------------------|
    /// | 1 - 9  | count          | of terms, `VLong`                                                      |
    /// | 4      | block shift    | `1 << n` terms a block, or `0x60001`: compressed blocks of 64; not since Lucene 9: always those |
    /// | 4      | monotonic shift | of the two monotonic sequences                                        |
    /// | 21 × n | addresses      | of the blocks                                                          |
    /// | 4      | max length     | of a term                                                              |
    /// | 4      | max block      | only of compressed blocks: length of the longest                       |
    /// | 32     | data           | where the blocks and their addresses are                               |
    /// | 4      | index shift    | a term of the index for each `1 << n` terms                            |
    /// | 21 × n | index addresses | of the terms of the index, and of their end                           |
    /// | 32     | index          | where the index and its addresses are                                  |
    ///
    /// None for compressed blocks, which nothing reads.
    fn terms(self, input: &[u8]) -> Decoded<'_, Option<TermsEntry>> {
        let (rest, count) = context("number of terms", vlong).parse(input)?;
        let (rest, block_code) = if self.generation == Generation::Lucene90 {
            (rest, LZ4_BLOCKS)
        } else {
            self.endianness.u32(rest)?
        };
        let compressed = block_code == LZ4_BLOCKS && self.generation != Generation::Lucene70;
        let shift = if compressed { LZ4_BLOCK_SHIFT } else { block_code };
        let (rest, monotonic_shift) = self.endianness.u32(rest)?;
        let (_, block_count) = divided(input, count, shift)?;
        let (rest, addresses) =
            DirectMonotonic::decode_meta(rest, block_count, monotonic_shift, self.endianness)?;
        let (rest, _max_length) = self.endianness.u32(rest)?;
        let (rest, _max_block_length) = take(rest, if compressed { 4_usize } else { 0 })?;
        let (rest, span) = self.span(rest)?;
        let (rest, address_span) = self.span(rest)?;
        let (rest, index_shift) = self.endianness.u32(rest)?;
        let (_, index_count) = divided(input, count, index_shift)?;
        let index_count = index_count.saturating_add(1);
        let (rest, _) = DirectMonotonic::decode_meta(rest, index_count, monotonic_shift, self.endianness)?;
        let (rest, _) = self.span(rest)?;
        let (rest, _) = self.span(rest)?;
        let entry =
            TermsEntry { span, count, encoding: TermsEncoding::Blocks { shift, addresses, address_span } };
        Ok((rest, (!compressed).then_some(entry)))
    }

    fn u64(self, input: &[u8]) -> Decoded<'_, u64> {
        let (rest, value) = self.endianness.i64(input)?;
        match u64::try_from(value) {
            Ok(value) => Ok((rest, value)),
            Err(_) => Failure::corrupt(input, format!("the negative number {value}")),
        }
    }

    /// Offset and length of a part of the data file.
    fn span(self, input: &[u8]) -> Decoded<'_, Span> {
        let (rest, offset) = self.endianness.i64(input)?;
        let (rest, length) = self.endianness.i64(rest)?;
        let (_, span) = Span::new(input, offset, length)?;
        Ok((rest, span))
    }
}

/// How many groups of `1 << shift` there are in `count`.
fn divided(at: &[u8], count: u64, shift: u32) -> Decoded<'_, u64> {
    match 1_u64.checked_shl(shift) {
        Some(size) if shift < 32 => Ok((at, count.div_ceil(size))),
        _ => Failure::corrupt(at, format!("groups of 2^{shift} terms")),
    }
}
