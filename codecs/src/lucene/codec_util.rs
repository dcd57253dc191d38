//! What every Lucene file since 4.0 starts with, and since 4.8 ends with.
//!
//! Source: [`CodecUtil`](https://lucene.apache.org/core/9_12_1/core/org/apache/lucene/codecs/CodecUtil.html).

use crate::error::Result;
use crate::input::{Decoded, Failure, be_i32, be_u32, be_u64, decode, take, u8};
use crate::lucene::primitives::vint;
use nom::Parser;
use nom::error::context;

/// The 16 random bytes that all files of one segment share (Lucene 5.0 and later).
pub type SegmentId = [u8; 16];

/// Length of a [`Footer`] in bytes.
pub const FOOTER_LENGTH: usize = 16;

const MAGIC: u32 = 0x3FD7_6C17;
const FOOTER_MAGIC: u32 = !MAGIC;

/// The header at the start of every Lucene file.
///
/// | bytes | field   | encoding                                         |
/// |-------|---------|--------------------------------------------------|
/// | 4     | magic   | `0x3FD76C17`, big-endian                         |
/// | 1 + n | codec   | length as `VInt`, then ASCII, fewer than 128 bytes |
/// | 4     | version | big-endian; its meaning belongs to the codec     |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Name of the format, such as `Lucene90StoredFieldsFastData`.
    pub codec: &'a str,
    /// Version of that format.
    pub version: i32,
}

impl<'a> Header<'a> {
    /// Decodes the header; the codec and its version are for the caller to accept or refuse.
    pub fn decode(input: &'a [u8]) -> Decoded<'a, Self> {
        let (rest, magic) = context("codec magic", be_u32).parse(input)?;
        if magic != MAGIC {
            let what = format!("expected the Lucene codec magic {MAGIC:08x}, found {magic:08x}");
            return Failure::corrupt(input, what);
        }
        let (rest, codec) = context("codec name", ascii_with_vint_length).parse(rest)?;
        let (rest, version) = context("codec version", be_i32).parse(rest)?;
        Ok((rest, Self { codec, version }))
    }

    /// Decodes the header and accepts it if it is of `codec` in one of `versions`.
    pub fn expect(
        input: &'a [u8],
        codec: &'static str,
        versions: std::ops::RangeInclusive<i32>,
    ) -> Decoded<'a, i32> {
        let (rest, header) = Self::decode(input)?;
        header.check(input, codec, &versions)?;
        Ok((rest, header.version))
    }

    /// Accepts the header if it is of `codec` in one of `versions`; `at` is where an error points.
    pub fn check<'b>(
        &self,
        at: &'b [u8],
        codec: &'static str,
        versions: &std::ops::RangeInclusive<i32>,
    ) -> Decoded<'b, ()> {
        if self.codec != codec {
            return Failure::unsupported(at, "codec", self.codec, format!("`{codec}` here"));
        }
        if !versions.contains(&self.version) {
            let supported = format!("versions {} to {}", versions.start(), versions.end());
            return Failure::unsupported(at, "version", format!("{codec} {}", self.version), supported);
        }
        Ok((at, ()))
    }
}

/// The header of a file of one segment since Lucene 5.0.
///
/// | bytes | field   | encoding                                    |
/// |-------|---------|---------------------------------------------|
/// | n     | header  | see [`Header`]                              |
/// | 16    | id      | random, the same in all files of a segment  |
/// | 1 + n | suffix  | length as one byte, then ASCII              |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHeader<'a> {
    /// Name of the format.
    pub codec: &'a str,
    /// Version of that format.
    pub version: i32,
    /// The segment (or commit) that the file belongs to.
    pub id: SegmentId,
    /// The part of the file's name after the segment, such as `Lucene90_0`.
    pub suffix: &'a str,
}

impl<'a> IndexHeader<'a> {
    /// Decodes the header; the codec and its version are for the caller to accept or refuse.
    pub fn decode(input: &'a [u8]) -> Decoded<'a, Self> {
        let (rest, header) = Header::decode(input)?;
        let (rest, (id, suffix)) = Self::decode_id(rest)?;
        Ok((rest, Self { codec: header.codec, version: header.version, id, suffix }))
    }

    /// Decodes the header and accepts it if it is of `codec` in one of `versions`.
    pub fn expect(
        input: &'a [u8],
        codec: &'static str,
        versions: std::ops::RangeInclusive<i32>,
    ) -> Decoded<'a, Self> {
        let (rest, header) = Self::decode(input)?;
        let plain = Header { codec: header.codec, version: header.version };
        plain.check(input, codec, &versions)?;
        Ok((rest, header))
    }

