//! The run: from a snapshot to lines. Newcomers start reading here.

use super::failed::FailedDocuments;
use super::index::IndexJob;
use super::progress::Progress;
use super::report::{Excluded, IndexReport, Report};
use super::unit::{Buffer, LineBatcher};
use crate::error::{Error, Result};
use crate::flow::{Kept, MemoryBudget};
use crate::ndjson::{FileOptions, LineFormat, LineSink, LineTarget, LineWriter};
use crate::segment::{Resources, Selected, read_unit, select, units};
use crate::snapshot::{Index, IndexSelection, Snapshot};
use crate::storage::BlobStore;
use codecs::snapshot::index_metadata::SourceMode;
use codecs::snapshot::version::Version;
use futures::TryStreamExt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What is to be copied, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which indices.
    pub selection: IndexSelection,
    /// Where the lines go.
    pub target: LineTarget,
    /// What a document becomes.
    pub format: LineFormat,
    /// How files are made.
    pub files: FileOptions,
    /// The file of failed documents.
    pub failed_documents: PathBuf,
    /// Bytes of memory for the data in flight.
    pub memory: u64,
    /// Threads that decode.
    pub threads: NonZeroUsize,
    /// The version of the source, if the snapshot is not to be believed.
    pub source_version: Option<Version>,
}

/// Copies every selected document.
///
/// What is damaged costs the documents that are in it, which are recorded as failed. What concerns the repository
/// or the target as a whole stops the run.
///
/// # Errors
///
/// [`Error::NothingSelected`], [`Error::Sink`], [`Error::FailedDocuments`], and all that concern access to the storage.
pub async fn run(snapshot: &Snapshot<'_>, settings: &Settings, progress: &Arc<Progress>) -> Result<Report> {
    let start = Instant::now();
    let (selected, excluded) = select(snapshot, &settings.selection).await?;
    let sink = LineSink::new(settings.target.clone(), settings.files);
    let failed = Arc::new(FailedDocuments::new(settings.failed_documents.clone())?);
    let mut jobs = Vec::new();
    for selected in selected {
        jobs.push(Job::new(snapshot, settings, selected, &sink, &failed, progress)?);
    }
    progress.expect_shards(jobs.iter().map(|job| u64::from(job.selected.shards)).sum());
    let context = Context::new(settings, snapshot.repository().store())?;
    let indices = jobs.iter().map(|job| (&job.selected, Arc::clone(&job.job)));
    let units = units(snapshot, indices, context.unit_bytes);
    let copy = async |(job, unit)| {
        let batcher = LineBatcher::new(job, &context.buffers);
        read_unit(&context.resources, unit, batcher, &LineBatcher::write).await.map(drop)
    };
    units.try_for_each_concurrent(context.in_flight, copy).await?;

    let indices = jobs.into_iter().map(Job::finish).collect::<Result<_>>()?;
    let excluded_indices = excluded
        .iter()
        .map(|(index, reason)| Excluded { index: (*index).to_owned(), reason: reason.to_string() });
    let counters = snapshot.repository().store().counters();
    let all = [&counters.list, &counters.read, &counters.read_range];
    Ok(Report {
        snapshot: snapshot.name().to_owned(),
        indices,
        excluded_indices: excluded_indices.collect(),
        failed_documents: failed.finish()?,
        requests: all.iter().map(|counter| counter.requests()).sum(),
        bytes_fetched: all.iter().map(|counter| counter.bytes()).sum(),
        peak_reserved: context.resources.memory.peak(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// One index of the run.
struct Job {
    selected: Selected,
    job: Arc<IndexJob>,
}

impl Job {
    fn new(
        snapshot: &Snapshot<'_>,
        settings: &Settings,
        selected: Selected,
        sink: &Arc<LineSink>,
        failed: &Arc<FailedDocuments>,
        progress: &Arc<Progress>,
    ) -> Result<Self> {
        let name = selected.name.clone();
        let target = sink.index(&name).map_err(|source| Error::Sink { index: name.clone(), source })?;
        let (typed, default_type) = selected.types(settings.source_version.or(snapshot.version()));
        let job = IndexJob {
            writer: LineWriter::new(settings.format, &name, typed, default_type),
            name,
            sink: Arc::new(target),
            failed: Arc::clone(failed),
            progress: Arc::clone(progress),
            counts: Default::default(),
        };
        Ok(Self { selected, job: Arc::new(job) })
    }

    fn finish(self) -> Result<IndexReport> {
        let index = self.selected.name;
        self.job.sink.finish().map_err(|source| Error::Sink { index: index.clone(), source })?;
        let note = self.selected.index.ok().and_then(|index| source_note(&index));
        Ok(IndexReport { index, shards: self.selected.shards, counts: self.job.take_counts(), note })
    }
}

fn source_note(index: &Index) -> Option<String> {
    match index.metadata.source_mode() {
        SourceMode::Stored => None,
        SourceMode::Partial { includes, excludes } => {
            let list = |word: &str, patterns: &[String]| match patterns {
                [] => String::new(),
                patterns => format!(" {word} `{}`", patterns.join("`, `")),
            };
            let (only, without) = (list("only", &includes), list("without", &excludes));
            Some(format!(
                "the mapping keeps `_source` in part ({}): documents are written as stored",
                format!("{only}{without}").trim()
            ))
        }
        SourceMode::Disabled => {
            Some("the mapping keeps no `_source`: documents without one are reported as failed".to_owned())
        }
        SourceMode::Synthetic => Some(
            "`_source` is synthetic, so none is stored: documents without one are reported as failed"
                .to_owned(),
        ),
    }
}

/// What units share.
struct Context {
    resources: Resources,
    buffers: Arc<Kept<Buffer>>,
    /// Compressed bytes of a unit.
    unit_bytes: u64,
    /// Units that are under way at once, at most.
    in_flight: usize,
}

impl Context {
    fn new(settings: &Settings, store: &BlobStore) -> Result<Self> {
        let threads = settings.threads.get();
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("decode-{n}"));
        let pool = pool.build().map_err(|error| Error::Threads { reason: error.to_string() })?;
        let is_local = store.as_fs().is_some();
        Ok(Self {
            resources: Resources {
                memory: MemoryBudget::new(settings.memory).measured(),
                threads: Arc::new(pool),
            },
            buffers: Arc::default(),
            // A request to S3 costs tens of milliseconds whatever its size; a read of a file costs nothing.
            unit_bytes: if is_local { 1 << 20 } else { 4 << 20 },
            in_flight: if is_local {
                threads.saturating_mul(2).saturating_add(2)
            } else {
                32_usize.max(threads)
            },
        })
    }
}
