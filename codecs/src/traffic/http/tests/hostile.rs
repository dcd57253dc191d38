//! Input that wants to take memory or time, or to break something.

use super::*;

const START: &str = "GET / HTTP/1.1\r\n";

/// Byte by byte, which would take minutes if a head were looked at from its start each time.
#[test]
fn a_header_of_a_mebibyte_and_thousands_of_headers_are_read_in_pieces_of_any_size() {
    let long = format!("{START}Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("{START}{}\r\n", format!("Name: {}\r\n", "v".repeat(250)).repeat(MAX_HEADERS));
    assert!(many.len() > 1 << 20);
    for message in [&long, &many] {
        let used = message.len();
        for size in [1 << 30, 65_536, 1000, 1] {
            let mut framer = RequestFramer::new();
            let mut pieces = message.as_bytes().chunks(size).rev().collect::<Vec<_>>();
            let last = pieces.remove(0);
            pieces.iter().rev().for_each(|piece| assert_eq!(framer.push(piece), Ok(Progress::More)));
            assert_eq!(framer.push(last), Ok(Progress::Ended { used: last.len() }));
        }
        assert_eq!(parse_request(message.as_bytes()).unwrap().length, used);
    }
}

#[test]
fn an_endless_head_is_refused_at_the_limit() {
    let piece = [b'x'; 4096];
    for start in [START.as_bytes(), b"G", b"\r\n"] {
        let mut framer = RequestFramer::new();
        framer.push(start).unwrap();
        let pieces = std::iter::repeat_with(|| {
            if start == b"\r\n" { framer.push(b"\r\n\r\n") } else { framer.push(&piece) }
        });
        let fed = pieces.take_while(Result::is_ok).count();
        let size = if start == b"\r\n" { 4 } else { piece.len() };
        assert_eq!(fed, (MAX_HEAD - start.len()) / size);
    }
    let more = format!("{START}{}\r\n", "a:\r\n".repeat(MAX_HEADERS + 1));
    assert_eq!(RequestFramer::new().push(more.as_bytes()), Err(FramingError::TooManyHeaders));
    assert_eq!(parse_request(more.as_bytes()), Err(FramingError::TooManyHeaders));
}

#[test]
fn endless_extensions_and_trailers_are_refused_at_the_limit() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (start, what) in [("5;", "the line of a chunk's size"), ("0\r\n", "trailers")] {
        let mut framer = ResponseFramer::new("GET");
        framer.push(format!("{head}{start}").as_bytes()).unwrap();
        let error = (0..MAX_HEAD).find_map(|_| framer.push(&[b'x'; 4096]).err());
        assert_eq!(error, Some(FramingError::TooLong { what }));
    }
}

#[test]
fn random_bytes_and_changed_messages_never_panic() {
    let message = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5;e\r\n12345\r\n0\r\nT: t\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n";
    let mut random = Random(7);
    for _ in 0..20_000 {
        let mut bytes = if random.below(2) == 0 { message.to_vec() } else { answer.to_vec() };
        for _ in 0..random.below(4) + 1 {
            let place = random.below(bytes.len());
            bytes[place] = *b"\r\n :;0f\0\xFFGH".get(random.below(11)).unwrap();
        }
        let cut = random.below(bytes.len());
        let mut requests = RequestFramer::new();
        let mut responses = ResponseFramer::new("GET");
        for piece in [&bytes[..cut], &bytes[cut..], &bytes] {
            let _ = (requests.push(piece), responses.push(piece), responses.close());
        }
        if let Ok(head) = parse_request(&bytes) {
            let _ = body(&bytes, head.length, &head.headers);
        }
        if let Ok(head) = parse_response(&bytes) {
            let _ = body(&bytes, head.length, &head.headers);
        }
    }
}
