//! The keys of a tuple and their order.

use super::*;
use crate::traffic::content;

const REQUEST: &[u8] = b"PUT /i/_doc/1?refresh HTTP/1.1\r\nHost: source:9200\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":1.0}";
const RESPONSE: &[u8] =
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn defect_19_a_whole_tuple_has_the_keys_of_java_in_its_order_and_then_ours_with_times() {
    let target = TupleResponse::parse(RESPONSE, Duration::from_micros(12_345)).unwrap();
    let overloaded = b"HTTP/1.1 429 Too Many Requests\r\n\r\n";
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(REQUEST)),
        source_response: Some(TupleResponse::parse(RESPONSE, Duration::from_micros(1_999))),
        target_request: Some(TupleRequest::parse(REQUEST)),
        target_responses: vec![TupleResponse::parse(overloaded, Duration::ZERO).unwrap(), target],
        connection: "c\"1",
        index: 7,
        error: Some("no answer"),
        source_time: Some(second(1, 5)),
        target_time: Some(second(2, 0)),
        place: Some(Place { topic: "logging-traffic-topic", partition: 3, offset: 4_000_000_000 }),
        attempts: vec![
            Attempt {
                at: second(2, 0),
                delay: Duration::ZERO,
                status: Some(429),
                response_time: Some(Duration::from_micros(1_001)),
                items: None,
                error: None,
            },
            Attempt {
                at: second(3, 250_000),
                delay: Duration::from_millis(1000),
                status: None,
                response_time: None,
                items: Some(2),
                error: Some("connection\nreset"),
            },
        ],
        transform_status: Some("transformed"),
    };
    let request = r#"{"Host":["source:9200"],"Content-Type":["application/json"],"Content-Length":["9"],"Request-URI":"/i/_doc/1?refresh","Method":"PUT","HTTP-Version":"HTTP/1.1","payload":{"inlinedJsonBody":{"a":1.0}}}"#;
    let response = r#"{"content-type":["application/json"],"content-length":["2"],"HTTP-Version":"HTTP/1.1","Status-Code":201,"Reason-Phrase":"Created","response_time_ms":MS,"payload":{"inlinedJsonBody":{}}}"#;
    let refused = r#"{"HTTP-Version":"HTTP/1.1","Status-Code":429,"Reason-Phrase":"Too Many Requests","response_time_ms":0,"payload":{"inlinedTextBody":""}}"#;
    let expected = [
        format!(r#"{{"sourceRequest":{request},"#),
        format!(r#""sourceResponse":{},"#, response.replace("MS", "1")),
        format!(r#""targetRequest":{request},"#),
        format!(r#""targetResponses":[{refused},{}],"#, response.replace("MS", "12")),
        r#""connectionId":"c\"1.7","error":"no answer","numRequests":2,"numErrors":1,"#.to_owned(),
        r#""sourceTimestamp":"1970-01-01T00:00:01.000005Z","targetTimestamp":"1970-01-01T00:00:02.000000Z","#.to_owned(),
        r#""sourceResponseMillis":1.999,"topic":"logging-traffic-topic","partition":3,"offset":4000000000,"#.to_owned(),
        r#""attempts":[{"at":"1970-01-01T00:00:02.000000Z","delay_ms":0.000,"status":429,"response_time_ms":1.001},"#.to_owned(),
        r#"{"at":"1970-01-01T00:00:03.250000Z","delay_ms":1000.000,"items":2,"error":"connection\nreset"}],"#.to_owned(),
        r#""transformStatus":"transformed"}"#.to_owned(),
    ];
    assert_eq!(written(&tuple), expected.concat());
}

#[test]
fn what_is_not_known_is_left_out() {
    let expected =
        r#"{"targetResponses":[],"connectionId":".0","numRequests":0,"numErrors":0,"attempts":[]}"#;
    assert_eq!(written(&Tuple::default()), expected);
}

#[test]
fn a_message_that_is_none_is_an_exception() {
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(b"\x16\x03\x01 secret\r\n\r\n")),
        source_response: Some(TupleResponse::parse(b"HTTP/1.1 200 OK\r\nA:", Duration::ZERO)),
        ..Tuple::default()
    };
    let line = written(&tuple);
    let expected = r#"{"sourceRequest":{"Exception":"not an HTTP/1 message: its first line is no `METHOD TARGET HTTP/1.1`"},"sourceResponse":{"Exception":"the head of the message has no end"},"targetResponses""#;
    assert!(line.starts_with(expected), "{line}");
}

#[test]
fn headers_of_one_name_are_one_list_under_the_first_of_its_spellings() {
    let request = b"GET / HTTP/1.1\r\nAccept: a\r\nX: 1\r\naccept: b\r\nACCEPT:\r\n\r\n";
    let expected = r#"{"Accept":["a","b",""],"X":["1"],"Request-URI":"/","Method":"GET","HTTP-Version":"HTTP/1.1","payload":{"inlinedTextBody":""}}"#;
    assert_eq!(written_request(request), expected);
}

#[test]
fn a_header_with_the_name_of_a_key_gives_way_to_it() {
    let request = b"GET / HTTP/1.1\r\npayload: x\r\nMethod: y\r\nmethod: z\r\n\r\n";
    let expected = r#"{"method":["z"],"Request-URI":"/","Method":"GET","HTTP-Version":"HTTP/1.1","payload":{"inlinedTextBody":""}}"#;
    assert_eq!(written_request(request), expected);
}

#[test]
fn values_that_are_not_utf_8_are_latin_1_and_folds_are_spaces() {
    let request = b"GET / HTTP/1.1\r\nA: \xE9\"\r\nB: \xC3\xA9\r\nC: 1\r\n 2\r\n\r\n";
    assert!(written_request(request).starts_with("{\"A\":[\"é\\\"\"],\"B\":[\"é\"],\"C\":[\"1 2\"],"));
}

#[test]
fn a_compressed_body_is_inflated_and_its_headers_are_those_of_java() {
    for coding in ["gzip", "deflate", "br", "zstd", "identity, gzip"] {
        let body = content::encode(coding, b"{\"a\":1}").unwrap();
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\nX: 1\r\n\r\n"
        );
        let expected = r#"{"X":["1"],"transfer-encoding":["chunked"],"Request-URI":"/","Method":"POST","HTTP-Version":"HTTP/1.1","payload":{"inlinedJsonBody":{"a":1}}}"#;
        assert_eq!(written_request(&[head.as_bytes(), &body].concat()), expected, "{coding}");
    }
}

