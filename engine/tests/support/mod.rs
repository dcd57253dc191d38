//! An HTTP server on loopback that answers by script: each request gets the next answer, whatever it asks for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens on a connection after a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These bytes are sent.
    Send(Vec<u8>),
    /// Nothing is sent for so long.
    Wait(Duration),
    /// The connection is closed.
    Close,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    head: String,
    body: Vec<u8>,
    after: Vec<Step>,
}

impl Answer {
    /// An answer with this status line and these headers; `Content-Length` is added by [`Answer::body`].
    pub(crate) fn new(status: &str, headers: &[(&str, &str)]) -> Self {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self { head: format!("HTTP/1.1 {status}\r\n{lines}"), body: Vec::new(), after: Vec::new() }
    }

    /// A body with its true length.
    pub(crate) fn body(self, body: &[u8]) -> Self {
        let length = body.len();
        self.body_announced_as(length, body)
    }

    /// A body with another length than it is said to have.
    pub(crate) fn body_announced_as(mut self, length: usize, body: &[u8]) -> Self {
        self.head.push_str(&format!("Content-Length: {length}\r\n"));
        self.body = body.to_vec();
        self
    }

    /// What happens after the body.
    pub(crate) fn then(mut self, step: Step) -> Self {
        self.after.push(step);
        self
    }

    /// The range `first..=last` of a blob of `length` bytes.
    pub(crate) fn range(first: usize, last: usize, length: usize) -> Self {
        let content_range = format!("bytes {first}-{last}/{length}");
        Self::new("206 Partial Content", &[("Content-Range", &content_range), ("ETag", "\"one\"")])
    }

    /// An error of S3.
    pub(crate) fn error(status: &str, code: &str, message: &str, headers: &[(&str, &str)]) -> Self {
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
             </Error>"
        );
        let mut answer = Self::new(status, headers);
        answer.head.push_str("x-amz-request-id: 4442587FB7D0A2F9\r\n");
        answer.body(document.as_bytes())
    }

    /// `503 SlowDown`, as S3 says it.
    pub(crate) fn slow_down() -> Self {
        Self::error("503 Slow Down", "SlowDown", "Please reduce your request rate.", &[])
    }

    fn steps(self) -> Vec<Step> {
        let mut bytes = self.head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        std::iter::once(Step::Send(bytes)).chain(self.after).collect()
    }
}

/// What a server has seen so far.
#[derive(Debug, Default)]
struct Seen {
    requests: Vec<String>,
    in_flight: usize,
    most_in_flight: usize,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    /// Its URL.
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers requests in the order in which they come; the last answer is repeated.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::run(answers.into_iter().map(Answer::steps).collect()).await
    }

    /// A server that takes requests and does nothing.
    pub(crate) async fn silent() -> Self {
        Self::run(vec![vec![Step::Wait(Duration::from_secs(3600))]]).await
    }

    /// A server that closes the connection at each request.
    pub(crate) async fn hanging_up() -> Self {
        Self::run(vec![vec![Step::Close]]).await
    }

    async fn run(script: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let script = Arc::new(script);
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&script), Arc::clone(&shared)));
            }
        });
        Self { endpoint, seen, task }
    }

    /// The heads of the requests so far: first line and headers.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many requests waited for the end of their answer at once.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.seen.lock().unwrap().most_in_flight
    }

    /// The values of a header in the requests so far; an empty one for a request without it.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let value = |head: &String| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        self.requests().iter().map(|head| value(head).unwrap_or_default()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut connection: TcpStream, script: Arc<Vec<Vec<Step>>>, seen: Arc<Mutex<Seen>>) {
    while let Some(head) = request(&mut connection).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.requests.push(head);
            seen.in_flight += 1;
            seen.most_in_flight = seen.most_in_flight.max(seen.in_flight);
            seen.requests.len() - 1
        };
        let goes_on = answer(&mut connection, &script[number.min(script.len() - 1)]).await;
        seen.lock().unwrap().in_flight -= 1;
        if !goes_on {
            return;
        }
    }
}

/// Whether the connection stays open.
async fn answer(connection: &mut TcpStream, steps: &[Step]) -> bool {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if connection.write_all(bytes).await.is_err() {
                    return false;
                }
            }
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Close => return false,
        }
    }
    true
}

/// The head of the next request, which has no body.
async fn request(connection: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
