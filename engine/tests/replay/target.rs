//! A target on loopback that answers as a test says, byte by byte.

use codecs::traffic::http::{Progress, RequestFramer, body, parse_request};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A request that the target got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Method and target.
    pub(crate) line: String,
    /// Name in small letters and value.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// As the headers: what came behind a body in chunks.
    pub(crate) trailers: Vec<(String, String)>,
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
}

/// What the target does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes.
    Bytes(String),
    /// A status and a JSON body, after a while.
    Late(Duration, u16, &'static str),
    /// Nothing, and the connection stays open.
    Hang,
    /// The connection is closed.
    Close,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Bytes(response(status, body))
    }
}

fn response(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

type Script = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A running target; ends when dropped.
pub(crate) struct Target {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Target {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Script, _) = (Arc::new(script), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let mut count = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, count, Arc::clone(&script), Arc::clone(&log)));
                count += 1;
            }
        });
        Self { url, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, connection: usize, script: Script, log: Arc<Mutex<Vec<Seen>>>) {
    let (mut framer, mut message) = (RequestFramer::new(), Vec::new());
    let mut buffer = [0; 4096];
    loop {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
        let Progress::Ended { used } = framer.push(&buffer[..count]).unwrap() else {
            message.extend_from_slice(&buffer[..count]);
            continue;
        };
        assert_eq!(used, count, "the client sends one request after the other");
        message.extend_from_slice(&buffer[..count]);
        let seen = read(&message, connection);
        message.clear();
        log.lock().unwrap().push(seen.clone());
        let reply = match script(&seen) {
            Reply::Bytes(bytes) => bytes,
            Reply::Late(wait, status, body) => {
                tokio::time::sleep(wait).await;
                response(status, body)
            }
            Reply::Hang => std::future::pending().await,
            Reply::Close => return,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn read(message: &[u8], connection: usize) -> Seen {
    let head = parse_request(message).unwrap();
    // A body may be compressed.
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let body = body(message, head.length, &head.headers).unwrap();
    Seen {
        line: format!("{} {}", head.method, head.target),
        headers: head.headers.iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect(),
        body: text(&body.data),
        trailers: body.trailers.iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect(),
        connection,
    }
}
