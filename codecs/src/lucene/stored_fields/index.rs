//! `.fdx` (and `.fdm`): where each chunk of `.fdt` starts, and with which document.

use super::format::{Format, Layout};
use crate::error::{Error, Result};
use crate::input::{Decoded, Failure, be_i32, be_i64, decode, le_i32, le_i64, take};
use crate::lucene::codec_util::{Header, IndexHeader, SegmentId, verified_body};
use crate::lucene::packed::{self, DirectMonotonic, DirectReader, Endianness};
use crate::lucene::primitives::{vint, vlong, zigzag};
use nom::Parser;
use nom::error::context;

/// The files that an index of chunks is decoded from, whole.
#[derive(Debug, Clone, Copy)]
pub struct IndexFiles<'a> {
    /// Name and bytes of `.fdx`.
    pub fdx: (&'a str, &'a [u8]),
    /// Name and bytes of `.fdm` (Lucene 8.5 and later).
    pub fdm: Option<(&'a str, &'a [u8])>,
}

/// Where chunks start. The offsets stay packed, as the file has them: a few bytes a chunk.
#[derive(Debug, Clone)]
pub(super) struct ChunkIndex {
    form: Form,
    chunks: u64,
    /// Where the last chunk ends, where the index says it.
    pub(super) end: Option<u64>,
    /// Bytes of a slice and version of packed integers, where `.fdm` has them.
    pub(super) chunk_settings: Option<(u32, u32)>,
}

#[derive(Debug, Clone)]
enum Form {
    /// Lucene 4.0: eight bytes a document.
    Offsets(Vec<u8>),
    /// Lucene 4.1 to 8.4.
    Blocks { blocks: Vec<Block>, data: Vec<u8> },
    /// Lucene 8.5 and later.
    Monotonic {
        documents: DirectMonotonic,
        offsets: DirectMonotonic,
        documents_data: Vec<u8>,
        offsets_data: Vec<u8>,
    },
}

/// A block of the index of Lucene 4.1 to 8.4: up to 1024 chunks as deltas from a straight line.
#[derive(Debug, Clone, Copy)]
struct Block {
    first_chunk: u64,
    document: Line,
    offset: Line,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    base: u64,
    average: u64,
    bits: u32,
    /// Where the deltas start in the index file.
    data: usize,
}

impl ChunkIndex {
    pub(super) fn decode(format: &Format, files: IndexFiles<'_>, max_doc: u32) -> Result<Self> {
        match (format.layout, format.version) {
            (Layout::Lucene40, _) => Self::decode_lucene40(files.fdx, max_doc),
            (Layout::Lucene41 | Layout::Lucene50, _) | (Layout::Lucene85, 0..2) => {
                Self::decode_lucene41(format, files.fdx)
            }
            (Layout::Lucene85 | Layout::Lucene90, _) => Self::decode_lucene85(format, files, max_doc),
        }
    }

    pub(super) const fn len(&self) -> u64 {
        self.chunks
    }

    /// First document and offset in `.fdt` of a chunk; none beyond the last or where the index is damaged.
    pub(super) fn get(&self, chunk: u64) -> Option<(u32, u64)> {
        match &self.form {
            Form::Offsets(data) => {
                let offset = DirectReader::new(64, Endianness::Big)?.get(data, chunk)?;
                Some((u32::try_from(chunk).ok()?, offset))
            }
            Form::Blocks { blocks, data } => {
                let after = blocks.partition_point(|block| block.first_chunk <= chunk);
                let block = blocks.get(after.checked_sub(1)?)?;
                let relative = chunk.checked_sub(block.first_chunk)?;
                let document = block.document.at(data, relative)?;
                Some((u32::try_from(document).ok()?, block.offset.at(data, relative)?))
            }
            Form::Monotonic { documents, offsets, documents_data, offsets_data } => {
                let document = documents.get(documents_data, chunk)?;
                let offset = offsets.get(offsets_data, chunk)?;
                Some((u32::try_from(document).ok()?, u64::try_from(offset).ok()?))
            }
        }
    }

    /// Lucene 4.0: a [`Header`], then for each document its offset in `.fdt`, eight bytes, big-endian.
    fn decode_lucene40((file, bytes): (&str, &[u8]), max_doc: u32) -> Result<Self> {
        let parser = |input| {
            let (rest, _) = Header::expect(input, "Lucene40StoredFieldsIndex", 0..=0)?;
            take(rest, u64::from(max_doc).saturating_mul(8))
        };
        let offsets = decode(file, bytes, parser)?;
        let form = Form::Offsets(offsets.to_vec());
        Ok(Self { form, chunks: u64::from(max_doc), end: None, chunk_settings: None })
    }

