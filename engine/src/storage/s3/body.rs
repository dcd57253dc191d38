//! Reads the body of an answer, which is not trusted: it can be short, long, slow or that of another range.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::super::counters::Counter;
use super::errors::{chain, printable};
use crate::error::Cause;

/// Memory that is taken at once, in bytes; for more, the body must have come that far.
const STEP: u64 = 8 << 20;

/// Reads a body to its end, or until more than `most` bytes have come: the caller checks the length.
///
/// Memory is used for what comes, not for what was announced.
pub(super) async fn read(
    mut body: ByteStream,
    most: u64,
    silence: Duration,
    counter: &Counter,
) -> Result<Bytes, Cause> {
    let mut read = Body { first: Bytes::new(), rest: Vec::new(), most };
    while read.length() <= most {
        let next = tokio::time::timeout(silence, body.next());
        match next.await.map_err(|_| Cause::Silent(silence))? {
            Some(Ok(chunk)) => {
                counter.add_bytes(chunk.len());
                read.push(chunk)?;
            }
            Some(Err(error)) => return Err(Cause::Cut { found: read.length(), reason: chain(&error) }),
            None => break,
        }
    }
    Ok(read.into_bytes())
}

/// What of a body has come.
struct Body {
    /// The first chunk, as long as there is no other: many blobs fit into it, and are not copied.
    first: Bytes,
    /// All chunks, once there are two.
    rest: Vec<u8>,
    most: u64,
}

impl Body {
    fn length(&self) -> u64 {
        (self.first.len() as u64).saturating_add(self.rest.len() as u64)
    }

    fn push(&mut self, chunk: Bytes) -> Result<(), Cause> {
        if self.length() == 0 {
            self.first = chunk;
            return Ok(());
        }
        let first = std::mem::take(&mut self.first);
        self.reserve(first.len().saturating_add(chunk.len()))?;
        self.rest.extend_from_slice(&first);
        self.rest.extend_from_slice(&chunk);
        Ok(())
    }

    /// Makes room for so many more bytes: at first for a step or all that is expected, then doubling up to that.
    fn reserve(&mut self, more: usize) -> Result<(), Cause> {
        let length = self.rest.len();
        let needed = length.saturating_add(more);
        if needed <= self.rest.capacity() {
            return Ok(());
        }
        let doubled = (length as u64).saturating_mul(2).max(STEP).min(self.most);
        let capacity = usize::try_from(doubled).unwrap_or(usize::MAX).max(needed);
        let reserved = self.rest.try_reserve_exact(capacity.saturating_sub(length));
        reserved.map_err(|_| Cause::Io(std::io::ErrorKind::OutOfMemory.into()))
    }

    fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.into() }
    }
}

/// What the `Content-Range` of an answer says about the range that was asked for.
#[derive(Debug)]
pub(super) enum Sent {
    /// The body is the range.
    Whole,
    /// The blob ends inside the range: it has only so many bytes of it.
    Shorter(u64),
    /// The body is something else.
    Other(Cause),
}

/// Compares `Content-Range` with the range that was asked for.
///
/// Spec: [RFC 9110, 14.4](https://www.rfc-editor.org/rfc/rfc9110#section-14.4)
pub(super) fn sent(content_range: Option<&str>, asked: &Range<u64>) -> Sent {
    let Some(header) = content_range else {
        return Sent::Other(Cause::Unexpected(
            "the server ignored the range and sent the whole blob".to_owned(),
        ));
    };
    match content_range_parts(header) {
        Some((range, _)) if range == *asked => Sent::Whole,
        Some((range, Some(length))) if range == (asked.start..length) && length < asked.end => {
            Sent::Shorter(length.saturating_sub(asked.start))
        }
        _ => Sent::Other(Cause::WrongRange { found: printable(header) }),
    }
}

/// The range and the length of the blob in `bytes 0-9/20` or `bytes 0-9/*`.
fn content_range_parts(header: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, length) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    let length = if length == "*" { None } else { Some(length.parse().ok()?) };
    Some((range, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_have_the_range_that_was_asked_for() {
        assert!(matches!(sent(Some("bytes 10-19/30"), &(10..20)), Sent::Whole));
        assert!(matches!(sent(Some("bytes 10-19/*"), &(10..20)), Sent::Whole));
        assert!(matches!(sent(Some("bytes 10-14/15"), &(10..20)), Sent::Shorter(5)));
        for other in
            ["bytes 10-14/30", "bytes 10-14/*", "bytes 0-14/15", "bytes 10-20/30", "bytes 20-10/30", "x"]
        {
            let Sent::Other(Cause::WrongRange { found }) = sent(Some(other), &(10..20)) else {
                panic!("{other} was accepted");
            };
            assert_eq!(found, other);
        }
        let most = u64::MAX;
        let overflowing = format!("bytes 0-{most}/{most}");
        assert!(matches!(sent(Some(&overflowing), &(0..most)), Sent::Other(Cause::WrongRange { .. })));
        assert!(matches!(sent(None, &(0..20)), Sent::Other(Cause::Unexpected(_))));
    }

    #[tokio::test]
    async fn a_body_of_one_chunk_is_not_copied() {
        let chunk = Bytes::from(vec![7; 100]);
        let body = ByteStream::from(chunk.clone());
        let counter = Counter::default();
        let read = read(body, 100, Duration::from_secs(1), &counter).await.unwrap();
        assert_eq!(read.as_ptr(), chunk.as_ptr());
        assert_eq!(counter.bytes(), 100);
    }

    #[test]
    fn memory_grows_with_what_comes_up_to_what_is_expected() {
        let mut body = Body { first: Bytes::new(), rest: Vec::new(), most: 20 << 20 };
        let chunk = Bytes::from(vec![7; 1 << 20]);
        let mut capacities = Vec::new();
        for _ in 0..20 {
            body.push(chunk.clone()).unwrap();
            capacities.push(body.rest.capacity() >> 20);
        }
        capacities.dedup();
        assert_eq!(capacities, [0, 8, 16, 20]);
        assert_eq!(body.into_bytes().len(), 20 << 20);
    }

    #[test]
    fn a_huge_expected_length_takes_one_step_of_memory() {
        let mut body = Body { first: Bytes::new(), rest: Vec::new(), most: u64::MAX };
        body.push(Bytes::from_static(b"ab")).unwrap();
        body.push(Bytes::from_static(b"cd")).unwrap();
        assert_eq!(body.rest.capacity(), 8 << 20);
        assert_eq!(body.into_bytes(), "abcd");
    }
}
