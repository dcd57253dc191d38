use crate::support::truth::{Document, document, sent, truth, written_lines};
use crate::support::{ferry_in, fixture, json_of, scratch};
use std::collections::BTreeMap;
use std::path::Path;

/// What a run gave: documents by index, ids of failed ones by index and class, and the report.
struct Run {
    documents: BTreeMap<String, Vec<Document>>,
    failed: BTreeMap<String, Vec<(String, String)>>,
    report: serde_json::Value,
    status: Option<i32>,
}

fn backfill(name: &str, repository: &str, snapshot: &str) -> Run {
    let folder = scratch(&format!("{name}-{repository}-{snapshot}"));
    let repository = fixture(name).join(repository);
    let arguments = ["backfill", "--repo", repository.to_str().unwrap(), "--snapshot", snapshot];
    let rest = ["--indices", "*", "--target", "ndjson:out", "--output", "json"];
    let output = ferry_in(&folder, &[&arguments[..], &rest[..]].concat());
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json_of(&output);
    let out = folder.join("out");
    let mut documents = BTreeMap::new();
    for index in report["report"]["indices"].as_array().unwrap() {
        let index = index["index"].as_str().unwrap();
        let mut lines: Vec<Document> = written_lines(&out, index).iter().map(|line| document(line)).collect();
        lines.sort();
        documents.insert(index.to_owned(), lines);
    }
    let failed = failed(&out.join("failed-documents.ndjson"));
    Run { documents, failed, report, status: output.status.code() }
}

fn failed(path: &Path) -> BTreeMap<String, Vec<(String, String)>> {
    let mut failed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    for line in text.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        failed.entry(text("index")).or_default().push((text("_id"), text("class")));
    }
    failed
}

/// Compares a run with the truth, index by index, and prints a row for each.
fn compare(name: &str, snapshot: &str, run: &Run, truth: &BTreeMap<String, Vec<Document>>) {
    let mut wrong = Vec::new();
    let mut all_failed = 0;
    for (index, expected) in truth {
        let (with_source, without): (Vec<_>, Vec<_>) =
            expected.iter().partition(|document| document.source.is_some());
        let found = run.documents.get(index).map(Vec::as_slice).unwrap_or_default();
        let mut failed: Vec<_> = run.failed.get(index).into_iter().flatten().cloned().collect();
        failed.sort();
        let mut no_source: Vec<_> =
            without.iter().map(|document| (document.id.clone(), "no _source".to_owned())).collect();
        no_source.sort();
        let equal = found.iter().eq(with_source.iter().copied()) && failed == no_source;
        all_failed += failed.len();
        println!(
            "truth {name} {snapshot} {index}: {} expected, {} written, {} without _source, {}",
            expected.len(),
            found.len(),
            failed.len(),
            if equal { "equal" } else { "NOT EQUAL" }
        );
        if !equal {
            wrong.push(format!("{index}: {}", first_difference(found, &with_source, &failed, &no_source)));
        }
    }
    assert!(wrong.is_empty(), "{name} {snapshot}:\n{}", wrong.join("\n"));
    assert_eq!(run.status, Some(i32::from(all_failed > 0)), "exit status");
    let total = &run.report["total"];
    let number = |key: &str| total[key].as_u64().unwrap();
    let no_source = total["failed"]["no _source"].as_u64().unwrap_or(0);
    assert_eq!(number("selected"), number("written") + number("excluded") + no_source, "the books balance");
    assert_eq!(no_source, all_failed as u64);
}

fn first_difference(
    found: &[Document],
    expected: &[&Document],
    failed: &[(String, String)],
    no_source: &[(String, String)],
) -> String {
    let missing = expected.iter().find(|document| !found.contains(document));
    let extra = found.iter().find(|document| !expected.contains(document));
    let failure = failed.iter().find(|failed| !no_source.contains(failed));
    let text = format!("missing {missing:?}, extra {extra:?}, failed {failure:?}");
    text.chars().take(2000).collect()
}

