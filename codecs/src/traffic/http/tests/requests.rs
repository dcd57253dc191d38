//! Where requests end.

use super::*;

/// How the bytes of a client end: between requests, or inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Idle,
    Inside { expects_continue: bool },
}

const INSIDE: End = End::Inside { expects_continue: false };

fn frame(pieces: &[&[u8]]) -> Framed<End> {
    let mut framer = RequestFramer::new();
    let (mut lengths, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match framer.push(rest) {
                Ok(Progress::More) => {
                    length += rest.len();
                    break;
                }
                Ok(Progress::Ended { used }) => {
                    lengths.push(length + used);
                    length = 0;
                    rest = &rest[used..];
                    assert!(framer.is_idle() && !framer.expects_continue());
                }
                Ok(Progress::Interim { .. }) => panic!("a request is no interim response"),
                Err(error) => return Framed { lengths, end: Err(error) },
            }
        }
    }
    let end = if framer.is_idle() {
        End::Idle
    } else {
        End::Inside { expects_continue: framer.expects_continue() }
    };
    Framed { lengths, end: Ok(end) }
}

#[track_caller]
fn assert_framed(messages: &[&str], rest: &str, end: Result<End, FramingError>) {
    let bytes = [&messages.concat(), rest].concat();
    let lengths = messages.iter().map(|message| message.len()).collect();
    assert_same_for_all_cuts(bytes.as_bytes(), &Framed { lengths, end }, frame);
}

#[track_caller]
fn assert_refused(bytes: &str, error: FramingError) {
    assert_framed(&[], bytes, Err(error));
}

const GET: &str = "GET /_cat/indices?v HTTP/1.1\r\nHost: a\r\n\r\n";
const PUT: &str = "PUT /i/_doc/1 HTTP/1.1\r\ncontent-LENGTH: 7\r\nHost: a\r\n\r\n{\"a\":1}";
const CHUNKED: &str =
    "POST /_bulk HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";

#[test]
fn a_request_ends_with_its_head_or_after_its_content_length() {
    assert_framed(&[GET], "", Ok(End::Idle));
    assert_framed(&[PUT], "", Ok(End::Idle));
    assert_framed(&["POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"], "", Ok(End::Idle));
    assert_framed(&["DELETE /i HTTP/1.1\r\n\r\n"], "", Ok(End::Idle));
}

#[test]
fn pipelined_requests_end_one_after_the_other() {
    assert_framed(&[GET, PUT, CHUNKED, GET, PUT], "", Ok(End::Idle));
    assert_framed(&[GET, PUT], &PUT[..PUT.len() - 1], Ok(INSIDE));
    assert_framed(&[CHUNKED], &GET[..1], Ok(INSIDE));
}

#[test]
fn a_chunked_request_may_have_extensions_and_trailers() {
    let extended = "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n00a;x=\"y\";z \r\n0123456789\r\n000 ; e\r\nX-Sum: 1\r\nB: 2\r\n\r\n";
    assert_framed(&[CHUNKED, extended, GET], "", Ok(End::Idle));
    let bare = "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n0\nT: 1\n\n";
    assert_framed(&[bare, bare], "", Ok(End::Idle));
}

#[test]
fn bare_line_feeds_end_lines_also_beside_others() {
    assert_framed(&["GET / HTTP/1.1\nHost: a\n\n"], "", Ok(End::Idle));
    assert_framed(&["GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\nHost: a\r\n\n"], "", Ok(End::Idle));
}

#[test]
fn empty_lines_before_a_request_belong_to_it_and_are_no_request_alone() {
    let after = format!("\r\n\r\n\n{GET}");
    assert_framed(&[PUT, &after], "", Ok(End::Idle));
    assert_framed(&[PUT], "\r\n", Ok(End::Idle));
}

