use super::*;

fn parsed(message: &str) -> Outgoing {
    Outgoing::parse(&Bytes::copy_from_slice(message.as_bytes())).unwrap()
}

#[test]
fn a_request_keeps_its_spelling_and_its_body_is_a_part_of_the_message() {
    let message = Bytes::from_static(
        b"POST /a%2Fb/_doc?refresh HTTP/1.1\r\nHOST: es:9200\r\nx-opaque-id:  7 \r\nX-Opaque-Id: 8\r\nContent-Length: 2\r\n\r\n{}",
    );
    let request = Outgoing::parse(&message).unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/a%2Fb/_doc?refresh"));
    assert_eq!((request.path(), request.query()), ("/a%2Fb/_doc", "refresh"));
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["HOST", "x-opaque-id", "X-Opaque-Id", "Content-Length"]);
    assert_eq!(request.headers.all("X-OPAQUE-ID").collect::<Vec<_>>(), [b"7", b"8"]);
    assert_eq!(&request.body[..], b"{}");
    assert_eq!(request.body.as_ptr(), message[message.len() - 2..].as_ptr());
    assert!(!request.chunked && request.trailers.is_empty());
}

#[test]
fn chunks_are_taken_off_and_trailers_are_kept() {
    let request = parsed(
        "PUT /i/_doc/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nX-Sum: 9\r\n\r\n",
    );
    assert_eq!(&request.body[..], b"{\"a\":1}");
    assert!(request.chunked);
    assert_eq!(request.trailers.text("x-sum"), Some("9"));
}

#[test]
fn a_target_with_scheme_and_host_is_path_and_query() {
    let target = |line: &str| parsed(&format!("{line} HTTP/1.1\r\n\r\n")).target;
    assert_eq!(target("GET http://es:9200/i/_search?q=a"), "/i/_search?q=a");
    assert_eq!(target("GET HTTP://es"), "/");
    assert_eq!(target("GET /?u=http://es/x"), "/?u=http://es/x");
    assert_eq!(target("OPTIONS *"), "*");
}

#[test]
fn old_versions_and_folded_headers_are_read() {
    let request = parsed("GET / HTTP/1.0\r\nX: a\r\n b\r\n\r\n");
    assert_eq!(request.version, Version::Http10);
    assert_eq!(request.headers.text("x"), Some("a b"));
}

#[test]
fn what_is_no_request_is_an_error() {
    assert!(Outgoing::parse(&Bytes::from_static(b"\x16\x03\x01")).is_err());
    assert!(Outgoing::parse(&Bytes::from_static(b"GET / HTTP/1.1\r\nHost: a")).is_err());
}
