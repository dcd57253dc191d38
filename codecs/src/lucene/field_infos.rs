//! The fields of a segment, `.fnm`: their numbers, and where their doc values are.
//!
//! | bytes | field          | encoding                                                                  | codecs          |
//! |-------|----------------|---------------------------------------------------------------------------|-----------------|
//! | n     | header         | [`Header`]; from `Lucene50FieldInfos` on an [`IndexHeader`]               | all             |
//! | 1–5   | number         | `VInt`, of fields                                                         | all             |
//! | n     | name           | string                                                                    | all             |
//! | 1–5   | field number   | `VInt`                                                                    | all             |
//! | 1     | flags          | 8: soft deletes (60 version 1 and later), 16: parent of a block (94 version 1 and later) | all |
//! | 1     | index options  | 0 to 4                                                                    | 50 and later    |
//! | 1     | doc values     | type of doc values, and of norms before 50                                | all             |
//! | 1     | skip index     | 0: none, 1: ranges                                                        | 94 version 2    |
//! | 8     | generation     | of the doc values, -1 for none; big-endian, little-endian from 90 on      | 46 and later    |
//! | n     | attributes     | map of strings                                                            | all             |
//! | n     | dimensions     | `VInt` of points; if not 0, of indexed dimensions (60 version 2 and later) and bytes | 60 and later |
//! | n     | vectors        | dimensions (`VInt`), encoding (one byte, 94), similarity (one byte)       | 90 and later    |
//! | 16    | footer         | [`Footer`](super::codec_util::Footer)                                     | 46 version 1 and later |
//!
//! The rows from name to vectors are there for each field.
//!
//! Source: [`Lucene94FieldInfosFormat`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/lucene94/Lucene94FieldInfosFormat.html).

use super::codec_util::{Header, IndexHeader, verified_body};
use super::primitives::{string, string_map, string_map_be, vint};
use crate::error::Result;
use crate::input::{Decoded, Failure, be_i64, counted, decode, le_i64, take, u8};
use nom::Parser;
use nom::error::context;
use std::collections::HashMap;

const SUPPORTED: &str = "Lucene40FieldInfos, Lucene42FieldInfos, Lucene46FieldInfos, Lucene50FieldInfos, \
    Lucene60FieldInfos, Lucene90FieldInfos and Lucene94FieldInfos";

/// The greatest numbers of what a field has: not indexed to positions and offsets; no doc values to sorted numbers;
/// no skip index or one of ranges.
const INDEX_OPTIONS: u8 = 4;
const DOC_VALUES_TYPES: u8 = 5;
const SKIP_INDEXES: u8 = 1;

/// The fields of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfos {
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
    by_number: HashMap<u32, usize>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number, by which the other files of the segment know it.
    pub number: u32,
    /// Generation of its doc values; none if they were never updated.
    pub doc_values_generation: Option<u64>,
    /// Whether its doc values have a skip index (Lucene 10).
    pub has_skip_index: bool,
    /// Whether Lucene uses it for soft deletes (Lucene 7.4 and later).
    pub is_soft_deletes: bool,
    attributes: Vec<(String, String)>,
}

/// How the file is laid out, by the codec name in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    Lucene40,
    Lucene46,
    Lucene50,
    Lucene60,
    Lucene90,
    Lucene94,
}

impl Layout {
    /// The layout, and the greatest version of the codec.
    fn of(codec: &str) -> Option<(Self, i32)> {
        Some(match codec {
            "Lucene40FieldInfos" | "Lucene42FieldInfos" => (Self::Lucene40, 0),
            "Lucene46FieldInfos" => (Self::Lucene46, 2),
            "Lucene50FieldInfos" => (Self::Lucene50, 1),
            "Lucene60FieldInfos" => (Self::Lucene60, 2),
            "Lucene90FieldInfos" => (Self::Lucene90, 0),
            "Lucene94FieldInfos" => (Self::Lucene94, 2),
            _ => return None,
        })
    }

    fn has_footer(self, version: i32) -> bool {
        self >= Self::Lucene50 || (self == Self::Lucene46 && version >= 1)
    }

    fn has_soft_deletes(self, version: i32) -> bool {
        self >= Self::Lucene90 || (self == Self::Lucene60 && version >= 1)
    }

    /// Whether maps have their lengths in four bytes.
    fn has_wide_lengths(self, version: i32) -> bool {
        self < Self::Lucene50 || (self == Self::Lucene50 && version == 0)
    }
}

