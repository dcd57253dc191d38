//! Sends failed documents again.

use super::super::{BatchBuilder, BatchLimits, BulkBatch, BulkSink, FailedOperation, SinkError};
use super::reader::{BadRecord, FailedFiles};
use super::record::FailedRecord;
use super::summary::{Filter, note_bad};
use super::writer::FailedDocuments;
use crate::error::Error;
use codecs::bulk::{Action, OpType, ParsedAction};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Batches of so many indices are open at once; with one more all are sent.
const MOST_OPEN: usize = 16;

/// Of so many failures the reasons are reported.
const MOST_FAILURES: usize = 20;

/// How documents are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetrySettings {
    /// How large batches are.
    pub limits: BatchLimits,
    /// Leave out the types that operations name: for a target that has none.
    pub without_types: bool,
}

/// What came of it: `selected = indexed + allowed + failed + without_source`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RetryReport {
    /// Records that match.
    pub selected: u64,
    /// Operations that are done now.
    pub indexed: u64,
    /// Operations with an error that counts as success.
    pub allowed: u64,
    /// Operations that failed again.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<Failure>,
    /// Records without a document, which only a new backfill can bring: it could not be read, or is damaged here.
    pub without_source: u64,
    /// Operations without `_id` that may be there twice.
    pub possible_duplicates: u64,
    /// Lines that are no record.
    pub bad_lines: u64,
    /// The first of them.
    pub bad: Vec<BadRecord>,
}

/// An operation that failed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The index.
    pub index: String,
    /// `_id`.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// Status.
    pub status: Option<u16>,
    /// Type of the error.
    pub error_type: Option<String>,
    /// In words.
    pub reason: String,
}

/// Why documents could not be sent again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Storage(#[from] Error),
    /// The target does not take them.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Sends the documents of all records that match. What fails again is recorded by `failed`, where that is given; the
/// files that it came from are left as they are.
///
/// # Errors
///
/// A file cannot be read, a record not be written, or the target stops taking documents: what was indexed until then
/// stays, and a second try sends it again.
pub async fn retry(
    files: &FailedFiles,
    filter: &Filter,
    sink: &BulkSink,
    settings: RetrySettings,
    failed: Option<&FailedDocuments>,
) -> Result<RetryReport, RetryError> {
    let mut work = Work { sink, settings, failed, open: BTreeMap::new(), report: RetryReport::default() };
    for path in files.paths() {
        let mut file = files.read(path).await?;
        loop {
            let full = match file.next_record() {
                None => break,
                Some(Ok(record)) if filter.matches(&record) => work.add(&record),
                Some(Ok(_)) => Vec::new(),
                Some(Err(bad)) => {
                    note_bad(bad, &mut work.report.bad_lines, &mut work.report.bad);
                    Vec::new()
                }
            };
            work.send_all(full).await?;
        }
    }
    let rest = work.finish_open();
    work.send_all(rest).await?;
    if let Some(failed) = failed {
        failed.flush().await?;
    }
    Ok(work.report)
}

struct Work<'a> {
    sink: &'a BulkSink,
    settings: RetrySettings,
    failed: Option<&'a FailedDocuments>,
    open: BTreeMap<String, BatchBuilder>,
    report: RetryReport,
}

impl Work<'_> {
    /// Takes a record; the batches that are to be sent now.
    fn add(&mut self, record: &FailedRecord<'_>) -> Vec<BulkBatch> {
        self.report.selected = self.report.selected.saturating_add(1);
        let Some(source) = record.source_bytes() else {
            self.report.without_source = self.report.without_source.saturating_add(1);
            return Vec::new();
        };
        let operation = record.operation.as_ref();
        let action = operation.and_then(|line| ParsedAction::parse(line.get().as_bytes()).ok());
        // A record without action line says who it is by itself.
        let action = action.unwrap_or_else(|| ParsedAction {
            id: record.id.as_deref().map(str::to_owned),
            routing: record.routing.as_deref().map(str::to_owned),
            type_name: record.type_name.as_deref().map(str::to_owned),
            ..ParsedAction::default()
        });
        let mut batches = Vec::new();
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&*record.index) {
            batches = self.finish_open();
        }
        let builder = self
            .open
            .entry(record.index.to_string())
            .or_insert_with(|| BatchBuilder::new(&*record.index, self.settings.limits));
        let segment: Arc<str> = Arc::from(record.segment.as_deref().unwrap_or_default());
        let id = record.id.as_deref().unwrap_or_default();
        let text = |text: &'_ Option<String>| text.clone().map(String::into_bytes);
        let (type_name, own_id) = (text(&action.type_name), text(&action.id));
        let (routing, parent) = (text(&action.routing), text(&action.parent));
        let action = Action {
            op: if action.op == OpType::Create.name() { OpType::Create } else { OpType::Index },
            index: None,
            type_name: type_name.as_deref().filter(|_| !self.settings.without_types),
            id: own_id.as_deref(),
            routing: routing.as_deref(),
            parent: parent.as_deref().filter(|_| !self.settings.without_types),
        };
        let document = record.document.unwrap_or_default();
        batches.extend(builder.add_operation(&action, id.as_bytes(), &source, &segment, document));
        batches
    }

    fn finish_open(&mut self) -> Vec<BulkBatch> {
        std::mem::take(&mut self.open).into_values().filter_map(|mut builder| builder.finish()).collect()
    }

    async fn send_all(&mut self, batches: Vec<BulkBatch>) -> Result<(), RetryError> {
        for batch in batches {
            let index = Arc::clone(batch.index());
            let outcome = self.sink.send(batch).await?;
            let report = &mut self.report;
            report.indexed = report.indexed.saturating_add(outcome.indexed);
            report.allowed = report.allowed.saturating_add(outcome.allowed);
            report.failed = report.failed.saturating_add(outcome.failed.len() as u64);
            report.possible_duplicates =
                report.possible_duplicates.saturating_add(outcome.possible_duplicates);
            for operation in &outcome.failed {
                if self.report.failures.len() < MOST_FAILURES {
                    self.report.failures.push(failure(&index, operation));
                }
                if let Some(failed) = self.failed {
                    failed.record("retry", &index, operation).await?;
                }
            }
        }
        Ok(())
    }
}

fn failure(index: &str, operation: &FailedOperation) -> Failure {
    Failure {
        index: index.to_owned(),
        id: operation.id.clone(),
        status: operation.status,
        error_type: operation.error_type.clone(),
        reason: operation.reason.clone(),
    }
}
