//! One chunk of `.fdt`: its header, and the documents in it.

use super::format::{Compression, Format, Layout};
use crate::compression;
use crate::input::{Decoded, Failure, le_u16, le_u32, le_u64, take, u8};
use crate::lucene::packed;
use crate::lucene::primitives::vint;
use nom::Parser;
use nom::error::context;

/// The head of a chunk.
///
/// | bytes | field       | encoding                                                                   |
/// |-------|-------------|----------------------------------------------------------------------------|
/// | 1–5   | first       | `VInt`, number of its first document                                       |
/// | 1–5   | documents   | `VInt`; since 5.0 ≪ 1 ∣ sliced; since 8.8 (version 4) and 9.0 ≪ 2 ∣ dirty ≪ 1 ∣ sliced |
/// | n     | fields      | number of stored fields of each document                                   |
/// | n     | lengths     | bytes of each document                                                     |
///
/// One document: fields and length as `VInt`s. Several: before 9.0 bits a value as `VInt` and [`packed`] values
/// (0 bits: one `VInt` for all); since 9.0 see [`stored_fields_ints`].
#[derive(Debug, Default)]
pub(super) struct ChunkHeader {
    pub(super) first: u32,
    pub(super) sliced: bool,
    /// Number of stored fields of each document.
    pub(super) fields: Vec<u32>,
    /// Uncompressed bytes of each document.
    pub(super) lengths: Vec<u32>,
    /// Sum of the lengths.
    pub(super) total: usize,
}

/// The largest chunk that a writer can make: Lucene counts its bytes in a signed int.
const MAX_CHUNK: u64 = i32::MAX as u64;

impl ChunkHeader {
    /// Decodes the head; `documents` is how many the index says are in the chunk.
    pub(super) fn decode<'a>(
        input: &'a [u8],
        format: &Format,
        (chunk_size, packed_version): (u32, u32),
        documents: u32,
    ) -> Decoded<'a, Self> {
        let (rest, first) = context("first document of a chunk", vint).parse(input)?;
        let (rest, token) = context("documents of a chunk", vint).parse(rest)?;
        let shift = match (format.layout, format.version) {
            (Layout::Lucene40 | Layout::Lucene41, _) => 0,
            (Layout::Lucene90, _) | (_, 4..) => 2,
            _ => 1,
        };
        let count = token >> shift;
        if count != documents {
            let what = format!("a chunk of {count} documents from {first}, the index says {documents}");
            return Failure::corrupt(input, what);
        }
        let mut header = Self { first, sliced: shift > 0 && token & 1 == 1, ..Self::default() };
        let rest = if count == 1 {
            let (rest, fields) = context("number of fields", vint).parse(rest)?;
            let (rest, length) = context("length of a document", vint).parse(rest)?;
            header.fields.push(fields);
            header.lengths.push(length);
            rest
        } else if format.layout == Layout::Lucene90 {
            let (rest, ()) =
                context("numbers of fields", |i| stored_fields_ints(i, count, &mut header.fields))
                    .parse(rest)?;
            context("lengths", |i| stored_fields_ints(i, count, &mut header.lengths)).parse(rest)?.0
        } else {
            let (rest, fields) =
                context("numbers of fields", |i| packed_ints(i, count, packed_version)).parse(rest)?;
            let (rest, lengths) =
                context("lengths", |i| packed_ints(i, count, packed_version)).parse(rest)?;
            (header.fields, header.lengths) = (fields, lengths);
            rest
        };
        header.validate(input, rest, format, chunk_size)?;
        Ok((rest, header))
    }

    fn validate<'a>(
        &mut self,
        input: &'a [u8],
        rest: &[u8],
        format: &Format,
        chunk_size: u32,
    ) -> Decoded<'a, ()> {
        if self.fields.iter().zip(&self.lengths).any(|(fields, length)| (*fields == 0) != (*length == 0)) {
            return Failure::corrupt(input, "a document with fields and no bytes, or bytes and no fields");
        }
        let total: u64 = self.lengths.iter().map(|length| u64::from(*length)).sum();
        let limit = MAX_CHUNK.min(format.max_length(rest.len() as u64));
        if total > limit {
            let what =
                format!("a chunk of {} compressed bytes that claims to hold {total} bytes", rest.len());
            return Failure::corrupt(input, what);
        }
        self.total = usize::try_from(total).unwrap_or(usize::MAX);
        // Lucene 4.1 to 4.10 sliced without a mark; version 0 had no slices.
        if format.layout == Layout::Lucene41 && format.version >= 1 {
            self.sliced = total >= u64::from(chunk_size).saturating_mul(2);
        }
        if self.sliced && chunk_size == 0 {
            return Failure::corrupt(input, "slices of 0 bytes");
        }
        Ok((input, ()))
    }

    /// Decompresses the documents into `output`, which is [`ChunkHeader::total`] bytes long.
    pub(super) fn decompress<'a>(
        &self,
        input: &'a [u8],
        format: &Format,
        chunk_size: u32,
        output: &mut [u8],
    ) -> Decoded<'a, ()> {
        if output.is_empty() {
            return Ok((&[], ())); // Some writers leave an empty block, some leave nothing.
        }
        let slice = if self.sliced { chunk_size as usize } else { output.len() };
        let mut rest = input;
        let mut slices = output.chunks_mut(slice).peekable();
        while let Some(part) = slices.next() {
            let is_last = slices.peek().is_none();
            (rest, ()) =
                context("compressed documents", |input| decompress(format.compression, input, is_last, part))
                    .parse(rest)?;
        }
        if !rest.is_empty() {
            return Failure::corrupt(rest, format!("{} bytes after the documents of a chunk", rest.len()));
        }
        Ok((rest, ()))
    }
}

