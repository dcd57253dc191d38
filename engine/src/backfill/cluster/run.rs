//! One worker of a backfill into a cluster. Newcomers start reading here.

use super::catalog::Catalog;
use super::context::{Context, Noted};
use super::error::{Error, Result};
use super::pace::Pace;
use super::plan::plan;
use super::report::{Report, WorkerReport};
use super::slots::Slots;
use crate::backfill::{Excluded, Progress};
use crate::bulk::{BatchLimits, BulkSink, FailedDocuments, OperationWriter};
use crate::coordination::{Fingerprint, SessionState, Status, WorkStore};
use crate::error::Error as EngineError;
use crate::flow::{Cancel, Kept, MemoryBudget};
use crate::segment::{Resources, select};
use crate::snapshot::{IndexSelection, Snapshot};
use crate::transform::Chain;
use codecs::snapshot::version::Version;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

/// The share of the memory that one batch may take.
const BATCH_SHARE: u64 = 16;

/// A batch is not made smaller than this to save memory.
const LEAST_BATCH: usize = 64 << 10;

/// What is copied, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which indices.
    pub selection: IndexSelection,
    /// What makes this job this job.
    pub job: Fingerprint,
    /// Compressed bytes of a work item; the same in all workers of a session.
    pub item_bytes: u64,
    /// Items that one worker copies at once.
    pub items_at_once: NonZeroUsize,
    /// Bytes of memory for the data in flight.
    pub memory: u64,
    /// Threads that decode.
    pub threads: NonZeroUsize,
    /// Put items back first that were given up.
    pub retry_quarantined: bool,
    /// The version of the source, if the snapshot is not to be believed.
    pub source_version: Option<Version>,
}

/// Where documents go, and what happens to them on the way.
#[derive(Debug)]
pub struct Destination {
    /// The target; none to measure everything before it.
    pub sink: Option<BulkSink>,
    /// Requests that may be under way at once.
    pub most_requests: usize,
    /// How operations are written.
    pub writer: OperationWriter,
    /// How large batches are.
    pub limits: BatchLimits,
    /// What documents go through before.
    pub chain: Option<Chain>,
    /// Where documents are recorded that fail.
    pub failed: FailedDocuments,
    /// Tells the sink to stop as well.
    pub cancel: Cancel,
}

/// Copies documents until the session is complete.
///
/// Documents that the target refuses are recorded as failed; work items that are damaged are given up after a few
/// attempts. Neither stops the run.
///
/// # Errors
///
/// What concerns the repository, the target, or the store of the session as a whole, and [`Error::Stopped`].
pub async fn run(
    snapshot: &Snapshot<'_>,
    store: &WorkStore,
    settings: &Settings,
    destination: Destination,
    progress: &Arc<Progress>,
) -> Result<Report> {
    let start = Instant::now();
    destination.failed.check().await?;
    let (selected, excluded) = select(snapshot, &settings.selection).await?;
    let state = store.join(&settings.job).await?;
    if state == SessionState::Planning {
        let items = plan(snapshot, &selected, settings.item_bytes).await?;
        store.plan(&items).await?;
    }
    if settings.retry_quarantined {
        let items = store.retry_quarantined().await?;
        tracing::info!(items, "work items that were given up are tried again");
    } else if state == SessionState::Complete {
        tracing::info!(session = %store.session(), "the session is complete: nothing is left to do");
    }
    expect(progress, &store.status().await?);
    let catalog = Catalog::new(snapshot, selected, settings.source_version);
    let context = Arc::new(context(settings, destination, progress)?);
    let slots = Slots::new(&context, &catalog, store);
    slots.run(settings.items_at_once).await?;
    if context.cancel.is_cancelled() {
        return Err(Error::Stopped);
    }
    let status = store.status().await?;
    let excluded = excluded
        .iter()
        .map(|(index, reason)| Excluded { index: (*index).to_owned(), reason: reason.to_string() });
    let counters = snapshot.repository().store().counters();
    let all = [&counters.list, &counters.read, &counters.read_range];
    let worker = WorkerReport {
        requests: all.iter().map(|counter| counter.requests()).sum(),
        bytes_fetched: all.iter().map(|counter| counter.bytes()).sum(),
        peak_reserved: context.resources.memory.peak(),
        items: slots.items(),
        seconds: start.elapsed().as_secs_f64(),
        ..WorkerReport::of(&context)
    };
    let indices = catalog.indices().map(|index| index.name.as_str());
    Ok(Report::new(snapshot.name(), status, indices, excluded.collect(), &context, worker))
}

/// What is left to do, for whoever watches.
fn expect(progress: &Progress, status: &Status) {
    let totals = &status.totals;
    progress.expect(totals.documents.saturating_sub(totals.documents_known()));
}

fn context(settings: &Settings, destination: Destination, progress: &Arc<Progress>) -> Result<Context> {
    let threads = settings.threads.get();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("decode-{n}"));
    let pool = pool.build().map_err(|error| EngineError::Threads { reason: error.to_string() })?;
    let Destination { sink, most_requests, writer, limits, chain, failed, cancel } = destination;
    let most_units = most_requests.saturating_add(threads).saturating_add(2);
    let share = usize::try_from(settings.memory / BATCH_SHARE).unwrap_or(usize::MAX);
    Ok(Context {
        resources: Resources {
            memory: MemoryBudget::new(settings.memory).measured(),
            threads: Arc::new(pool),
        },
        sink,
        writer,
        chain: chain.filter(|chain| !chain.is_empty()),
        limits: BatchLimits { bytes: limits.bytes.min(share.max(LEAST_BATCH)), ..limits },
        failed,
        progress: Arc::clone(progress),
        cancel,
        blocks: Default::default(),
        buffers: Kept::at_most(most_units),
        pace: Pace::new(most_units),
        noted: Noted::default(),
    })
}
