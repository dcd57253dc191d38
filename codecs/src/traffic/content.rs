//! Content codings: what `Content-Encoding` says was done to a body.
//!
//! | coding             | form                                                          |
//! |--------------------|---------------------------------------------------------------|
//! | `gzip`, `x-gzip`   | gzip members, one after the other                             |
//! | `deflate`          | a zlib stream; a raw DEFLATE stream is read too               |
//! | `br`               | a brotli stream                                               |
//! | `zstd`             | zstd frames with windows of up to 8 MiB                       |
//! | `identity`         | the bytes themselves                                          |
//!
//! Spec: [RFC 9110, 8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4). An empty body is one in every coding, since
//! responses without content may name one.

use crate::compression;
use std::borrow::Cow;

/// How many codings a body may have one over the other.
const MOST_CODINGS: usize = 4;

/// Why a body could not be decoded or encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A coding that is not known here.
    #[error("unknown content coding `{coding}`: expected gzip, deflate, br, zstd or identity")]
    Unknown {
        /// Its name.
        coding: String,
    },
    /// More codings than anybody has a use for.
    #[error("more than {MOST_CODINGS} content codings one over the other, the limit here")]
    TooMany,
    /// The body is not what its coding says, or becomes too long.
    #[error("a body with content coding `{coding}`: {reason}")]
    Body {
        /// The coding.
        coding: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// One known coding that is not `identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Takes the codings off a body that a `Content-Encoding` names; a list is in the order in which they were put on.
///
/// # Errors
///
/// [`ContentError`]: a coding that is unknown, a body that is cut or damaged, or more than `most` bytes at any stage.
pub fn decode(codings: &str, body: &[u8], most: usize) -> Result<Vec<u8>, ContentError> {
    let mut decoded = Cow::Borrowed(body);
    for coding in parse(codings)?.into_iter().rev().flatten() {
        if !decoded.is_empty() {
            decoded = Cow::Owned(coding.decode(&decoded, most)?);
        }
    }
    Ok(decoded.into_owned())
}

/// Puts codings on a body, in the order of the list.
///
/// # Errors
///
/// [`ContentError`]: a coding that is unknown.
pub fn encode(codings: &str, body: &[u8]) -> Result<Vec<u8>, ContentError> {
    let mut encoded = Cow::Borrowed(body);
    for coding in parse(codings)?.into_iter().flatten() {
        encoded = Cow::Owned(coding.encode(&encoded)?);
    }
    Ok(encoded.into_owned())
}

/// Whether a `Content-Encoding` leaves a body as it is.
#[must_use]
pub fn is_identity(codings: &str) -> bool {
    parse(codings).is_ok_and(|codings| codings.iter().all(Option::is_none))
}

/// All `Content-Encoding`s of a message as one list; `None` if there is none.
#[must_use]
pub fn codings(headers: &[(&str, &[u8])]) -> Option<String> {
    let is_coding = |name: &str| name.eq_ignore_ascii_case("content-encoding");
    let mut values = headers.iter().filter(|(name, _)| is_coding(name)).map(|(_, value)| *value);
    let mut list = String::from_utf8_lossy(values.next()?).into_owned();
    for value in values {
        list.push(',');
        list.push_str(&String::from_utf8_lossy(value));
    }
    Some(list)
}

fn parse(codings: &str) -> Result<[Option<Coding>; MOST_CODINGS], ContentError> {
    let mut parsed = [None; MOST_CODINGS];
    let mut places = parsed.iter_mut();
    for name in codings.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some(coding) = Coding::parse(name)? else { continue };
        *places.next().ok_or(ContentError::TooMany)? = Some(coding);
    }
    Ok(parsed)
}

impl Coding {
    fn parse(name: &str) -> Result<Option<Self>, ContentError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("gzip") || is("x-gzip") => Ok(Some(Self::Gzip)),
            () if is("deflate") => Ok(Some(Self::Deflate)),
            () if is("br") => Ok(Some(Self::Brotli)),
            () if is("zstd") => Ok(Some(Self::Zstd)),
            () if is("identity") => Ok(None),
            () => Err(ContentError::Unknown { coding: name.chars().take(40).collect() }),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn decode(self, body: &[u8], most: usize) -> Result<Vec<u8>, ContentError> {
        let decoded = match self {
            Self::Gzip => compression::decompress_gzip(body, most),
            Self::Deflate => compression::decompress_deflate(body, most),
            Self::Brotli => compression::decompress_brotli(body, most),
            Self::Zstd => compression::decompress_zstd_content(body, most),
        };
        decoded.map_err(|reason| ContentError::Body { coding: self.name(), reason })
    }

