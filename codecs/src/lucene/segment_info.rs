//! What a segment is, `.si`: number of documents, compound or not.
//!
//! | bytes | field            | encoding                                                    | codecs            |
//! |-------|------------------|-------------------------------------------------------------|-------------------|
//! | n     | header           | [`Header`]; from `Lucene50SegmentInfo` on an [`IndexHeader`] | all               |
//! | n     | Lucene version   | string; from 50 on three times four bytes                   | all               |
//! | 1, 12 | oldest version   | 0, or 1 and three times four bytes                          | 70 and later      |
//! | 4     | documents        | deleted ones included                                       | all               |
//! | 1     | compound         | 1: most files are in `.cfs`; -1: none is                    | all               |
//! | 1     | blocks           | whether documents were added in blocks                      | 90, from Lucene 9.9 on |
//! | n     | diagnostics      | map of strings                                              | all               |
//! | n     | attributes       | map of strings, of no meaning                               | 40                |
//! | n     | files            | set of strings                                              | all               |
//! | n     | attributes       | map of strings                                              | 50 and later      |
//! | n     | index sort       | `VInt`, number of fields; the fields are not decoded        | 62 and later      |
//! | 16    | footer           | [`Footer`](super::codec_util::Footer)                       | 46 version 1 and later |
//!
//! Numbers are big-endian, little-endian in `Lucene90SegmentInfo`.
//!
//! Source: [`Lucene99SegmentInfoFormat`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/lucene99/Lucene99SegmentInfoFormat.html).

use super::codec_util::{Header, IndexHeader, SegmentId, verified_body};
use super::primitives::{string, string_map, string_map_be, string_set, string_set_be, vint};
use crate::error::Result;
use crate::input::{Decoded, Failure, be_u32, decode, le_u32, u8};
use nom::Parser;
use nom::error::context;

/// Lucene numbers documents with 31 bits, and keeps some numbers for itself.
const MAX_DOCUMENTS: u32 = 0x7FFF_FFFF - 128;

/// The first Lucene version that writes whether documents were added in blocks.
const FIRST_WITH_BLOCKS: (u32, u32, u32) = (9, 9, 0);

const SUPPORTED: &str = "Lucene40SegmentInfo, Lucene46SegmentInfo, Lucene50SegmentInfo, Lucene62SegmentInfo, \
    Lucene70SegmentInfo, Lucene86SegmentInfo and Lucene90SegmentInfo";

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The version of Lucene that wrote it, such as `9.12.1`.
    pub version: String,
    /// How many documents it has, deleted ones included.
    pub doc_count: u32,
    /// Whether its files are in a compound file.
    pub is_compound: bool,
    /// Its id (Lucene 5.0 and later).
    pub id: Option<SegmentId>,
    /// The names of its files.
    pub files: Vec<String>,
    /// What its formats noted.
    pub attributes: Vec<(String, String)>,
}

/// How the file is laid out, by the codec name in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    Lucene40,
    Lucene46,
    Lucene50,
    Lucene62,
    Lucene70,
    Lucene90,
}

impl Layout {
    /// The layout, and the greatest version of the codec.
    fn of(codec: &str) -> Option<(Self, i32)> {
        Some(match codec {
            "Lucene40SegmentInfo" => (Self::Lucene40, 0),
            "Lucene46SegmentInfo" => (Self::Lucene46, 1),
            "Lucene50SegmentInfo" => (Self::Lucene50, 1),
            "Lucene62SegmentInfo" => (Self::Lucene62, 1),
            "Lucene70SegmentInfo" | "Lucene86SegmentInfo" => (Self::Lucene70, 0),
            "Lucene90SegmentInfo" => (Self::Lucene90, 0),
            _ => return None,
        })
    }

    fn has_footer(self, version: i32) -> bool {
        self >= Self::Lucene50 || (self == Self::Lucene46 && version >= 1)
    }

    /// Whether maps and sets have their lengths in four bytes.
    fn has_wide_lengths(self, version: i32) -> bool {
        self < Self::Lucene50 || (self == Self::Lucene50 && version == 0)
    }

    fn number(self, input: &[u8]) -> Decoded<'_, u32> {
        if self == Self::Lucene90 { le_u32(input) } else { be_u32(input) }
    }

    fn version(self, input: &[u8]) -> Decoded<'_, (u32, u32, u32)> {
        let (rest, major) = self.number(input)?;
        let (rest, minor) = self.number(rest)?;
        let (rest, bugfix) = self.number(rest)?;
        Ok((rest, (major, minor, bugfix)))
    }
}

