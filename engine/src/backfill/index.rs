//! What is copied of one index: its sink, its counts, its failures.

use super::failed::{FailedDocument, FailedDocuments};
use super::progress::Progress;
use super::report::Counts;
use crate::document::DocumentBlock;
use crate::error::{Error, Result, chain};
use crate::ndjson::{IndexSink, LineBatch, LineWriter, Unwritable};
use crate::segment::{IndexBooks, ReadFailure, Segment, SegmentSource, Unit};
use crate::telemetry::{FailedClass, Stage, meters};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Class of shards that cannot be opened.
const SHARD: &str = "unreadable shard";

/// One index on its way to the target.
#[derive(Debug)]
pub(super) struct IndexJob {
    pub(super) name: String,
    pub(super) writer: LineWriter,
    pub(super) sink: Arc<IndexSink>,
    pub(super) failed: Arc<FailedDocuments>,
    pub(super) progress: Arc<Progress>,
    pub(super) counts: Mutex<Counts>,
}

impl IndexJob {
    /// Writes a batch and gives its buffers back.
    pub(super) async fn write(self: Arc<Self>, batch: LineBatch) -> Result<LineBatch> {
        let (documents, bytes) = (batch.documents(), batch.byte_len());
        let (sink, job) = (Arc::clone(&self.sink), Arc::clone(&self));
        let write = move || sink.write(&batch).map(|()| batch);
        let start = Instant::now();
        let written = if self.sink.blocks() {
            self.progress
                .waiting_for_sink(tokio::task::spawn_blocking(write))
                .await
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        } else {
            write()
        };
        meters().spent(Stage::Send, start.elapsed());
        let batch = written.map_err(|source| Error::Sink { index: job.name.clone(), source })?;
        job.progress.written(documents, bytes);
        job.with_counts(|counts| {
            counts.written = counts.written.saturating_add(documents);
            counts.bytes = counts.bytes.saturating_add(bytes);
        });
        Ok(batch)
    }

    /// Counts what reading a chunk came to, apart from the lines, which count when they are written.
    pub(super) fn count(
        &self,
        segment: &Segment,
        block: &DocumentBlock,
        failures: Vec<ReadFailure>,
        unwritable: Vec<(u32, Vec<u8>, Unwritable)>,
    ) -> Result<()> {
        if block.children() > 0 {
            let children = u64::from(block.children());
            self.progress.excluded(children);
            self.with_counts(|counts| counts.excluded = counts.excluded.saturating_add(children));
        }
        for failure in failures {
            self.fail(segment, failure)?;
        }
        for (document, id, reason) in unwritable {
            let no_source = reason == Unwritable::NoSource;
            let class = if no_source { "no _source" } else { "unreadable _source" };
            self.record(&FailedDocument {
                shard: segment.shard().what(),
                segment: segment.name(),
                documents: document..document.saturating_add(1),
                live: Some(1),
                id: Some(String::from_utf8_lossy(&id).into_owned()),
                class,
                reason: chain(&reason),
            })?;
        }
        Ok(())
    }

    /// Records documents that cannot be read.
    pub(super) fn fail(&self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.record(&FailedDocument {
            shard: segment.shard().what(),
            segment: segment.name(),
            documents: failure.documents,
            live: Some(u64::from(failure.live)),
            id: None,
            class: "unreadable",
            reason: failure.error.to_string(),
        })
    }

    /// Records that the documents of a segment cannot be trusted, though they could be read and are written.
    pub(super) fn fail_checksum(&self, segment: &Segment, error: &codecs::Error) -> Result<()> {
        self.with_counts(|counts| {
            counts.untrusted_segments = counts.untrusted_segments.saturating_add(1);
            counts.first_failure.get_or_insert_with(|| error.to_string());
        });
        self.failed.record(
            &self.name,
            &FailedDocument {
                shard: segment.shard().what(),
                segment: segment.name(),
                documents: 0..segment.max_doc(),
                live: Some(0),
                id: None,
                class: "checksum",
                reason: format!(
                    "{error}; what could be read of this segment is written, and may not be what was indexed"
                ),
            },
        )
    }

    /// Records all documents of a unit whose bytes cannot be fetched.
    pub(super) fn fail_fetch(&self, unit: &Unit, error: &Error) -> Result<()> {
        let live = unit.live_count();
        self.fail_whole(
            unit.segment.shard().what(),
            unit.segment.name(),
            unit.documents.clone(),
            u64::from(live),
            error,
        )
    }

    /// Records documents of which nothing can be read.
    fn fail_whole(
        &self,
        shard: &str,
        segment: &str,
        documents: Range<u32>,
        live: u64,
        error: &Error,
    ) -> Result<()> {
        let class = if error.is_damage() { "unreadable" } else { "not fetched" };
        self.record(&FailedDocument {
            shard,
            segment,
            documents,
            live: Some(live),
            id: None,
            class,
            reason: chain(error),
        })
    }

    fn record(&self, failed: &FailedDocument<'_>) -> Result<()> {
        let live = failed.live.unwrap_or_default();
        self.progress.failed(metric_class(failed.class), live);
        self.with_counts(|counts| {
            if failed.live.is_some() {
                let count = counts.failed.entry(failed.class).or_insert(0);
                *count = u64::saturating_add(*count, live);
            }
            counts.first_failure.get_or_insert_with(|| failed.reason.clone());
        });
        self.failed.record(&self.name, failed)
    }

    pub(super) fn with_counts(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn take_counts(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The class of the metrics.
fn metric_class(class: &str) -> FailedClass {
    match class {
        "no _source" => FailedClass::NoSource,
        "not fetched" => FailedClass::NotFetched,
        "unreadable" | "unreadable _source" => FailedClass::Unreadable,
        _ => FailedClass::Other,
    }
}

impl IndexBooks for IndexJob {
    type Error = Error;

    fn note_shard(&self, segments: &[SegmentSource]) {
        let documents = segments.iter().map(|segment| u64::from(segment.live_count())).sum();
        self.progress.expect(documents);
        self.progress.shard_opened();
        self.with_counts(|counts| counts.selected = counts.selected.saturating_add(documents));
    }

    fn fail_shard(&self, shard: &str, error: &Error) -> Result<()> {
        self.with_counts(|counts| counts.unknown_shards = counts.unknown_shards.saturating_add(1));
        self.record(&FailedDocument {
            shard,
            segment: "",
            documents: 0..0,
            live: None,
            id: None,
            class: SHARD,
            reason: chain(error),
        })
    }

    fn fail_segment(&self, source: &SegmentSource, error: &Error) -> Result<()> {
        let (segment, live) = (&source.commit.name, u64::from(source.live_count()));
        self.fail_whole(source.shard.what(), segment, 0..source.info.doc_count, live, error)
    }

    fn fail_documents(&self, segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.fail(segment, failure)
    }
}

/// Failed documents by class.
pub(super) type FailedByClass = BTreeMap<&'static str, u64>;
