//! Where responses end.

use super::*;

/// How a response ends, if nothing more comes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    closed: Closed,
    is_upgraded: bool,
    /// Bytes after it.
    rest: usize,
}

/// Interim responses count as messages.
fn frame(method: &str, pieces: &[&[u8]]) -> Framed<End> {
    let mut framer = ResponseFramer::new(method);
    let (mut lengths, mut length, mut left) = (Vec::new(), 0, 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match framer.push(rest) {
                Ok(Progress::More) => {
                    length += rest.len();
                    break;
                }
                Ok(Progress::Interim { used }) => {
                    lengths.push(length + used);
                    length = 0;
                    rest = &rest[used..];
                    assert_eq!(framer.close(), Closed::Nothing);
                }
                Ok(Progress::Ended { used }) => {
                    length += used;
                    if length > 0 {
                        lengths.push(std::mem::take(&mut length));
                    }
                    left += rest.len() - used;
                    break;
                }
                Err(error) => return Framed { lengths, end: Err(error) },
            }
        }
    }
    let end = End { closed: framer.close(), is_upgraded: framer.is_upgraded(), rest: left };
    Framed { lengths, end: Ok(end) }
}

#[track_caller]
fn assert_framed(method: &str, messages: &[&str], rest: &str, closed: Closed, is_upgraded: bool) {
    let bytes = [&messages.concat(), rest].concat();
    let lengths = messages.iter().map(|message| message.len()).collect();
    let rest = if closed == Closed::Whole && !messages.is_empty() { rest.len() } else { 0 };
    let end = Ok(End { closed, is_upgraded, rest });
    assert_same_for_all_cuts(bytes.as_bytes(), &Framed { lengths, end }, |pieces| frame(method, pieces));
}

#[track_caller]
fn assert_whole(method: &str, messages: &[&str]) {
    for rest in ["", "HTTP/1.1 200 OK\r\n"] {
        assert_framed(method, messages, rest, Closed::Whole, false);
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: 1\r\n\r\n";

#[test]
fn a_response_ends_after_its_content_length_or_its_last_chunk() {
    assert_whole("GET", &[OK]);
    assert_whole("GET", &[CHUNKED]);
    assert_whole("POST", &["HTTP/1.1 201\r\nContent-Length: 0\r\n\r\n"]);
    let both =
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    assert_whole("GET", &[both]);
}

#[test]
fn the_response_to_a_head_request_has_no_body_whatever_its_length_says() {
    assert_whole("HEAD", &["HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"]);
    assert_whole("HEAD", &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]);
    assert_whole("HEAD", &["HTTP/1.1 404 Not Found\r\n\r\n"]);
}

#[test]
fn statuses_204_and_304_have_no_body() {
    for status in ["204 No Content", "304 Not Modified"] {
        for length in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
            assert_whole("GET", &[&format!("HTTP/1.1 {status}\r\n{length}\r\n")]);
        }
    }
}

#[test]
fn interim_responses_end_one_by_one_before_the_final_one() {
    let interim =
        ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 \r\nA: b\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\n"];
    assert_whole("PUT", &[interim[0], OK]);
    assert_whole("PUT", &[interim[0], interim[1], interim[2], interim[0], CHUNKED]);
    assert_framed("PUT", &interim, "", Closed::Nothing, false);
}

#[test]
fn after_101_and_after_2xx_to_connect_no_http_follows() {
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    assert_framed("GET", &["HTTP/1.1 100 Continue\r\n\r\n", switching], "\x01\x02", Closed::Whole, true);
    let established = "HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n";
    assert_framed("CONNECT", &[established], "\x16\x03\x01", Closed::Whole, true);
    assert_whole("CONNECT", &["HTTP/1.1 407 Proxy\r\nContent-Length: 2\r\n\r\nno"]);
}

#[test]
fn a_response_without_a_length_ends_when_the_connection_does() {
    for head in
        ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n"]
    {
        assert_framed(
            "GET",
            &[],
            &format!("{head}anything\r\n\r\nHTTP/1.1 200 OK\r\n"),
            Closed::Whole,
            false,
        );
        assert_framed("GET", &[], head, Closed::Whole, false);
    }
}

#[test]
fn a_response_that_the_connection_cuts_says_so() {
    for whole in [OK, CHUNKED] {
        for length in 1..whole.len() {
            assert_framed("GET", &[], &whole[..length], Closed::Cut, false);
        }
    }
    assert_framed("GET", &[], "", Closed::Nothing, false);
}

#[test]
fn what_is_no_response_is_refused() {
    for bytes in [
        "{}",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 020 \r\n\r\n",
    ] {
        let refused = FramingError::StartLine { expected: "`HTTP/1.1 STATUS REASON`" };
        let expected = Framed { lengths: Vec::new(), end: Err(refused) };
        assert_same_for_all_cuts(bytes.as_bytes(), &expected, |pieces| frame("GET", pieces));
    }
}
