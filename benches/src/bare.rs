//! The decompressor alone: all blocks are in memory, their places known.

use crate::{Amount, in_parallel};
use bytes::Bytes;
use codecs::compression;
use codecs::lucene::primitives::vint;
use codecs::lucene::stored_fields::Compression;
use engine::segment::Unit;
use std::num::NonZeroUsize;
use std::ops::Range;

/// A compressed block, and how long it is without compression.
type Block = (Range<usize>, usize);

/// The blocks of a chunk.
pub(crate) struct BareChunk {
    bytes: Bytes,
    compression: Compression,
    documents: u64,
    dictionary: Option<Block>,
    blocks: Vec<Block>,
}

/// Fetches all chunks, and finds their blocks.
pub(crate) async fn load(units: &[Unit]) -> anyhow::Result<Vec<BareChunk>> {
    let mut chunks = Vec::new();
    for unit in units {
        let bytes = unit.fetch().await?;
        for number in unit.chunks.clone() {
            let chunk = unit.segment.chunk(number)?;
            let range = [chunk.bytes.start, chunk.bytes.end].map(|at| (at - unit.bytes.start) as usize);
            let chunk_bytes = bytes.slice(range[0]..range[1]);
            let open = unit.segment.stored_fields().open_chunk(&chunk, &chunk_bytes)?;
            let compressed = chunk_bytes.slice_ref(open.compressed());
            let documents = u64::from(chunk.documents.end - chunk.documents.start);
            chunks.push(BareChunk::new(
                compressed,
                unit.segment.format().compression,
                documents,
                open.len(),
            )?);
        }
    }
    Ok(chunks)
}

/// Decompresses everything.
pub(crate) fn decompress(chunks: &[BareChunk], threads: NonZeroUsize) -> anyhow::Result<Amount> {
    in_parallel(chunks, threads, |chunk, output: &mut Vec<u8>| {
        chunk.decompress(output).map_err(anyhow::Error::msg)
    })
}

impl BareChunk {
    fn new(bytes: Bytes, compression: Compression, documents: u64, length: usize) -> anyhow::Result<Self> {
        let failed = |_| anyhow::anyhow!("not a chunk of the format");
        let whole = bytes.len();
        let at = |rest: &[u8]| whole - rest.len();
        let mut chunk =
            Self { bytes: bytes.clone(), compression, documents, dictionary: None, blocks: Vec::new() };
        let (rest, dictionary_length) = match compression {
            Compression::Lz4Dictionary | Compression::DeflateDictionary => vint(&bytes).map_err(failed)?,
            Compression::Lz4 => {
                chunk.blocks.push((0..whole, length));
                return Ok(chunk);
            }
            other => anyhow::bail!("{other:?} is not measured"),
        };
        let (mut rest, block_length) = vint(rest).map_err(failed)?;
        let (dictionary_length, block_length) = (dictionary_length as usize, block_length as usize);
        let mut lengths = vec![dictionary_length];
        let mut left = length - dictionary_length;
        while left > 0 {
            lengths.push(left.min(block_length));
            left -= left.min(block_length);
        }
        let mut blocks = Vec::new();
        if compression == Compression::Lz4Dictionary {
            let mut compressed_lengths = Vec::new();
            for _ in &lengths {
                let (after, compressed) = vint(rest).map_err(failed)?;
                compressed_lengths.push(compressed as usize);
                rest = after;
            }
            let mut start = at(rest);
            for (length, compressed) in lengths.iter().zip(compressed_lengths) {
                blocks.push((start..start + compressed, *length));
                start += compressed;
            }
        } else {
            for length in lengths {
                let (after, compressed) = vint(rest).map_err(failed)?;
                let start = at(after);
                blocks.push((start..start + compressed as usize, length));
                rest = &after[compressed as usize..];
            }
        }
        chunk.dictionary = Some(blocks.remove(0));
        chunk.blocks = blocks;
        Ok(chunk)
    }

    fn decompress(&self, output: &mut Vec<u8>) -> Result<Amount, String> {
        let method = match self.compression {
            Compression::Lz4 | Compression::Lz4Dictionary => compression::lz4,
            _ => compression::deflate,
        };
        let dictionary_length = self.dictionary.as_ref().map_or(0, |(_, length)| *length);
        let total = dictionary_length + self.blocks.iter().map(|(_, length)| length).sum::<usize>();
        if output.len() < total {
            output.resize(total, 0);
        }
        let (dictionary, mut rest) = output[..total].split_at_mut(dictionary_length);
        if let Some((range, _)) = self.dictionary.as_ref().filter(|(_, length)| *length > 0) {
            method(&self.bytes[range.clone()], &[], dictionary)?;
        }
        for (range, length) in &self.blocks {
            let (part, after) = rest.split_at_mut(*length);
            method(&self.bytes[range.clone()], dictionary, part)?;
            rest = after;
        }
        Ok(Amount { documents: self.documents, bytes: total as u64 })
    }
}
