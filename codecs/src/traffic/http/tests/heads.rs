//! What heads say, beside what `httparse` says of them.

use super::*;

#[test]
fn a_head_is_read_as_it_was_sent() {
    let message = b"\r\nPOST /a%20b/_search?q=%C3%A9 HTTP/1.1\r\nHost: h:9200\r\nX-Twice: 1\r\nx-twice:2 \t\r\nempty:\r\nX-Latin: \xE9\r\n\r\n{}";
    let head = parse_request(message).unwrap();
    assert_eq!(
        (head.method, head.target, head.version),
        ("POST", "/a%20b/_search?q=%C3%A9", Version::Http11)
    );
    let headers: [(&str, &[u8]); 5] =
        [("Host", b"h:9200"), ("X-Twice", b"1"), ("x-twice", b"2"), ("empty", b""), ("X-Latin", b"\xE9")];
    assert_eq!(head.headers, headers);
    assert_eq!(&message[head.length..], b"{}");
    assert_eq!(request_method(message), Some("POST"));
}

#[test]
fn the_reason_of_a_response_may_be_missing_or_be_anything() {
    for (line, status, reason) in [
        (&b"HTTP/1.0 404 Not  Found "[..], 404, "Not  Found"),
        (b"HTTP/1.1 200", 200, ""),
        (b"HTTP/1.1 200 ", 200, ""),
        (b"HTTP/1.1 599 \xC3\xA9t\xE9", 599, "\u{e9}t"),
    ] {
        let message = [line, b"\r\nA: b\r\n\r\n"].concat();
        let head = parse_response(&message).unwrap();
        assert_eq!((head.status, head.reason, head.length), (status, reason, message.len()));
        assert_eq!(head.headers, [("A", &b"b"[..])]);
    }
    assert_eq!(parse_response(b"HTTP/1.0 200\n\n").unwrap().version.to_string(), "HTTP/1.0");
}

#[test]
fn a_folded_value_is_one_value() {
    let head = parse_request(b"GET / HTTP/1.1\r\nA: one\r\n  two \r\n\t\r\n three\r\nB: 1\r\n\r\n").unwrap();
    let names: Vec<_> = head.headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(&*unfolded(head.headers[0].1), b"one two three");
    assert_eq!(unfolded(b"as it is"), std::borrow::Cow::Borrowed(b"as it is"));
}

#[test]
fn a_line_that_is_no_header_is_named() {
    for line in ["no colon", ": no name", "a b: c", " first: c", "\u{e9}: c", "a\0: b"] {
        let message = format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
        // A line that starts with space is a part of the line before it.
        let expected = (!line.starts_with(' ')).then_some(FramingError::HeaderLine { line: 3 });
        assert_eq!(parse_request(message.as_bytes()).err(), expected, "{line}");
    }
    let error = parse_request(b"GET / HTTP/1.1\r\nx\r\n\r\n").unwrap_err().to_string();
    assert_eq!(error, "line 2 of the head is no header: expected `name: value`");
}

#[test]
fn a_target_that_is_not_utf_8_and_a_cut_head_are_errors() {
    let expected = "`METHOD TARGET HTTP/1.1`";
    assert_eq!(parse_request(b"GET /\xFF HTTP/1.1\r\n\r\n"), Err(FramingError::StartLine { expected }));
    let message = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for length in 0..message.len() {
        assert_eq!(parse_request(&message[..length]), Err(FramingError::HeadCut), "cut at {length}");
    }
    assert_eq!(request_method(b"{\"a\" "), None);
}

#[test]
fn what_httparse_reads_is_read_the_same() {
    let mut random = Random(42);
    for _ in 0..2000 {
        let bytes = random_head(&mut random);
        let mut space = [httparse::EMPTY_HEADER; 64];
        let mut theirs = httparse::Request::new(&mut space);
        let Ok(httparse::Status::Complete(length)) = theirs.parse(&bytes) else { continue };
        let ours = parse_request(&bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()));
        assert_eq!(Some(ours.method), theirs.method);
        assert_eq!(Some(ours.target), theirs.path);
        assert_eq!(ours.length, length, "{}", bytes.escape_ascii());
        let headers: Vec<_> = theirs.headers.iter().map(|header| (header.name, header.value)).collect();
        assert_eq!(ours.headers, headers, "{}", bytes.escape_ascii());
        let mut framer = RequestFramer::new();
        assert!(!matches!(framer.push(&bytes[..length - 1]), Ok(Progress::Ended { .. })));
    }
}

/// A head out of parts that mostly fit.
fn random_head(random: &mut Random) -> Vec<u8> {
    const METHODS: [&str; 4] = ["GET", "POST", "M-SEARCH", "\r\nPUT"];
    const TARGETS: [&str; 4] = ["/", "/i/_search?a=b&c", "*", "http://h:9200/%41"];
    const NAMES: [&str; 6] = ["Host", "a", "X-_.!#$%&'*+^`|~", "Content-Type", "b ", "\u{fc}"];
    const VALUES: [&str; 6] = [" v", "", "  two words\t", " a: b", " \u{fc}", "\r\n folded"];
    const ENDS: [&str; 4] = ["\r\n", "\r\n", "\n", "\r\r\n"];
    let mut pick = |choices: &[&'static str]| choices[random.below(choices.len())];
    let mut head = [pick(&METHODS), " ", pick(&TARGETS), " HTTP/1.1", pick(&ENDS)].concat();
    for _ in 0..pick(&["", "1", "22", "333", "4444", "999999999"]).len() {
        head.push_str(&[pick(&NAMES), ":", pick(&VALUES), pick(&ENDS)].concat());
    }
    head.push_str(&[pick(&ENDS), pick(&["", " rest", "\r\n"])].concat());
    head.into_bytes()
}
