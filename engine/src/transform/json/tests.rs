use super::text;
use super::*;

fn problem(source: &str) -> String {
    Node::document(source.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_is_not_json_is_named_with_its_place() {
    let table = [
        ("", "not JSON at byte 0: expected an object, found the end of the text"),
        ("[1]", "not JSON at byte 0: expected an object, found `[`"),
        ("{\"a\":1", "not JSON at byte 6: expected `,` or `}`, found the end of the text"),
        ("{\"a\":[1}", "not JSON at byte 7: expected `,` or `]`, found `}`"),
        ("{\"a\" 1}", "not JSON at byte 5: expected `:`, found a number"),
        ("{a:1}", "not JSON at byte 1: expected a value, found `a`"),
        ("{\"a\":1,}", "not JSON at byte 7: expected a name, found `}`"),
        ("{\"a\":[1,]}", "not JSON at byte 8: expected a value, found `]`"),
        ("{\"a\":01}", "not JSON at byte 5: a number that JSON does not know"),
        ("{\"a\":1.}", "not JSON at byte 5: a number that JSON does not know"),
        ("{\"a\":\"x}", "not JSON at byte 5: a string has no end"),
        ("{\"a\":\"\\x\"}", "not JSON at byte 6: an escape that JSON does not know"),
        ("{\"a\":tru}", "not JSON at byte 5: expected a value, found `tru`"),
        ("{} {}", "not JSON at byte 3: expected the end of the text, found `{`"),
        ("{\"a\":/* x 1}", "not JSON at byte 5: a comment has no end"),
    ];
    for (source, expected) in table {
        assert_eq!(problem(source), expected, "{source}");
    }
}

#[test]
fn nesting_has_a_limit_and_takes_no_stack() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(Node::document(nested(999).as_bytes()).is_ok());
    assert_eq!(problem(&nested(1000)), "not JSON at byte 1004: nested deeper than 1000");
    assert_eq!(problem(&nested(1_000_000)), "not JSON at byte 1004: nested deeper than 1000");
}

#[test]
fn every_cut_of_a_document_is_an_error() {
    let source = r#"{"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{"c":{}},"d":[]}"#;
    for end in 0..source.len() {
        assert!(Node::document(&source.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn what_is_opened_is_written_with_the_texts_that_it_had() {
    let source =
        r#"{ "n" : [ 1e400 , 1.0, 12345678901234567890, -0.0, NaN ] , "d":1,"d" :2, "s":"\u00e9\/" }"#;
    let mut node = Node::document(source.as_bytes()).unwrap();
    for member in node.open_object().unwrap() {
        member.value.open_array();
    }
    let mut written = Vec::new();
    node.write(&mut written);
    let expected = r#"{"n":[1e400,1.0,12345678901234567890,-0.0,NaN],"d":1,"d":2,"s":"\u00e9\/"}"#;
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn texts_are_decoded_and_encoded() {
    let table = [
        (r#""plain""#, "plain"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\uD83D\uDE00!""#, "é😀!"),
    ];
    for (token, expected) in table {
        assert_eq!(text::decode(token.as_bytes()).unwrap(), expected);
        assert!(text::means(token.as_bytes(), expected));
        let mut encoded = Vec::new();
        text::encode(expected, &mut encoded);
        assert_eq!(text::decode(&encoded).unwrap(), expected);
    }
    for broken in [r#""\ud83d""#, r#""\ud83dx""#, r#""\ude00""#, r#""\ud83d\u0041""#] {
        assert_eq!(text::decode(broken.as_bytes()), Err("a string has half of a surrogate pair"), "{broken}");
    }
    let mut control = Vec::new();
    text::encode("\u{1}", &mut control);
    assert_eq!(control, b"\"\\u0001\"");
}
