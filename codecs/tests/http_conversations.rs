//! Conversations of curl with real servers, cut anywhere: messages end where they did, and say what curl says of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a wrong assumption of a test fails that test"
)]
use base64::Engine;
use codecs::json_compare::{Comparison, compare};
use codecs::traffic::content;
use codecs::traffic::http::{
    Closed, Progress, RequestFramer, ResponseFramer, body, parse_request, parse_response, request_method,
};
use codecs::traffic::tuple::{
    PayloadRecord, Tuple, TupleRecord, TupleRequest, TupleResponse, TupleSettings, write,
};
use std::time::Duration;

/// A request and what was sent back, interim responses with it.
struct Exchange {
    request: Vec<u8>,
    response: Vec<u8>,
    /// Status, and bytes sent and received after the heads.
    told: [usize; 3],
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn conversation(text: &str) -> Vec<Exchange> {
    let runs = text.lines().filter_map(|line| {
        let (mark, run) = line.split_at(2);
        let run = || base64::engine::general_purpose::STANDARD.decode(run).unwrap();
        matches!(mark, "> " | "< ").then(|| (mark == "> ", run()))
    });
    let mut told = text.lines().filter_map(|line| line.strip_prefix("= ")).map(|line| {
        let numbers: Vec<_> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        [numbers[0], numbers[1], numbers[2]]
    });
    let mut exchanges = Vec::new();
    let mut request = Vec::new();
    let mut response = Vec::new();
    for (is_client, run) in runs {
        if is_client {
            request.extend_from_slice(&run);
            continue;
        }
        response.extend_from_slice(&run);
        if run != CONTINUE {
            let told = told.next().unwrap();
            let (request, response) = (std::mem::take(&mut request), std::mem::take(&mut response));
            exchanges.push(Exchange { request, response, told });
        }
    }
    assert!(told.next().is_none() && request.is_empty() && response.is_empty());
    assert_eq!(exchanges.len(), text.lines().filter(|line| line.starts_with('#')).count());
    exchanges
}

/// Pieces of random lengths, up to `most`.
fn pieces<'a>(bytes: &'a [u8], most: usize, seed: &mut u64) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        let length = usize::try_from(*seed % most as u64).unwrap() + 1;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn request_lengths(pieces: &[&[u8]]) -> Vec<usize> {
    let mut framer = RequestFramer::new();
    let (mut lengths, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let used = match framer.push(rest).unwrap() {
                Progress::Ended { used } => {
                    lengths.push(length + used);
                    length = 0;
                    rest = &rest[used..];
                    continue;
                }
                Progress::More => rest.len(),
                Progress::Interim { .. } => panic!("a request is no response"),
            };
            length += used;
            rest = &rest[used..];
        }
    }
    assert!(framer.is_idle());
    lengths
}

/// The lengths of the responses with the interim ones before them, and of what follows an upgrade.
fn response_lengths(pieces: &[&[u8]], methods: &[&str]) -> Vec<usize> {
    let mut methods = methods.iter();
    let mut framer = ResponseFramer::new(methods.next().unwrap());
    let mut lengths = vec![0];
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let used = match framer.push(rest).unwrap() {
                Progress::More => rest.len(),
                Progress::Interim { used } => used,
                Progress::Ended { used: 0 } if framer.is_upgraded() => rest.len(),
                Progress::Ended { used: 0 } => {
                    framer = ResponseFramer::new(methods.next().unwrap());
                    lengths.push(0);
                    0
                }
                Progress::Ended { used } => used,
            };
            *lengths.last_mut().unwrap() += used;
            rest = &rest[used..];
        }
    }
    assert_eq!(framer.close(), Closed::Whole);
    assert!(methods.next().is_none());
    lengths
}

