//! Meta files of Lucene 5.4 to 6: sorted and sorted numeric entries are made of binary and numeric ones, each of
//! which repeats the number of the field and its own type.
//!
//! | bytes | field | meaning                                                         |
//! |-------|-------|-----------------------------------------------------------------|
//! | 1 - 5 | field | number of the field, `VInt`, -1 after the last entry            |
//! | 1     | type  | 0 numeric, 1 binary, 2 sorted, 3 sorted set, 4 sorted numeric    |
//! | n     | entry | as the type says                                                |
//!
//! Spec: [`Lucene54DocValuesFormat`](https://lucene.apache.org/core/6_6_6/core/org/apache/lucene/codecs/lucene54/Lucene54DocValuesFormat.html)

use super::entry::Span;
use super::sorted::{Mapping, OrdinalsEntry, SortedDocuments, SortedEntry};
use super::terms::{TermsEncoding, TermsEntry};
use super::{Column, FieldTraits, push_column};
use crate::input::{Decoded, Failure, be_i64, be_u32, counted, take, u8};
use crate::lucene::packed::{DirectMonotonic, DirectReader, Endianness};
use crate::lucene::primitives::{vint, vlong};
use nom::Parser;
use nom::error::context;

const NUMERIC: u8 = 0;
const BINARY: u8 = 1;
const SORTED: u8 = 2;
const SORTED_SET: u8 = 3;
const SORTED_NUMERIC: u8 = 4;

const DELTA_COMPRESSED: u32 = 0;
const GCD_COMPRESSED: u32 = 1;
const TABLE_COMPRESSED: u32 = 2;
const MONOTONIC_COMPRESSED: u32 = 3;
const CONST_COMPRESSED: u32 = 4;
const SPARSE_COMPRESSED: u32 = 5;

const FIXED_UNCOMPRESSED: u32 = 0;
const VARIABLE_UNCOMPRESSED: u32 = 1;
const PREFIX_COMPRESSED: u32 = 2;

const WITH_ADDRESSES: u32 = 0;
const SINGLE_VALUED: u32 = 1;
const SET_TABLE: u32 = 2;

pub(super) fn decode_fields<'a>(
    input: &'a [u8],
    _: i32,
    max_doc: u32,
    fields: &dyn Fn(u32) -> Option<FieldTraits>,
) -> Decoded<'a, Vec<(u32, Column)>> {
    let mut columns = Vec::new();
    let mut rest = input;
    loop {
        let at = rest;
        let (after, number) = context("field number", vint).parse(at)?;
        if number == u32::MAX {
            return Ok((after, columns));
        }
        if fields(number).is_none() {
            return Failure::corrupt(
                at,
                format!("an entry of field {number}, which the segment does not have"),
            );
        }
        let (after, column) = Field { number, max_doc }.column(after)?;
        let (_, ()) = push_column(at, &mut columns, number, column)?;
        rest = after;
    }
}

/// The field whose entry is decoded.
#[derive(Clone, Copy)]
struct Field {
    number: u32,
    max_doc: u32,
}

/// A numeric entry.
struct Numeric {
    /// None for monotonic values, which are never ordinals.
    ordinals: Option<OrdinalsEntry>,
    /// Of sparse values: the documents that have one.
    documents: Option<SortedDocuments>,
}

