//! Where the files of a segment are inside its compound file, `.cfe`.
//!
//! | bytes | field   | encoding                                                                               |
//! |-------|---------|----------------------------------------------------------------------------------------|
//! | n     | header  | `Lucene50CompoundEntries`, `Lucene90CompoundEntries`: [`IndexHeader`]; before: [`Header`] of `CompoundFileWriterEntries` |
//! | 1–5   | number  | `VInt`, of files                                                                       |
//! | n     | files   | of each: name without that of the segment (string), offset and length in `.cfs` (eight bytes each, big-endian, little-endian from 9.0 on) |
//! | 16    | footer  | [`Footer`](super::codec_util::Footer); not in version 0 before Lucene 5.0              |
//!
//! Source: [`Lucene90CompoundFormat`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/lucene90/Lucene90CompoundFormat.html).

use super::codec_util::{FOOTER_LENGTH, Header, IndexHeader, verified_body};
use super::primitives::{string, vint};
use crate::error::{Error, Result};
use crate::input::{Decoded, Failure, be_u64, counted, decode, le_u64};
use nom::Parser;
use nom::error::context;
use std::collections::BTreeMap;
use std::ops::Range;

const LUCENE40: &str = "CompoundFileWriterEntries";
const LUCENE50: &str = "Lucene50CompoundEntries";
const LUCENE90: &str = "Lucene90CompoundEntries";

/// The files in a compound file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompoundEntries {
    /// By the name of the file without that of the segment, such as `.fdt`.
    entries: BTreeMap<String, Range<u64>>,
    /// Bytes in `.cfs` after the last file: a footer, from Lucene 4.8 on.
    after: u64,
}

impl CompoundEntries {
    /// Decodes `.cfe`, after its checksum was verified where it has one.
    ///
    /// # Errors
    ///
    /// The checksum is not that of the bytes, the codec is not known, or an entry contradicts the others.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        let has_footer = decode(file, bytes, |input| {
            let (rest, header) = Header::decode(input)?;
            let (codec, versions) = match header.codec {
                LUCENE40 => (LUCENE40, 0..=1),
                LUCENE50 => (LUCENE50, 0..=0),
                LUCENE90 => (LUCENE90, 0..=0),
                other => {
                    let supported = format!("{LUCENE40}, {LUCENE50} and {LUCENE90}");
                    return Failure::unsupported(input, "codec of compound files", other, supported);
                }
            };
            header.check(input, codec, &versions)?;
            Ok((rest, header.codec != LUCENE40 || header.version >= 1))
        })?;
        let body = if has_footer { verified_body(file, bytes)? } else { bytes };
        let after = if has_footer { FOOTER_LENGTH as u64 } else { 0 };
        decode(file, body, Self::decode_body).map(|entries| Self { entries, after })
    }

    fn decode_body(input: &[u8]) -> Decoded<'_, BTreeMap<String, Range<u64>>> {
        let (mut rest, header) = Header::decode(input)?;
        if header.codec != LUCENE40 {
            rest = IndexHeader::decode_id(rest)?.0;
        }
        let number = if header.codec == LUCENE90 { le_u64 } else { be_u64 };
        let (rest, count) = context("number of files", vint).parse(rest)?;
        let (rest, list) = counted(rest, count, 17, |input| entry(input, number))?;
        if !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after the last file", rest.len()));
        }
        let mut entries = BTreeMap::new();
        for (name, range) in list {
            if entries.insert(name.to_owned(), range).is_some() {
                return Failure::corrupt(input, format!("two files `{name}`"));
            }
        }
        Ok((rest, entries))
    }

    /// Where a file is in `.cfs`; `suffix` is its name without that of the segment.
    #[must_use]
    pub fn get(&self, suffix: &str) -> Option<Range<u64>> {
        self.entries.get(suffix).cloned()
    }

    /// All files: name without that of the segment, and where it is in `.cfs`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Range<u64>)> {
        self.entries.iter().map(|(name, range)| (name.as_str(), range))
    }

    /// Checks that a `.cfs` of this length in bytes ends where it should: with its last file and a footer.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] for `file` (the `.cfe`) when it is shorter or longer.
    pub fn check_length(&self, file: &str, length: u64) -> Result<()> {
        let Some((name, last)) = self.entries.iter().max_by_key(|(_, range)| range.end) else {
            return Ok(());
        };
        if last.end.saturating_add(self.after) == length {
            return Ok(());
        }
        let what = format!(
            "the last file, `{name}`, ends at byte {} of a compound file of {length} bytes, {} should follow",
            last.end, self.after
        );
        Err(Error::Corrupt { file: file.to_owned(), offset: 0, what })
    }
}

fn entry(input: &[u8], number: fn(&[u8]) -> Decoded<'_, u64>) -> Decoded<'_, (&str, Range<u64>)> {
    let (rest, name) = context("name of a file", string).parse(input)?;
    let (rest, start) = context("offset of a file", number).parse(rest)?;
    let (after, length) = context("length of a file", number).parse(rest)?;
    match start.checked_add(length) {
        Some(end) if end <= u64::MAX / 2 => Ok((after, (name, start..end))),
        _ => Failure::corrupt(rest, format!("`{name}` has {length} bytes at byte {start}")),
    }
}
