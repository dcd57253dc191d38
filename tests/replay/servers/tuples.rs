//! What is in the files of tuples.

use crate::recording::{Key, Recording};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// A tuple, without headers and bodies.
#[derive(Debug, Clone)]
pub struct Tuple {
    pub offset: i64,
    pub method: String,
    pub path: String,
    pub source: Option<u64>,
    pub target: Option<u64>,
    pub attempts: usize,
    pub transform: String,
    pub error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    source_request: Message,
    source_response: Option<Message>,
    target_responses: Vec<Message>,
    connection_id: String,
    offset: i64,
    attempts: Vec<Value>,
    transform_status: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Method", default)]
    method: String,
    #[serde(rename = "Request-URI", default)]
    path: String,
    #[serde(rename = "Status-Code")]
    status: Option<u64>,
}

/// Every tuple of a folder: of each request, all that there are.
pub fn read(folder: &Path) -> BTreeMap<Key, Vec<Tuple>> {
    let mut tuples: BTreeMap<Key, Vec<Tuple>> = BTreeMap::new();
    for partition in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(partition.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(range) = name.strip_suffix(".ndjson.gz") else { continue };
            let (first, next) = range.split_once('-').unwrap();
            let range = first.parse::<i64>().unwrap()..next.parse::<i64>().unwrap();
            for line in BufReader::new(MultiGzDecoder::new(File::open(&path).unwrap())).lines() {
                let (key, tuple) = of_line(&line.unwrap());
                assert!(range.contains(&tuple.offset), "{tuple:?} is in {}", path.display());
                tuples.entry(key).or_default().push(tuple);
            }
        }
    }
    tuples
}

fn of_line(text: &str) -> (Key, Tuple) {
    let line: Line = serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("{error}: {}", &text[..text.len().min(600)]));
    let (connection, index) = line.connection_id.rsplit_once('.').unwrap();
    let tuple = Tuple {
        offset: line.offset,
        method: line.source_request.method,
        path: line.source_request.path,
        source: line.source_response.and_then(|response| response.status),
        target: line.target_responses.last().and_then(|response| response.status),
        attempts: line.attempts.len(),
        transform: line.transform_status,
        error: line.error,
    };
    ((connection.to_owned(), index.parse().unwrap()), tuple)
}

/// That every request of the recording is in exactly one tuple, with the source's answer, and nothing else is in any.
pub fn assert_accounts_for(tuples: &BTreeMap<Key, Vec<Tuple>>, recording: &Recording) {
    let missing: Vec<_> = recording.requests.keys().filter(|key| !tuples.contains_key(*key)).collect();
    let extra: Vec<_> = tuples.keys().filter(|key| !recording.requests.contains_key(*key)).collect();
    let twice: Vec<_> = tuples.iter().filter(|(_, all)| all.len() > 1).collect();
    let some = |all: &Vec<&Key>| all.iter().take(5).map(|key| format!("{key:?}")).collect::<Vec<_>>();
    assert_eq!(
        (missing.len(), extra.len(), twice.len()),
        (0, 0, 0),
        "missing {:?}, extra {:?}, twice {:?}",
        some(&missing),
        some(&extra),
        twice.iter().take(3).collect::<Vec<_>>()
    );
    for (key, expected) in &recording.requests {
        let tuple = &tuples[key][0];
        let found = (tuple.method.clone(), tuple.path.clone(), tuple.source.unwrap_or(0));
        assert_eq!(&found, expected, "{key:?}");
    }
}

/// How many tuples have which pair of statuses.
pub fn pairs(tuples: &BTreeMap<Key, Vec<Tuple>>) -> BTreeMap<String, usize> {
    let text = |status: Option<u64>| status.map_or("-".to_owned(), |status| status.to_string());
    let mut pairs = BTreeMap::new();
    for tuple in tuples.values().flatten() {
        *pairs.entry(format!("{}>{}", text(tuple.source), text(tuple.target))).or_default() += 1;
    }
    pairs
}
