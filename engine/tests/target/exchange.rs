//! Requests and answers.

use crate::server::{Reply, Server};
use bytes::Bytes;
use engine::target::{Client, ClientOptions, Request, SendError};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::Method;
use std::io::{Read, Write};
use std::time::Duration;
use url::Url;

fn get(path: &str) -> Request {
    Request::new(Method::GET, path)
}

/// An error with its causes.
fn told(error: &SendError) -> String {
    engine::error::chain(error)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn requests_go_out_below_the_path_of_the_cluster_with_their_headers() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let url = server.url("http", "127.0.0.1").join("prefix/").unwrap();
    let client = Client::new(ClientOptions::new(url)).unwrap();
    let bulk = Request::new(Method::POST, "/a%2Fb/_bulk?refresh=true").ndjson(Bytes::from("{}\n"));
    client.send(&bulk).await.unwrap();
    client.send(&get("/")).await.unwrap();
    let received = server.received();
    assert_eq!(
        (received[0].method.as_str(), received[0].path.as_str()),
        ("POST", "/prefix/a%2Fb/_bulk?refresh=true")
    );
    assert_eq!(received[0].header("content-type"), "application/x-ndjson");
    assert_eq!(received[0].header("accept"), "application/json");
    assert_eq!(received[0].header("user-agent"), concat!("ferry/", env!("CARGO_PKG_VERSION")));
    assert_eq!(received[0].header("host"), format!("127.0.0.1:{}", server.port));
    assert_eq!(received[0].body, "{}\n");
    assert_eq!((received[1].path.as_str(), received[1].header("content-type")), ("/prefix/", ""));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let client = server.client();
    for _ in 0..3 {
        client.clone().with_gzip(true).send(&get("/")).await.unwrap();
    }
    let connections: Vec<usize> = server.received().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1, 1]);
}

#[tokio::test]
async fn an_answer_is_status_wait_and_body() {
    let server = Server::http(|_| Reply::with_headers(429, &[("retry-after", "7")], "busy")).await;
    let response = server.client().send(&get("/")).await.unwrap();
    assert_eq!((response.status, response.retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(response.body, "busy");
}

#[tokio::test]
async fn long_bodies_are_compressed_when_the_cluster_takes_it() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let client = server.client();
    let long = Bytes::from("{\"index\":{}}\n".repeat(10_000)); // Longer than what is compressed in place.
    let request = |body: &Bytes| Request::new(Method::POST, "/_bulk").ndjson(body.clone());
    client.send(&request(&long)).await.unwrap();
    let client = client.with_gzip(true);
    client.send(&request(&long)).await.unwrap();
    client.send(&request(&long.slice(..1025))).await.unwrap();
    client.send(&request(&long.slice(..1024))).await.unwrap();
    let received = server.received();
    let encodings: Vec<&str> = received.iter().map(|request| request.header("content-encoding")).collect();
    assert_eq!(encodings, ["", "gzip", "gzip", ""]);
    assert_eq!(received[0].header("accept-encoding"), "");
    assert_eq!(received[3].header("accept-encoding"), "gzip");
    assert!(received[1].body.len() < long.len() / 10);
    let mut decoded = Vec::new();
    GzDecoder::new(&*received[1].body).read_to_end(&mut decoded).unwrap();
    assert_eq!(decoded, long);
}

#[tokio::test]
async fn compressed_answers_are_decompressed_up_to_their_limit() {
    // One is decompressed in place, one elsewhere.
    for length in [1000, 1 << 20] {
        let body: Vec<u8> =
            (0..length).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        let answer = gzip(&body);
        let server =
            Server::http(move |_| Reply::with_headers(200, &[("content-encoding", "gzip")], answer.clone()));
        let client = server.await.client();
        let mut request = get("/");
        request.max_response = body.len();
        assert_eq!(client.send(&request).await.unwrap().body, body);
        request.max_response -= 1;
        let error = client.send(&request).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the answer has more than {} bytes", length - 1));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_refused() {
    let server = Server::http(|request| match request.path.as_str() {
        "/chunked" => Reply::Chunked("0123456789"),
        _ => Reply::new(200, "0123456789"),
    });
    let client = server.await.client();
    let mut request = get("/");
    request.max_response = 10;
    assert_eq!(client.send(&request).await.unwrap().body, "0123456789");
    request.max_response = 9;
    for path in ["/", "/chunked"] {
        request.path = path.to_owned();
        let error = client.send(&request).await.unwrap_err();
        assert!(matches!(error, SendError::ResponseTooLarge { limit: 9 }), "{path}: {error}");
    }
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_refused() {
    let server = Server::http(|_| Reply::with_headers(200, &[("content-encoding", "br")], "…")).await;
    let error = server.client().send(&get("/")).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer is encoded as `br`, which was not asked for");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::http(|_| Reply::new(200, "{}")).await;
    let location = format!("http://admin:hunter2@127.0.0.1:{}/login?token=hunter2", other.port);
    let server = Server::http(move |_| Reply::with_headers(302, &[("location", &location)], "")).await;
    let error = server.client().send(&get("/")).await.unwrap_err();
    assert_eq!(told(&error), format!("the answer is 302, a redirect to `http://127.0.0.1:{}`", other.port));
    assert!(!error.is_retryable());
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn without_a_listener_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(ClientOptions::new(Url::parse(&url).unwrap())).unwrap();
    let error = client.send(&get("/")).await.unwrap_err();
    assert!(matches!(error, SendError::Connect(_)), "{error:?}");
    assert_eq!(told(&error), "could not connect: tcp connect error: Connection refused (os error 111)");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_whole_is_lost() {
    let server = Server::http(|request| match request.path.as_str() {
        "/drop" => Reply::Drop,
        _ => Reply::Cut("{\"took\":"),
    });
    let client = server.await.client();
    for path in ["/drop", "/cut"] {
        let error = client.send(&get(path)).await.unwrap_err();
        assert!(matches!(error, SendError::Lost(_)), "{path}: {error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let server = Server::http(|_| Reply::Never).await;
    let timeout = Duration::from_millis(50);
    let client = Client::new(ClientOptions { timeout, ..server.options() }).unwrap();
    let error = client.send(&get("/")).await.unwrap_err();
    assert!(matches!(error, SendError::Timeout(after) if after == timeout), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_path_that_would_change_the_host_is_not_sent() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    for path in ["@evil.example/", "", "/a b"] {
        let error = server.client().send(&get(path)).await.unwrap_err();
        assert!(matches!(error, SendError::Invalid(_)), "{path}: {error:?}");
        assert!(!error.is_retryable());
    }
    assert!(server.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn control_calls_are_repeated_until_they_succeed_or_8_times() {
    let server = Server::http(|request| match (request.path.as_str(), request.connection) {
        ("/dropped", 1) => Reply::Drop,
        ("/busy", _) => Reply::new(503, "busy"),
        ("/wrong", _) => Reply::new(400, "wrong"),
        _ => Reply::new(200, "done"),
    })
    .await;
    let client = server.client();
    let status = async |path| client.send_retrying(&get(path)).await.unwrap().status;
    assert_eq!(status("/dropped").await, 200);
    assert_eq!(status("/busy").await, 503);
    assert_eq!(status("/wrong").await, 400);
    let received = server.received();
    let count = |path: &str| received.iter().filter(|request| request.path == path).count();
    assert_eq!([count("/dropped"), count("/busy"), count("/wrong")], [2, 8, 1]);
}
