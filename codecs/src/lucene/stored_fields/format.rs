//! The table of stored-fields formats: the codec name in the header of `.fdt` → layout and compression.

use crate::compression;
use crate::input::{Decoded, Failure};
use crate::lucene::codec_util::{Header, IndexHeader, SegmentId};
use crate::lucene::primitives::vint;
use std::fmt;

/// How chunks of documents are laid out in `.fdt`, named by the Lucene version that brought the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// No chunks: one uncompressed document after the other; `.fdx` has an offset a document.
    Lucene40,
    /// Chunks; a large chunk is sliced without saying so.
    Lucene41,
    /// Chunks that say whether they are sliced.
    Lucene50,
    /// As before; from version 2 on, `.fdx` is in the form of Lucene 8.5, with its head in `.fdm`.
    Lucene85,
    /// Little-endian, with lengths in blocks of 128.
    Lucene90,
}

/// How the documents of a chunk are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// One LZ4 block.
    Lz4,
    /// One DEFLATE stream, its compressed length before it.
    Deflate,
    /// Lucene 8.7: a dictionary, then LZ4 blocks that may refer to it.
    Lz4Dictionary,
    /// Lucene 8.7: a dictionary, then DEFLATE streams that may refer to it.
    DeflateDictionary,
    /// Elasticsearch 8.14: one Zstandard frame, its compressed length before it.
    Zstd,
    /// OpenSearch `zstd`: a dictionary, then Zstandard frames that may refer to it.
    ZstdDictionary,
    /// OpenSearch `zstd_no_dict`: Zstandard frames of equal uncompressed length.
    ZstdBlocks,
}

/// The header of `.fdt`: what the chunks after it are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Codec name in the file, such as `Lucene90StoredFieldsFastData`.
    pub codec: String,
    /// Layout of the chunks.
    pub layout: Layout,
    /// Compression of the chunks.
    pub compression: Compression,
    /// Version of the codec.
    pub version: i32,
    /// The segment that the file belongs to (Lucene 5.0 and later).
    pub id: Option<SegmentId>,
    /// Bytes of a slice of a large chunk and version of packed integers, where `.fdt` has them (not in `.fdm`).
    pub(super) chunk_settings: Option<(u32, u32)>,
    /// Where the first chunk starts.
    pub(super) data_start: u64,
}

const SUPPORTED: &str = "Lucene40StoredFields, Lucene41StoredFields, Lucene50StoredFields…, Lucene87StoredFields…, \
    Lucene90StoredFields…, ZstdStoredFields814 and CustomStoredFieldsZstd…";

impl Format {
    /// Bytes at the start of `.fdt` that are enough for [`Format::decode`].
    pub const MAX_HEADER: u64 = 512;

    /// Whether `.fdt` ends with a [`Footer`](crate::lucene::codec_util::Footer): not before Lucene 4.8.
    #[must_use]
    pub fn has_footer(&self) -> bool {
        self.layout >= Layout::Lucene50 || self.version >= 2
    }