fn decompress<'a>(
    compression: Compression,
    input: &'a [u8],
    is_last: bool,
    output: &mut [u8],
) -> Decoded<'a, ()> {
    match compression {
        Compression::Lz4 => {
            let length =
                if is_last { Ok(input.len()) } else { compression::lz4_block_length(input, output.len()) };
            let (rest, block) = take(input, or_corrupt(input, length)?)?;
            or_corrupt(input, compression::lz4(block, &[], output))?;
            Ok((rest, ()))
        }
        Compression::Deflate => stream(input, output, &[], compression::deflate),
        Compression::Zstd => stream(input, output, &[], compression::zstd),
        Compression::ZstdBlocks => {
            let (rest, block_length) = vint(input)?;
            blocks(rest, block_length, &[], output, compression::zstd)
        }
        Compression::DeflateDictionary => with_dictionary(input, output, compression::deflate),
        Compression::ZstdDictionary => with_dictionary(input, output, compression::zstd),
        Compression::Lz4Dictionary => lz4_with_dictionary(input, output),
    }
}

type Decompress = fn(&[u8], &[u8], &mut [u8]) -> Result<(), compression::Reason>;

/// Compressed length as `VInt`, then that many bytes; length 0 stands for no output.
fn stream<'a>(input: &'a [u8], output: &mut [u8], dictionary: &[u8], method: Decompress) -> Decoded<'a, ()> {
    let (rest, length) = vint(input)?;
    let (rest, compressed) = take(rest, length)?;
    if length == 0 && output.is_empty() {
        return Ok((rest, ()));
    }
    or_corrupt(input, method(compressed, dictionary, output))?;
    Ok((rest, ()))
}

/// Blocks of `block_length` bytes each, the last one shorter; each as [`stream`].
fn blocks<'a>(
    input: &'a [u8],
    block_length: u32,
    dictionary: &[u8],
    output: &mut [u8],
    method: Decompress,
) -> Decoded<'a, ()> {
    if block_length == 0 && !output.is_empty() {
        return Failure::corrupt(input, "blocks of 0 bytes");
    }
    let mut rest = input;
    for block in output.chunks_mut((block_length as usize).max(1)) {
        (rest, ()) = stream(rest, block, dictionary, method)?;
    }
    Ok((rest, ()))
}

/// | bytes | field        | encoding                                                    |
/// |-------|--------------|-------------------------------------------------------------|
/// | 1–5   | dictionary   | `VInt`, its length: the first bytes of the documents        |
/// | 1–5   | block length | `VInt`, of the blocks after it, uncompressed                |
/// | n     | dictionary   | as [`stream`]                                               |
/// | n     | blocks       | as [`stream`], each compressed with the dictionary          |
fn with_dictionary<'a>(input: &'a [u8], output: &mut [u8], method: Decompress) -> Decoded<'a, ()> {
    let (rest, (dictionary_length, block_length)) = dictionary_lengths(input, output.len())?;
    let (dictionary, documents) = output.split_at_mut(dictionary_length);
    let (rest, ()) = stream(rest, dictionary, &[], method)?;
    blocks(rest, block_length, dictionary, documents, method)
}

/// As [`with_dictionary`], but all compressed lengths (that of the dictionary first) stand before the data.
fn lz4_with_dictionary<'a>(input: &'a [u8], output: &mut [u8]) -> Decoded<'a, ()> {
    let (mut lengths, (dictionary_length, block_length)) = dictionary_lengths(input, output.len())?;
    let (dictionary, documents) = output.split_at_mut(dictionary_length);
    if block_length == 0 && !documents.is_empty() {
        return Failure::corrupt(input, "blocks of 0 bytes");
    }
    let block_length = (block_length as usize).max(1);
    let mut rest = lengths;
    for _ in 0..documents.len().div_ceil(block_length).saturating_add(1) {
        (rest, _) = vint(rest)?;
    }
    let (after, length) = vint(lengths)?;
    lengths = after;
    let block;
    (rest, block) = take(rest, length)?;
    if !dictionary.is_empty() {
        or_corrupt(block, compression::lz4(block, &[], dictionary))?;
    }
    for documents in documents.chunks_mut(block_length) {
        let (after, length) = vint(lengths)?;
        lengths = after;
        let block;
        (rest, block) = take(rest, length)?;
        or_corrupt(block, compression::lz4(block, dictionary, documents))?;
    }
    Ok((rest, ()))
}