impl FieldInfos {
    /// Decodes `.fnm`, after its checksum was verified where it has one.
    ///
    /// # Errors
    ///
    /// The checksum is not that of the bytes, the codec is not known, the generation is not that in the name of the
    /// file, two fields have one name or number, or a value is none that Lucene writes.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        let (layout, version) = decode(file, bytes, layout)?;
        let body = if layout.has_footer(version) { verified_body(file, bytes)? } else { bytes };
        decode(file, body, |input| Self::decode_body(input, file, layout, version))
    }

    fn decode_body<'a>(input: &'a [u8], file: &str, layout: Layout, version: i32) -> Decoded<'a, Self> {
        let (mut rest, _) = Header::decode(input)?;
        if layout >= Layout::Lucene50 {
            rest = IndexHeader::decode_generation(rest, file)?.0;
        }
        let (rest, count) = context("number of fields", vint).parse(rest)?;
        let (end, fields) = counted(rest, count, 5, |input| Field::decode(input, layout, version))?;
        if !end.is_empty() {
            return Failure::corrupt(end, format!("{} bytes after the last field", end.len()));
        }
        let mut by_name = HashMap::with_capacity(fields.len());
        let mut by_number = HashMap::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            if by_name.insert(field.name.clone(), place).is_some() {
                return Failure::corrupt(rest, format!("two fields `{}`", field.name));
            }
            if by_number.insert(field.number, place).is_some() {
                return Failure::corrupt(rest, format!("two fields of number {}", field.number));
            }
        }
        Ok((end, Self { fields, by_name, by_number }))
    }

    /// The field with this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.get(*self.by_name.get(name)?)
    }

    /// The field with this number.
    #[must_use]
    pub fn by_number(&self, number: u32) -> Option<&Field> {
        self.fields.get(*self.by_number.get(&number)?)
    }

    /// All fields, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Field> {
        self.fields.iter()
    }
}

impl Field {
    const SOFT_DELETES: u8 = 8;

    /// An attribute that a format noted, such as `PerFieldDocValuesFormat.format`.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn decode(input: &[u8], layout: Layout, version: i32) -> Decoded<'_, Self> {
        let (rest, name) = context("field name", string).parse(input)?;
        let (rest, number) = context("field number", vint).parse(rest)?;
        if i32::try_from(number).is_err() {
            return Failure::corrupt(input, format!("field number {number}"));
        }
        let (mut rest, flags) = context("flags", u8).parse(rest)?;
        if layout >= Layout::Lucene50 {
            rest = context("index options", |input| at_most(input, INDEX_OPTIONS)).parse(rest)?.0;
            rest = context("type of doc values", |input| at_most(input, DOC_VALUES_TYPES)).parse(rest)?.0;
        } else {
            rest = context("types of doc values and norms", u8).parse(rest)?.0;
        }
        let mut skip_index = 0;
        if layout == Layout::Lucene94 && version >= 2 {
            (rest, skip_index) = context("skip index", |input| at_most(input, SKIP_INDEXES)).parse(rest)?;
        }
        let mut doc_values_generation = None;
        if layout >= Layout::Lucene46 {
            let read = |input| generation(input, layout);
            (rest, doc_values_generation) = context("generation of doc values", read).parse(rest)?;
        }
        let map = if layout.has_wide_lengths(version) { string_map_be } else { string_map };
        let (mut rest, attributes) = context("attributes", map).parse(rest)?;
        if layout >= Layout::Lucene60 {
            rest = context("points and vectors", |input| dimensions(input, layout, version)).parse(rest)?.0;
        }
        let field = Self {
            name: name.to_owned(),
            number,
            doc_values_generation,
            has_skip_index: skip_index != 0,
            is_soft_deletes: layout.has_soft_deletes(version) && flags & Self::SOFT_DELETES != 0,
            attributes: attributes
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        Ok((rest, field))
    }
}

fn layout(input: &[u8]) -> Decoded<'_, (Layout, i32)> {
    let (rest, header) = Header::decode(input)?;
    let Some((layout, greatest)) = Layout::of(header.codec) else {
        return Failure::unsupported(input, "codec of field infos", header.codec, SUPPORTED);
    };
    if !(0..=greatest).contains(&header.version) {
        let found = format!("{} {}", header.codec, header.version);
        return Failure::unsupported(input, "version", found, format!("versions 0 to {greatest}"));
    }
    Ok((rest, (layout, header.version)))
}

/// One byte, the number of a value that Lucene knows.
fn at_most(input: &[u8], greatest: u8) -> Decoded<'_, u8> {
    match u8(input)? {
        (rest, value) if value <= greatest => Ok((rest, value)),
        (_, value) => Failure::corrupt(input, format!("expected 0 to {greatest}, found {value}")),
    }
}

fn generation(input: &[u8], layout: Layout) -> Decoded<'_, Option<u64>> {
    let (rest, value) = if layout >= Layout::Lucene90 { le_i64(input)? } else { be_i64(input)? };
    match value {
        -1 => Ok((rest, None)),
        value => match u64::try_from(value) {
            Ok(value) => Ok((rest, Some(value))),
            Err(_) => Failure::corrupt(input, format!("generation {value}")),
        },
    }
}

/// Passes over what is known of points and vectors.
fn dimensions(input: &[u8], layout: Layout, version: i32) -> Decoded<'_, ()> {
    let (mut rest, points) = vint(input)?;
    if points > 0 {
        if layout >= Layout::Lucene90 || version >= 2 {
            rest = vint(rest)?.0;
        }
        rest = vint(rest)?.0;
    }
    if layout >= Layout::Lucene90 {
        rest = vint(rest)?.0;
        let bytes = if layout == Layout::Lucene94 { 2_usize } else { 1 };
        rest = take(rest, bytes)?.0;
    }
    Ok((rest, ()))
}