    /// Decodes the header of `.fdt`.
    ///
    /// | bytes | field           | encoding                                                  |
    /// |-------|-----------------|-----------------------------------------------------------|
    /// | n     | header          | [`IndexHeader`]; before Lucene 5.0 [`Header`]             |
    /// | 1–5   | chunk size      | `VInt`; not in 4.0, 4.1 version 0, 8.7 version 3 and later  |
    /// | 1–5   | packed integers | `VInt`, their version; as above, but in 4.1 version 0 too   |
    pub fn decode(input: &[u8]) -> Decoded<'_, Self> {
        let (rest, header) = Header::decode(input)?;
        let Some((layout, compression, versions)) = lookup(header.codec, header.version) else {
            return Failure::unsupported(input, "codec of stored fields", header.codec, SUPPORTED);
        };
        if !versions.contains(&header.version) {
            let found = format!("{} {}", header.codec, header.version);
            let supported = format!("versions {} to {}", versions.start(), versions.end());
            return Failure::unsupported(input, "version", found, supported);
        }
        let (rest, id) = if layout >= Layout::Lucene50 {
            let (rest, (id, _)) = IndexHeader::decode_id(rest)?;
            (rest, Some(id))
        } else {
            (rest, None)
        };
        let (rest, chunk_settings) = chunk_settings(rest, layout, header.version)?;
        let format = Self {
            codec: header.codec.to_owned(),
            layout,
            compression,
            version: header.version,
            id,
            chunk_settings,
            data_start: input.len().saturating_sub(rest.len()) as u64,
        };
        Ok((rest, format))
    }

    /// The codec name that `.fdx` has beside this `.fdt`, before Lucene 8.5.
    pub(super) fn index_codec(&self) -> String {
        format!("{}Index", self.codec.trim_end_matches("Data"))
    }

    /// The most bytes that a chunk of `compressed` bytes can hold.
    pub(super) const fn max_length(&self, compressed: u64) -> u64 {
        let ratio = match self.compression {
            Compression::Lz4 | Compression::Lz4Dictionary => compression::max_ratio::LZ4,
            Compression::Deflate | Compression::DeflateDictionary => compression::max_ratio::DEFLATE,
            Compression::Zstd | Compression::ZstdDictionary | Compression::ZstdBlocks => {
                compression::max_ratio::ZSTD
            }
        };
        compressed.saturating_mul(ratio)
    }
}

impl fmt::Display for Format {
    /// The codec name, and the compression in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compression = match (self.layout, self.compression) {
            (Layout::Lucene40, _) => "uncompressed",
            (_, Compression::Lz4 | Compression::Lz4Dictionary) => "LZ4",
            (_, Compression::Deflate | Compression::DeflateDictionary) => "DEFLATE",
            (_, Compression::Zstd | Compression::ZstdDictionary | Compression::ZstdBlocks) => "zstd",
        };
        write!(f, "{} ({compression})", self.codec)
    }
}

fn lookup(codec: &str, version: i32) -> Option<(Layout, Compression, std::ops::RangeInclusive<i32>)> {
    use Compression::{Deflate, DeflateDictionary, Lz4, Lz4Dictionary, Zstd, ZstdBlocks, ZstdDictionary};
    use Layout::{Lucene40, Lucene41, Lucene50, Lucene85, Lucene90};
    let of_50 = if version >= 2 { Lucene85 } else { Lucene50 };
    Some(match codec {
        "Lucene40StoredFieldsData" => (Lucene40, Lz4, 0..=0),
        "Lucene41StoredFieldsData" => (Lucene41, Lz4, 0..=2),
        "Lucene50StoredFieldsFastData" => (of_50, Lz4, 0..=4),
        "Lucene50StoredFieldsHighData" => (of_50, Deflate, 0..=4),
        "Lucene87StoredFieldsFastData" => (Lucene85, Lz4Dictionary, 1..=4),
        "Lucene87StoredFieldsHighData" => (Lucene85, DeflateDictionary, 1..=4),
        "Lucene90StoredFieldsFastData" => (Lucene90, Lz4Dictionary, 1..=1),
        "Lucene90StoredFieldsHighData" => (Lucene90, DeflateDictionary, 1..=1),
        "ZstdStoredFields814" => (Lucene90, Zstd, 1..=1),
        "CustomStoredFieldsZstd" => (Lucene90, ZstdDictionary, 1..=1),
        "CustomStoredFieldsZstdNoDict" => (Lucene90, ZstdBlocks, 1..=1),
        _ => return None,
    })
}

fn chunk_settings(input: &[u8], layout: Layout, version: i32) -> Decoded<'_, Option<(u32, u32)>> {
    let (has_size, has_packed) = match layout {
        Layout::Lucene40 | Layout::Lucene90 => (false, false),
        Layout::Lucene41 => (version >= 1, true),
        Layout::Lucene50 => (true, true),
        Layout::Lucene85 => (version < 3, version < 3),
    };
    if !has_packed {
        return Ok((input, None));
    }
    let (rest, size) = if has_size { vint(input)? } else { (input, 0) };
    let (rest, packed) = vint(rest)?;
    Ok((rest, Some((size, packed))))
}