    /// Lucene 4.1 to 8.4.
    ///
    /// | bytes | field           | encoding                                                    |
    /// |-------|-----------------|-------------------------------------------------------------|
    /// | n     | header          | [`Header`]; [`IndexHeader`] since 5.0                        |
    /// | 1–5   | packed integers | `VInt`, their version                                       |
    /// | n     | blocks          | each starts with its number of chunks as `VInt`; 0 ends them |
    /// | 1–9   | end             | `VLong`, end of the chunks in `.fdt`; not before Lucene 4.8  |
    /// | 16    | footer          | not before Lucene 4.8                                       |
    fn decode_lucene41(format: &Format, (file, bytes): (&str, &[u8])) -> Result<Self> {
        let has_footer = format.layout != Layout::Lucene41 || format.version >= 2;
        let body = if has_footer { verified_body(file, bytes)? } else { bytes };
        let parser = |input| {
            let (rest, header) = Header::decode(input)?;
            if header.codec != format.index_codec() || header.version != format.version {
                let found = format!("{} {}", header.codec, header.version);
                let expected = format!("`{} {}` beside this `.fdt`", format.index_codec(), format.version);
                return Failure::unsupported(input, "codec", found, expected);
            }
            let rest = match format.id {
                Some(id) => segment_id(rest, id)?.0,
                None => rest,
            };
            let (rest, packed_version) = vint(rest)?;
            let (rest, (blocks, chunks)) = blocks(rest, body, packed_version)?;
            let (rest, end) =
                if has_footer { vlong(rest).map(|(rest, end)| (rest, Some(end)))? } else { (rest, None) };
            Ok((rest, (blocks, chunks, end)))
        };
        let (blocks, chunks, end) = decode(file, body, parser)?;
        let form = Form::Blocks { blocks, data: body.to_vec() };
        Ok(Self { form, chunks, end, chunk_settings: None })
    }

    fn decode_lucene85(format: &Format, files: IndexFiles<'_>, max_doc: u32) -> Result<Self> {
        let (file, bytes) = files.fdx;
        let Some((meta_file, meta_bytes)) = files.fdm else {
            let what = format!("`{}` has its index in two files, and there is no `.fdm`", format.codec);
            return Err(Error::Corrupt { file: file.to_owned(), offset: 0, what });
        };
        let meta_body = verified_body(meta_file, meta_bytes)?;
        let body = verified_body(file, bytes)?;
        let meta = decode(meta_file, meta_body, |input| Meta::decode(input, format, max_doc))?;
        let slice = |from: u64, to: u64| -> Result<Vec<u8>> {
            let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
            match range.and_then(|(from, to)| body.get(from..to)) {
                Some(slice) => Ok(slice.to_vec()),
                None => {
                    let what = format!("`{meta_file}` refers to bytes {from} to {to} of {}", body.len());
                    Err(Error::Corrupt { file: file.to_owned(), offset: body.len() as u64, what })
                }
            }
        };
        decode(file, body, |input| {
            let codec = if format.layout == Layout::Lucene90 {
                "Lucene90FieldsIndexIdx"
            } else {
                "Lucene85FieldsIndexIdx"
            };
            let (rest, header) = IndexHeader::expect(input, codec, 0..=0)?;
            same_segment(input, header.id, format.id)?;
            Ok((rest, ()))
        })?;
        let form = Form::Monotonic {
            documents_data: slice(meta.documents_start, meta.offsets_start)?,
            offsets_data: slice(meta.offsets_start, meta.offsets_end)?,
            documents: meta.documents,
            offsets: meta.offsets,
        };
        Ok(Self { form, chunks: meta.chunks, end: Some(meta.end), chunk_settings: meta.chunk_settings })
    }
}

impl Line {
    fn at(&self, data: &[u8], index: u64) -> Option<u64> {
        let delta = if self.bits == 0 {
            0
        } else {
            packed::value_at(data.get(self.data..)?, self.bits, index, Endianness::Big)?
        };
        let line = self.base.checked_add(self.average.checked_mul(index)?)?;
        line.checked_add_signed(zigzag(delta))
    }

    fn decode<'a>(input: &'a [u8], body: &[u8], version: u32, chunks: u64) -> Decoded<'a, Self> {
        let (rest, base) = vlong(input)?;
        let (rest, average) = vlong(rest)?;
        let (at_data, bits) = vint(rest)?;
        let length = usize::try_from(chunks)
            .ok()
            .and_then(|chunks| packed::Format::packed(version).byte_count(bits, chunks));
        let Some(length) = length else {
            return Failure::corrupt(rest, format!("packed values of {bits} bits"));
        };
        let (rest, _) = context("packed deltas", |input| take(input, length)).parse(at_data)?;
        let data = body.len().saturating_sub(at_data.len());
        Ok((rest, Self { base, average, bits, data }))
    }
}

fn blocks<'a>(input: &'a [u8], body: &[u8], version: u32) -> Decoded<'a, (Vec<Block>, u64)> {
    let mut blocks = Vec::new();
    let mut first_chunk = 0_u64;
    let mut rest = input;
    loop {
        let (after, chunks) = context("number of chunks", vint).parse(rest)?;
        rest = after;
        if chunks == 0 {
            return Ok((rest, (blocks, first_chunk)));
        }
        let chunks = u64::from(chunks);
        let (after, document) =
            context("documents", |input| Line::decode(input, body, version, chunks)).parse(rest)?;
        let (after, offset) =
            context("offsets", |input| Line::decode(input, body, version, chunks)).parse(after)?;
        rest = after;
        blocks.push(Block { first_chunk, document, offset });
        first_chunk = first_chunk.saturating_add(chunks);
    }
}

