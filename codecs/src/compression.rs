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
    // An inflater and a Zstandard context keep tables: made once a thread.
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::default());
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses a raw DEFLATE stream that fills `output` exactly, with a preset dictionary where it has one.
pub fn deflate(stream: &[u8], dictionary: &[u8], output: &mut [u8]) -> Result<(), Reason> {
    INFLATER.with_borrow_mut(|inflater| {
        if dictionary.is_empty() {
            inflate_exactly(&mut inflater.decompressor, stream, 0, output)
        } else {
            inflater.inflate_with_dictionary(stream, dictionary, output)
        }
    })
}

/// How far back a match of a DEFLATE stream reaches at most, in bytes.
const DEFLATE_WINDOW: usize = 32 * 1024;
/// The largest buffer that an [`Inflater`] keeps: blocks of Lucene have 48 KiB.
const MOST_KEPT: usize = 256 * 1024;

#[derive(Default)]
struct Inflater {
    decompressor: libdeflater::Decompressor,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Inflater {
    /// libdeflate takes no preset dictionary, so the stream gets the dictionary as its first block: one that is stored
    /// (RFC 1951, section 3.2.4), and not the last. It ends on the boundary of a byte, where `stream` goes on.
    fn inflate_with_dictionary(
        &mut self,
        stream: &[u8],
        dictionary: &[u8],
        output: &mut [u8],
    ) -> Result<(), Reason> {
        let far = dictionary.len().saturating_sub(DEFLATE_WINDOW);
        let dictionary = dictionary.get(far..).unwrap_or_default();
        let length = u16::try_from(dictionary.len()).unwrap_or(u16::MAX);
        self.input.clear();
        self.input.push(0);
        self.input.extend_from_slice(&length.to_le_bytes());
        self.input.extend_from_slice(&(!length).to_le_bytes());
        self.input.extend_from_slice(dictionary);
        self.input.extend_from_slice(stream);
        self.output.resize(dictionary.len().saturating_add(output.len()), 0);
        let result = inflate_exactly(&mut self.decompressor, &self.input, dictionary.len(), &mut self.output);
        if result.is_ok() {
            output.copy_from_slice(self.output.get(dictionary.len()..).unwrap_or_default());
        }
        self.input.truncate(MOST_KEPT);
        self.input.shrink_to(MOST_KEPT);
        self.output.truncate(MOST_KEPT);
        self.output.shrink_to(MOST_KEPT);
        result
    }
}

/// Inflates `stream` into the whole of `output`; errors do not count the `before` first bytes of it.
fn inflate_exactly(
    decompressor: &mut libdeflater::Decompressor,
    stream: &[u8],
    before: usize,
    output: &mut [u8],
) -> Result<(), Reason> {
    let expected = output.len().saturating_sub(before);
    match decompressor.deflate_decompress(stream, output) {
        Ok(length) if length == output.len() => Ok(()),
        Ok(length) => {
            let length = length.saturating_sub(before);
            Err(format!("a DEFLATE stream of {length} bytes where {expected} are expected"))
        }
        Err(libdeflater::DecompressionError::InsufficientSpace) => {
            Err(format!("a DEFLATE stream that does not end after {expected} bytes"))
        }
        Err(libdeflater::DecompressionError::BadData) => {
            Err(format!("not a DEFLATE stream of {expected} bytes"))
        }
    }
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

    /// A raw stream of `text` that refers to `dictionary`, by zlib.
    fn deflated(text: &[u8], dictionary: &[u8]) -> Vec<u8> {
        let mut zlib = flate2::Compress::new(flate2::Compression::best(), false);
        if !dictionary.is_empty() {
            zlib.set_dictionary(dictionary).unwrap();
        }
        let mut stream = Vec::with_capacity(text.len() + 100);
        zlib.compress_vec(text, &mut stream, flate2::FlushCompress::Finish).unwrap();
        stream
    }

    #[test]
    fn a_deflate_stream_refers_to_its_dictionary_up_to_32_kib_back() {
        let text = text();
        let long: Vec<u8> = (0..70_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        let dictionaries = [&text[..], &text[..1], &long[..], &[&long[..], &text[..]].concat()];
        for dictionary in dictionaries {
            let text = [&text[..300], &dictionary[dictionary.len() / 2..], &text[700..]].concat();
            let stream = deflated(&text, dictionary);
            let mut output = vec![0; text.len()];
            assert_eq!(deflate(&stream, dictionary, &mut output), Ok(()));
            assert!(output == text, "dictionary of {} bytes", dictionary.len());
        }
    }

    #[test]
    fn a_deflate_stream_of_another_length_is_an_error_that_says_so() {
        let text = text();
        for dictionary in [&b""[..], &text[..1000]] {
            let stream = deflated(&text, dictionary);
            let message =
                |stream: &[u8], length: usize| deflate(stream, dictionary, &mut vec![0; length]).unwrap_err();
            let (less, more) = (text.len() - 1, text.len() + 1);
            assert_eq!(
                message(&stream, less),
                format!("a DEFLATE stream that does not end after {less} bytes")
            );
            let expected = format!("a DEFLATE stream of {} bytes where {more} are expected", text.len());
            assert_eq!(message(&stream, more), expected);
            for cut in 0..stream.len() {
                let message = message(&stream[..cut], text.len());
                assert!(message.ends_with(&format!(" {} bytes", text.len())), "cut at {cut}: {message}");
            }
        }
    }

    #[test]
    fn a_large_block_does_not_stay_in_memory() {
        let text = text().repeat(100);
        let (dictionary, block) = text.split_at(1000);
        let stream = deflated(block, dictionary);
        let mut inflater = Inflater::default();
        let mut output = vec![0; block.len()];
        inflater.inflate_with_dictionary(&stream, dictionary, &mut output).unwrap();
        assert!(output == block);
        assert!(inflater.input.capacity().max(inflater.output.capacity()) <= MOST_KEPT);
    }
}
