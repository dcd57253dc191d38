//! The live documents of a segment: `.liv` (Lucene 5.0 and later), `.del` (Lucene 4).
//!
//! `.liv`:
//!
//! | bytes | field  | encoding                                                                          |
//! |-------|--------|-----------------------------------------------------------------------------------|
//! | n     | header | [`IndexHeader`] of `Lucene50LiveDocs` or `Lucene90LiveDocs`                       |
//! | 8 × n | bits   | a bit for each document, 1 for live, in words of eight bytes: big-endian, little-endian from 9.0 on |
//! | 16    | footer | [`Footer`](super::codec_util::Footer)                                             |
//!
//! `.del`:
//!
//! | bytes | field  | encoding                                                                          |
//! |-------|--------|-----------------------------------------------------------------------------------|
//! | 4     | mark   | -2 before a header; without one, this is the size                                 |
//! | n     | header | [`Header`] of `BitVector`; version 0: 1 is for deleted, later versions: 1 is for live |
//! | 4     | size   | big-endian, number of documents; -1: the bits are sparse, the size follows        |
//! | 4     | size   | only if sparse                                                                    |
//! | 4     | count  | big-endian, of bits that are 1                                                    |
//! | n     | bits   | a bit for each document, lowest first; sparse: distance (`VInt`) and value of each byte that is not all 0 (version 0) or all 1 (later) |
//! | 16    | footer | [`Footer`](super::codec_util::Footer), version 2 and later                        |
//!
//! Source: [`Lucene90LiveDocsFormat`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/lucene90/Lucene90LiveDocsFormat.html),
//! [`BitVector`](https://lucene.apache.org/core/4_10_4/core/org/apache/lucene/codecs/lucene40/package-summary.html).

use super::codec_util::{Header, IndexHeader, verified_body};
use super::doc_set::DocSet;
use super::primitives::vint;
use crate::error::{Error, Result};
use crate::input::{self, Decoded, Failure, be_i32, be_u32, be_u64, counted, le_u64, take, u8};
use nom::Parser;
use nom::error::context;

const LUCENE50: &str = "Lucene50LiveDocs";
const LUCENE90: &str = "Lucene90LiveDocs";
const BIT_VECTOR: &str = "BitVector";
/// Stands before the header of `.del`.
const HAS_HEADER: i32 = -2;
/// From this version on, bits are 1 for live documents.
const VERSION_LIVE: i32 = 1;
const VERSION_CHECKSUM: i32 = 2;

/// Decodes the live documents of a segment of `max_doc` documents, `deleted_count` of which are deleted.
///
/// # Errors
///
/// The checksum is not that of the bytes, the codec is not known, the generation is not that in the name of the file,
/// or the number of documents or of deleted documents is not the one that is given.
pub fn decode(file: &str, bytes: &[u8], max_doc: u32, deleted_count: u32) -> Result<DocSet> {
    let live = if input::decode(file, bytes, be_i32).is_ok_and(|first| first == HAS_HEADER) {
        bit_vector(file, bytes, max_doc)?
    } else if input::decode(file, bytes, Header::decode).is_ok() || !file.ends_with(".del") {
        let body = verified_body(file, bytes)?;
        input::decode(file, body, |input| live_bits(input, file, max_doc))?
    } else {
        input::decode(file, bytes, |input| bits(input, -1, max_doc))?
    };
    let deleted = max_doc.saturating_sub(live.len());
    if deleted != deleted_count {
        let what = format!("{deleted} deleted documents, the commit says {deleted_count}");
        return Err(Error::Corrupt { file: file.to_owned(), offset: 0, what });
    }
    Ok(live)
}

