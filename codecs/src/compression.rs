//! The only door to the compression libraries. Every output has its size, or a limit of it, fixed before a byte is decompressed.

mod capped;
mod content;

use std::cell::RefCell;

pub use capped::{decompress_lzf, decompress_zstd, inflate, is_lzf};
pub use content::{
    compress_brotli, compress_deflate, compress_gzip, compress_zstd, decompress_brotli, decompress_deflate,
    decompress_gzip, decompress_zstd_content,
};

/// Why a block could not be decompressed, in words.
pub type Reason = String;

/// The most that one compressed byte can become, for each method: a longer output cannot be honest.
pub mod max_ratio {
    /// LZ4: a run of 255 bytes for each length byte.
    pub const LZ4: u64 = 255;
    /// DEFLATE: 258 bytes for two bits.
    pub const DEFLATE: u64 = 1032;
    /// Zstandard: a block of 128 KiB for four bytes.
    pub const ZSTD: u64 = 1 << 15;
}

/// Decompresses a raw LZ4 block that fills `output` exactly; matches may reach back into `dictionary`.
pub fn lz4(block: &[u8], dictionary: &[u8], output: &mut [u8]) -> Result<(), Reason> {
    let expected = output.len();
    let result = if dictionary.is_empty() {
        lz4_flex::block::decompress_into(block, output)
    } else {
        lz4_flex::block::decompress_into_with_dict(block, output, dictionary)
    };
    match result {
        Ok(length) if length == expected => Ok(()),
        Ok(length) => Err(format!("an LZ4 block of {length} bytes where {expected} are expected")),
        Err(error) => Err(format!("not an LZ4 block of {expected} bytes: {error}")),
    }
}

/// How many bytes of `input` the LZ4 block takes that decompresses to `length` bytes.
///
/// Lucene writes the blocks of a large document one after the other without their compressed lengths; a block
/// ends with the sequence that completes its output.
pub fn lz4_block_length(input: &[u8], length: usize) -> Result<usize, Reason> {
    const CUT: &str = "an LZ4 block that ends early";
    let mut at = 0_usize;
    let mut produced = 0_usize;
    let extended = |at: &mut usize, nibble: u8| -> Option<usize> {
        let mut value = usize::from(nibble);
        if nibble == 15 {
            loop {
                let byte = *input.get(*at)?;
                *at = at.checked_add(1)?;
                value = value.checked_add(usize::from(byte))?;
                if byte != 255 {
                    break;
                }
            }
        }
        Some(value)
    };
    let mut sequence = || -> Option<bool> {
        let token = *input.get(at)?;
        at = at.checked_add(1)?;
        let literals = extended(&mut at, token >> 4)?;
        at = at.checked_add(literals)?;
        produced = produced.checked_add(literals)?;
        if produced >= length {
            return Some(true);
        }
        at = at.checked_add(2)?; // the offset of the match
        let matched = extended(&mut at, token & 15)?;
        produced = produced.checked_add(matched)?.checked_add(4)?;
        Some(produced >= length)
    };
    loop {
        match sequence() {
            Some(false) => {}
            Some(true) => break,
            None => return Err(CUT.to_owned()),
        }
    }
    if at > input.len() {
        return Err(CUT.to_owned());
    }
    if produced != length {
        return Err(format!("an LZ4 block of {produced} bytes where {length} are expected"));
    }
    Ok(at)
}

thread_local! {
    // An inflater keeps a window of 32 KiB, a Zstandard context its tables: made once a thread.
    static INFLATER: RefCell<flate2::Decompress> = RefCell::new(flate2::Decompress::new(false));
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses a raw DEFLATE stream that fills `output` exactly, with a preset dictionary where it has one.
pub fn deflate(stream: &[u8], dictionary: &[u8], output: &mut [u8]) -> Result<(), Reason> {
    INFLATER.with_borrow_mut(|inflater| {
        let expected = output.len();
        inflater.reset(false);
        if !dictionary.is_empty() {
            inflater.set_dictionary(dictionary).map_err(|error| format!("a DEFLATE dictionary: {error}"))?;
        }
        let status = inflater
            .decompress(stream, output, flate2::FlushDecompress::Finish)
            .map_err(|error| format!("not a DEFLATE stream: {error}"))?;
        let length = inflater.total_out();
        if length != expected as u64 {
            return Err(format!("a DEFLATE stream of {length} bytes where {expected} are expected"));
        }
        if status != flate2::Status::StreamEnd {
            return Err(format!("a DEFLATE stream that does not end after {expected} bytes"));
        }
        Ok(())
    })
}

/// Decompresses Zstandard frames that fill `output` exactly, with a raw-content dictionary where they have one.
pub fn zstd(frames: &[u8], dictionary: &[u8], output: &mut [u8]) -> Result<(), Reason> {
    ZSTD.with_borrow_mut(|decompressor| {
        let expected = output.len();
        let failed = |error: std::io::Error| format!("not a Zstandard frame of {expected} bytes: {error}");
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(failed)?),
        };
        decompressor.set_dictionary(dictionary).map_err(failed)?;
        let length = decompressor.decompress_to_buffer(frames, output).map_err(failed)?;
        if length == expected {
            Ok(())
        } else {
            Err(format!("a Zstandard frame of {length} bytes where {expected} are expected"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..4000_u32).flat_map(|n| format!("line {} ", n % 97).into_bytes()).collect()
    }

    #[test]
    fn the_end_of_an_lz4_block_is_found_without_its_length() {
        let text = text();
        let block = lz4_flex::block::compress(&text);
        let mut input = block.clone();
        input.extend_from_slice(b"the next block");
        assert_eq!(lz4_block_length(&input, text.len()), Ok(block.len()));
        for cut in 0..block.len() {
            assert!(lz4_block_length(&block[..cut], text.len()).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn an_output_of_another_size_is_an_error() {
        let text = text();
        let block = lz4_flex::block::compress(&text);
        let frame = zstd::bulk::compress(&text, 1).unwrap();
        for length in [text.len() - 1, text.len() + 1] {
            let mut output = vec![0; length];
            assert!(lz4(&block, &[], &mut output).is_err());
            assert!(zstd(&frame, &[], &mut output).is_err());
        }
        let mut output = vec![0; text.len()];
        assert_eq!(zstd(&frame, &[], &mut output), Ok(()));
        assert_eq!(output, text);
    }
}