fn all_equal(name: &str) {
    let folder = fixture(name);
    let run = backfill(name, "repo", "snap1");
    compare(name, "snap1", &run, &truth(&folder, "snap1"));
}

/// The second snapshot shares blobs with the first one.
fn second_snapshot_equal(name: &str) {
    let folder = fixture(name);
    let run = backfill(name, "repo", "snap2");
    let mut truth = truth(&folder, "snap2");
    truth.retain(|index, _| run.documents.contains_key(index));
    assert!(!truth.is_empty());
    compare(name, "snap2", &run, &truth);
}

/// The same documents from blobs that are cut into parts, with metadata that is not compressed.
fn chunked_equal(name: &str) {
    let folder = fixture(name);
    let run = backfill(name, "repo_chunked", "chunked");
    let mut truth = truth(&folder, "snap1");
    truth.retain(|index, _| run.documents.contains_key(index));
    assert_eq!(truth.len(), run.documents.len());
    compare(name, "chunked", &run, &truth);
}

/// Where the exact text of a source is known, it is what is written; raw newlines become spaces.
fn text_is_kept(name: &str) {
    let folder = fixture(name);
    let out = scratch(&format!("{name}-text"));
    let repository = folder.join("repo");
    let arguments = ["backfill", "--repo", repository.to_str().unwrap(), "--snapshot", "snap1"];
    let output =
        ferry_in(&out, &[&arguments[..], &["--indices", "odd_json", "--target", "ndjson:."]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = written_lines(&out, "odd_json");
    let sent = sent(&folder);
    assert_eq!(lines.len(), sent.len());
    for line in lines {
        let id = document(&line).id;
        let text = sent[&id].replace(['\n', '\r'], " ");
        assert!(line.ends_with(&format!(",\"_source\":{text}}}")), "{id}: {line}");
    }
}

macro_rules! versions {
    ($($module:ident $name:literal $($only:ident)*;)*) => {
        $(mod $module {
            #[test]
            fn every_document_is_equal_to_the_truth() { super::all_equal($name); }
            $(#[test] fn $only() { super::$only($name); })*
        })*
    };
}

versions! {
    es_1_7_6 "es-1.7.6" second_snapshot_equal chunked_equal text_is_kept;
    es_2_4_6 "es-2.4.6" second_snapshot_equal chunked_equal text_is_kept;
    es_5_6_16 "es-5.6.16" second_snapshot_equal chunked_equal text_is_kept;
    es_6_8_23 "es-6.8.23" second_snapshot_equal chunked_equal text_is_kept;
    es_7_10_2 "es-7.10.2" second_snapshot_equal chunked_equal text_is_kept;
    es_7_17_28 "es-7.17.28" second_snapshot_equal chunked_equal text_is_kept;
    es_8_17_4 "es-8.17.4" second_snapshot_equal chunked_equal text_is_kept;
    es_9_0_2 "es-9.0.2" second_snapshot_equal chunked_equal text_is_kept;
    os_1_3_13 "os-1.3.13" second_snapshot_equal chunked_equal text_is_kept;
    os_2_9_0 "os-2.9.0" second_snapshot_equal chunked_equal text_is_kept;
    os_2_19_1 "os-2.19.1" second_snapshot_equal chunked_equal text_is_kept;
    os_3_5_0 "os-3.5.0" second_snapshot_equal chunked_equal text_is_kept;
    es_1_to_2 "es-1.7.6_to_es-2.4.6";
    es_2_to_5 "es-2.4.6_to_es-5.6.16";
    es_5_to_6 "es-5.6.16_to_es-6.8.23";
    es_6_to_7 "es-6.8.23_to_es-7.10.2";
    es_6_to_os_1 "es-6.8.23_to_os-1.3.13";
    es_7_to_8 "es-7.10.2_to_es-8.17.4";
    es_7_to_os_2 "es-7.10.2_to_os-2.19.1";
    os_2_to_3 "os-2.19.1_to_os-3.5.0";
}
