//! Requests to a server: one connection each.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// The host and port of a URL.
pub fn host(url: &str) -> &str {
    url.strip_prefix("http://").expect("http").trim_end_matches('/')
}

/// A path segment of any text.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Sends a request and reads the answer to its end.
pub fn send(url: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut connection = TcpStream::connect(host(url)).expect("the server listens");
    connection.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        host(url),
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, body: body.to_owned() }
}

/// The answer to a request that succeeds.
pub fn json(url: &str, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send(url, method, path, &body);
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    answer.json()
}

pub fn get(url: &str, path: &str) -> Value {
    json(url, "GET", path, &Value::Null)
}

/// Every document of an index that a search finds: the hits, without `_source` unless it is wanted.
pub fn hits(url: &str, index: &str, with_source: bool) -> Vec<Value> {
    let path = format!("/{}", encoded(index));
    json(url, "POST", &format!("{path}/_refresh"), &Value::Null);
    let query = serde_json::json!({
        "size": 5000, "version": true, "_source": with_source, "sort": ["_doc"], "query": {"match_all": {}},
    });
    let mut page = json(url, "POST", &format!("{path}/_search?scroll=1m"), &query);
    let mut all = Vec::new();
    loop {
        let Value::Array(hits) = page["hits"]["hits"].take() else { panic!("no hits") };
        if hits.is_empty() {
            break;
        }
        all.extend(hits);
        let next = serde_json::json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
        page = json(url, "POST", "/_search/scroll", &next);
    }
    let done = serde_json::json!({"scroll_id": page["_scroll_id"]});
    json(url, "DELETE", "/_search/scroll", &done);
    all
}
