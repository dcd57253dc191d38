//! The commit of an index, `segments_N`: which segments it has, and what was deleted and updated in each.
//!
//! | bytes | field            | encoding                                                              | versions |
//! |-------|------------------|-----------------------------------------------------------------------|----------|
//! | n     | header           | [`Header`], codec `segments`; from version 4 an [`IndexHeader`]        | all      |
//! | 3–15  | Lucene version   | three `VInt`                                                          | 6–       |
//! | 1–5   | created in       | `VInt`, major version                                                 | 7–       |
//! | 8     | version          | big-endian, counts changes                                            | all      |
//! | 4     | counter          | big-endian; from version 8 a `VLong`                                  | all      |
//! | 4     | segments         | big-endian, their number                                              | all      |
//! | 3–15  | oldest segment   | three `VInt`; only if there are segments                              | 6–       |
//! | n     | the segments     | [`SegmentCommit`]                                                     | all      |
//! | n     | user data        | map of strings                                                        | all      |
//! | 16    | footer           | [`Footer`](super::codec_util::Footer); before version 2 the CRC-32 alone, eight bytes | all |
//!
//! Versions: 0 Lucene 4.0, 1 4.6, 2 4.8, 3 4.9, 4 5.0, 5 5.1, 6 5.3, 7 7.0, 8 7.2, 9 7.4, 10 8.6 and later.
//!
//! Source: [`SegmentInfos`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/index/SegmentInfos.html).

use super::codec_util::{Header, IndexHeader, SegmentId, verified_body};
use super::primitives::{string, string_map, string_map_be, string_set, string_set_be, vint, vlong};
use crate::error::Result;
use crate::input::{Decoded, Failure, be_i32, be_i64, be_u32, be_u64, counted, decode, take, u8};
use nom::Parser;
use nom::error::context;
use std::collections::HashSet;

const CODEC: &str = "segments";
const VERSION_46: i32 = 1;
const VERSION_48: i32 = 2;
const VERSION_49: i32 = 3;
const VERSION_50: i32 = 4;
const VERSION_51: i32 = 5;
const VERSION_53: i32 = 6;
const VERSION_70: i32 = 7;
const VERSION_72: i32 = 8;
const VERSION_74: i32 = 9;
const VERSION_86: i32 = 10;

/// Formats of Lucene 3 end at -11, the first four bytes of a file.
const BEFORE_40: i32 = -11;

/// The fewest bytes of a segment: name, codec, deletes.
const MIN_SEGMENT: usize = 14;

/// The segments of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfos {
    /// The segments, in the order of the commit.
    pub segments: Vec<SegmentCommit>,
    /// What the application noted, such as Elasticsearch's `max_seq_no`.
    pub user_data: Vec<(String, String)>,
}

/// One segment of a commit.
///
/// | bytes | field               | encoding                                             | versions |
/// |-------|---------------------|------------------------------------------------------|----------|
/// | n     | name                | string                                               | all      |
/// | 1     | has an id           | 0 or 1; always, and not written, from version 7      | 4–6      |
/// | 16    | id                  | if it has one                                        | 4–       |
/// | n     | codec               | string                                               | all      |
/// | 8     | deletion generation | big-endian, -1 for none                              | all      |
/// | 4     | deleted documents   | big-endian                                           | all      |
/// | 8     | field infos generation | big-endian, -1 for none                           | 1–       |
/// | 8     | doc values generation  | big-endian, -1 for none                           | 3–       |
/// | 4     | soft-deleted documents | big-endian, hard-deleted ones not counted         | 9–       |
/// | 1, 16 | id of this state    | 0, or 1 and the id                                   | 10–      |
/// | n     | field infos files   | set of strings                                       | 3–       |
/// | n     | doc values files    | number (big-endian), of each: field (four bytes) and set of strings; versions 1 and 2: generation (eight bytes) and set | 1– |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCommit {
    /// Name of the segment, such as `_7`; what its files begin with.
    pub name: String,
    /// Its id, which its files have too (Lucene 5.0 and later).
    pub id: Option<SegmentId>,
    /// Name of the codec that wrote it.
    pub codec: String,
    /// Generation of the live documents; none if nothing was deleted.
    pub deletion_generation: Option<u64>,
    /// How many documents were deleted.
    pub deleted_count: u32,
    /// How many documents were soft-deleted and not deleted (Lucene 7.4 and later).
    pub soft_deleted_count: Option<u32>,
    /// Generation of the field infos; none if they are those that the segment was written with.
    pub field_infos_generation: Option<u64>,
    /// Generation of the newest doc values that were updated.
    pub doc_values_generation: Option<u64>,
    /// The files of updated field infos and doc values.
    pub update_files: Vec<String>,
}