    /// The rest of an index header, after [`Header`]: segment id and suffix.
    pub fn decode_id(input: &'a [u8]) -> Decoded<'a, (SegmentId, &'a str)> {
        let (rest, bytes) = context("segment id", |input| take(input, 16_usize)).parse(input)?;
        let id = bytes.try_into().unwrap_or_default();
        let (rest, suffix) = context("codec suffix", ascii_with_byte_length).parse(rest)?;
        Ok((rest, (id, suffix)))
    }

    /// The rest of an index header, as [`Self::decode_id`], of a file whose suffix is the generation in its name.
    ///
    /// The generation is what follows the last `_`, but for that of the segment: `1` in `segments_1` and in
    /// `_0_1.liv`, nothing in `_0.fnm`.
    pub fn decode_generation(input: &'a [u8], file: &str) -> Decoded<'a, SegmentId> {
        let (rest, (id, suffix)) = Self::decode_id(input)?;
        let stem = file.split('.').next().unwrap_or_default();
        let expected =
            stem.rsplit_once('_').map_or("", |(before, after)| if before.is_empty() { "" } else { after });
        if suffix != expected {
            let what = format!("expected a file of generation `{expected}`, found one of `{suffix}`");
            return Failure::corrupt(input, what);
        }
        Ok((rest, id))
    }
}

/// Checks that a file since Lucene 5.0 is of the segment that it was opened for; `bytes` may be its start only.
///
/// Nothing is checked without an id: segments of Lucene 4 have none.
///
/// # Errors
///
/// The file has no [`IndexHeader`], or the id in it is another.
pub fn check_id(file: &str, bytes: &[u8], id: Option<SegmentId>) -> Result<()> {
    let Some(expected) = id else { return Ok(()) };
    decode(file, bytes, |input| {
        let (rest, header) = IndexHeader::decode(input)?;
        if header.id == expected {
            return Ok((rest, ()));
        }
        let hex = |id: SegmentId| format!("{:032x}", u128::from_be_bytes(id));
        let what = format!("expected a file of segment {}, found one of {}", hex(expected), hex(header.id));
        Failure::corrupt(input, what)
    })
}

/// The last 16 bytes of every file since Lucene 4.8.
///
/// | bytes | field     | encoding                                               |
/// |-------|-----------|--------------------------------------------------------|
/// | 4     | magic     | `0xC02893E8`, big-endian                               |
/// | 4     | algorithm | 0: CRC-32                                              |
/// | 8     | checksum  | big-endian, of all bytes of the file before this field |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// CRC-32 (zlib) of the file without its last eight bytes.
    pub checksum: u32,
}

impl Footer {
    /// Decodes the footer.
    pub fn decode(input: &[u8]) -> Decoded<'_, Self> {
        let (rest, magic) = context("footer magic", be_u32).parse(input)?;
        if magic != FOOTER_MAGIC {
            let what = format!("expected the Lucene footer magic {FOOTER_MAGIC:08x}, found {magic:08x}");
            return Failure::corrupt(input, what);
        }
        let (rest, algorithm) = context("footer algorithm", be_u32).parse(rest)?;
        if algorithm != 0 {
            return Failure::unsupported(input, "checksum algorithm", algorithm, "0 (CRC-32)");
        }
        let (rest, checksum) = context("footer checksum", be_u64).parse(rest)?;
        match u32::try_from(checksum) {
            Ok(checksum) => Ok((rest, Self { checksum })),
            Err(_) => Failure::corrupt(input, format!("a CRC-32 of more than 32 bits: {checksum:x}")),
        }
    }
}

/// Decodes the last bytes of a file, which stand at `offset`, as its footer.
pub fn decode_footer(file: &str, offset: u64, bytes: &[u8]) -> Result<Footer> {
    decode(file, bytes, Footer::decode).map_err(|error| error.shifted(offset))
}

/// Verifies the footer of a whole file and returns the bytes before it.
pub fn verified_body<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    decode(file, bytes, verify)
}

