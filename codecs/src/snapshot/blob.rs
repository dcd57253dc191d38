//! How a metadata blob is framed and compressed: from its bytes to JSON text.
//!
//! Elasticsearch 1 wrote JSON, LZF-compressed when the repository compresses. Since Elasticsearch 2:
//!
//! | bytes | field    | encoding                                                                  |
//! |-------|----------|---------------------------------------------------------------------------|
//! | n     | header   | [`Header`], with the codec of the [`Kind`] and version 1                  |
//! | n     | content  | SMILE; or `DFL\0` and SMILE as raw DEFLATE; or `ZSTD\0` and zstd frames of it (OpenSearch) |
//! | 16    | footer   | [`Footer`](crate::lucene::codec_util::Footer), its checksum is always verified |
//!
//! Source: [`ChecksumBlobStoreFormat`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/repositories/blobstore/ChecksumBlobStoreFormat.java),
//! [`ZstdCompressor`](https://github.com/opensearch-project/OpenSearch/blob/2.19.1/libs/compress/src/main/java/org/opensearch/compress/ZstdCompressor.java).

use crate::compression::decompress_zstd;
use crate::error::{Error, Result};
use crate::input::decode;
use crate::lucene::codec_util::{Header, verified_body};
use crate::smile;
use crate::source::decompress;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// A limit for the JSON text of a blob that fits any cluster: 1 GiB.
pub const DEFAULT_LIMIT: usize = 1 << 30;

const CODEC_MAGIC: &[u8] = &[0x3F, 0xD7, 0x6C, 0x17];
const ZSTD_HEADER: &[u8] = b"ZSTD\0";

/// What a blob holds; its header says so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Global metadata: templates, settings, data streams.
    Metadata,
    /// Metadata of one index.
    IndexMetadata,
    /// A snapshot, or the files of one shard in it.
    Snapshot,
    /// The files of one shard in all snapshots (`index-N` in the folder of a shard).
    Snapshots,
}

impl Kind {
    /// The codec name in the header.
    #[must_use]
    pub const fn codec(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::IndexMetadata => "index-metadata",
            Self::Snapshot => "snapshot",
            Self::Snapshots => "snapshots",
        }
    }
}

/// The JSON text in a blob, of at most `limit` bytes when it is compressed or SMILE.
///
/// Binary values are base64 strings. JSON is given back as it is, and not parsed.
///
/// # Errors
/// The checksum is not that of the bytes, the blob is of another kind or version, or its content cannot be read.
pub fn to_json<'a>(file: &str, bytes: &'a [u8], kind: Kind, limit: usize) -> Result<Cow<'a, [u8]>> {
    if !bytes.starts_with(CODEC_MAGIC) {
        return content_to_json(file, bytes, limit);
    }
    let body = verified_body(file, bytes)?;
    let content = decode(file, body, |input| {
        let (rest, _) = Header::expect(input, kind.codec(), 1..=1)?;
        Ok((rest, rest))
    })?;
    let header = body.len().saturating_sub(content.len());
    content_to_json(file, content, limit).map_err(|error| error.shifted(header as u64))
}

fn content_to_json<'a>(file: &str, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>> {
    let content = match bytes.strip_prefix(ZSTD_HEADER) {
        Some(frames) => Cow::Owned(decompress_zstd(file, frames, limit)?),
        None => decompress(file, bytes, limit)?,
    };
    if smile::is_smile(&content) {
        return smile::to_json(file, &content, limit).map(Cow::Owned);
    }
    if content.trim_ascii_start().first() == Some(&b'{') {
        return Ok(content);
    }
    Err(Error::Unsupported {
        file: file.to_owned(),
        what: "form of a metadata blob that starts with",
        found: format!("{:02x?}", content.get(..8).unwrap_or(&content)),
        supported: "SMILE and JSON, as they are or compressed".to_owned(),
    })
}

/// Reads a blob into a struct.
pub(crate) fn read<T: DeserializeOwned>(file: &str, bytes: &[u8], kind: Kind, limit: usize) -> Result<T> {
    from_json(file, &to_json(file, bytes, kind, limit)?)
}

/// Reads JSON text into a struct; offsets in errors count from the start of the text.
pub(crate) fn from_json<T: DeserializeOwned>(file: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        let file = file.to_owned();
        let offset = offset(json, error.line(), error.column());
        if error.is_eof() {
            return Error::Truncated { file, offset, what: "JSON text", missing: 1 };
        }
        let what = format!("as JSON text: {error}");
        Error::Corrupt { file, offset, what }
    })
}

fn offset(json: &[u8], line: usize, column: usize) -> u64 {
    let before: usize =
        json.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    before.saturating_add(column) as u64
}

/// The error for a blob that says something which cannot be.
pub(crate) fn corrupt(file: &str, what: impl Into<String>) -> Error {
    Error::Corrupt { file: file.to_owned(), offset: 0, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMILE: &[u8] = b":)\n\x01\xfa\x80n\xc4\xfb";

    fn framed(codec: &str, version: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = CODEC_MAGIC.to_vec();
        bytes.push(u8::try_from(codec.len()).unwrap());
        bytes.extend_from_slice(codec.as_bytes());
        bytes.extend_from_slice(&[0, 0, 0, version]);
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&[0xC0, 0x28, 0x93, 0xE8, 0, 0, 0, 0]);
        let checksum = u64::from(crc32fast::hash(&bytes));
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn json(bytes: &[u8]) -> Result<String> {
        let json = to_json("snap-x.dat", bytes, Kind::Snapshot, 1000)?;
        Ok(String::from_utf8(json.into_owned()).unwrap())
    }

    #[test]
    fn content_is_smile_or_json_as_it_is_or_compressed() {
        let stored_deflate = [b"DFL\0\x01\x09\x00\xF6\xFF", SMILE].concat();
        let zstd = [ZSTD_HEADER, &zstd::stream::encode_all(SMILE, 3).unwrap()].concat();
        for content in [SMILE, b"{\"n\":2}", b"ZV\x00\x00\x07{\"n\":2}", &stored_deflate, &zstd] {
            assert_eq!(json(&framed("snapshot", 1, content)).unwrap(), r#"{"n":2}"#);
            assert_eq!(json(content).unwrap(), r#"{"n":2}"#);
        }
        assert_eq!(json(b" {\n}").unwrap(), " {\n}");
    }

    #[test]
    fn another_kind_or_version_is_refused() {
        let error = json(&framed("metadata", 1, SMILE)).unwrap_err().to_string();
        assert_eq!(error, "`snap-x.dat`: unsupported codec `metadata`: ferry reads `snapshot` here");
        let error = json(&framed("snapshot", 2, SMILE)).unwrap_err().to_string();
        assert_eq!(error, "`snap-x.dat`: unsupported version `snapshot 2`: ferry reads versions 1 to 1");
        let error = json(b"index").unwrap_err().to_string();
        assert!(error.starts_with("`snap-x.dat`: unsupported form of a metadata blob"), "{error}");
    }

    #[test]
    fn the_place_of_an_error_in_framed_content_counts_from_the_start_of_the_blob() {
        let error = json(&framed("snapshot", 1, b":)\n\x01\xfa\x80n\xff")).unwrap_err();
        assert!(matches!(error, Error::Corrupt { offset: 24, .. }), "{error:?}");
    }
}
