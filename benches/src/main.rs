//! How fast one snapshot is read: the decompressor alone, blocks of documents, lines into a null sink.
//!
//! All three see the same chunks of the same segments. `benches/compare/reader` runs it beside a real Lucene.

#![expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a benchmark may panic")]

mod bare;

use clap::Parser;
use engine::backfill::{self, Progress, Settings};
use engine::document::DocumentBlock;
use engine::ndjson::{FileOptions, LineFormat, LineTarget};
use engine::segment::{Segment, Unit, segments};
use engine::snapshot::{IndexSelection, Repository, Snapshot};
use engine::storage::{Location, S3Options};
use futures::{StreamExt, TryStreamExt, stream};
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Measures how fast a snapshot is read.
#[derive(Debug, Parser)]
struct Arguments {
    /// Snapshot repository
    #[arg(long)]
    repo: Location,
    /// Snapshot to read
    #[arg(long, default_value = "snap1")]
    snapshot: String,
    /// Threads that decode
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// How often each is measured; they take turns
    #[arg(long, default_value = "5")]
    passes: u32,
}

/// What one pass read.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    documents: u64,
    /// Bytes of `_source`; decompressed bytes for the decompressor alone.
    bytes: u64,
}

const UNIT_BYTES: u64 = 1 << 20;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let repository = runtime.block_on(Repository::open(arguments.repo.clone(), S3Options::default()))?;
    let snapshot = runtime.block_on(repository.snapshot(&arguments.snapshot))?;
    let units = runtime.block_on(units(&snapshot))?;
    let chunks = runtime.block_on(bare::load(&units))?;
    for _ in 0..arguments.passes {
        measure("bare", &arguments, || bare::decompress(&chunks, arguments.threads))?;
        measure("blocks", &arguments, || blocks(&runtime, &units, arguments.threads))?;
        measure("lines", &arguments, || lines(&runtime, &snapshot, arguments.threads))?;
    }
    Ok(())
}

/// Prints one line: what, seconds, documents, bytes.
fn measure(
    what: &str,
    arguments: &Arguments,
    pass: impl FnOnce() -> anyhow::Result<Amount>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let amount = pass()?;
    let line = serde_json::json!({
        "what": what,
        "threads": arguments.threads,
        "seconds": start.elapsed().as_secs_f64(),
        "documents": amount.documents,
        "bytes": amount.bytes,
    });
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// All units of all segments.
async fn units(snapshot: &Snapshot<'_>) -> anyhow::Result<Vec<Unit>> {
    let (names, _) = snapshot.select(&IndexSelection::everything())?;
    let mut units = Vec::new();
    for name in names {
        let index = snapshot.index(name).await?;
        for shard in 0..index.metadata.number_of_shards {
            let files = snapshot.shard(&index, shard).await?;
            let sources = segments(&files, &Arc::default()).await?;
            let opened = stream::iter(&sources).then(Segment::open);
            let opened: Vec<Segment> = opened.try_collect().await?;
            for segment in opened {
                for unit in Arc::new(segment).units(UNIT_BYTES) {
                    units.push(unit.map_err(|failure| failure.error)?);
                }
            }
        }
    }
    Ok(units)
}

/// Reads all documents into blocks, and does nothing with them.
fn blocks(
    runtime: &tokio::runtime::Runtime,
    units: &[Unit],
    threads: NonZeroUsize,
) -> anyhow::Result<Amount> {
    let read = |unit: &Unit, block: &mut DocumentBlock| -> anyhow::Result<Amount> {
        let mut amount = Amount::default();
        let bytes = runtime.block_on(unit.fetch())?;
        for number in unit.chunks.clone() {
            let chunk = unit.segment.chunk(number)?;
            let range = [chunk.bytes.start, chunk.bytes.end].map(|at| (at - unit.bytes.start) as usize);
            let mut failed = None;
            unit.segment.read_chunk(&chunk, &bytes[range[0]..range[1]], block, |failure| {
                failed.get_or_insert(failure.error);
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
            amount.documents += block.len() as u64;
            let sources = block.iter().filter_map(|document| document.source);
            amount.bytes += sources.map(|source| source.len() as u64).sum::<u64>();
        }
        Ok(amount)
    };
    in_parallel(units, threads, read)
}

/// Runs the whole line into a null sink. Bytes are those of the sources, as counted by [`blocks`].
fn lines(
    runtime: &tokio::runtime::Runtime,
    snapshot: &Snapshot<'_>,
    threads: NonZeroUsize,
) -> anyhow::Result<Amount> {
    let settings = Settings {
        selection: IndexSelection::everything(),
        target: LineTarget::Null,
        format: LineFormat::Document,
        files: FileOptions::default(),
        failed_documents: std::env::temp_dir().join("ferry-bench-failed.ndjson"),
        memory: 512 << 20,
        threads,
        source_version: None,
    };
    let report = runtime.block_on(backfill::run(snapshot, &settings, &Arc::new(Progress::default())))?;
    let total = report.total();
    anyhow::ensure!(total.missing() == 0 && total.failed_total() == 0, "documents failed");
    Ok(Amount { documents: total.written, bytes: total.bytes })
}

/// Does `work` on all items, on so many threads.
fn in_parallel<T: Sync, B: Default>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T, &mut B) -> anyhow::Result<Amount> + Sync,
) -> anyhow::Result<Amount> {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Ok(Amount::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                let mut buffer = B::default();
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let amount = work(item, &mut buffer);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    *total = match (std::mem::replace(&mut *total, Ok(Amount::default())), amount) {
                        (Ok(sum), Ok(more)) => Ok(Amount {
                            documents: sum.documents + more.documents,
                            bytes: sum.bytes + more.bytes,
                        }),
                        (Err(error), _) | (_, Err(error)) => Err(error),
                    };
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}
