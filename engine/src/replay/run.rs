//! The replay line: records → requests → conversations → target, and back to the offsets.

use super::align::{self, GroupNotes};
use super::blocks::Compressor;
use super::books::{Books, Commit};
use super::conversation::Shared;
use super::counts::Counts;
use super::intake::{Intake, Parts};
use super::line::LineMaker;
use super::monitor::Running;
use super::outcome::Finished;
use super::places::Places;
use super::send::Target;
use super::settings::{Destination, Settings};
use super::summary::Summary;
use super::workers::Workers;
use super::writer::Writer;
use crate::error::Result;
use crate::flow::{Cancel, MemoryBudget};
use crate::traffic::{AccumulatorCounts, Input, Ledger};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Finished requests that wait to be written.
const FINISHED: usize = 4096;

/// Holds a partition back, or lets it go on.
pub type Hold = Box<dyn Fn(&Ledger, bool) + Send + Sync>;

/// Whether all that there is of a partition, or of all of them, was given out.
pub type Quiet = Box<dyn Fn(Option<i32>) -> bool + Send + Sync>;

/// What a replay reads.
pub struct Source {
    /// Records, and what becomes of their partitions.
    pub inputs: mpsc::Receiver<Input>,
    /// Holds a partition back, or lets it go on.
    pub hold: Hold,
    /// Commits an offset.
    pub commit: Commit,
    /// Whether all that there is of a partition, or of all of them, was given out, and more would come by itself.
    pub is_quiet: Quiet,
    /// Whether the end of the input is the end of the replay.
    pub ends: bool,
    /// Where the processes that share the input find the time that they keep.
    pub notes: Option<GroupNotes>,
}

/// What a replay came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// What was seen in the records.
    pub traffic: AccumulatorCounts,
    /// What became of the requests.
    #[serde(flatten)]
    pub summary: Summary,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was told to stop before the end of its input.
    pub stopped: bool,
}

/// Replays until the input ends, or it is told to stop.
///
/// # Errors
///
/// The input fails, or tuples cannot be stored. What is not committed then is replayed by the next run.
pub async fn run(
    source: Source,
    destination: Destination,
    settings: Settings,
    memory: MemoryBudget,
    cancel: Cancel,
) -> Result<Report> {
    let started = Instant::now();
    let counts = Arc::new(Counts::default());
    let backlog = Arc::new(AtomicU64::new(0));
    let (finished, finished_end) = mpsc::channel(FINISHED);
    let (orders, orders_end) = mpsc::channel(16);
    let given_up = Arc::new(watch::Sender::new(false));
    let files = destination.files();
    let workers = Workers::new();
    let lines = LineMaker {
        settings: files.as_ref().map(|files| files.settings),
        backlog: Arc::clone(&backlog),
        workers: workers.clone(),
    };
    let compressor = Compressor::new(workers, settings.most_backlog.min(memory.bytes()));
    let books = Books { files, counts: Arc::clone(&counts), commit: Arc::clone(&source.commit), compressor };
    let writer = Writer::new(books, lines.clone(), Arc::clone(&given_up));
    settings.monitor.attach(Running {
        counts: Arc::clone(&counts),
        clock: settings.clock.clone(),
        dialer: destination.dialer.clone(),
        backlog: Arc::clone(&backlog),
        cancel: cancel.clone(),
        most_in_flight: settings.most_in_flight,
        retry_budget: settings.policy.budget,
    });
    let writing = tokio::spawn(writer.run(finished_end, orders_end));
    let shared =
        Arc::new(shared(destination, &settings, &counts, cancel.clone(), (lines, finished), given_up));
    let quarantine = settings.accumulator.quarantine.clone();
    let (alignment, mut aligning) = align::start(source.notes, &settings);
    let (hold, is_quiet, orders_of_intake) = (source.hold, source.is_quiet, orders.clone());
    let parts =
        Parts { shared, settings, memory, backlog, orders: orders_of_intake, hold, is_quiet, alignment };
    let mut intake = Intake::new(parts);
    // Held to the end: whoever gives inputs stops, and its partitions are gone, when nobody can take any.
    let mut inputs = source.inputs;
    let read = tokio::select! {
        read = intake.read(&mut inputs, source.ends, &cancel) => read,
        // Nothing can be written: its error is the cause.
        () = orders.closed() => Ok(()),
    };
    if read.is_err() || orders.is_closed() {
        cancel.cancel();
    }
    let accumulator = intake.end(&mut inputs, &cancel).await;
    drop(orders);
    let written = writing.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    drop(inputs);
    aligning.shutdown().await;
    read?;
    written?;
    quarantine.check()?;
    let (stopped, traffic) = (cancel.is_cancelled(), *accumulator.counts());
    Ok(Report { traffic, summary: counts.summary(), seconds: started.elapsed().as_secs_f64(), stopped })
}

fn shared(
    destination: Destination,
    settings: &Settings,
    counts: &Arc<Counts>,
    cancel: Cancel,
    (lines, finished): (LineMaker, mpsc::Sender<Finished>),
    given_up: Arc<watch::Sender<bool>>,
) -> Shared {
    Shared {
        clock: settings.clock.clone(),
        target: Target::new(destination.dialer, settings, Arc::clone(counts)),
        preparation: destination.preparation,
        rate: settings.rate.clone(),
        in_flight: Places::new(settings.most_in_flight),
        rated: Places::new(1),
        quiescent: settings.quiescent,
        counts: Arc::clone(counts),
        cancel,
        cut: Cancel::default(),
        lines,
        finished,
        given_up,
    }
}