fn check_framing(name: &str, exchanges: &[Exchange]) {
    let client: Vec<u8> = exchanges.iter().flat_map(|exchange| exchange.request.clone()).collect();
    let server: Vec<u8> = exchanges.iter().flat_map(|exchange| exchange.response.clone()).collect();
    let methods: Vec<_> = exchanges.iter().map(|one| request_method(&one.request).unwrap()).collect();
    let requests: Vec<_> = exchanges.iter().map(|exchange| exchange.request.len()).collect();
    let responses: Vec<_> = exchanges.iter().map(|exchange| exchange.response.len()).collect();
    let mut seed = 0x9E37_79B9_7F4A_7C15;
    for most in [1, 2, 3, 7, 50, 500, 5000, 1 << 20].into_iter().cycle().take(80) {
        assert_eq!(request_lengths(&pieces(&client, most, &mut seed)), requests, "{name} {most}");
        assert_eq!(response_lengths(&pieces(&server, most, &mut seed), &methods), responses, "{name} {most}");
    }
}

/// The response without the interim ones before it.
fn final_response(exchange: &Exchange) -> &[u8] {
    let mut response = &exchange.response[..];
    let mut framer = ResponseFramer::new(request_method(&exchange.request).unwrap());
    while let Progress::Interim { used } = framer.push(response).unwrap() {
        response = &response[used..];
    }
    response
}

fn check_messages(exchange: &Exchange) {
    let [status, sent, received] = exchange.told;
    let head = parse_request(&exchange.request).unwrap();
    assert_eq!(exchange.request.len() - head.length, sent);
    assert!(body(&exchange.request, head.length, &head.headers).unwrap().complete);
    let response = final_response(exchange);
    let head = parse_response(response).unwrap();
    assert_eq!(usize::from(head.status), status);
    let body = body(response, head.length, &head.headers).unwrap();
    assert_eq!(body.data.len(), received);
    check_tuple(exchange, response, &body.data);
}

/// The tuple of an exchange has the body of the response: JSON as JSON, inflated.
fn check_tuple(exchange: &Exchange, response: &[u8], data: &[u8]) {
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(&exchange.request)),
        source_response: Some(TupleResponse::parse(response, Duration::ZERO)),
        ..Tuple::default()
    };
    let mut line = Vec::new();
    write(&tuple, &TupleSettings::default(), &mut line);
    let record = TupleRecord::parse(&line).unwrap();
    let read = record.source_response.unwrap();
    let head = parse_response(response).unwrap();
    let codings = content::codings(&head.headers);
    let plain = content::decode(codings.as_deref().unwrap_or_default(), data, 1 << 20).unwrap();
    if codings.is_some() && !data.is_empty() {
        assert_eq!(
            (read.header("transfer-encoding"), read.header("content-encoding")),
            (Some("chunked"), None)
        );
    }
    match &read.payload {
        PayloadRecord::Json(json) => assert_eq!(compare(&plain, json.get().as_bytes()), Comparison::Equal),
        payload => assert_eq!(*payload.bytes(), plain),
    }
    let is_json = read.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    assert_eq!(is_json && !plain.is_empty(), matches!(read.payload, PayloadRecord::Json(_)));
}

macro_rules! conversations {
    ($($test:ident: $file:literal,)*) => {$(
        #[test]
        fn $test() {
            let exchanges = conversation(include_str!(concat!("fixtures/http/", $file, ".txt")));
            check_framing($file, &exchanges);
            exchanges.iter().for_each(check_messages);
        }
    )*};
}

conversations! {
    documents_heads_and_searches_over_one_connection: "documents",
    bodies_that_wait_for_100_continue: "expect",
    chunked_and_compressed_bodies: "encodings",
    a_request_of_http_1_0: "http-1.0",
    requests_that_are_refused: "refused",
    chunked_responses_with_trailers_and_interim_ones: "chunks",
    a_response_that_ends_with_its_connection: "until-close",
}

#[test]
fn a_connection_that_is_upgraded() {
    let exchanges = conversation(include_str!("fixtures/http/upgrade.txt"));
    check_framing("upgrade", &exchanges);
    let head = parse_response(&exchanges[0].response).unwrap();
    assert_eq!((head.status, &exchanges[0].response[head.length..]), (101, &b"no HTTP"[..]));
}