impl Field {
    fn column(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, kind) = context("type of doc values", u8).parse(input)?;
        match kind {
            NUMERIC => self.numeric(rest).map(|(rest, _)| (rest, Column::Other)),
            BINARY => self.binary(rest).map(|(rest, _)| (rest, Column::Other)),
            SORTED => self.sorted(rest),
            SORTED_SET => self.sorted_set(rest),
            SORTED_NUMERIC => self.sorted_numeric(rest),
            _ => Failure::corrupt(input, format!("doc values of type {kind}")),
        }
    }

    /// The head of an entry inside another: the same field, and `kind`.
    fn inner(self, input: &[u8], kind: u8) -> Decoded<'_, ()> {
        let (rest, number) = vint(input)?;
        let (rest, found) = u8(rest)?;
        if (number, found) != (self.number, kind) {
            let what = format!(
                "expected an entry of field {} and type {kind} inside its entry, found field {number} and type {found}",
                self.number
            );
            return Failure::corrupt(input, what);
        }
        Ok((rest, ()))
    }

    fn inner_numeric(self, input: &[u8]) -> Decoded<'_, Numeric> {
        let (rest, ()) = self.inner(input, NUMERIC)?;
        self.numeric(rest)
    }

    fn inner_binary(self, input: &[u8]) -> Decoded<'_, TermsEntry> {
        let (rest, ()) = self.inner(input, BINARY)?;
        self.binary(rest)
    }

    /// A binary entry with the terms, then a numeric one with an ordinal for each document, -1 for none.
    fn sorted(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, terms) = context("terms", |input| self.inner_binary(input)).parse(input)?;
        let at = rest;
        let (rest, numeric) = context("ordinals", |input| self.inner_numeric(input)).parse(rest)?;
        let Some(ordinals) = numeric.ordinals else {
            return Failure::corrupt(at, "ordinals in a monotonic sequence");
        };
        let documents = numeric.documents.unwrap_or(SortedDocuments::ByOrdinal);
        if documents == SortedDocuments::ByOrdinal && ordinals.count != u64::from(self.max_doc) {
            let what = format!("{} ordinals of {} documents", ordinals.count, self.max_doc);
            return Failure::corrupt(at, what);
        }
        let entry = SortedEntry { documents, ordinals, terms, max_doc: self.max_doc };
        Ok((rest, Column::Sorted(entry)))
    }

    fn sorted_set(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, format) = self.set_format(input)?;
        if format == SINGLE_VALUED {
            let (rest, ()) = self.inner(rest, SORTED)?;
            let (rest, _) = self.sorted(rest)?;
            return Ok((rest, Column::Other));
        }
        let (rest, _terms) = self.inner_binary(rest)?;
        let (rest, _ordinals) = self.inner_numeric(rest)?;
        if format == SET_TABLE {
            return Ok((rest, Column::Other));
        }
        let (rest, _ordinal_index) = self.inner_numeric(rest)?;
        Ok((rest, Column::Other))
    }

    fn sorted_numeric(self, input: &[u8]) -> Decoded<'_, Column> {
        let (rest, format) = self.set_format(input)?;
        let (rest, _values) = self.inner_numeric(rest)?;
        if format == WITH_ADDRESSES {
            let (rest, _value_index) = self.inner_numeric(rest)?;
            return Ok((rest, Column::Other));
        }
        Ok((rest, Column::Other))
    }

    /// How the values of a document are found; with the table of all sets of values, if that is how.
    fn set_format(self, input: &[u8]) -> Decoded<'_, u32> {
        let (rest, format) = context("format of a set", vint).parse(input)?;
        match format {
            WITH_ADDRESSES | SINGLE_VALUED => Ok((rest, format)),
            SET_TABLE => {
                let (rest, values) = be_u32(rest)?;
                let (rest, _) = take(rest, u64::from(values).saturating_mul(8))?;
                let (rest, sets) = be_u32(rest)?;
                let (rest, _) = take(rest, u64::from(sets).saturating_mul(4))?;
                Ok((rest, format))
            }
            _ => Failure::corrupt(input, format!("a set in format {format}")),
        }
    }

    /// | bytes  | field   | meaning                                                                        |
    /// |--------|---------|--------------------------------------------------------------------------------|
    /// | 1      | format  | `VInt`: 0 delta, 1 gcd, 2 table, 3 monotonic, 4 constant, 5 sparse              |
    /// | 8      | missing | bit set of the documents with a value; -1: all, -2: none; sparse: their numbers |
    /// | n      | ids     | only of sparse values: their count, and a monotonic sequence of document numbers |
    /// | 8      | offset  | of the values                                                                  |
    /// | 1 - 9  | count   | of values, `VLong`                                                             |
    /// | n      | values  | as the format says; of sparse values a numeric entry                           |
    /// | 8      | end     | of the values                                                                  |
    fn numeric(self, input: &[u8]) -> Decoded<'_, Numeric> {
        let (after_format, format) = context("format of numbers", vint).parse(input)?;
        if format == SPARSE_COMPRESSED {
            return self.sparse(after_format);
        }
        let (rest, _missing) = be_i64(after_format)?;
        let at = rest;
        let (rest, offset) = be_i64(rest)?;
        let (rest, count) = vlong(rest)?;
        if format == MONOTONIC_COMPRESSED {
            let (rest, shift) = vint(rest)?;
            let blocks = u64::from(self.max_doc).saturating_add(1);
            let (rest, _) = DirectMonotonic::decode_meta(rest, blocks, shift, Endianness::Big)?;
            let (rest, _end) = be_i64(rest)?;
            let numeric = Numeric { ordinals: None, documents: None };
            return Ok((rest, numeric));
        }
        let (rest, mapping) = mapping(rest, format)?;
        let at_bits = rest;
        let (rest, bits) = if format == CONST_COMPRESSED { (rest, 0) } else { vint(rest)? };
        let reader = u8::try_from(bits).ok().and_then(|bits| DirectReader::new(bits, Endianness::Big));
        let Some(reader) = reader else {
            return Failure::corrupt(at_bits, format!("packed values of {bits} bits"));
        };
        let (rest, end) = be_i64(rest)?;
        let (_, span) = Span::between(at, offset, end)?;
        let numeric =
            Numeric { ordinals: Some(OrdinalsEntry { span, count, reader, mapping }), documents: None };
        Ok((rest, numeric))
    }

    /// The rest of a sparse numeric entry, after its format.
    fn sparse(self, input: &[u8]) -> Decoded<'_, Numeric> {
        let (rest, ids_offset) = be_i64(input)?;
        let (rest, id_count) = vlong(rest)?;
        let (rest, shift) = vint(rest)?;
        let (rest, ids) = DirectMonotonic::decode_meta(rest, id_count, shift, Endianness::Big)?;
        let (rest, offset) = be_i64(rest)?;
        let (_, span) = Span::between(input, ids_offset, offset)?;
        let (rest, _count) = vlong(rest)?;
        let (rest, _number_type) = u8(rest)?;
        let (at, ()) = self.inner(rest, NUMERIC)?;
        let (_, format) = vint(at)?;
        if format == SPARSE_COMPRESSED {
            return Failure::corrupt(at, "sparse values inside of sparse values");
        }
        let (rest, values) = self.numeric(at)?;
        let (rest, _end) = be_i64(rest)?;
        let counts = values.ordinals.as_ref().map(|ordinals| ordinals.count);
        if counts.is_some_and(|count| count != id_count) {
            return Failure::corrupt(at, format!("expected {id_count} sparse values, found {counts:?}"));
        }
        let numeric =
            Numeric { ordinals: values.ordinals, documents: Some(SortedDocuments::Ids { ids, span }) };
        Ok((rest, numeric))
    }

    /// | bytes | field      | meaning                                                                       |
    /// |-------|------------|-------------------------------------------------------------------------------|
    /// | 1     | format     | `VInt`: 0 all of one length, 1 with addresses, 2 with shared prefixes          |
    /// | 8     | missing    | bit set of the documents with a value                                          |
    /// | 2 - 10 | lengths   | of the shortest and the longest value, `VInt`s                                 |
    /// | 1 - 9 | count      | of values, `VLong`                                                             |
    /// | 8     | offset     | of the values                                                                  |
    /// | n     | addresses  | format 1: offset, a monotonic sequence, end                                    |
    /// | n     | addresses  | format 2: offset, version and block size of packed blocks, offset of the reverse index |
    fn binary(self, input: &[u8]) -> Decoded<'_, TermsEntry> {
        let (rest, format) = context("format of binary values", vint).parse(input)?;
        let (rest, _missing) = be_i64(rest)?;
        let (rest, _min_length) = vint(rest)?;
        let (rest, max_length) = vint(rest)?;
        let (rest, count) = vlong(rest)?;
        let at = rest;
        let (rest, offset) = be_i64(rest)?;
        let (rest, span, encoding) = match format {
            FIXED_UNCOMPRESSED => {
                let length = count.checked_mul(u64::from(max_length));
                let length = length.and_then(|length| i64::try_from(length).ok());
                let (_, span) = Span::new(at, offset, length.unwrap_or(-1))?;
                (rest, span, TermsEncoding::Fixed { length: max_length })
            }
            VARIABLE_UNCOMPRESSED => {
                let (rest, addresses_offset) = be_i64(rest)?;
                let (rest, shift) = vint(rest)?;
                let count = count.saturating_add(1);
                let (rest, addresses) = DirectMonotonic::decode_meta(rest, count, shift, Endianness::Big)?;
                let (rest, end) = be_i64(rest)?;
                let (_, span) = Span::between(at, offset, addresses_offset)?;
                let (_, address_span) = Span::between(at, addresses_offset, end)?;
                let encoding = TermsEncoding::Variable { addresses, address_span };
                (rest, span, encoding)
            }
            PREFIX_COMPRESSED => {
                let (rest, addresses_offset) = be_i64(rest)?;
                let (rest, version) = vint(rest)?;
                let (rest, block_size) = vint(rest)?;
                let (rest, end) = be_i64(rest)?;
                let (_, span) = Span::between(at, offset, addresses_offset)?;
                let (_, address_span) = Span::between(at, addresses_offset, end)?;
                let encoding = TermsEncoding::Intervals { version, block_size, address_span };
                (rest, span, encoding)
            }
            _ => return Failure::corrupt(input, format!("binary values in format {format}")),
        };
        let entry = TermsEntry { span, count, encoding };
        Ok((rest, entry))
    }
}

/// How a packed value becomes a number.
fn mapping(input: &[u8], format: u32) -> Decoded<'_, Mapping> {
    match format {
        DELTA_COMPRESSED => {
            let (rest, min) = be_i64(input)?;
            Ok((rest, Mapping::Linear { min, factor: 1 }))
        }
        GCD_COMPRESSED => {
            let (rest, min) = be_i64(input)?;
            let (rest, factor) = be_i64(rest)?;
            Ok((rest, Mapping::Linear { min, factor }))
        }
        TABLE_COMPRESSED => {
            let (rest, size) = vint(input)?;
            if size > 256 {
                return Failure::corrupt(input, format!("a table of {size} values"));
            }
            let (rest, table) = counted(rest, size, 8, be_i64)?;
            Ok((rest, Mapping::Table(table)))
        }
        CONST_COMPRESSED => {
            let (rest, min) = be_i64(input)?;
            Ok((rest, Mapping::Linear { min, factor: 0 }))
        }
        _ => Failure::corrupt(input, format!("numbers in format {format}")),
    }
}
