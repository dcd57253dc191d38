//! Bodies without their transfer coding.

use super::*;
use std::borrow::Cow;

fn body_of(message: &[u8]) -> Result<Body<'_>, FramingError> {
    let head = parse_response(message).unwrap();
    body(message, head.length, &head.headers)
}

fn borrowed(data: &[u8], complete: bool) -> Body<'_> {
    Body { data: Cow::Borrowed(data), trailers: Vec::new(), complete }
}

#[test]
fn a_body_of_a_content_length_is_a_slice_of_the_message_and_says_if_it_is_cut() {
    let message = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
    assert_eq!(body_of(message).unwrap(), borrowed(b"abcd", true));
    assert_eq!(body_of(&message[..message.len() - 1]).unwrap(), borrowed(b"abc", false));
    assert_eq!(body_of(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").unwrap(), borrowed(b"until the end", true));
    assert_eq!(body_of(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").unwrap(), borrowed(b"", false));
}

#[test]
fn chunks_are_put_together_and_trailers_are_given() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let message = format!("{head}3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nno header\r\nY:\r\n z\r\n\r\n");
    let body = body_of(message.as_bytes()).unwrap();
    assert_eq!((&*body.data, body.complete), (&b"abcde"[..], true));
    let trailer = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    assert_eq!(body.trailers, [trailer("X-Sum", b"5"), trailer("Y", b"z")]);
}

#[test]
fn a_single_chunk_is_not_copied() {
    let message = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let body = body_of(message).unwrap();
    assert!(matches!(body.data, Cow::Borrowed(b"abc")));
    assert!(body.complete);
}

#[test]
fn every_cut_of_a_chunked_body_gives_what_is_there() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let message = [&head[..], b"3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n"].concat();
    let mut before = 0;
    for length in head.len()..=message.len() {
        let body = body_of(&message[..length]).unwrap();
        assert!(b"abcde".starts_with(&body.data) && body.data.len() >= before, "cut at {length}");
        assert_eq!(body.complete, length == message.len(), "cut at {length}");
        before = body.data.len();
    }
    assert_eq!(before, 5);
}

#[test]
fn a_bad_chunk_and_contradicting_lengths_are_errors() {
    let bad = body_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert!(matches!(bad, Err(FramingError::Chunk { found: b'z', .. })));
    let bad = body_of(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nzz");
    assert!(matches!(bad, Err(FramingError::ContentLength { .. })));
}

#[test]
fn a_place_of_the_head_beyond_the_message_gives_an_empty_body() {
    assert_eq!(body(b"abc", usize::MAX, &[]).unwrap(), borrowed(b"", true));
}
