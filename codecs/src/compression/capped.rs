//! Decompression of streams whose output size nothing says: it grows up to a cap.
//!
//! Compressed bytes say nothing reliable about the size of what is in them. Each function takes a `limit` in bytes
//! from its caller, allocates as the output grows, and fails when it would grow beyond the limit. Offsets in
//! errors count from the start of the slice that was given.

use crate::error::{Error, Result};
use crate::input::{Decoded, Failure, be_u16, decode, take, u8};
use flate2::{Decompress, FlushDecompress, Status};
use nom::Parser;
use nom::error::context;
use std::io::Read;

/// How much the output buffer grows by at first, in bytes.
const FIRST_STEP: usize = 8 * 1024;

/// Inflates one raw DEFLATE stream (RFC 1951, no zlib header) that takes up all of `bytes`.
///
/// # Errors
/// The stream is cut, damaged, followed by other bytes, or longer than `limit` bytes when inflated.
pub fn inflate(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut stream = Decompress::new(false);
    let mut output = Vec::new();
    loop {
        let consumed = consumed(&stream);
        if output.len() == output.capacity() {
            grow(&mut output, limit).map_err(|what| corrupt(file, consumed, what))?;
        }
        let left = bytes.get(consumed..).unwrap_or_default();
        let before = output.len();
        let status = stream.decompress_vec(left, &mut output, FlushDecompress::None);
        let status = status.map_err(|error| corrupt(file, consumed, format!("DEFLATE stream: {error}")))?;
        if output.len() > limit {
            return Err(corrupt(file, consumed, too_long(limit)));
        }
        match status {
            Status::StreamEnd => return at_end(file, bytes, &stream, output),
            Status::Ok | Status::BufError => {
                let stuck = output.len() == before && self::consumed(&stream) == consumed;
                if stuck && output.len() < output.capacity() {
                    return Err(truncated(file, bytes.len(), "DEFLATE stream"));
                }
            }
        }
    }
}

fn consumed(stream: &Decompress) -> usize {
    usize::try_from(stream.total_in()).unwrap_or(usize::MAX)
}

fn at_end(file: &str, bytes: &[u8], stream: &Decompress, output: Vec<u8>) -> Result<Vec<u8>> {
    let consumed = consumed(stream);
    if consumed < bytes.len() {
        let extra = bytes.len().saturating_sub(consumed);
        return Err(corrupt(file, consumed, format!("{extra} bytes after the DEFLATE stream")));
    }
    Ok(output)
}

/// Makes room for more output: doubles, but never to more than one byte above the limit.
fn grow(output: &mut Vec<u8>, limit: usize) -> Result<(), String> {
    let room = limit.saturating_add(1).saturating_sub(output.len());
    if room == 0 {
        return Err(too_long(limit));
    }
    output.reserve_exact(room.min(output.len().max(FIRST_STEP)));
    Ok(())
}

/// Decompresses zstd frames that take up all of `bytes`.
///
/// # Errors
/// A frame is cut or damaged, or the output is longer than `limit` bytes.
pub fn decompress_zstd(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = zstd::stream::read::Decoder::with_buffer(bytes)
        .and_then(|decoder| decoder.take(cap).read_to_end(&mut output));
    match read {
        Ok(_) if output.len() > limit => Err(corrupt(file, 0, too_long(limit))),
        Ok(_) if bytes.is_empty() => Err(truncated(file, 0, "zstd frame")),
        Ok(_) => Ok(output),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(truncated(file, bytes.len(), "zstd frame"))
        }
        Err(error) => Err(corrupt(file, 0, format!("zstd frame: {error}"))),
    }
}

/// The chunks of the LZF encoder that Elasticsearch 1 used, one after the other.
///
/// | bytes | field             | encoding                                    |
/// |-------|-------------------|---------------------------------------------|
/// | 2     | magic             | `ZV`                                        |
/// | 1     | type              | 0: stored, 1: compressed                    |
/// | 2     | length            | of the data in the chunk, big-endian        |
/// | 2     | length when read  | big-endian; only in compressed chunks       |
/// | n     | data              |                                             |
///
/// A cut between two chunks cannot be seen here.
///
/// # Errors
/// A chunk is cut or damaged, or the output is longer than `limit` bytes.
pub fn decompress_lzf(file: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    decode(file, bytes, |input| {
        let mut output = Vec::new();
        let mut rest = lzf_chunk(input, &mut output, limit)?;
        while !rest.is_empty() {
            rest = lzf_chunk(rest, &mut output, limit)?;
        }
        Ok((rest, output))
    })
}

/// Whether `bytes` start with an LZF chunk of Elasticsearch 1.
#[must_use]
pub fn is_lzf(bytes: &[u8]) -> bool {
    matches!(bytes, [b'Z', b'V', 0 | 1, ..])
}

