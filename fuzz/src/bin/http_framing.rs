//! Requests and responses: they end at the same places wherever they are cut, and what has ended can be taken apart.
//!
//! Input: method (1), length of pieces (1), the bytes.
#![no_main]

use codecs::traffic::http::{
    FramingError, Progress, RequestFramer, ResponseFramer, body, parse_request, parse_response,
    request_method,
};
use fuzz::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let method = ["GET", "HEAD", "CONNECT"][usize::from(parts.byte() % 3)];
    let piece = usize::from(parts.byte()) + 1;
    let bytes = parts.last();
    let whole = requests(bytes, usize::MAX);
    assert_eq!(requests(bytes, piece), whole);
    let mut rest = bytes;
    for length in whole.0 {
        let (message, after) = rest.split_at(length);
        rest = after;
        check_request(message);
    }
    let whole = responses(bytes, usize::MAX, method);
    assert_eq!(responses(bytes, piece, method), whole);
    if whole.1.is_ok() && whole.0.len() == 1 {
        check_response(&bytes[..whole.0[0]], method);
    }
});

type Framed = (Vec<usize>, Result<bool, FramingError>);

fn requests(bytes: &[u8], piece: usize) -> Framed {
    let mut framer = RequestFramer::new();
    let (mut lengths, mut length) = (Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        loop {
            match framer.push(rest) {
                Ok(Progress::Ended { used }) => {
                    lengths.push(length + used);
                    length = 0;
                    rest = &rest[used..];
                }
                Ok(_) => break length += rest.len(),
                Err(error) => return (lengths, Err(error)),
            }
        }
    }
    (lengths, Ok(framer.is_idle()))
}

/// The lengths of the interim responses and of the final one.
fn responses(bytes: &[u8], piece: usize, method: &str) -> Framed {
    let mut framer = ResponseFramer::new(method);
    let (mut lengths, mut length) = (Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        loop {
            match framer.push(rest) {
                Ok(Progress::Interim { used }) => {
                    lengths.push(length + used);
                    length = 0;
                    rest = &rest[used..];
                }
                Ok(Progress::Ended { used }) => {
                    lengths.push(length + used);
                    assert_eq!(framer.push(b"more"), Ok(Progress::Ended { used: 0 }));
                    return (lengths, Ok(framer.is_upgraded()));
                }
                Ok(Progress::More) => break length += rest.len(),
                Err(error) => return (lengths, Err(error)),
            }
        }
    }
    lengths.push(length);
    (lengths, Ok(false))
}

fn check_request(message: &[u8]) {
    let Ok(head) = parse_request(message) else { return };
    assert_eq!(request_method(message), Some(head.method));
    assert!(head.length <= message.len() && message[..head.length].ends_with(b"\n"));
    let body = body(message, head.length, &head.headers).expect("the framer understood it");
    assert!(body.complete);
}

fn check_response(message: &[u8], method: &str) {
    let Ok(head) = parse_response(message) else { return };
    assert!((100..=999).contains(&head.status) && head.length <= message.len());
    let Ok(body) = body(message, head.length, &head.headers) else { return };
    assert!(body.data.len() <= message.len() - head.length);
    assert!(method != "HEAD" || body.data.is_empty());
}
