//! What a measurement of `ferry replay` needs beside ferry: captured traffic, a target that costs little, and a plain client of it.
//!
//! `benches/replay/compare` runs it.

#![expect(clippy::print_stdout, reason = "a benchmark may print")]

use bytes::Bytes;
use clap::Parser;
use codecs::traffic::record::{
    EndOfMessage, Nothing, Observation, Observed, Payload, RecordNumber, Timestamp, TrafficStream,
};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prost::Message;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};

/// Parts of a measurement
#[derive(Debug, Parser)]
enum Parts {
    /// Answers every request: a bulk request with so many results as its body has documents of a kilobyte
    Sink { port: u16 },
    /// Sends requests over so many connections, one after the other on each
    Client { port: u16, connections: usize, requests: usize, body: usize },
    /// Writes records behind lengths: so many requests over so many connections, `rate` a second by the source's clock
    Capture { out: PathBuf, connections: usize, requests: usize, body: usize, rate: u32 },
}

/// The answer to the writing of one document.
const ANSWER: &str =
    r#"{"_index":"i","_id":"1","_version":1,"result":"created","_seq_no":1,"_primary_term":1,"status":201}"#;

/// From so many bytes on, a body is that of a bulk request.
const BULK: usize = 10_000;

/// Path and body of a request with about so many bytes: a document, or a bulk request of documents of a kilobyte.
fn request(number: usize, length: usize) -> (String, String) {
    if length < BULK {
        return (format!("PUT /i/_doc/{number}"), document(length));
    }
    let document = document(1000);
    let operation = |item| format!("{{\"index\":{{\"_id\":\"{number}-{item}\"}}}}\n{document}\n");
    ("POST /i/_bulk".to_owned(), (0..length / 1000).map(operation).collect())
}

/// The answer to a request with a body of so many bytes.
fn answer(length: usize) -> String {
    if length < BULK {
        return ANSWER.to_owned();
    }
    let items = vec![format!("{{\"index\":{ANSWER}}}"); length / 1000];
    format!("{{\"took\":1,\"errors\":false,\"items\":[{}]}}", items.join(","))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Parts::parse() {
        Parts::Sink { port } => sink(port).await,
        Parts::Client { port, connections, requests, body } => {
            client(port, connections, requests, body).await
        }
        Parts::Capture { out, connections, requests, body, rate } => {
            capture(out, connections, requests, body, rate)
        }
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

async fn sink(port: u16) -> Done {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(frame) = body.frame().await.transpose()? {
                length += frame.data_ref().map_or(0, Bytes::len);
            }
            let text =
                if length < BULK { Bytes::from_static(ANSWER.as_bytes()) } else { answer(length).into() };
            let answer = Response::builder().header("content-type", "application/json").body(Full::new(text));
            answer.map_err(Box::<dyn std::error::Error + Send + Sync>::from)
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn client(port: u16, connections: usize, requests: usize, body: usize) -> Done {
    let (line, body) = request(1, body);
    let (method, path) = line.split_once(' ').ok_or("a request line without a path")?;
    let (method, path, body) = (method.to_owned(), path.to_owned(), Bytes::from(body));
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (method, path, body) = (method.clone(), path.clone(), body.clone());
        tasks.spawn(async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| error.to_string())?;
            let driver = tokio::spawn(connection);
            for _ in 0..requests / connections {
                sender.ready().await.map_err(|error| error.to_string())?;
                let request = Request::builder()
                    .method(method.as_str())
                    .uri(path.as_str())
                    .header("host", "127.0.0.1")
                    .header("content-type", "application/json");
                let request = request.body(Full::new(body.clone())).map_err(|error| error.to_string())?;
                let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
                answer.into_body().collect().await.map_err(|error| error.to_string())?;
            }
            driver.abort();
            Ok::<(), String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    println!("{:.3}", begin.elapsed().as_secs_f64());
    Ok(())
}

/// A document of about so many bytes.
fn document(length: usize) -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(length.saturating_sub(11)))
}

fn capture(out: PathBuf, connections: usize, requests: usize, body: usize, rate: u32) -> Done {
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    let answer = answer(body);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    for n in 0..requests {
        let connection = n % connections;
        let number = i32::try_from(n / connections + 1)?;
        let nanos = n as u64 * 1_000_000_000 / u64::from(rate);
        let at = Some(Timestamp {
            seconds: 1_700_000_000 + i64::try_from(nanos / 1_000_000_000)?,
            nanos: i32::try_from(nanos % 1_000_000_000)?,
        });
        let (line, body) = request(n, body);
        let request = format!(
            "{line} HTTP/1.1\r\nHost: source:9200\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let observed = [
            Observed::Read(Payload { data: request.into() }),
            Observed::EndOfMessage(EndOfMessage::default()),
            Observed::Write(Payload { data: answer.clone().into() }),
        ];
        let is_last = n + connections >= requests;
        let mut observations: Vec<_> =
            observed.into_iter().map(|observed| Observation { at, observed: Some(observed) }).collect();
        if is_last {
            observations.push(Observation { at, observed: Some(Observed::Close(Nothing {})) });
        }
        let stream = TrafficStream {
            connection_id: format!("connection-{connection}"),
            node_id: "node".to_owned(),
            observations,
            prior_requests_received: (number > 1).then_some(number - 1),
            number: Some(if is_last { RecordNumber::Last(number) } else { RecordNumber::More(number) }),
            ..TrafficStream::default()
        };
        file.write_all(&stream.encode_length_delimited_to_vec())?;
    }
    Ok(file.flush()?)
}
