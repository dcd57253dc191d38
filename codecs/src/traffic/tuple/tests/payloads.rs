//! Which of the five keys a body is written under.

use super::*;

#[test]
fn json_keeps_its_text_but_for_line_ends() {
    for (body, expected) in [
        (r#"{"a":1e400,"a":00}"#, r#"{"inlinedTextBody":"{\"a\":1e400,\"a\":00}"}"#),
        (
            r#"{"a":1e400,"a":12345678901234567890.10}"#,
            r#"{"inlinedJsonBody":{"a":1e400,"a":12345678901234567890.10}}"#,
        ),
        (" [ 1, \"\\ud800\" ]\r\n", r#"{"inlinedJsonBody":[ 1, "\ud800" ]}"#),
        ("{\r\n  \"a\" :\n\t1\n}\n", r#"{"inlinedJsonBody":{"a" :1}}"#),
    ] {
        assert_eq!(written_payload("application/json", body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn several_json_values_are_a_sequence() {
    let bulk = b"{\"index\":{}}\n{\"a\" : 1.50}\n\n{\"delete\":{}}\n";
    let expected = r#"{"inlinedJsonSequenceBodies":[{"index":{}},{"a" : 1.50},{"delete":{}}]}"#;
    assert_eq!(written_payload("application/x-ndjson", bulk), expected);
    assert_eq!(written_payload("", b"{}[] {\n}"), r#"{"inlinedJsonSequenceBodies":[{},[],{}]}"#);
    assert_eq!(written_payload("", b"{\"index\":{}}\n"), r#"{"inlinedJsonBody":{"index":{}}}"#);
}

#[test]
fn what_is_not_json_to_its_end_is_text() {
    for body in
        ["{", "{}x", "{}\n1", "{} \"a\"", "12", "true", "\"a\"", "{\"a\":\"\u{1}\"}", "{a:1}", "[1,]", "{}{"]
    {
        let line = written_payload("application/json", body.as_bytes());
        let expected = format!(r#"{{"inlinedTextBody":{}}}"#, serde_json::Value::from(body));
        assert_eq!(line, expected);
    }
}

#[test]
fn json_deeper_than_readers_take_is_text() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(written_payload("", &nested(1000)).starts_with(r#"{"inlinedJsonBody":["#));
    let deep = nested(1001);
    // Some readers cannot even pass over it.
    let head = format!("PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", deep.len());
    assert!(written_request(&[head.as_bytes(), &deep].concat()).contains(r#"{"inlinedTextBody":"[["#));
    let many = format!("[{}1]", "[],".repeat(2000));
    assert!(written_payload("", many.as_bytes()).starts_with(r#"{"inlinedJsonBody":["#));
    let strings = format!("[\"{}\"]", "[".repeat(2000));
    assert!(written_payload("", strings.as_bytes()).starts_with(r#"{"inlinedJsonBody":["#));
}

#[test]
fn a_form_is_taken_apart_where_it_is_cleanly_one() {
    let form = "application/x-www-form-urlencoded; charset=UTF-8";
    let expected = r#"{"inlinedFormEncodedBody":{"a b":["1","%"],"ü":["x=y"]}}"#;
    assert_eq!(written_payload(form, "a+b=1&%C3%bc=x=y&a%20b=%25".as_bytes()), expected);
    // curl calls all that it sends a form.
    assert_eq!(written_payload(form, b"{\"a\":1}"), r#"{"inlinedJsonBody":{"a":1}}"#);
    for body in ["a", "a=%", "a=%g0", "a=%FF", "a=1&", "a=1\n"] {
        assert!(written_payload(form, body.as_bytes()).starts_with(r#"{"inlinedTextBody":"a"#), "{body}");
    }
    assert_eq!(written_payload("text/plain", b"a=1"), r#"{"inlinedTextBody":"a=1"}"#);
}

#[test]
fn bytes_are_base64_and_text_is_escaped() {
    assert_eq!(written_payload("", b":)\n\x00\xFF"), r#"{"inlinedBase64Body":"OikKAP8="}"#);
    assert_eq!(written_payload("", "a\t\"é\"\n".as_bytes()), r#"{"inlinedTextBody":"a\t\"é\"\n"}"#);
    let long: Vec<u8> = (0..10_000_u32).map(|n| u8::try_from(n % 251).unwrap() | 0x80).collect();
    let line = written_payload("", &long);
    let encoded = line.strip_prefix(r#"{"inlinedBase64Body":""#).unwrap().strip_suffix(r#""}"#).unwrap();
    use base64::Engine;
    assert_eq!(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(), long);
}

#[test]
fn a_body_that_is_in_the_line_already_is_written_the_same() {
    let head = "PUT / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n";
    let packed = crate::traffic::content::encode("gzip", b"{\"a\":1}").unwrap();
    let message = [format!("{head}Content-Length: {}\r\n\r\n", packed.len()).as_bytes(), &packed].concat();
    let response = |content_type: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 3\r\n\r\na=1")
            .into_bytes()
    };
    let (text, form) = (response("text/plain"), response("application/x-www-form-urlencoded"));
    let parse = |message| TupleResponse::parse(message, Duration::ZERO).unwrap();
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(&message)),
        target_request: Some(TupleRequest::parse(&message)),
        target_responses: vec![parse(&text), parse(&text), parse(&form), parse(&form)],
        ..Tuple::default()
    };
    let line = written(&tuple);
    let request = r#"{"Content-Type":["application/json"],"transfer-encoding":["chunked"],"Request-URI":"/","Method":"PUT","HTTP-Version":"HTTP/1.1","payload":{"inlinedJsonBody":{"a":1}}}"#;
    assert_eq!(line.matches(request).count(), 2, "{line}");
    assert_eq!(line.matches(r#""payload":{"inlinedTextBody":"a=1"}"#).count(), 2, "{line}");
    assert_eq!(line.matches(r#""payload":{"inlinedFormEncodedBody":{"a":["1"]}}"#).count(), 2, "{line}");
}