impl SegmentInfos {
    /// Decodes `segments_N`, after its checksum was verified.
    ///
    /// # Errors
    ///
    /// The checksum is not that of the bytes, the version is not known (before Lucene 4.0 too), the commit is not of
    /// the generation in the name of the file, or a value contradicts the others.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        let version = decode(file, bytes, |input| {
            // Lucene 1 to 3 counted formats down from -1.
            if let Ok((_, format @ BEFORE_40..0)) = be_i32(input) {
                return Failure::unsupported(input, "format of commits", format, "Lucene 4.0 and later");
            }
            let (rest, header) = Header::decode(input)?;
            header.check(input, CODEC, &(0..=VERSION_86))?;
            Ok((rest, header.version))
        })?;
        let body = if version >= VERSION_48 {
            verified_body(file, bytes)?
        } else {
            decode(file, bytes, verify_old)?
        };
        decode(file, body, |input| Self::decode_body(input, file, version))
    }

    fn decode_body<'a>(input: &'a [u8], file: &str, version: i32) -> Decoded<'a, Self> {
        let (mut rest, _) = Header::decode(input)?;
        if version >= VERSION_50 {
            rest = IndexHeader::decode_generation(rest, file)?.0;
        }
        if version >= VERSION_53 {
            rest = context("Lucene version", lucene_version).parse(rest)?.0;
        }
        if version >= VERSION_70 {
            rest = context("Lucene version that created the index", vint).parse(rest)?.0;
        }
        rest = context("version", be_u64).parse(rest)?.0;
        rest = if version >= VERSION_72 {
            context("counter", vlong).parse(rest)?.0
        } else {
            context("counter", be_u32).parse(rest)?.0
        };
        let (mut rest, count) = context("number of segments", be_u32).parse(rest)?;
        if version >= VERSION_53 && count > 0 {
            rest = context("version of the oldest segment", lucene_version).parse(rest)?.0;
        }
        let segment = |input| SegmentCommit::decode(input, version);
        let start = rest;
        let (rest, segments) = counted(rest, count, MIN_SEGMENT, segment)?;
        let mut names = HashSet::with_capacity(segments.len());
        if let Some(twice) = segments.iter().find(|segment| !names.insert(&segment.name)) {
            return Failure::corrupt(start, format!("two segments `{}`", twice.name));
        }
        let map = if version >= VERSION_51 { string_map } else { string_map_be };
        let (rest, user_data) = context("user data", map).parse(rest)?;
        if !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after the commit", rest.len()));
        }
        let user_data =
            user_data.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok((rest, Self { segments, user_data }))
    }
}