/// `.fdm`, Lucene 8.5 and later; numbers are big-endian before Lucene 9.0.
///
/// | bytes | field           | encoding                                                                 |
/// |-------|-----------------|--------------------------------------------------------------------------|
/// | n     | header          | [`IndexHeader`] of `Lucene85FieldsIndexMeta` or `Lucene90FieldsIndexMeta` |
/// | 1–5   | chunk size      | `VInt`; not in version 2                                                 |
/// | 1–5   | packed integers | `VInt`, their version; not in version 2, nor since 9.0                   |
/// | 4     | documents       | in the segment                                                           |
/// | 4     | block shift     | of the two sequences                                                     |
/// | 4     | chunks          | one more than there are, since the last offset is the end                |
/// | 8     | start           | of the documents in `.fdx`                                               |
/// | n     | documents       | [`DirectMonotonic`]: first document of each chunk                        |
/// | 8     | start           | of the offsets in `.fdx`                                                 |
/// | n     | offsets         | [`DirectMonotonic`]: offset of each chunk in `.fdt`                      |
/// | 8     | end             | of the offsets in `.fdx`                                                 |
/// | 8     | end             | of the chunks in `.fdt`                                                  |
/// | n     | statistics      | `VLong`s about incomplete chunks                                         |
struct Meta {
    chunk_settings: Option<(u32, u32)>,
    chunks: u64,
    documents_start: u64,
    documents: DirectMonotonic,
    offsets_start: u64,
    offsets: DirectMonotonic,
    offsets_end: u64,
    end: u64,
}

impl Meta {
    fn decode<'a>(input: &'a [u8], format: &Format, max_doc: u32) -> Decoded<'a, Self> {
        let little = format.layout == Layout::Lucene90;
        let codec = if little { "Lucene90FieldsIndexMeta" } else { "Lucene85FieldsIndexMeta" };
        let (rest, header) = IndexHeader::expect(input, codec, 0..=format.version)?;
        same_segment(input, header.id, format.id)?;
        let (rest, chunk_settings) = if little {
            vint(rest).map(|(rest, size)| (rest, Some((size, 0))))?
        } else if format.version >= 3 {
            let (rest, size) = vint(rest)?;
            let (rest, packed) = vint(rest)?;
            (rest, Some((size, packed)))
        } else {
            (rest, None)
        };
        let endianness = if little { Endianness::Little } else { Endianness::Big };
        let (after, documents_in_segment) = positive_int(rest, little)?;
        if documents_in_segment != u64::from(max_doc) {
            let what = format!("an index of {documents_in_segment} documents in a segment of {max_doc}");
            return Failure::corrupt(rest, what);
        }
        let (rest, shift) = context("block shift", |input| positive_int(input, little)).parse(after)?;
        let shift = u32::try_from(shift).unwrap_or(u32::MAX);
        let (after, values) = context("number of chunks", |input| positive_int(input, little)).parse(rest)?;
        let Some(chunks) = values.checked_sub(1) else {
            return Failure::corrupt(rest, "no values: the end of the chunks is one");
        };
        let rest = after;
        let (rest, documents_start) = positive_long(rest, little)?;
        let (rest, documents) = DirectMonotonic::decode_meta(rest, values, shift, endianness)?;
        let (rest, offsets_start) = positive_long(rest, little)?;
        let (rest, offsets) = DirectMonotonic::decode_meta(rest, values, shift, endianness)?;
        let (rest, offsets_end) = positive_long(rest, little)?;
        let (rest, end) = positive_long(rest, little)?;
        let meta = Self {
            chunk_settings,
            chunks,
            documents_start,
            documents,
            offsets_start,
            offsets,
            offsets_end,
            end,
        };
        Ok((rest, meta))
    }
}

fn positive_int(input: &[u8], little: bool) -> Decoded<'_, u64> {
    let (rest, value) = if little { le_i32(input)? } else { be_i32(input)? };
    match u64::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => Failure::corrupt(input, format!("the negative number {value}")),
    }
}

fn positive_long(input: &[u8], little: bool) -> Decoded<'_, u64> {
    let (rest, value) = if little { le_i64(input)? } else { be_i64(input)? };
    match u64::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => Failure::corrupt(input, format!("the negative number {value}")),
    }
}

fn segment_id(input: &[u8], expected: SegmentId) -> Decoded<'_, ()> {
    let (rest, (id, _)) = IndexHeader::decode_id(input)?;
    same_segment(input, id, Some(expected))?;
    Ok((rest, ()))
}

fn same_segment(at: &[u8], found: SegmentId, expected: Option<SegmentId>) -> Decoded<'_, ()> {
    if expected.is_some_and(|expected| expected != found) {
        return Failure::corrupt(at, "a file of another segment: its segment id is not that of `.fdt`");
    }
    Ok((at, ()))
}
