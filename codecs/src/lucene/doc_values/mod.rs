//! Doc values: a column of values a field. Read are the two columns that decide which documents there are and
//! what belongs to them: the numeric `__soft_deletes`, and the sorted `_parent#…` of Elasticsearch 5 and 6.
//!
//! | codec in the `.dvm` file    | written by     | module       | numeric: which documents | sorted: values |
//! |-----------------------------|----------------|--------------|--------------------------|----------------|
//! | `Lucene54DocValuesMetadata` | Lucene 5.4 - 6 | [`lucene54`] | not needed               | yes            |
//! | `Lucene70DocValuesMetadata` | Lucene 7       | [`lucene70`] | yes                      | yes            |
//! | `Lucene80DocValuesMetadata` | Lucene 8       | [`lucene70`] | yes                      | not needed     |
//! | `Lucene90DocValuesMetadata` | Lucene 9, 10   | [`lucene70`] | yes                      | not needed     |
//!
//! Reading takes two steps and no I/O of its own. [`DocValuesMeta::decode`] walks the whole `.dvm` file, which is
//! small, and keeps an entry for each column that can be read. An entry names the range of the `.dvd` file that its
//! column needs; given the bytes of that range it makes a [`DocSet`](crate::lucene::doc_set::DocSet) or a
//! [`SortedColumn`].
//!
//! Soft deletes exist since Lucene 7.4, so no Lucene 5.4 column holds them. An update of a column writes a whole new
//! pair of files for its field (`_1_1_Lucene80_0.dvm`), in the same format; only the newest counts.

mod entry;
mod indexed_disi;
pub mod lucene54;
pub mod lucene70;
mod sorted;
mod terms;

use crate::error::Result;
use crate::input::{Decoded, Failure, decode};
use crate::lucene::codec_util::{IndexHeader, SegmentId, verified_body};

pub use entry::{Documents, IndexedDisi, NumericEntry};
pub use sorted::{SortedColumn, SortedEntry};

/// What the field infos say about a field that decides how its entry is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldTraits {
    /// The field's attribute `Lucene80DocValuesFormat.mode` is `BEST_COMPRESSION` (Lucene 8.8 to 8.11).
    pub compressed: bool,
    /// The field infos give the field a doc-values skip index (Lucene 10).
    pub skip_index: bool,
}

/// The entries of a `.dvm` file for the columns that can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct DocValuesMeta {
    /// The segment that the file belongs to.
    pub id: SegmentId,
    /// The part of the file's name after the segment, such as `Lucene90_0`, or `1_Lucene90_0` of an update.
    pub suffix: String,
    columns: Vec<(u32, Column)>,
}

/// The entry of one field.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    Numeric(NumericEntry),
    Sorted(SortedEntry),
    /// Of a kind that nothing asks for.
    Other,
}

/// Decodes the entries after the header; `fields` gives the traits of a field, or none if there is no such field.
type ReadFields =
    for<'a> fn(&'a [u8], i32, u32, &dyn Fn(u32) -> Option<FieldTraits>) -> Decoded<'a, Vec<(u32, Column)>>;

impl DocValuesMeta {
    /// Codec name, its greatest version, and the decoder of the entries.
    const FORMATS: [(&'static str, i32, ReadFields); 4] = [
        ("Lucene54DocValuesMetadata", 0, lucene54::decode_fields),
        ("Lucene70DocValuesMetadata", 0, lucene70::decode_lucene70_fields),
        ("Lucene80DocValuesMetadata", 2, lucene70::decode_lucene80_fields),
        ("Lucene90DocValuesMetadata", 0, lucene70::decode_lucene90_fields),
    ];

    /// Decodes a whole `.dvm` file of a segment of `max_doc` documents.
    ///
    /// `fields` gives the traits of a field by its number, and none for a number that the field infos do not have.
    /// Fails on a checksum that is not that of the bytes, on any other codec, and on anything in the entries that
    /// contradicts the format.
    pub fn decode(
        file: &str,
        bytes: &[u8],
        max_doc: u32,
        fields: impl Fn(u32) -> Option<FieldTraits>,
    ) -> Result<Self> {
        let body = verified_body(file, bytes)?;
        decode(file, body, |input| Self::decode_body(input, max_doc, &fields))
    }

    fn decode_body<'a>(
        input: &'a [u8],
        max_doc: u32,
        fields: &dyn Fn(u32) -> Option<FieldTraits>,
    ) -> Decoded<'a, Self> {
        let (rest, header) = IndexHeader::decode(input)?;
        let format = Self::FORMATS.iter().find(|(codec, ..)| *codec == header.codec);
        let Some((codec, newest, read_fields)) = format else {
            let supported = Self::FORMATS.map(|(codec, ..)| codec).join("`, `");
            return Failure::unsupported(input, "codec", header.codec, format!("`{supported}` here"));
        };
        let (_, header) = IndexHeader::expect(input, codec, 0..=*newest)?;
        let (rest, columns) = read_fields(rest, header.version, max_doc, fields)?;
        if !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after the last entry", rest.len()));
        }
        let suffix = header.suffix.to_owned();
        Ok((rest, Self { id: header.id, suffix, columns }))
    }

    /// The entry of a numeric column; none when the field has none in this file.
    #[must_use]
    pub fn numeric(&self, field: u32) -> Option<&NumericEntry> {
        self.columns.iter().find_map(|(number, column)| match column {
            Column::Numeric(entry) if *number == field => Some(entry),
            _ => None,
        })
    }

    /// The entry of a sorted column of Lucene 5.4 to 7; none when the field has none in this file.
    #[must_use]
    pub fn sorted(&self, field: u32) -> Option<&SortedEntry> {
        self.columns.iter().find_map(|(number, column)| match column {
            Column::Sorted(entry) if *number == field => Some(entry),
            _ => None,
        })
    }

    /// The numbers of all fields that have an entry of any kind, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = u32> {
        self.columns.iter().map(|(field, _)| *field)
    }
}

/// Adds the column of a field, which must not have one yet.
fn push_column<'a>(
    at: &'a [u8],
    columns: &mut Vec<(u32, Column)>,
    field: u32,
    column: Column,
) -> Decoded<'a, ()> {
    if columns.iter().any(|(number, _)| *number == field) {
        return Failure::corrupt(at, format!("a second entry of field {field}"));
    }
    columns.push((field, column));
    Ok((at, ()))
}