fn verify(input: &[u8]) -> Decoded<'_, &[u8]> {
    let Some((body, footer)) = input.split_last_chunk::<FOOTER_LENGTH>() else {
        let missing = FOOTER_LENGTH.saturating_sub(input.len()) as u64;
        return context("footer", |input| Failure::truncated(input, missing)).parse(input);
    };
    let summed = input.len().saturating_sub(8);
    let at = input.get(body.len()..).unwrap_or_default();
    // Decoded where it stands, so that an error has the offset in the file.
    let (_, decoded) = Footer::decode(at)?;
    debug_assert_eq!(at, footer);
    let actual = crc32fast::hash(input.get(..summed).unwrap_or_default());
    if actual != decoded.checksum {
        return Failure::checksum(input, summed as u64, decoded.checksum, actual);
    }
    Ok((&[], body))
}

fn ascii_with_vint_length(input: &[u8]) -> Decoded<'_, &str> {
    let (rest, length) = vint(input)?;
    ascii(rest, length as usize)
}

fn ascii_with_byte_length(input: &[u8]) -> Decoded<'_, &str> {
    let (rest, length) = u8(input)?;
    ascii(rest, usize::from(length))
}

fn ascii(input: &[u8], length: usize) -> Decoded<'_, &str> {
    if length > 255 {
        return Failure::corrupt(input, format!("a name of {length} bytes"));
    }
    let (rest, bytes) = take(input, length)?;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok((rest, text)),
        _ => Failure::corrupt(input, "a name that is not ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(body: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_be_bytes().to_vec();
        bytes.extend_from_slice(b"\x04Test\0\0\0\x02");
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&FOOTER_MAGIC.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let checksum = u64::from(crc32fast::hash(&bytes));
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    #[test]
    fn a_file_is_header_body_and_footer() {
        let bytes = file(b"body");
        let body = verified_body("_0.x", &bytes).unwrap();
        assert_eq!(Header::expect(body, "Test", 1..=2).unwrap(), (&b"body"[..], 2));
    }

    #[test]
    fn a_flipped_bit_is_a_checksum_error() {
        let mut bytes = file(b"body");
        bytes[15] ^= 1;
        let error = verified_body("_0.x", &bytes).unwrap_err().to_string();
        assert!(error.starts_with("`_0.x`: checksum of 25 bytes is "), "{error}");
    }

    #[test]
    fn a_version_out_of_range_is_unsupported() {
        let bytes = file(b"");
        let error = decode("_0.x", &bytes, |input| Header::expect(input, "Test", 0..=1)).unwrap_err();
        assert_eq!(error.to_string(), "`_0.x`: unsupported version `Test 2`: ferry reads versions 0 to 1");
    }

    fn index_file(suffix: &[u8]) -> Vec<u8> {
        let length = u8::try_from(suffix.len()).unwrap();
        [&file(b"")[..13], &[7; 16], &[length], suffix].concat()
    }

    #[test]
    fn a_file_of_another_segment_is_corrupt() {
        let bytes = index_file(b"");
        assert_eq!(check_id("_0.x", &bytes, Some([7; 16])), Ok(()));
        assert_eq!(check_id("_0.x", &bytes, None), Ok(()));
        let error = check_id("_0.x", &bytes, Some([8; 16])).unwrap_err().to_string();
        let expected =
            format!("expected a file of segment {}, found one of {}", "08".repeat(16), "07".repeat(16));
        assert_eq!(error, format!("`_0.x`: corrupt at byte 0: {expected}"));
    }

    #[test]
    fn the_suffix_is_the_generation_in_the_name() {
        let check = |suffix: &[u8], file| {
            let bytes = index_file(suffix);
            decode(file, &bytes[13..], |input| IndexHeader::decode_generation(input, file))
        };
        for (suffix, file) in [("a", "segments_a"), ("1", "_0_1.liv"), ("", "_0.fnm"), ("z1", "_zz_z1.fnm")] {
            assert_eq!(check(suffix.as_bytes(), file), Ok([7; 16]));
        }
        let error = check(b"2", "_0_1.liv").unwrap_err().to_string();
        assert_eq!(
            error,
            "`_0_1.liv`: corrupt at byte 0: expected a file of generation `1`, found one of `2`"
        );
    }
}
