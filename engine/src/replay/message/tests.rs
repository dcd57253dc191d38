use super::super::route::tests::request;
use super::payload::{of_body, to_body};
use super::*;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_message_is_that_of_the_java_replayer() {
    let mut request = request("POST", "/a?b=\"c\"", "{}");
    request.headers = Headers::default();
    for (name, value) in [("Host", "h"), ("X-A", "1"), ("x-a", "2")] {
        request.headers.append(name, value);
    }
    let expected = r#"{"transformerMessageVersion":2,"method":"POST","URI":"/a?b=\"c\"","protocol":"HTTP/1.1","headers":{"Host":["h"],"X-A":["1","2"]}}"#;
    assert_eq!(text(head(&request, Spelling::AsSent)), expected);
    let small = head(&request, Spelling::Small);
    assert_eq!(text(small.clone()), expected.replace("Host", "host").replace("X-A", "x-a"));
    let whole = text(with_payload(small, b"{\"inlinedJsonBody\":{}}"));
    assert!(whole.ends_with(r#""x-a":["1","2"]},"payload":{"inlinedJsonBody":{}}}"#), "{whole}");
}

#[test]
fn a_payload_says_what_the_body_is() {
    let form = Some("application/x-www-form-urlencoded");
    let table: [(&[u8], Option<&str>, &str); 10] = [
        (b"", None, "{}"),
        (b" { \"a\" : 1.0 } \n", None, r#"{"inlinedJsonBody":{ "a" : 1.0 }}"#),
        (b"{}\n{\"b\":2}\n", None, r#"{"inlinedJsonSequenceBodies":[{},{"b":2}]}"#),
        (b"{}{}", None, r#"{"inlinedJsonSequenceBodies":[{},{}]}"#),
        (b"{\"a\":", None, r#"{"inlinedTextBody":"{\"a\":"}"#),
        (b"{} rest", None, r#"{"inlinedTextBody":"{} rest"}"#),
        (b" \n", None, r#"{"inlinedTextBody":" \n"}"#),
        (b"\xff", None, r#"{"inlinedBinaryBody":"/w=="}"#),
        (b"a=1&b&a=%7E+", form, r#"{"inlinedFormEncodedBody":{"a":["1","~ "],"b":[""]}}"#),
        (b"{}", form, r#"{"inlinedFormEncodedBody":{"{}":[""]}}"#),
    ];
    for (body, content_type, expected) in table {
        assert_eq!(text(of_body(body, content_type)), expected);
    }
}

#[test]
fn bodies_come_back_from_their_payloads() {
    for body in
        ["{ \"a\" : 1.0 }\n", "{}\n{\"b\":1e400}\n", "{\"a\":", "[1,2]", "\"x\"", "12345678901234567890"]
    {
        assert_eq!(text(to_body(&of_body(body.as_bytes(), None), body.as_bytes()).unwrap()), body);
    }
    assert_eq!(to_body(&of_body(b"\xff\x00", None), b"").unwrap(), b"\xff\x00");
    // A value of several lines would be several lines of a bulk request.
    let lines = to_body(b"{\"inlinedJsonSequenceBodies\":[{\n\"a\":1},{}]}", b"").unwrap();
    assert_eq!(text(lines), "{ \"a\":1}\n{}\n");
}

#[test]
fn a_payload_that_is_no_body_is_an_error() {
    for (payload, expected) in [
        ("{\"body\":1}", "`payload` has `body`, which is no kind of body"),
        ("{\"inlinedTextBody\":1}", "`inlinedTextBody` is not a text"),
        ("{\"inlinedJsonSequenceBodies\":1}", "`inlinedJsonSequenceBodies` is not a list"),
        ("{\"inlinedBinaryBody\":\"?\"}", "`inlinedBinaryBody` is not base64: Invalid symbol 63, offset 0."),
        ("[]", "`payload` is not JSON at byte 0: expected an object, found `[`"),
    ] {
        assert_eq!(to_body(payload.as_bytes(), b"").unwrap_err(), expected);
    }
}