fn live_bits<'a>(input: &'a [u8], file: &str, max_doc: u32) -> Decoded<'a, DocSet> {
    let (rest, header) = Header::decode(input)?;
    let word = match (header.codec, header.version) {
        (LUCENE50, 0) => be_u64,
        (LUCENE90, 0) => le_u64,
        (codec, version) => {
            let supported = format!("{LUCENE50} 0 and {LUCENE90} 0");
            return Failure::unsupported(
                input,
                "codec of live documents",
                format!("{codec} {version}"),
                supported,
            );
        }
    };
    let (rest, _) = IndexHeader::decode_generation(rest, file)?;
    let (end, words) =
        context("live documents", |input| counted(input, max_doc.div_ceil(64), 8, word)).parse(rest)?;
    if !end.is_empty() {
        return Failure::corrupt(end, format!("{} bytes after the bits of {max_doc} documents", end.len()));
    }
    let (_, live) = DocSet::from_words(rest, words, max_doc)?;
    Ok((end, live))
}

fn bit_vector(file: &str, bytes: &[u8], max_doc: u32) -> Result<DocSet> {
    let version = input::decode(file, bytes, |input| {
        let (rest, _) = be_i32(input)?;
        let (after, header) = Header::decode(rest)?;
        header.check(rest, BIT_VECTOR, &(0..=VERSION_CHECKSUM))?;
        Ok((after, header.version))
    })?;
    let body = if version >= VERSION_CHECKSUM { verified_body(file, bytes)? } else { bytes };
    input::decode(file, body, |input| {
        let (rest, _) = be_i32(input)?;
        let (rest, _) = Header::decode(rest)?;
        bits(rest, version, max_doc)
    })
}

/// From the size on. Version -1 is a file without header.
fn bits(input: &[u8], version: i32, max_doc: u32) -> Decoded<'_, DocSet> {
    let (mut rest, first) = context("size", be_i32).parse(input)?;
    let is_sparse = first == -1;
    let mut size = i64::from(first);
    if is_sparse {
        let (after, second) = context("size", be_u32).parse(rest)?;
        (rest, size) = (after, i64::from(second));
    }
    if size != i64::from(max_doc) {
        return Failure::corrupt(input, format!("bits of {size} documents, the segment has {max_doc}"));
    }
    let (rest, count) = context("number of bits", be_u32).parse(rest)?;
    let length = max_doc.div_ceil(8);
    let has_live = version >= VERSION_LIVE;
    let (end, mut bytes) = if is_sparse {
        sparse(rest, length, if has_live { max_doc.saturating_sub(count) } else { count }, has_live)?
    } else {
        context("bits", |input| take(input, length)).parse(rest).map(|(end, bits)| (end, bits.to_vec()))?
    };
    if !has_live {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    });
    let mut words: Vec<u64> = words.collect();
    // The bits after the last document may be anything.
    if let (Some(last), used @ 1..) = (words.last_mut(), max_doc % 64) {
        *last &= (1 << used) - 1;
    }
    let (_, live) = DocSet::from_words(rest, words, max_doc)?;
    let ones = if has_live { live.len() } else { max_doc.saturating_sub(live.len()) };
    if ones != count {
        return Failure::corrupt(input, format!("{ones} bits that are 1, the file says {count}"));
    }
    // Lucene 4.0 and before may leave bytes behind.
    if has_live && !end.is_empty() {
        return Failure::corrupt(end, format!("{} bytes after the bits of {max_doc} documents", end.len()));
    }
    Ok((end, live))
}

/// Bytes that are not all the same as `fill`, until all `exceptions` bits are found.
fn sparse(input: &[u8], length: u32, exceptions: u32, fill: bool) -> Decoded<'_, Vec<u8>> {
    let mut bytes = vec![if fill { 0xFF } else { 0 }; length as usize];
    let (mut rest, mut place, mut left) = (input, 0_u32, exceptions);
    while left > 0 {
        let (after, distance) = context("distance of a byte of bits", vint).parse(rest)?;
        let (after, value) = context("byte of bits", u8).parse(after)?;
        place = place.saturating_add(distance);
        let Some(byte) = bytes.get_mut(place as usize) else {
            return Failure::corrupt(rest, format!("byte {place} of {length} bytes of bits"));
        };
        let found = if fill { value.count_zeros() } else { value.count_ones() };
        if found == 0 {
            return Failure::corrupt(rest, "a byte of bits that is like those left out");
        }
        *byte = value;
        left = left.saturating_sub(found);
        rest = after;
    }
    Ok((rest, bytes))
}
