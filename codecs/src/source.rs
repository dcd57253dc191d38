//! The stored `_source` of a document, in whatever form the client sent it, as JSON text.
//!
//! | first bytes                     | form                                                                |
//! |---------------------------------|---------------------------------------------------------------------|
//! | `{`                             | JSON, taken as it is                                                |
//! | `:)\n`                          | [SMILE](crate::smile)                                               |
//! | `---`                           | YAML, one document                                                  |
//! | `BF`, `D9 D9 F7`, `A0` to `BF`  | CBOR: an object, with the self-describing tag or without            |
//! | `ZV` then `00` or `01`          | LZF of one of the above: `_source.compress` of Elasticsearch 1      |
//! | `DFL\0`                         | DEFLATE of one of the above: Elasticsearch 2 and later              |
//! | `EF BB BF`                      | a byte order mark before JSON; left out                             |
//! | space, or anything with a `{`   | JSON, taken as it is                                                |
//!
//! The servers look at the same bytes in the same order:
//! [`XContentFactory.xContentType`](https://github.com/elastic/elasticsearch/blob/v7.10.2/libs/x-content/src/main/java/org/elasticsearch/common/xcontent/XContentFactory.java),
//! [`CompressorFactory`](https://github.com/elastic/elasticsearch/blob/v2.4.6/core/src/main/java/org/elasticsearch/common/compress/CompressorFactory.java).

use crate::compression::{decompress_lzf, inflate, is_lzf};
use crate::error::{Error, Result};
use crate::smile;
use std::borrow::Cow;

mod cbor;
mod yaml;

/// What DEFLATE-compressed content starts with.
pub(crate) const DEFLATE_HEADER: &[u8] = b"DFL\0";

/// How far Elasticsearch 1 looks for a `{` before it gives up, in bytes.
const GUESS_HEADER_LENGTH: usize = 20;

/// The `_source` of a document as JSON text of at most `limit` bytes; JSON is given back as it is, whatever its size.
///
/// For JSON only the first byte is looked at: the text is not parsed, so it is as valid as the server left it.
/// `file` names the file in errors; offsets in errors count from the start of the source, or of what it holds
/// when it was compressed.
///
/// # Errors
/// The form is not known, the bytes contradict it, or the JSON text would be longer than `limit` bytes.
pub fn to_json<'a>(file: &str, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>> {
    if bytes.first() == Some(&b'{') {
        return Ok(Cow::Borrowed(bytes));
    }
    match decompress(file, bytes, limit)? {
        Cow::Borrowed(content) => uncompressed_to_json(file, content, limit),
        Cow::Owned(content) => Ok(Cow::Owned(uncompressed_to_json(file, &content, limit)?.into_owned())),
    }
}

/// Undoes the compression, if there is one; the content is in one of the other forms.
pub(crate) fn decompress<'a>(file: &str, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>> {
    if is_lzf(bytes) {
        return decompress_lzf(file, bytes, limit).map(Cow::Owned);
    }
    match bytes.strip_prefix(DEFLATE_HEADER) {
        Some(stream) => inflate(file, stream, limit)
            .map(Cow::Owned)
            .map_err(|error| error.shifted(DEFLATE_HEADER.len() as u64)),
        None => Ok(Cow::Borrowed(bytes)),
    }
}

/// Converts content that is not compressed.
pub(crate) fn uncompressed_to_json<'a>(file: &str, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>> {
    match bytes {
        [b'{', ..] => Ok(Cow::Borrowed(bytes)),
        [b':', b')', b'\n', ..] => smile::to_json(file, bytes, limit).map(Cow::Owned),
        [b'-', b'-', b'-', ..] => yaml::to_json(file, bytes, limit).map(Cow::Owned),
        [0xD9, 0xD9, 0xF7, ..] | [0xA0..=0xBF, ..] => cbor::to_json(file, bytes, limit).map(Cow::Owned),
        [0xEF, 0xBB, 0xBF, json @ ..] if starts_an_object(json) => Ok(Cow::Borrowed(json)),
        _ if starts_an_object(bytes) => Ok(Cow::Borrowed(bytes)),
        [] => Err(Error::Truncated { file: file.to_owned(), offset: 0, what: "document source", missing: 1 }),
        _ => Err(Error::Unsupported {
            file: file.to_owned(),
            what: "form of a document source that starts with",
            found: format!("{:02x?}", bytes.get(..8).unwrap_or(bytes)),
            supported: "JSON, SMILE, CBOR and YAML".to_owned(),
        }),
    }
}

/// Whether a `{` follows after white space, or stands somewhere at the start (a comment may come before it).
fn starts_an_object(bytes: &[u8]) -> bool {
    let start = bytes.get(..GUESS_HEADER_LENGTH).unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'{') || start.contains(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMILE: &[u8] = b":)\n\x01\xfa\x80n\xc4\x80sBabc\x80b\x23\xfb";

    fn json(bytes: &[u8]) -> String {
        String::from_utf8(to_json("_0.fdt", bytes, 1000).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn json_is_given_back_as_it_is() {
        for text in ["{\"a\":1 }\n", "{ not json", "\n\t {}", "/* old */ {\"a\":1}"] {
            assert!(
                matches!(to_json("x", text.as_bytes(), 0), Ok(Cow::Borrowed(same)) if same == text.as_bytes())
            );
        }
        assert_eq!(json(b"\xEF\xBB\xBF{}"), "{}");
    }

    #[test]
    fn each_form_is_known_by_its_first_bytes() {
        assert_eq!(json(SMILE), r#"{"n":2,"s":"abc","b":true}"#);
        assert_eq!(json(b"---\nn: 1\n"), r#"{"n":1}"#);
        assert_eq!(json(b"\xA1an\x01"), r#"{"n":1}"#);
        assert_eq!(json(b"\xD9\xD9\xF7\xA1an\x01"), r#"{"n":1}"#);
        assert_eq!(json(b"\xBFan\x01\xFF"), r#"{"n":1}"#);
        assert_eq!(json(b"ZV\x00\x00\x07{\"n\":1}"), r#"{"n":1}"#);
        let smile = [b"ZV\x00\x00\x12", SMILE].concat();
        assert_eq!(json(&smile), r#"{"n":2,"s":"abc","b":true}"#);
        // A stored DEFLATE block: final, type 0, length, its complement.
        assert_eq!(json(b"DFL\0\x01\x02\x00\xFD\xFF{}"), "{}");
    }

    #[test]
    fn an_unknown_form_is_named() {
        let error = to_json("_0.fdt", b"ZSTD\0........................", 1000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`_0.fdt`: unsupported form of a document source that starts with \
             `[5a, 53, 54, 44, 00, 2e, 2e, 2e]`: ferry reads JSON, SMILE, CBOR and YAML"
        );
        assert!(matches!(to_json("_0.fdt", b"", 1000), Err(Error::Truncated { .. })));
    }

    #[test]
    fn the_limit_holds_for_converted_text() {
        assert!(to_json("x", SMILE, 10).is_err());
        assert!(to_json("x", b"ZV\x00\x00\x07{\"n\":1}", 6).is_err());
    }
}
