//! A proxy on loopback before a real server, which can do harm to bulk requests and asks for a password if it is told to.

use crate::http::host;
use crate::random::Random;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// What happens to a bulk request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Not sent on: the target has no room.
    TooMany,
    /// Not sent on: a page of a load balancer.
    Unavailable,
    /// Not sent on: the whole request is refused.
    BadRequest,
    /// Not sent on: the connection ends without an answer.
    ResetBefore,
    /// Sent on, and the answer is lost.
    ResetAfter,
    /// Sent on, and half of the answer is lost.
    Cut,
    /// Sent on, and the answer comes late.
    Late,
    /// Sent on, but the answer says that the first operation met a server error.
    Lie,
    /// The first operation is not sent on, and the answer says that it was refused.
    Refuse,
}

pub const FAULTS: [Fault; 9] = [
    Fault::TooMany,
    Fault::Unavailable,
    Fault::BadRequest,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::Cut,
    Fault::Late,
    Fault::Lie,
    Fault::Refuse,
];

/// How long a late answer takes.
const LATE: Duration = Duration::from_secs(4);

#[derive(Debug)]
struct Shared {
    target: String,
    /// The value of `Authorization` that requests must have.
    password: Option<String>,
    /// Each fault happens to so many of a thousand bulk requests.
    permille: u64,
    random: Mutex<Random>,
    done: Mutex<Done>,
}

/// What the proxy has done.
#[derive(Debug, Default, Clone)]
pub struct Done {
    pub bulks: u64,
    pub faults: BTreeMap<Fault, u64>,
    /// Ids of operations that were answered with a refusal.
    pub refused: Vec<String>,
    /// Ids of operations that were done, though the answer did not say so.
    pub done_unsaid: BTreeSet<String>,
    pub denied: u64,
}

/// A proxy that listens until the process ends.
#[derive(Debug)]
pub struct Proxy {
    pub url: String,
    shared: Arc<Shared>,
}

/// The head of a request or an answer, and its body.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Proxy {
    pub fn start(target: &str, permille: u64, password: Option<&str>, random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            target: host(target).to_owned(),
            password: password.map(str::to_owned),
            permille,
            random: Mutex::new(random),
            done: Mutex::default(),
        });
        let listening = Arc::clone(&shared);
        spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&listening);
                spawn(move || {
                    let _ = serve(&shared, &connection); // The client has gone.
                });
            }
        });
        Self { url, shared }
    }

    pub fn done(&self) -> Done {
        self.shared.done.lock().unwrap().clone()
    }
}

