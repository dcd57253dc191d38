//! A snapshot with many deleted documents, made by a real server.

use crate::http;
use crate::random::Random;
use crate::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

/// Documents of a bulk request.
const BATCH: u32 = 5000;

/// A snapshot `snap` of an index.
#[derive(Debug)]
pub struct Source {
    pub repo: PathBuf,
    /// The ids of all that was not deleted.
    pub live: BTreeSet<String>,
    /// Those of them with a `code` that is no number.
    pub odd: BTreeSet<String>,
}

/// Whether document `n` is deleted again: three of ten are.
const fn is_deleted(n: u32) -> bool {
    Random::new(n as u64).within(0..10) < 3
}

fn id(n: u32) -> String {
    format!("d{n:07}")
}

/// Whether the `code` of document `n` is no number.
const fn is_odd(n: u32) -> bool {
    n % 50 == 7
}

/// About 300 bytes, half of them without pattern.
fn document(n: u32, text: &mut String) {
    let mut random = Random::new(u64::from(n) << 20);
    let words = ["ferry", "harbour", "tide", "island", "captain", "lighthouse", "cargo", "rope"];
    write!(text, r#"{{"n":{n},"code":"{}{n}","text":""#, if is_odd(n) { "c" } else { "" }).unwrap();
    for _ in 0..16 {
        let word = words[usize::try_from(random.within(0..8)).unwrap()];
        write!(text, "{word} {:08x} ", random.next() >> 32).unwrap();
    }
    text.push_str("\"}\n");
}

impl Source {
    /// Indexes so many documents, in several segments, deletes 30 %, and takes a snapshot.
    pub fn with_deletes(server: &Server, index: &'static str, documents: u32, shards: u32) -> Self {
        let url = &server.url;
        let settings = json!({"settings": {
            "number_of_shards": shards, "number_of_replicas": 0, "refresh_interval": "-1",
            "merge.policy.deletes_pct_allowed": 50,
        }});
        http::json(url, "PUT", &format!("/{index}"), &settings);
        for start in (0..documents).step_by(BATCH as usize) {
            let mut body = String::new();
            for n in start..documents.min(start + BATCH) {
                writeln!(body, r#"{{"index":{{"_id":"{}"}}}}"#, id(n)).unwrap();
                document(n, &mut body);
            }
            bulk(url, index, &body);
        }
        http::json(url, "POST", &format!("/{index}/_flush?force=true"), &Value::Null);
        let deleted: Vec<u32> = (0..documents).filter(|n| is_deleted(*n)).collect();
        for numbers in deleted.chunks(BATCH as usize) {
            let lines = numbers.iter().map(|n| format!("{{\"delete\":{{\"_id\":\"{}\"}}}}\n", id(*n)));
            bulk(url, index, &lines.collect::<String>());
        }
        let live = || (0..documents).filter(|n| !is_deleted(*n));
        let odd = live().filter(|n| is_odd(*n)).map(id).collect();
        let live = live().map(id).collect();
        Self { repo: snapshot(server, index), live, odd }
    }

    pub fn documents(&self) -> u64 {
        self.live.len() as u64
    }
}

fn bulk(url: &str, index: &str, body: &str) {
    let answer = http::send(url, "POST", &format!("/{index}/_bulk?filter_path=errors"), body);
    assert_eq!((answer.status, answer.json()["errors"].as_bool()), (200, Some(false)), "{}", answer.body);
}

/// Takes a snapshot of an index, deletes the index, and says how much of it was deleted documents.
fn snapshot(server: &Server, index: &str) -> PathBuf {
    let (url, repo) = (&server.url, server.repositories().join(index));
    http::json(url, "POST", &format!("/{index}/_flush?force=true"), &Value::Null);
    http::json(url, "POST", &format!("/{index}/_refresh"), &Value::Null);
    let stats = http::get(url, &format!("/{index}/_stats/docs,segments,store"));
    let total = &stats["_all"]["primaries"];
    println!(
        "source {index}: {} documents, {} deleted ones in the segments, {} segments, {} bytes",
        total["docs"]["count"],
        total["docs"]["deleted"],
        total["segments"]["count"],
        total["store"]["size_in_bytes"]
    );
    let repository = json!({"type": "fs", "settings": {"location": repo}});
    http::json(url, "PUT", &format!("/_snapshot/{index}"), &repository);
    let what = json!({"indices": index, "include_global_state": false});
    let made = http::json(url, "PUT", &format!("/_snapshot/{index}/snap?wait_for_completion=true"), &what);
    assert_eq!(made["snapshot"]["state"], "SUCCESS");
    http::json(url, "DELETE", &format!("/{index}"), &Value::Null);
    http::json(url, "DELETE", &format!("/_snapshot/{index}"), &Value::Null);
    repo
}
