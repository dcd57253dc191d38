//! The server of `--listen`.

use engine::telemetry::{Reply, Routes, Server};
use http::{Method, StatusCode};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn server() -> Server {
    let routes = Routes::default()
        .with(Method::GET, "/metrics", || Reply::metrics("a 1\n".to_owned()))
        .with(Method::GET, "/healthz", || Reply::json(StatusCode::SERVICE_UNAVAILABLE, &"stuck"))
        .with(Method::POST, "/pause", || Reply::text(StatusCode::OK, "paused\n"))
        .with_body(Method::POST, "/echo", |body| Reply::text(StatusCode::OK, body.to_vec()));
    Server::start("127.0.0.1:0", routes).await.unwrap()
}

/// Status line, headers and body of the answer to a request.
async fn ask(address: SocketAddr, request: &str) -> (String, String, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    (status.to_owned(), headers.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_route_answers_its_method_and_others_are_refused() {
    let server = server().await;
    let answer = |request| ask(server.address(), request);
    let (status, headers, body) = answer("GET /metrics?x=1").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", "a 1\n"));
    assert!(headers.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{headers}");
    assert!(headers.contains("connection: close"), "{headers}");
    let (status, headers, body) = answer("HEAD /metrics").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    assert!(headers.contains("content-length: 4"), "{headers}");
    let (status, _, body) = answer("GET /healthz").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 503 Service Unavailable", "\"stuck\""));
    assert_eq!(answer("POST /pause").await.2, "paused\n");
    let (status, headers, body) = answer("GET /pause").await;
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 405 Method Not Allowed", "no such method; there are: POST\n")
    );
    assert!(headers.contains("allow: POST"), "{headers}");
    let (status, _, body) = answer("GET /").await;
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 404 Not Found", "no such path; there are: /metrics, /healthz, /pause, /echo\n")
    );
}

/// Status and body of the answer to a `POST` with these headers and this body.
async fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> (String, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    let _ = connection.write_all(body).await; // It may be answered before all is written.
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_body_is_read_up_to_a_limit() {
    let server = server().await;
    let most = vec![b'a'; 4096];
    let (status, body) = post(server.address(), "/echo", "", &most).await;
    assert_eq!((status.as_str(), body.len()), ("HTTP/1.1 200 OK", 4096));
    let more = vec![b'a'; 4097];
    let (status, body) = post(server.address(), "/echo", "", &more).await;
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 413 Payload Too Large", "the body has more than 4096 bytes\n")
    );
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_change_anything() {
    let server = server().await;
    let origin = "origin: https://elsewhere.example\r\n";
    for path in ["/pause", "/echo"] {
        let (status, body) = post(server.address(), path, origin, b"").await;
        assert_eq!(status, "HTTP/1.1 403 Forbidden", "{path}: {body}");
    }
    assert_eq!(post(server.address(), "/pause", "", b"").await.1, "paused\n");
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_says_what_to_do() {
    let server = server().await;
    let address = server.address().to_string();
    let error = Server::start(&address, Routes::default()).await.unwrap_err();
    assert_eq!(
        engine::error::chain(&error),
        format!("could not listen on `{address}`: Address already in use (os error 98)")
    );
    assert_eq!(
        error.hint(),
        Some(
            "another process listens there, maybe another ferry: give another port, or 0 for any that is free"
        )
    );
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_keep_others_out_for_long() {
    let server = server().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let start = Instant::now();
    assert_eq!(ask(server.address(), "GET /metrics").await.2, "a 1\n");
    let waited = start.elapsed();
    // More are open than are served at once, so the answer came when the first were cut.
    assert!((Duration::from_secs(3)..Duration::from_secs(30)).contains(&waited), "{waited:?}");
    drop(silent);
}

#[tokio::test]
async fn a_server_that_is_stopped_takes_no_connections() {
    let server = server().await;
    let address = server.address();
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stop = tokio::spawn(server.stop());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(address).await.is_err());
    // What is under way is answered.
    open.write_all(b"host: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stop.await.unwrap();
}

#[tokio::test]
async fn a_head_without_an_end_is_cut() {
    let server = server().await;
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    let endless = vec![b'a'; 64 << 10];
    let _ = connection.write_all(&endless).await; // It may be cut before all is written.
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}
