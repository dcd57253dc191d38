//! How a request is framed when it goes on.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Seen, Target};

const OK: &str = "{\"ok\":true}";

/// What a target gets of a request.
async fn sent(name: &str, request: &str) -> Seen {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let record = Recorded::new("c").read(request).write(&answered(200, OK)).close();
    let report = Replay::new(name).run(&target, vec![record]).await;
    assert_eq!((report.summary.answered, target.seen().len()), (1, 1));
    target.seen().remove(0)
}

#[tokio::test]
async fn trailers_go_on_behind_the_chunks() {
    let request = "PUT /i/_doc/1 HTTP/1.1\r\nHost: source\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\nX-Sum: 7\r\nX-Unannounced: a\r\nX-Sum: 8\r\n\r\n";
    let seen = sent("trailers", request).await;
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("PUT /i/_doc/1", "{\"a\":1}"));
    assert_eq!((seen.header("transfer-encoding"), seen.header("content-length")), (Some("chunked"), None));
    let trailers: Vec<_> =
        seen.trailers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(trailers, [("x-sum", "7"), ("x-sum", "8"), ("x-unannounced", "a")]);
    assert_eq!(seen.header("trailer"), Some("X-Sum, X-Unannounced, X-Sum"));
}

#[tokio::test]
async fn trailers_behind_an_empty_body_go_on() {
    let request =
        "POST /_refresh HTTP/1.1\r\nHost: source\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 0\r\n\r\n";
    let seen = sent("trailers-empty", request).await;
    assert_eq!((seen.body.as_str(), seen.trailers), ("", vec![("x-sum".to_owned(), "0".to_owned())]));
}

#[tokio::test]
async fn a_trailer_that_http_does_not_allow_does_not_keep_its_request_from_being_sent() {
    let request = "PUT /i/_doc/1 HTTP/1.1\r\nHost: source\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\n{}\r\n0\r\nX Sum: 7\r\nB\u{e4}d: 1\r\nGood: 2\r\nBroken: \u{1}\r\n\r\n";
    let seen = sent("trailers-bad", request).await;
    assert_eq!((seen.body.as_str(), seen.trailers), ("{}", vec![("good".to_owned(), "2".to_owned())]));
}

#[tokio::test]
async fn a_request_without_trailers_announces_none() {
    let request = "PUT /i/_doc/1 HTTP/1.1\r\nHost: source\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let seen = sent("chunks", request).await;
    assert_eq!((seen.header("transfer-encoding"), seen.header("trailer")), (Some("chunked"), None));
    assert_eq!((seen.body.as_str(), seen.trailers), ("{}", Vec::new()));
    let plain = sent("plain", "GET / HTTP/1.1\r\nHost: source\r\n\r\n").await;
    let names: Vec<&str> = plain.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host"]);
}