impl SegmentInfo {
    /// Decodes `.si`, after its checksum was verified where it has one.
    ///
    /// # Errors
    ///
    /// The checksum is not that of the bytes, the codec is not known, or a value contradicts the bytes.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        let (layout, version) = decode(file, bytes, layout)?;
        let body = if layout.has_footer(version) { verified_body(file, bytes)? } else { bytes };
        decode(file, body, |input| Self::decode_body(input, layout, version))
    }

    fn decode_body(input: &[u8], layout: Layout, version: i32) -> Decoded<'_, Self> {
        let (mut rest, _) = Header::decode(input)?;
        let mut id = None;
        if layout >= Layout::Lucene50 {
            (rest, id) = IndexHeader::decode_id(rest).map(|(rest, (id, _))| (rest, Some(id)))?;
        }
        let (rest, (written_by, has_blocks)) =
            context("Lucene version", |input| written_by(input, layout)).parse(rest)?;
        let number = |input| layout.number(input);
        let (after, doc_count) = context("number of documents", number).parse(rest)?;
        if doc_count > MAX_DOCUMENTS {
            return Failure::corrupt(
                rest,
                format!("{doc_count} documents, at most {MAX_DOCUMENTS} are possible"),
            );
        }
        let (mut rest, is_compound) = context("compound flag", flag).parse(after)?;
        if has_blocks {
            rest = context("blocks flag", flag).parse(rest)?.0;
        }
        let wide = layout.has_wide_lengths(version);
        let map = if wide { string_map_be } else { string_map };
        let set = if wide { string_set_be } else { string_set };
        rest = context("diagnostics", map).parse(rest)?.0;
        if layout == Layout::Lucene40 {
            rest = context("attributes", map).parse(rest)?.0;
        }
        let (mut rest, files) = context("files", set).parse(rest)?;
        let mut attributes = Vec::new();
        if layout >= Layout::Lucene50 {
            (rest, attributes) = context("attributes", map).parse(rest)?;
        }
        let mut sort_fields = 0;
        if layout >= Layout::Lucene62 {
            (rest, sort_fields) = context("index sort", vint).parse(rest)?;
        }
        if sort_fields == 0 && !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after the segment info", rest.len()));
        }
        let info = Self {
            version: written_by,
            doc_count,
            is_compound,
            id,
            files: files.into_iter().map(str::to_owned).collect(),
            attributes: attributes
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        Ok((rest, info))
    }
}

fn layout(input: &[u8]) -> Decoded<'_, (Layout, i32)> {
    let (rest, header) = Header::decode(input)?;
    let Some((layout, greatest)) = Layout::of(header.codec) else {
        return Failure::unsupported(input, "codec of segment info", header.codec, SUPPORTED);
    };
    if !(0..=greatest).contains(&header.version) {
        let found = format!("{} {}", header.codec, header.version);
        return Failure::unsupported(input, "version", found, format!("versions 0 to {greatest}"));
    }
    Ok((rest, (layout, header.version)))
}

/// Lucene's yes and no: 1 and -1.
fn flag(input: &[u8]) -> Decoded<'_, bool> {
    match u8(input)? {
        (rest, 1) => Ok((rest, true)),
        (rest, 0xFF) => Ok((rest, false)),
        (_, other) => Failure::corrupt(input, format!("expected 1 or 255, found {other}")),
    }
}

/// The version of Lucene, and whether it writes about blocks; then the oldest version, which is passed over.
fn written_by(input: &[u8], layout: Layout) -> Decoded<'_, (String, bool)> {
    if layout < Layout::Lucene50 {
        return string(input).map(|(rest, version)| (rest, (version.to_owned(), false)));
    }
    let (mut rest, version) = layout.version(input)?;
    if layout >= Layout::Lucene70 {
        let (after, has_oldest) = u8(rest)?;
        rest = match has_oldest {
            0 => after,
            1 => layout.version(after)?.0,
            other => {
                return Failure::corrupt(rest, format!("expected 0 or 1 before a version, found {other}"));
            }
        };
    }
    let has_blocks = layout == Layout::Lucene90 && version >= FIRST_WITH_BLOCKS;
    let (major, minor, bugfix) = version;
    Ok((rest, (format!("{major}.{minor}.{bugfix}"), has_blocks)))
}
