//! The answer of a cluster: read up to its limit, decompressed up to its limit.

use std::io::Read;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, HeaderMap, LOCATION, RETRY_AFTER};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use url::Url;

use super::connect::Cause;
use super::{Response, SendError};
use crate::error::chain;
use crate::flow::Backoff;

/// Compressed bodies of more bytes are not decompressed on a thread that waits for the network.
const INLINE: usize = 32 << 10;

/// Reads an answer. `base` is the URL of the cluster, `limit` the bytes that the body may have.
pub(super) async fn read(
    answer: http::Response<Incoming>,
    base: &Url,
    limit: usize,
) -> Result<Response, SendError> {
    let (head, body) = answer.into_parts();
    if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
        return Err(SendError::Redirect { status: head.status.as_u16(), to: origin(&head.headers, base) });
    }
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(Backoff::requested);
    let body = if is_gzip(&head.headers)? {
        // What cannot be compressed becomes a little longer.
        let longest = limit.saturating_add(limit / 1000).saturating_add(64);
        gunzip(collect(body, longest, limit).await?, limit).await?
    } else {
        collect(body, limit, limit).await?
    };
    Ok(Response { status: head.status.as_u16(), retry_after, body })
}

/// Where a redirect leads to: no more than the origin, as paths and queries may have secrets.
fn origin(headers: &HeaderMap, base: &Url) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let url = base.join(location).ok()?;
    url.origin().is_tuple().then(|| url.origin().ascii_serialization())
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, SendError> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(false) };
    let encoding = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    match encoding.as_str() {
        "gzip" | "x-gzip" => Ok(true),
        "identity" | "" => Ok(false),
        _ => Err(SendError::Encoding { encoding: encoding.escape_debug().take(40).collect() }),
    }
}

/// The bytes of a body as they come; `limit` is what an error says.
async fn collect(mut body: Incoming, longest: usize, limit: usize) -> Result<Bytes, SendError> {
    let too_large = || SendError::ResponseTooLarge { limit };
    if body.size_hint().lower() > longest as u64 {
        return Err(too_large());
    }
    let mut pieces = Pieces::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| SendError::Lost(Arc::new(Cause(chain(&error)))))?;
        let Ok(data) = frame.into_data() else { continue };
        if pieces.len().saturating_add(data.len()) > longest {
            return Err(too_large());
        }
        pieces.push(data);
    }
    Ok(pieces.join())
}

/// The pieces in which a body comes. One that is whole in its first piece, as most are, is not copied.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    first: Option<Bytes>,
    /// All of them, once there is a second one.
    all: BytesMut,
}

impl Pieces {
    /// The bytes so far.
    pub(super) fn len(&self) -> usize {
        self.all.len().saturating_add(self.first.as_ref().map_or(0, Bytes::len))
    }

    pub(super) fn push(&mut self, data: Bytes) {
        match self.first.take() {
            None if self.all.is_empty() => self.first = Some(data),
            before => {
                self.all.extend_from_slice(before.as_deref().unwrap_or_default());
                self.all.extend_from_slice(&data);
            }
        }
    }

    pub(super) fn join(self) -> Bytes {
        self.first.unwrap_or_else(|| self.all.freeze())
    }
}

async fn gunzip(compressed: Bytes, limit: usize) -> Result<Bytes, SendError> {
    if compressed.len() <= INLINE {
        return gunzip_now(&compressed, limit);
    }
    let work = tokio::task::spawn_blocking(move || gunzip_now(&compressed, limit));
    work.await.unwrap_or_else(|error| Err(SendError::Lost(Arc::new(error))))
}

fn gunzip_now(compressed: &[u8], limit: usize) -> Result<Bytes, SendError> {
    if compressed.is_empty() {
        return Ok(Bytes::new()); // The answer to a HEAD request.
    }
    let mut bytes = Vec::new();
    let end = (limit as u64).saturating_add(1);
    let read = MultiGzDecoder::new(compressed).take(end).read_to_end(&mut bytes);
    read.map_err(|error| {
        SendError::Lost(Arc::new(Cause(format!("the compressed answer is damaged: {error}"))))
    })?;
    if bytes.len() > limit {
        return Err(SendError::ResponseTooLarge { limit });
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_small_answer_that_grows_beyond_the_limit_is_refused() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 64 << 10, "{}", bomb.len());
        assert_eq!(gunzip_now(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        let error = gunzip_now(&bomb, (1 << 20) - 1).unwrap_err();
        assert_eq!(error.to_string(), "the answer has more than 1048575 bytes");
    }

    #[test]
    fn every_truncation_of_a_compressed_answer_is_an_error() {
        let whole = gzip(br#"{"errors":false,"items":[]}"#);
        for length in 1..whole.len() {
            let error = gunzip_now(&whole[..length], 1000).unwrap_err();
            assert!(matches!(error, SendError::Lost(_)), "cut at {length}: {error}");
        }
    }

    #[test]
    fn of_a_redirect_only_the_origin_is_shown() {
        let base = Url::parse("https://search.example:9200/prefix").unwrap();
        let to = |location: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            origin(&headers, &base)
        };
        assert_eq!(to("https://u:secret@login.example/?token=secret").unwrap(), "https://login.example");
        assert_eq!(to("/login?token=secret").unwrap(), "https://search.example:9200");
        assert_eq!(to("data:secret"), None);
    }
}