#[test]
fn a_body_that_looks_like_a_request_is_a_body() {
    let body = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{GET}", GET.len());
    assert_framed(&[&body, GET], "", Ok(End::Idle));
    let space = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n \t\n";
    assert_framed(&[space, space], "", Ok(End::Idle));
}

#[test]
fn folded_values_are_values() {
    let folded = "POST / HTTP/1.1\r\nX: a\r\n b\r\n\tc\r\nContent-Length:\r\n 3\r\n\r\nabc";
    assert_framed(&[folded, GET], "", Ok(End::Idle));
}

#[test]
fn transfer_encoding_beats_content_length() {
    let both =
        "POST / HTTP/1.1\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    assert_framed(&[both, GET], "", Ok(End::Idle));
    let identity = "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na";
    assert_framed(&[identity, GET], "", Ok(End::Idle));
    let not_last = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n";
    assert_refused(not_last, FramingError::TransferEncoding);
}

#[test]
fn the_same_content_length_twice_is_one_and_another_is_an_error() {
    let request = |lengths: &str| format!("POST / HTTP/1.1\r\n{lengths}\r\n\r\nabc");
    for lengths in
        ["Content-Length: 3\r\nContent-length: 3", "Content-Length: 3, 3", "Content-Length: 003 ,3 "]
    {
        assert_framed(&[&request(lengths), GET], "", Ok(End::Idle));
    }
    for lengths in ["Content-Length: 3\r\nContent-Length: 4", "Content-Length: 3, 4"] {
        let what = "said twice, with different numbers";
        assert_refused(&request(lengths), FramingError::ContentLength { what });
    }
    for length in ["", "+3", "-3", "3 3", "0x3", "3;", "18446744073709551616"] {
        let what = "not a number of bytes";
        assert_refused(&request(&format!("Content-Length: {length}")), FramingError::ContentLength { what });
    }
}

#[test]
fn a_request_that_waits_for_100_continue_says_so_while_its_body_is_missing() {
    let head = "PUT /i HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    assert_framed(&[GET], head, Ok(End::Inside { expects_continue: true }));
    assert_framed(&[GET], &head[..head.len() - 1], Ok(INSIDE));
    assert_framed(&[&format!("{head}{{}}"), GET], "", Ok(End::Idle));
}

#[test]
fn lines_that_are_no_headers_do_not_move_the_end_of_a_head() {
    let odd = "POST / HTTP/1.1\r\nno colon\r\n: no name\r\nContent-Length : 1\r\nBad Name: 1\r\n\r\nx";
    assert_framed(&[odd, GET], "", Ok(End::Idle));
}

#[test]
fn what_is_not_http_1_is_refused() {
    let refused = FramingError::StartLine { expected: "`METHOD TARGET HTTP/1.1`" };
    for bytes in [
        "\x16\x03\x01\x02\x00\x01\x00\x01",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /\r\n\r\n",
        "GET HTTP/1.1\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "GE(T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "{\"a\":1}\n",
        "/ HTTP/1.1\r\n\r\n",
    ] {
        assert_refused(bytes, refused.clone());
    }
    assert_refused(&format!("\r\n{}", "1\r\n"), refused);
}

#[test]
fn a_bad_chunk_is_refused_where_it_is() {
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let digit = "a hexadecimal digit of a chunk's size";
    let end = "the line end after a chunk";
    for (chunks, expected, found) in [
        ("x\r\n", digit, b'x'),
        ("\r\n", digit, b'\r'),
        (";x\r\n", digit, b';'),
        ("-1\r\n", digit, b'-'),
        ("1 \r\nab\r\n", end, b'b'),
        ("1\r\na\rx", end, b'x'),
        ("1\r\na\r\ng\r\n", digit, b'g'),
    ] {
        assert_refused(&format!("{head}{chunks}"), FramingError::Chunk { expected, found });
    }
    assert_refused(&format!("{head}10000000000000000\r\n"), FramingError::TooLong { what: "a chunk" });
}
