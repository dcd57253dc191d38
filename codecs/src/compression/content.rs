//! The compressions of HTTP content, whose output size nothing says: it grows up to a limit in bytes.
//!
//! What is cut, damaged, or followed by other bytes is an error.

use super::Reason;
use brotli::enc::StandardAlloc;
use brotli::{BrotliResult, BrotliState};
use flate2::Compression;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{Read, Write};

/// The largest window of zstd content, as a power of two: RFC 9659 lets nobody send a larger one.
const ZSTD_WINDOW_LOG: u32 = 23;
/// The window of what we compress with brotli, as a power of two.
const BROTLI_WINDOW_LOG: u32 = 22;
/// Fast, and the level that most servers use for answers.
const BROTLI_QUALITY: u32 = 4;
const ZSTD_LEVEL: i32 = 1;
const BUFFER: usize = 8 * 1024;
/// Magic, DEFLATE, no flags, no time, compressed fast, on an unknown system.
const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 0xFF];

/// Decompresses gzip members that take up all of `bytes`.
pub fn decompress_gzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    read(MultiGzDecoder::new(bytes), bytes.len(), limit, "gzip")
}

/// Inflates what HTTP calls `deflate`: a zlib stream, or a raw DEFLATE stream, which some clients send instead.
pub fn decompress_deflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    let has_zlib_header = match bytes {
        [first, second, ..] => first & 15 == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0,
        _ => false,
    };
    if has_zlib_header {
        let mut decoder = ZlibDecoder::new(bytes);
        let inflated = read(&mut decoder, bytes.len(), limit, "zlib")
            .and_then(|output| at_end(decoder.get_ref(), output));
        // A raw stream may start like a zlib header by chance; its checksum then says that it is none.
        return inflated.or_else(|reason| raw(bytes, limit).map_err(|_| reason));
    }
    raw(bytes, limit)
}

fn raw(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    let mut decoder = DeflateDecoder::new(bytes);
    let inflated = read(&mut decoder, bytes.len(), limit, "DEFLATE")?;
    at_end(decoder.get_ref(), inflated)
}

fn at_end(rest: &[u8], output: Vec<u8>) -> Result<Vec<u8>, Reason> {
    if rest.is_empty() { Ok(output) } else { Err(format!("{} bytes after the DEFLATE stream", rest.len())) }
}

/// Decompresses a brotli stream that takes up all of `bytes`.
pub fn decompress_brotli(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    let alloc = StandardAlloc::default;
    // Strict: RFC 7932 has no windows of more than 16 MiB, the library has them up to 1 GiB.
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let mut output = Vec::new();
    let mut piece = [0; BUFFER];
    let (mut left, mut at, mut total) = (bytes.len(), 0, 0);
    loop {
        let (mut room, mut length) = (BUFFER, 0);
        let result = brotli::BrotliDecompressStream(
            &mut left,
            &mut at,
            bytes,
            &mut room,
            &mut length,
            &mut piece,
            &mut total,
            &mut state,
        );
        output.extend_from_slice(piece.get(..length).unwrap_or_default());
        if output.len() > limit {
            return Err(too_long(limit));
        }
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess if left == 0 => return Ok(output),
            BrotliResult::ResultSuccess => return Err(format!("{left} bytes after the brotli stream")),
            BrotliResult::NeedsMoreInput => return Err("a brotli stream that ends early".to_owned()),
            BrotliResult::ResultFailure => return Err(format!("not a brotli stream, at byte {at}")),
        }
    }
}

/// Decompresses zstd frames that take up all of `bytes`.
pub fn decompress_zstd_content(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    let failed = |error: std::io::Error| format!("not a zstd stream: {error}");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(failed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
    read(decoder, bytes.len(), limit, "zstd")
}

fn read(reader: impl Read, length: usize, limit: usize, what: &str) -> Result<Vec<u8>, Reason> {
    let mut output = Vec::with_capacity(length.saturating_mul(4).min(limit));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut output).map_err(|error| format!("not a {what} stream: {error}"))?;
    if output.len() > limit {
        return Err(too_long(limit));
    }
    Ok(output)
}

fn too_long(limit: usize) -> Reason {
    format!("more than {limit} bytes when decompressed, the limit here")
}

/// Compresses to one gzip member (RFC 1952).
///
/// Header and trailer are written here, because the checksum that flate2 makes with zlib-rs takes half as long as compressing text does.
pub fn compress_gzip(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut output = room(bytes);
    output.extend_from_slice(&GZIP_HEADER);
    let mut encoder = flate2::write::DeflateEncoder::new(output, Compression::fast());
    let finished = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let mut output = finished.map_err(|error| error.to_string())?;
    output.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    let [first, second, third, fourth, ..] = (bytes.len() as u64).to_le_bytes(); // modulo 2^32
    output.extend_from_slice(&[first, second, third, fourth]);
    Ok(output)
}

/// Compresses to a zlib stream, which is what HTTP calls `deflate`.
pub fn compress_deflate(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut encoder = flate2::write::ZlibEncoder::new(room(bytes), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| error.to_string())
}

/// Compresses to a brotli stream.
pub fn compress_brotli(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut encoder = brotli::CompressorWriter::new(room(bytes), BUFFER, BROTLI_QUALITY, BROTLI_WINDOW_LOG);
    encoder.write_all(bytes).map_err(|error| error.to_string())?;
    Ok(encoder.into_inner())
}

/// Compresses to a zstd frame.
pub fn compress_zstd(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(|error| error.to_string())
}

fn room(bytes: &[u8]) -> Vec<u8> {
    Vec::with_capacity((bytes.len() / 4).saturating_add(GZIP_HEADER.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gzip_member_is_byte_for_byte_the_one_of_flate2() {
        let noise: Vec<u8> =
            (0..10_000_u32).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect();
        for bytes in [&b""[..], b"one", &b"two ".repeat(100_000), &noise] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            assert_eq!(compress_gzip(bytes).unwrap(), encoder.finish().unwrap());
        }
    }
}