fn dictionary_lengths(input: &[u8], output: usize) -> Decoded<'_, (usize, u32)> {
    let (rest, dictionary) = context("length of the dictionary", vint).parse(input)?;
    if dictionary as usize > output {
        return Failure::corrupt(input, format!("a dictionary of {dictionary} bytes for {output} bytes"));
    }
    let (rest, block) = context("length of a block", vint).parse(rest)?;
    Ok((rest, (dictionary as usize, block)))
}

fn or_corrupt<T>(
    at: &[u8],
    result: Result<T, compression::Reason>,
) -> Result<T, nom::Err<crate::input::Failure>> {
    match result {
        Ok(value) => Ok(value),
        Err(reason) => Failure::corrupt(at, reason).map(|(_, value)| value),
    }
}

/// `count` values before Lucene 9.0: bits a value as `VInt`, then packed values; 0 bits: one `VInt` for all.
fn packed_ints(input: &[u8], count: u32, version: u32) -> Decoded<'_, Vec<u32>> {
    let (rest, bits) = vint(input)?;
    match bits {
        0 => {
            let (after, value) = vint(rest)?;
            bounded_count(input, count)?;
            Ok((after, vec![value; count as usize]))
        }
        1..=31 => {
            let format = packed::Format::packed(version);
            let Some(length) = format.byte_count(bits, count as usize) else {
                return Failure::corrupt(input, format!("{count} values of {bits} bits"));
            };
            let (rest, bytes) = take(rest, length)?;
            Ok((rest, big_endian_bits(bytes, bits, count)))
        }
        _ => Failure::corrupt(input, format!("values of {bits} bits, expected at most 31")),
    }
}

/// Unpacks values of at most 31 bits in sequence; `bytes` are known to hold them all.
fn big_endian_bits(bytes: &[u8], bits: u32, count: u32) -> Vec<u32> {
    let mut values = Vec::with_capacity(count as usize);
    let (mut buffer, mut held) = (0_u64, 0_u32);
    let mut bytes = bytes.iter();
    for _ in 0..count {
        while held < bits {
            buffer = buffer << 8 | u64::from(bytes.next().copied().unwrap_or_default());
            held += 8;
        }
        held -= bits;
        values.push(low_bits(buffer >> held, bits));
    }
    values
}

#[expect(clippy::cast_possible_truncation, reason = "at most 32 bits are left")]
const fn low_bits(value: u64, bits: u32) -> u32 {
    (value & (u64::MAX >> (64 - bits))) as u32
}

/// `count` values since Lucene 9.0.
///
/// | bytes | field  | encoding                                                                        |
/// |-------|--------|---------------------------------------------------------------------------------|
/// | 1     | bits   | 0: one `VInt` for all; 8, 16 or 32                                              |
/// | n     | blocks | of 128 values as 16, 32 or 64 words, little-endian; word `i` has, from its highest bits down, values `i`, `i` + words, `i` + 2 words, … |
/// | n     | tail   | what is left, a value after the other, little-endian                            |
///
/// Source: [`StoredFieldsInts`](https://github.com/apache/lucene/blob/releases/lucene/9.12.1/lucene/core/src/java/org/apache/lucene/codecs/lucene90/compressing/StoredFieldsInts.java)
fn stored_fields_ints<'a>(input: &'a [u8], count: u32, values: &mut Vec<u32>) -> Decoded<'a, ()> {
    let (rest, bits) = u8(input)?;
    if bits == 0 {
        let (rest, value) = vint(rest)?;
        bounded_count(input, count)?;
        values.resize(count as usize, value);
        return Ok((rest, ()));
    }
    if !matches!(bits, 8 | 16 | 32) {
        return Failure::corrupt(input, format!("values of {bits} bits, expected 0, 8, 16 or 32"));
    }
    let length = u64::from(count).saturating_mul(u64::from(bits / 8));
    let (after, mut packed) = take(rest, length)?;
    values.reserve(count as usize);
    let words = usize::from(bits) * 2;
    for _ in 0..count / 128 {
        let mut block = [0_u32; 128];
        for word in 0..words {
            let (rest, bytes) = le_u64(packed)?;
            packed = rest;
            for (part, shift) in (0..64).step_by(usize::from(bits)).rev().enumerate() {
                if let Some(value) = block.get_mut(part * words + word) {
                    *value = low_bits(bytes >> shift, u32::from(bits));
                }
            }
        }
        values.extend_from_slice(&block);
    }
    while !packed.is_empty() {
        let value;
        (packed, value) = match bits {
            8 => u8(packed).map(|(rest, value)| (rest, u32::from(value)))?,
            16 => le_u16(packed).map(|(rest, value)| (rest, u32::from(value)))?,
            _ => le_u32(packed)?,
        };
        values.push(value);
    }
    Ok((after, ()))
}

/// Values that take no bytes: their number is bounded by what a chunk can hold (Lucene writes at most 4096).
fn bounded_count(at: &[u8], count: u32) -> Decoded<'_, ()> {
    const MAX: u32 = 1 << 20;
    if count > MAX {
        return Failure::corrupt(at, format!("a chunk of {count} documents, expected at most {MAX}"));
    }
    Ok((at, ()))
}
