//! Secrets do not get into tuples, unless that is wanted.

use super::*;

const REQUEST: &str = "GET http://user:p@ss@h:9200/_search?q=a&X-Amz-Signature=5ecret&x-amz-security-token=t0ken&b HTTP/1.1\r\nauthorization: Basic dXNlcjpwYXNz\r\nAuthorization: second\r\nProxy-Authorization: s3\r\nCookie: sid=s4\r\nES-Secondary-Authorization: ApiKey s5\r\nX-Amz-Security-Token: s6\r\nX-Amz-Date: 20261126T000000Z\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nset-cookie: a=s7\r\nSet-Cookie: b=s8\r\nContent-Length: 0\r\n\r\n";

fn line(settings: &TupleSettings) -> String {
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(REQUEST.as_bytes())),
        target_request: Some(TupleRequest::parse(REQUEST.as_bytes())),
        source_response: Some(TupleResponse::parse(RESPONSE, Duration::ZERO)),
        target_responses: vec![TupleResponse::parse(RESPONSE, Duration::ZERO).unwrap()],
        ..Tuple::default()
    };
    written_with(&tuple, settings)
}

#[test]
fn defect_16_credentials_are_redacted_and_their_headers_stay() {
    let line = line(&TupleSettings::default());
    let request = r#"{"authorization":["REDACTED","REDACTED"],"Proxy-Authorization":["REDACTED"],"Cookie":["REDACTED"],"ES-Secondary-Authorization":["REDACTED"],"X-Amz-Security-Token":["REDACTED"],"X-Amz-Date":["20261126T000000Z"],"Request-URI":"http://REDACTED@h:9200/_search?q=a&X-Amz-Signature=REDACTED&x-amz-security-token=REDACTED&b","#;
    assert!(line.starts_with(&format!(r#"{{"sourceRequest":{request}"#)), "{line}");
    assert_eq!(line.matches(request).count(), 2);
    assert_eq!(line.matches(r#"{"set-cookie":["REDACTED","REDACTED"],"Content-Length":["0"]"#).count(), 2);
    for secret in ["dXNlc", "second\"", "s3", "s4", "s5", "s6", "s7", "s8", "p@ss", "5ecret", "t0ken"] {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
}

#[test]
fn credentials_are_kept_if_that_is_wanted() {
    let line = line(&TupleSettings { keep_credentials: true, ..TupleSettings::default() });
    for secret in
        ["Basic dXNlcjpwYXNz\",\"second\"", "s3", "s4", "s5", "s6", "s7", "s8", "user:p@ss", "5ecret"]
    {
        assert!(line.contains(secret), "{secret} in {line}");
    }
}

#[test]
fn secrets_in_bodies_of_the_apis_for_users_are_redacted_unless_they_are_wanted() {
    let body = r#"{"password":"hunter2","roles":["admin"]}"#;
    let length = body.len();
    let message = |line: &str| format!("{line}\r\nContent-Length: {length}\r\n\r\n{body}");
    let response = message("HTTP/1.1 200 OK");
    let written = |source: &str, target: &str, settings: &TupleSettings| {
        let [source, target] = [source, target].map(|path| message(&format!("PUT {path} HTTP/1.1")));
        let tuple = Tuple {
            source_request: Some(TupleRequest::parse(source.as_bytes())),
            target_request: Some(TupleRequest::parse(target.as_bytes())),
            source_response: Some(TupleResponse::parse(response.as_bytes(), Duration::ZERO)),
            target_responses: vec![TupleResponse::parse(response.as_bytes(), Duration::ZERO).unwrap()],
            ..Tuple::default()
        };
        written_with(&tuple, settings)
    };
    let (user, other) = ("/_security/user/kim", "/users/_doc/kim");
    let redacted = r#""payload":{"inlinedJsonBody":{"password":"REDACTED","roles":["admin"]}}"#;
    for [source, target] in [[user, user], [user, other], [other, user]] {
        let line = written(source, target, &TupleSettings::default());
        assert_eq!((line.matches(redacted).count(), line.matches("hunter2").count()), (4, 0), "{line}");
    }
    let kept = TupleSettings { keep_credentials: true, ..TupleSettings::default() };
    for line in [written(user, user, &kept), written(other, other, &TupleSettings::default())] {
        assert_eq!(line.matches("hunter2").count(), 4, "{line}");
    }
}

#[test]
fn a_target_without_secrets_stays_as_it_is() {
    for target in
        ["/", "/a?b=c&&d", "/user@host://x", "*", "h:443", "http://h/a@b", "/?X-Amz-Signature", "/a?"]
    {
        let request = format!("GET {target} HTTP/1.1\r\n\r\n");
        assert!(
            written_request(request.as_bytes()).contains(&format!(r#""Request-URI":"{target}""#)),
            "{target}"
        );
    }
}

#[test]
fn defect_16_debug_shows_no_values_no_query_and_no_body() {
    let line = line(&TupleSettings { keep_credentials: true, ..TupleSettings::default() });
    let mut shown = format!("{:?}", TupleRecord::parse(line.as_bytes()).unwrap());
    shown += &format!("{:?}", TupleRequest::parse(REQUEST.as_bytes()));
    shown += &format!("{:?}", TupleResponse::parse(RESPONSE, Duration::ZERO));
    shown += &format!("{:?}", crate::traffic::http::parse_request(REQUEST.as_bytes()));
    shown += &format!("{:?}", crate::traffic::http::parse_response(RESPONSE));
    for secret in ["dXNlc", "second", "s3", "s4", "s5", "s6", "s7", "s8", "p@ss", "5ecret", "t0ken"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("Proxy-Authorization"));
}
