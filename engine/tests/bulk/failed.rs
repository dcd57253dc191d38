//! Files of failed documents: written, read, sent again.

use super::server::{Cluster, batch, batch_of, done, items, settings};
use codecs::bulk::OpType;
use engine::bulk::{
    FailedDocuments, FailedFiles, FailedOptions, FailureClass, Filter, RetrySettings, retry, select,
    summarize,
};
use engine::storage::{Location, S3Options};
use std::path::{Path, PathBuf};

/// A folder that is deleted at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ferry-failed-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn location(&self) -> Location {
        Location::File(self.0.clone())
    }

    fn writer(&self) -> FailedDocuments {
        FailedDocuments::new(FailedOptions::new(self.location(), "s/1", "w"))
    }

    async fn files(&self) -> FailedFiles {
        FailedFiles::open(&self.location(), &S3Options::default()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Files below a folder.
fn all_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.display().to_string()) }
        }
    }
    found
}

/// Sends documents of which these ids are refused, and records them.
async fn fail(writer: &FailedDocuments, documents: &[(&str, &str)], refused: &'static [&'static str]) {
    let cluster = Cluster::start(move |_, seen| {
        let status = |id: &String| if refused.contains(&id.as_str()) { (400, "strict") } else { (201, "") };
        items(&seen.ids().iter().map(status).collect::<Vec<_>>())
    });
    let cluster = cluster.await;
    let outcome = cluster.sink(settings()).send(batch_of(OpType::Index, documents)).await.unwrap();
    assert_eq!(outcome.failed.len(), refused.len());
    for failed in &outcome.failed {
        writer.record("item-1", "i", failed).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_made_as_long_as_nothing_failed() {
    let folder = Folder::new("nothing");
    let writer = folder.writer();
    writer.flush().await.unwrap();
    assert!(!folder.0.exists());
}

#[tokio::test]
async fn a_flush_makes_records_durable_and_a_second_run_overwrites_none() {
    let folder = Folder::new("flush");
    for run in 1..=2 {
        let writer = folder.writer();
        fail(&writer, &[("1", "{\"n\":1e400}"), ("2", "{}")], &["1"]).await;
        assert_eq!(all_files(&folder.0).len(), run - 1, "in memory until it is flushed");
        writer.flush().await.unwrap();
        writer.flush().await.unwrap();
        let files = all_files(&folder.0);
        assert_eq!((files.len(), writer.records()), (run, 1));
        assert!(files.iter().all(|file| file.contains("session=s%2F1/worker=w/failed-documents-")));
    }
    let summary = summarize(&folder.files().await, &Filter::default()).await.unwrap();
    let row = &summary.rows[0];
    assert_eq!((summary.files, summary.records, summary.rows.len(), row.documents), (2, 2, 1, 1));
    assert_eq!(
        (row.index.as_str(), row.class, row.error_type.as_deref()),
        ("i", FailureClass::Refused, Some("strict"))
    );
}

#[tokio::test]
async fn a_file_is_closed_when_it_is_full() {
    let folder = Folder::new("rotate");
    let options = FailedOptions { rotate_bytes: 1, ..FailedOptions::new(folder.location(), "s", "w") };
    let writer = FailedDocuments::new(options);
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(600 << 10));
    fail(&writer, &[("1", &long), ("2", &long), ("3", "{}")], &["1", "2", "3"]).await;
    assert_eq!(all_files(&folder.0).len(), 3);
}

#[tokio::test]
async fn a_location_that_cannot_be_written_to_keeps_the_records_for_the_next_flush() {
    let folder = Folder::new("unwritable");
    std::fs::write(&folder.0, "in the way").unwrap();
    let writer = folder.writer();
    fail(&writer, &[("1", "{}")], &["1"]).await;
    assert!(writer.check().await.is_err());
    assert!(writer.flush().await.is_err());
    assert!(writer.flush().await.is_err());
    std::fs::remove_file(&folder.0).unwrap();
    writer.flush().await.unwrap();
    let summary = summarize(&folder.files().await, &Filter::default()).await.unwrap();
    assert_eq!((summary.files, summary.records), (1, 1));
}

#[tokio::test]
async fn records_are_found_by_id_index_and_class() {
    let folder = Folder::new("select");
    let writer = folder.writer();
    fail(&writer, &[("1", "{\"a\":1}"), ("2", "{\"a\":2}"), ("3", "{}")], &["1", "2", "3"]).await;
    writer.flush().await.unwrap();
    let files = folder.files().await;
    let found = async |filter: Filter, limit| {
        let mut sources = Vec::new();
        let selection = select(&files, &filter, limit, |record| {
            sources.push(String::from_utf8(record.source_bytes().unwrap().into_owned()).unwrap());
            Ok::<_, engine::Error>(())
        });
        let selection = selection.await.unwrap();
        (sources.join(" "), selection.has_more)
    };
    let by_id = |id: &str| Filter { id: Some(id.to_owned()), ..Filter::default() };
    assert_eq!(found(by_id("2"), 10).await, ("{\"a\":2}".to_owned(), false));
    assert_eq!(found(by_id("4"), 10).await, (String::new(), false));
    assert_eq!(found(Filter::default(), 2).await, ("{\"a\":1} {\"a\":2}".to_owned(), true));
    let class = Some(FailureClass::TooLarge);
    assert_eq!(found(Filter { class, ..Filter::default() }, 9).await.0, "");
}

#[tokio::test]
async fn failed_documents_are_sent_again_and_the_books_balance() {
    let folder = Folder::new("retry");
    let writer = folder.writer();
    fail(&writer, &[("1", "{\"a\":1}"), ("2", "{\"a\":2}"), ("3", "{\"a\":3}")], &["1", "3"]).await;
    writer.flush().await.unwrap();
    let java = r#"{"targetIndex":"movies","documentId":"doc","failureClass":"NON_RETRYABLE","requestItem":{"operation_type":"index","operation":{"_id":"doc","routing":"r"},"document":{"b":1}}}
{"targetIndex":"movies","documentId":"gone","failureClass":"NON_RETRYABLE","requestItem":null}
nonsense
"#;
    let place = folder.0.join("session=j/index=movies/worker=x");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("failed-document-stream-20260514T120000Z-1.ndjson"), java).unwrap();
    let cluster =
        Cluster::start(
            |_, seen| {
                if seen.ids() == ["doc"] { done(seen) } else { items(&[(201, ""), (400, "strict")]) }
            },
        );
    let cluster = cluster.await;
    let again = Folder::new("retry-again");
    let failed = again.writer();
    let sink = cluster.sink(settings());
    let report =
        retry(&folder.files().await, &Filter::default(), &sink, RetrySettings::default(), Some(&failed))
            .await;
    let report = report.unwrap();
    let counts = (report.selected, report.indexed, report.allowed, report.failed, report.without_source);
    assert_eq!((counts, report.bad_lines), ((4, 2, 0, 1, 1), 1));
    assert_eq!(report.bad[0].line, 3);
    assert_eq!(
        (report.failures[0].id.as_deref(), report.failures[0].reason.as_str()),
        (Some("3"), "because")
    );
    let sent: Vec<_> = cluster.seen().into_iter().flat_map(|seen| seen.operations).collect();
    let sent: Vec<_> = sent.iter().map(|(action, source)| (action.as_str(), source.as_str())).collect();
    assert_eq!(
        sent,
        [
            (r#"{"index":{"_id":"1"}}"#, r#"{"a":1}"#),
            (r#"{"index":{"_id":"3"}}"#, r#"{"a":3}"#),
            (r#"{"index":{"_id":"doc","routing":"r"}}"#, r#"{"b":1}"#),
        ]
    );
    assert_eq!(summarize(&again.files().await, &Filter::default()).await.unwrap().records, 1);
}

#[tokio::test]
async fn one_file_can_be_named_by_itself() {
    let folder = Folder::new("one");
    let writer = folder.writer();
    fail(&writer, &[("1", "{}")], &["1"]).await;
    writer.flush().await.unwrap();
    let file = Location::File(PathBuf::from(&all_files(&folder.0)[0]));
    let files = FailedFiles::open(&file, &S3Options::default()).await.unwrap();
    assert_eq!(summarize(&files, &Filter::default()).await.unwrap().records, 1);
    assert_eq!(batch(1).len(), 1);
}
