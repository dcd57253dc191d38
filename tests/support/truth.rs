//! Documents as the server gave them, and as ferry wrote them.

use super::json::canonical;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A document; two are equal when nothing of them differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    pub id: String,
    pub type_name: Option<String>,
    pub routing: Option<String>,
    pub parent: Option<String>,
    /// Canonical; none where the index keeps no `_source`.
    pub source: Option<String>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_type")]
    type_name: Option<String>,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_parent")]
    parent: Option<String>,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
}

pub fn document(line: &str) -> Document {
    let line: Line<'_> = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    Document {
        id: line.id,
        type_name: line.type_name,
        routing: line.routing,
        parent: line.parent,
        source: line.source.map(|source| canonical(source.get())),
    }
}

fn lines(path: &Path) -> Vec<String> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(flate2::read::MultiGzDecoder::new(file))
        .lines()
        .map(|line| line.expect("a line"))
        .collect()
}

/// The truth of every index at a snapshot: `truth`, and what differs at the second one, `truth-snap2`.
pub fn truth(fixture: &Path, snapshot: &str) -> BTreeMap<String, Vec<Document>> {
    let mut truth = BTreeMap::new();
    let folders = if snapshot == "snap2" { &["truth", "truth-snap2"][..] } else { &["truth"][..] };
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(fixture.join(folder)) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let index = name.strip_suffix(".ndjson.gz").expect("an archive");
            if index.ends_with(".sent") {
                continue;
            }
            let mut documents: Vec<Document> = lines(&path).iter().map(|line| document(line)).collect();
            if index == "odd_json" {
                // The reader of the truth kept only the last of two keys with one name.
                let mut sent = sent(&writer_of(fixture));
                documents.iter_mut().for_each(|document| {
                    document.source = sent.remove(&document.id).map(|text| canonical(&text))
                });
            }
            documents.sort();
            truth.insert(index.to_owned(), documents);
        }
    }
    truth
}

/// The fixture that has what was sent: of `OLD_to_NEW`, which restored the documents of OLD, that of OLD.
fn writer_of(fixture: &Path) -> PathBuf {
    let name = fixture.file_name().and_then(|name| name.to_str()).expect("a name");
    super::fixture(name.split("_to_").next().expect("a first part"))
}

/// The exact text of each source of `odd_json`, by id.
pub fn sent(fixture: &Path) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Sent {
        #[serde(rename = "_id")]
        id: String,
        #[serde(rename = "_source_text")]
        text: String,
    }
    let sent = lines(&fixture.join("truth/odd_json.sent.ndjson.gz"));
    sent.iter()
        .map(|line| serde_json::from_str::<Sent>(line).expect("a line"))
        .map(|sent| (sent.id, sent.text))
        .collect()
}

/// The lines below `folder/<index>`.
pub fn written_lines(folder: &Path, index: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder.join(index)) else { return lines };
    for entry in entries {
        let path = entry.expect("an entry").path();
        assert_eq!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("ndjson"),
            "{}",
            path.display()
        );
        let text = std::fs::read_to_string(&path).expect("a file of lines");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}