    fn encode(self, body: &[u8]) -> Result<Vec<u8>, ContentError> {
        let encoded = match self {
            Self::Gzip => compression::compress_gzip(body),
            Self::Deflate => compression::compress_deflate(body),
            Self::Brotli => compression::compress_brotli(body),
            Self::Zstd => compression::compress_zstd(body),
        };
        encoded.map_err(|reason| ContentError::Body { coding: self.name(), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    const CODINGS: [&str; 5] = ["gzip", "deflate", "br", "zstd", "identity"];

    fn text() -> Vec<u8> {
        (0..2000_u32).flat_map(|n| format!("line {} ", n % 97).into_bytes()).collect()
    }

    #[test]
    fn what_is_encoded_is_decoded_up_to_the_limit_exactly() {
        let text = text();
        for coding in CODINGS {
            let body = encode(coding, &text).unwrap();
            assert_eq!(body.len() < text.len() / 4, coding != "identity");
            assert_eq!(decode(coding, &body, text.len()).unwrap(), text, "{coding}");
            if coding != "identity" {
                let error = decode(coding, &body, text.len() - 1).unwrap_err().to_string();
                let expected = format!(
                    "a body with content coding `{coding}`: more than {} bytes when decompressed, the limit here",
                    text.len() - 1
                );
                assert_eq!(error, expected);
            }
        }
    }

    #[test]
    fn every_truncation_is_an_error_and_so_are_bytes_after_the_end() {
        let text = text();
        for coding in &CODINGS[..4] {
            let mut body = encode(coding, &text).unwrap();
            for length in 1..body.len() {
                assert!(decode(coding, &body[..length], 1 << 20).is_err(), "{coding} cut at {length}");
            }
            body.extend_from_slice(b"more");
            assert!(decode(coding, &body, 1 << 20).is_err(), "{coding}");
        }
    }

    #[test]
    fn an_empty_body_is_empty_in_every_coding_and_so_is_an_encoded_one() {
        for coding in CODINGS {
            assert_eq!(decode(coding, b"", 0).unwrap(), b"");
            assert_eq!(decode(coding, &encode(coding, b"").unwrap(), 0).unwrap(), b"", "{coding}");
        }
    }

    #[test]
    fn several_codings_are_taken_off_in_reverse() {
        let text = text();
        let body = encode("gzip, br", &text).unwrap();
        assert_eq!(decode("br", &body, 1 << 20).unwrap(), encode("gzip", &text).unwrap());
        assert_eq!(decode(" GZip ,, identity, Br ", &body, 1 << 20).unwrap(), text);
        assert!(decode("br, gzip", &body, 1 << 20).is_err());
        assert_eq!(decode("gzip,gzip,gzip,gzip,gzip", &body, 9), Err(ContentError::TooMany));
    }

    #[test]
    fn members_of_gzip_and_frames_of_zstd_follow_each_other() {
        for coding in ["gzip", "zstd", "x-gzip"] {
            let body = [
                encode(coding, b"one ").unwrap_or_else(|_| encode("gzip", b"one ").unwrap()),
                encode(coding, b"two").unwrap(),
            ]
            .concat();
            assert_eq!(decode(coding, &body, 7).unwrap(), b"one two");
        }
    }

    #[test]
    fn deflate_may_be_raw() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&text()).unwrap();
        assert_eq!(decode("deflate", &encoder.finish().unwrap(), 1 << 20).unwrap(), text());
        // A stored block whose first bytes could be a zlib header.
        let stored = b"\x78\x01\x00\xFE\xFFa\x01\x00\x00\xFF\xFF";
        assert_eq!(decode("deflate", stored, 9).unwrap(), b"a");
    }

    #[test]
    fn an_unknown_coding_is_named() {
        let error = decode("gzip, compress", b"", 9).unwrap_err().to_string();
        assert_eq!(error, "unknown content coding `compress`: expected gzip, deflate, br, zstd or identity");
        assert!(is_identity("identity") && is_identity("") && !is_identity("gzip") && !is_identity("x"));
    }

    #[test]
    fn a_window_larger_than_http_has_is_refused() {
        let large = brotli::enc::BrotliEncoderParams { large_window: true, lgwin: 28, ..Default::default() };
        let mut encoder = brotli::CompressorWriter::with_params(Vec::new(), 4096, &large);
        encoder.write_all(b"a").unwrap();
        let body = encoder.into_inner();
        let mut lenient = Vec::new();
        brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut lenient).unwrap();
        assert_eq!(lenient, b"a");
        let error = decode("br", &body, 9).unwrap_err().to_string();
        assert!(error.starts_with("a body with content coding `br`: not a brotli stream"), "{error}");
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(b"a").unwrap();
        let error = decode("zstd", &encoder.finish().unwrap(), 9).unwrap_err().to_string();
        assert!(error.starts_with("a body with content coding `zstd`: not a zstd stream"), "{error}");
    }

    #[test]
    fn all_content_encodings_of_a_message_are_one_list() {
        let headers: [(&str, &[u8]); 3] =
            [("content-encoding", b"gzip"), ("X", b"1"), ("Content-Encoding", b"br")];
        assert_eq!(codings(&headers).as_deref(), Some("gzip,br"));
        assert_eq!(codings(&headers[1..2]), None);
    }
}