#[test]
fn a_body_that_is_not_what_its_coding_says_or_becomes_too_long_is_written_as_it_is() {
    let body = content::encode("gzip", &[b'x'; 100]).unwrap();
    let settings = TupleSettings { most_inflated: 99, ..TupleSettings::default() };
    for (body, settings) in [(&body[..], &settings), (&body[1..], &TupleSettings::default())] {
        let headers = vec![("Content-Encoding", &b"gzip"[..])];
        let version = crate::traffic::http::Version::Http10;
        let request = TupleRequest { method: "PUT", target: "/", version, headers, body: body.into() };
        let tuple = Tuple { source_request: Some(Ok(request)), ..Tuple::default() };
        let line = written_with(&tuple, settings);
        assert!(line.starts_with(r#"{"sourceRequest":{"Content-Encoding":["gzip"],"Request-URI""#), "{line}");
        let record = TupleRecord::parse(line.as_bytes()).unwrap();
        assert_eq!(record.source_request.unwrap().payload, PayloadRecord::Bytes(body.to_vec()));
    }
}

#[test]
fn a_chunked_body_is_put_together() {
    let request =
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n5\r\na\":1}\r\n0\r\n\r\n";
    let expected = r#"{"Transfer-Encoding":["chunked"],"Request-URI":"/","Method":"POST","HTTP-Version":"HTTP/1.1","payload":{"inlinedJsonBody":{"a":1}}}"#;
    assert_eq!(written_request(request), expected);
}