impl Shared {
    fn next_fault(&self, body: &[u8]) -> Option<Fault> {
        let mut done = self.done.lock().unwrap();
        done.bulks += 1;
        let number = self.random.lock().unwrap().within(0..1000).checked_div(self.permille)?;
        let fault = *FAULTS.get(usize::try_from(number).unwrap())?;
        let is_alone = body.iter().filter(|byte| **byte == b'\n').count() == 2;
        if fault == Fault::Refuse || fault == Fault::BadRequest && is_alone {
            done.refused.push(ids(body).swap_remove(0));
        }
        if matches!(fault, Fault::ResetAfter | Fault::Cut | Fault::Late | Fault::Lie) {
            done.done_unsaid.extend(ids(body));
        }
        *done.faults.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// The results of the operations of a bulk request, once the server has room for it.
    fn items(&self, request: &Message) -> io::Result<Vec<Value>> {
        loop {
            let got = self.forward(request)?;
            let mut body: Value = serde_json::from_slice(&got.body)?;
            match body["items"].as_array_mut() {
                Some(items) => return Ok(std::mem::take(items)),
                None => sleep(Duration::from_millis(500)),
            }
        }
    }

    fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut server = TcpStream::connect(&self.target)?;
        server.write_all(request.head.as_bytes())?;
        server.write_all(&request.body)?;
        read(&mut BufReader::new(server)).and_then(|answer| answer.ok_or(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// The requests of a connection, one after the other.
fn serve(shared: &Shared, connection: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(request) = read(&mut reader)? {
        if shared
            .password
            .as_ref()
            .is_some_and(|password| header(&request.head, "authorization") != *password)
        {
            shared.done.lock().unwrap().denied += 1;
            answer(connection, 401, "{}")?;
            continue;
        }
        let is_bulk = request.head.lines().next().is_some_and(|line| line.contains("/_bulk"));
        match is_bulk.then(|| shared.next_fault(&request.body)).flatten() {
            Some(fault) => harm(shared, fault, request, connection)?,
            None => pass(shared, &request, connection)?,
        }
    }
    Ok(())
}

fn pass(shared: &Shared, request: &Message, mut connection: &TcpStream) -> io::Result<()> {
    let got = shared.forward(request)?;
    connection.write_all(got.head.as_bytes())?;
    connection.write_all(&got.body)
}

fn harm(shared: &Shared, fault: Fault, request: Message, mut connection: &TcpStream) -> io::Result<()> {
    match fault {
        Fault::TooMany => answer(connection, 429, "{}"),
        Fault::Unavailable => answer(connection, 503, "<html>no server</html>"),
        Fault::BadRequest => answer(
            connection,
            400,
            r#"{"error":{"type":"chaos_exception","reason":"as a whole"},"status":400}"#,
        ),
        Fault::ResetBefore => connection.shutdown(Shutdown::Both),
        Fault::ResetAfter => {
            shared.forward(&request)?;
            connection.shutdown(Shutdown::Both)
        }
        Fault::Cut => {
            let got = shared.forward(&request)?;
            connection.write_all(got.head.as_bytes())?;
            connection.write_all(&got.body[..got.body.len() / 2])?;
            connection.shutdown(Shutdown::Both)
        }
        Fault::Late => {
            sleep(LATE);
            pass(shared, &request, connection)
        }
        Fault::Lie => {
            let mut items = shared.items(&request)?;
            items[0] = failed(500, "chaos_exception", "it was done all the same");
            lie(connection, items)
        }
        Fault::Refuse => {
            let rest = without_first(&request);
            let mut items = if rest.body.is_empty() { Vec::new() } else { shared.items(&rest)? };
            items.insert(0, failed(400, "mapper_parsing_exception", "refused by chaos"));
            lie(connection, items)
        }
    }
}

fn failed(status: u16, name: &str, reason: &str) -> Value {
    json!({"index": {"status": status, "error": {"type": name, "reason": reason}}})
}

/// Answers 200 with these results.
fn lie(connection: &TcpStream, items: Vec<Value>) -> io::Result<()> {
    answer(connection, 200, &json!({"errors": true, "items": items}).to_string())
}

/// The request without its first operation.
fn without_first(request: &Message) -> Message {
    let lines: Vec<&[u8]> = request.body.split_inclusive(|byte| *byte == b'\n').collect();
    let body = lines.get(2..).unwrap_or_default().concat();
    let is_length = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
    let head: Vec<&str> = request.head.lines().filter(|line| !is_length(line) && !line.is_empty()).collect();
    Message { head: format!("{}\r\ncontent-length: {}\r\n\r\n", head.join("\r\n"), body.len()), body }
}

/// The ids of the operations of a request.
fn ids(body: &[u8]) -> Vec<String> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).step_by(2);
    let actions = lines.map(|line| serde_json::from_slice::<Value>(line).expect("an action"));
    actions.map(|action| action["index"]["_id"].as_str().expect("an id").to_owned()).collect()
}

fn answer(mut connection: &TcpStream, status: u16, body: &str) -> io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body.as_bytes())
}

/// The value of a header, or nothing.
fn header(head: &str, name: &str) -> String {
    let values = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = values.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

/// Reads a message; none when the connection has ended.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Message>> {
    let mut head = String::new();
    loop {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    let length = header(&head, "content-length").parse().unwrap_or(0);
    let is_head = head.starts_with("HEAD ");
    let mut body = vec![0; if is_head { 0 } else { length }];
    reader.read_exact(&mut body)?;
    Ok(Some(Message { head, body }))
}