impl SegmentCommit {
    fn decode(input: &[u8], version: i32) -> Decoded<'_, Self> {
        let (rest, name) = context("segment name", string).parse(input)?;
        if !is_segment_name(name) {
            return Failure::corrupt(input, format!("`{}` as the name of a segment", name.escape_debug()));
        }
        let (rest, id) = context("segment id", |input| segment_id(input, version)).parse(rest)?;
        let (rest, codec) = context("codec", string).parse(rest)?;
        let (rest, deletion_generation) = context("deletion generation", generation).parse(rest)?;
        let (mut rest, deleted_count) = context("deleted documents", be_u32).parse(rest)?;
        let mut field_infos_generation = None;
        if version >= VERSION_46 {
            (rest, field_infos_generation) = context("field infos generation", generation).parse(rest)?;
        }
        let mut doc_values_generation = field_infos_generation;
        if version >= VERSION_49 {
            (rest, doc_values_generation) = context("doc values generation", generation).parse(rest)?;
        }
        let mut soft_deleted_count = None;
        if version >= VERSION_74 {
            (rest, soft_deleted_count) = context("soft-deleted documents", be_u32.map(Some)).parse(rest)?;
        }
        if version >= VERSION_86 {
            rest = context("id of the state", optional_id).parse(rest)?.0;
        }
        let (rest, update_files) =
            context("files of updates", |input| update_files(input, version)).parse(rest)?;
        let commit = Self {
            name: name.to_owned(),
            id,
            codec: codec.to_owned(),
            deletion_generation,
            deleted_count,
            soft_deleted_count,
            field_infos_generation,
            doc_values_generation,
            update_files,
        };
        Ok((rest, commit))
    }
}

/// Before Lucene 4.8: the CRC-32 of all bytes before it, as eight bytes.
fn verify_old(input: &[u8]) -> Decoded<'_, &[u8]> {
    let summed = input.len().saturating_sub(8);
    let (end, body) = take(input, summed)?;
    let (rest, expected) = context("checksum", be_u64).parse(end)?;
    let Ok(expected) = u32::try_from(expected) else {
        return Failure::corrupt(end, format!("a CRC-32 of more than 32 bits: {expected:x}"));
    };
    let actual = crc32fast::hash(body);
    if actual != expected {
        return Failure::checksum(input, summed as u64, expected, actual);
    }
    Ok((rest, body))
}

fn lucene_version(input: &[u8]) -> Decoded<'_, (u32, u32, u32)> {
    (vint, vint, vint).parse(input)
}

fn segment_id(input: &[u8], version: i32) -> Decoded<'_, Option<SegmentId>> {
    match version {
        ..VERSION_50 => Ok((input, None)),
        VERSION_50..VERSION_70 => optional_id(input),
        _ => take(input, 16_usize).map(|(rest, id)| (rest, id.try_into().ok())),
    }
}

fn optional_id(input: &[u8]) -> Decoded<'_, Option<SegmentId>> {
    match u8(input)? {
        (rest, 0) => Ok((rest, None)),
        (rest, 1) => take(rest, 16_usize).map(|(rest, id)| (rest, id.try_into().ok())),
        (_, other) => Failure::corrupt(input, format!("expected 0 or 1 before an id, found {other}")),
    }
}

/// A generation; -1 for none.
fn generation(input: &[u8]) -> Decoded<'_, Option<u64>> {
    match be_i64(input)? {
        (rest, -1) => Ok((rest, None)),
        (rest, generation) => match u64::try_from(generation) {
            Ok(generation) => Ok((rest, Some(generation))),
            Err(_) => Failure::corrupt(input, format!("generation {generation}")),
        },
    }
}

fn update_files(input: &[u8], version: i32) -> Decoded<'_, Vec<String>> {
    if version < VERSION_46 {
        return Ok((input, Vec::new()));
    }
    let set = if version >= VERSION_51 { string_set } else { string_set_be };
    let (rest, field_infos) = if version >= VERSION_49 { set(input)? } else { (input, Vec::new()) };
    let key_length = if version >= VERSION_49 { 4_usize } else { 8 };
    let (rest, count) = be_u32(rest)?;
    let (rest, doc_values) = counted(rest, count, key_length, |input| {
        let (rest, _) = take(input, key_length)?;
        set(rest)
    })?;
    let names = field_infos.into_iter().chain(doc_values.into_iter().flatten());
    Ok((rest, names.map(str::to_owned).collect()))
}

/// Names of files are made from the name of a segment, so it must not be able to leave its folder.
fn is_segment_name(name: &str) -> bool {
    name.starts_with('_') && name.len() > 1 && name.bytes().skip(1).all(|byte| byte.is_ascii_alphanumeric())
}