fn lzf_chunk<'a>(input: &'a [u8], output: &mut Vec<u8>, limit: usize) -> Result<&'a [u8], nom::Err<Failure>> {
    let (rest, magic) = context("LZF chunk", be_u16).parse(input)?;
    if magic != u16::from_be_bytes(*b"ZV") {
        return lzf_failure(input, format!("expected an LZF chunk `ZV`, found {magic:04x}"));
    }
    let (rest, kind) = context("LZF chunk type", u8).parse(rest)?;
    let (rest, length) = context("LZF chunk length", be_u16).parse(rest)?;
    let (rest, original) = match kind {
        0 => (rest, length),
        1 => context("LZF chunk length when decompressed", be_u16).parse(rest)?,
        other => return lzf_failure(input, format!("an LZF chunk of type {other}")),
    };
    if usize::from(original) > limit.saturating_sub(output.len()) {
        return lzf_failure(input, too_long(limit));
    }
    let (rest, data) = context("LZF chunk data", |input| take(input, length)).parse(rest)?;
    if kind == 0 {
        output.extend_from_slice(data);
        return Ok(rest);
    }
    match lzf::decompress(data, usize::from(original)) {
        Ok(chunk) if chunk.len() == usize::from(original) => output.extend_from_slice(&chunk),
        Ok(chunk) => {
            let what = format!("an LZF chunk of {original} bytes gave {} bytes", chunk.len());
            return lzf_failure(input, what);
        }
        Err(error) => return lzf_failure(input, format!("an LZF chunk: {error}")),
    }
    Ok(rest)
}

fn lzf_failure<T>(at: &[u8], what: String) -> Result<T, nom::Err<Failure>> {
    let failed: Decoded<'_, T> = Failure::corrupt(at, what);
    failed.map(|(_, value)| value)
}

fn too_long(limit: usize) -> String {
    format!("more than {limit} bytes when decompressed, the limit here")
}

fn corrupt(file: &str, offset: usize, what: impl Into<String>) -> Error {
    Error::Corrupt { file: file.to_owned(), offset: offset as u64, what: what.into() }
}

fn truncated(file: &str, offset: usize, what: &'static str) -> Error {
    Error::Truncated { file: file.to_owned(), offset: offset as u64, what, missing: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(3));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn lzf_chunks(parts: &[(&[u8], bool)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (part, compressed) in parts {
            let data = if *compressed { lzf::compress(part).unwrap() } else { part.to_vec() };
            bytes.extend_from_slice(&[b'Z', b'V', u8::from(*compressed)]);
            bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            if *compressed {
                bytes.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
            }
            bytes.extend_from_slice(&data);
        }
        bytes
    }

    #[test]
    fn a_deflate_stream_is_inflated_up_to_the_limit_exactly() {
        let text = b"0123456789".repeat(10_000);
        let bytes = deflated(&text);
        assert_eq!(inflate("x", &bytes, text.len()).unwrap(), text);
        let error = inflate("x", &bytes, text.len() - 1).unwrap_err().to_string();
        assert!(error.ends_with("more than 99999 bytes when decompressed, the limit here"), "{error}");
        assert_eq!(inflate("x", &deflated(b""), 0).unwrap(), b"");
    }

    #[test]
    fn every_truncation_of_a_deflate_stream_is_an_error_and_so_are_bytes_after_it() {
        let mut bytes = deflated(&b"one two three one two three".repeat(50));
        for length in 0..bytes.len() {
            assert!(inflate("x", &bytes[..length], 10_000).is_err(), "cut at {length}");
        }
        bytes.push(0);
        let error = inflate("x", &bytes, 10_000).unwrap_err().to_string();
        assert!(error.ends_with("1 bytes after the DEFLATE stream"), "{error}");
    }

    #[test]
    fn zstd_frames_are_decompressed_up_to_the_limit_and_not_when_cut() {
        let text = b"0123456789".repeat(1000);
        let bytes = zstd::stream::encode_all(&text[..], 3).unwrap();
        assert_eq!(decompress_zstd("x", &bytes, text.len()).unwrap(), text);
        assert!(decompress_zstd("x", &bytes, text.len() - 1).is_err());
        for length in 0..bytes.len() {
            assert!(decompress_zstd("x", &bytes[..length], 10_000).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn lzf_chunks_are_stored_or_compressed() {
        let long = b"abcabcabcabcabcabcabcabcabcabcabcabc".repeat(20);
        let bytes = lzf_chunks(&[(b"{", false), (&long, true), (b"}", false)]);
        assert!(is_lzf(&bytes));
        let expected = [b"{", &long[..], b"}"].concat();
        assert_eq!(decompress_lzf("x", &bytes, expected.len()).unwrap(), expected);
        let error = decompress_lzf("x", &bytes, expected.len() - 1).unwrap_err().to_string();
        assert!(error.contains("more than 721 bytes when decompressed"), "{error}");
    }

    #[test]
    fn a_damaged_lzf_chunk_is_an_error_and_never_a_panic() {
        let bytes = lzf_chunks(&[(&b"abcabcabcabcabcabcabcabcabcabcabcabc".repeat(20), true)]);
        for length in 0..bytes.len() {
            assert!(decompress_lzf("x", &bytes[..length], 10_000).is_err(), "cut at {length}");
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                let _ = decompress_lzf("x", &damaged, 10_000);
            }
        }
    }
}
