//! A cluster on loopback that answers bulk requests as a test says, and remembers them.

use codecs::bulk::{Action, OpType};
use engine::bulk::{BatchBuilder, BatchLimits, BatchOutcome, BulkBatch, BulkSink, SinkError, SinkSettings};
use engine::flow::{Backoff, ConcurrencyLimit};
use engine::target::{Client, ClientOptions};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens after a request.
pub(crate) enum Reply {
    /// A status with a body.
    Answer(u16, String),
    /// The same with `Retry-After`.
    RetryAfter(u16, u64),
    /// These bytes of an answer that announces more, then the end of the connection.
    Cut(String),
    /// The end of the connection.
    Close,
    /// Nothing for ever.
    Silence,
}

/// One bulk request: for each operation its action line and its source line.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) operations: Vec<(String, String)>,
    pub(crate) bytes: usize,
}

impl Seen {
    /// The `_id`s in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |(action, _): &(String, String)| {
            let action = codecs::bulk::ParsedAction::parse(action.as_bytes()).unwrap();
            action.id.unwrap_or_default()
        };
        self.operations.iter().map(id).collect()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.operations.iter().any(|(_, source)| source.contains(text))
    }
}

type Script = dyn FnMut(usize, &Seen) -> Reply + Send;

/// Runs until it is dropped.
pub(crate) struct Cluster {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Cluster {
    /// `script` gets the number of the request, from 0, and the request.
    pub(crate) async fn start(script: impl FnMut(usize, &Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, script) = (Arc::clone(&seen), Arc::new(Mutex::new(Box::new(script) as Box<Script>)));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&script), Arc::clone(&shared)));
            }
        });
        Self { url, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The ids of each request.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.ids().join(",")).collect()
    }

    pub(crate) fn client(&self, timeout: Duration) -> Client {
        Client::new(ClientOptions { timeout, ..ClientOptions::new(self.url.parse().unwrap()) }).unwrap()
    }

    /// A sink that hardly waits between attempts.
    pub(crate) fn sink(&self, settings: SinkSettings) -> BulkSink {
        let client = self.client(Duration::from_secs(20));
        BulkSink::new(client, settings, ConcurrencyLimit::new(4, 8))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut connection: TcpStream, script: Arc<Mutex<Box<Script>>>, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Some(request) = request(&mut connection).await {
        // A question whether the cluster is there; not part of the script.
        if request.target == "/" {
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            continue;
        }
        let reply = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            let number = seen.len() - 1;
            drop(seen);
            script.lock().unwrap()(number, &request)
        };
        let (status, extra, body, missing) = match reply {
            Reply::Answer(status, body) => (status, String::new(), body, 0),
            Reply::RetryAfter(status, seconds) => {
                (status, format!("retry-after: {seconds}\r\n"), String::new(), 0)
            }
            Reply::Cut(body) => (200, String::new(), body, 100),
            Reply::Close => return,
            Reply::Silence => std::future::pending().await,
        };
        let length = body.len() + missing;
        let answer = format!("HTTP/1.1 {status} X\r\n{extra}content-length: {length}\r\n\r\n{body}");
        if connection.write_all(answer.as_bytes()).await.is_err() || missing > 0 {
            return;
        }
    }
}

async fn request(connection: &mut TcpStream) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    connection.read_exact(&mut body).await.ok()?;
    let text = String::from_utf8(body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "a body ends with a newline");
    let lines: Vec<&str> = text.lines().collect();
    let operations = lines.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
    Some(Seen { target: head.split(' ').nth(1).unwrap().to_owned(), operations, bytes: text.len() })
}

/// The items of an answer, by the status and the type of the error of each operation.
pub(crate) fn items(items: &[(u16, &str)]) -> Reply {
    let item = |(status, error): &(u16, &str)| match *error {
        "" => format!(r#"{{"index":{{"status":{status}}}}}"#),
        error => {
            format!(r#"{{"index":{{"status":{status},"error":{{"type":"{error}","reason":"because"}}}}}}"#)
        }
    };
    let items: Vec<String> = items.iter().map(item).collect();
    Reply::Answer(200, format!(r#"{{"took":1,"errors":false,"items":[{}]}}"#, items.join(",")))
}

/// All operations are done.
pub(crate) fn done(seen: &Seen) -> Reply {
    items(&vec![(201, ""); seen.operations.len()])
}

/// A refusal of the whole request.
pub(crate) fn refusal(status: u16, error: &str) -> Reply {
    Reply::Answer(status, format!(r#"{{"error":{{"type":"{error}","reason":"because"}},"status":{status}}}"#))
}

/// Settings that hardly wait.
pub(crate) fn settings() -> SinkSettings {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(5));
    SinkSettings { backoff: Backoff { first, longest }, ..SinkSettings::default() }
}

pub(crate) fn batch_of(op: OpType, documents: &[(&str, &str)]) -> BulkBatch {
    let limits = BatchLimits { bytes: usize::MAX, operations: usize::MAX };
    let mut builder = BatchBuilder::new("i", limits);
    let segment: Arc<str> = Arc::from("_0");
    for (number, (id, source)) in (0..).zip(documents) {
        let action = Action { op, id: (!id.is_empty()).then_some(id.as_bytes()), ..Action::default() };
        builder.add_operation(&action, id.as_bytes(), source.as_bytes(), &segment, number);
    }
    builder.finish().unwrap()
}

/// A batch of documents with ids `0`, `1`, ….
pub(crate) fn batch(operations: usize) -> BulkBatch {
    let ids: Vec<String> = (0..operations).map(|id| id.to_string()).collect();
    let documents: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "{}")).collect();
    batch_of(OpType::Index, &documents)
}

/// Sends a batch; the books must balance: indexed, allowed, and the positions that failed with their class.
pub(crate) async fn send(sink: &BulkSink, batch: BulkBatch) -> Result<(u64, u64, Vec<String>), SinkError> {
    let operations = batch.len() as u64;
    let outcome = sink.send(batch).await?;
    let BatchOutcome { indexed, allowed, failed, .. } = &outcome;
    assert_eq!(indexed + allowed + failed.len() as u64, operations, "the books balance");
    let failed = failed.iter().map(|failed| format!("{} {}", failed.position, failed.class)).collect();
    Ok((*indexed, *allowed, failed))
}
