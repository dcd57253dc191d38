//! The end of the line: the source's response is awaited, the tuple is written, and what is done with is committed.

use super::counts::Counts;
use super::outcome::Finished;
use super::tuples::{Line, PartitionTuples, Rotation};
use crate::error::{Access, Error, Operation, Result};
use crate::storage::BlobStore;
use crate::traffic::{Ledger, SourceResponse};
use codecs::traffic::tuple::TupleSettings;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

/// How often it is looked whether files are due.
const TICK: Duration = Duration::from_millis(100);

/// How often what is done with is committed, where no tuples have to be written before.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// Where tuples go.
#[derive(Debug, Clone)]
pub(super) struct TupleFiles {
    pub(super) store: BlobStore,
    pub(super) settings: TupleSettings,
    pub(super) rotation: Rotation,
}

/// What the writer is told, beside what is finished.
#[derive(Debug)]
pub(super) enum Order {
    /// A partition is ours from now on. Answered when what an earlier process left unfinished is out of the way.
    Assigned(Ledger, oneshot::Sender<Result<()>>),
    /// It goes to another one: what is done is written and committed, then this is answered.
    Revoked(Ledger, oneshot::Sender<()>),
    /// The replay is stopped: what has no response of the source yet is left to the next run.
    Stop,
}

/// Commits the offset of a partition, where there is something to commit to.
pub(super) type Commit = Arc<dyn Fn(Ledger, i64) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Takes what is finished. Ends when nobody can send anything any more.
pub(super) struct Writer {
    books: Books,
    partitions: Vec<Partition>,
    waiting: FuturesUnordered<Waiting>,
    /// Whether responses of the source are waited for no longer.
    given_up: Arc<watch::Sender<bool>>,
    is_stopped: bool,
}

/// What is written where, and counted.
#[derive(Clone)]
struct Books {
    files: Option<TupleFiles>,
    counts: Arc<Counts>,
    commit: Commit,
    /// Bytes of tuples that wait.
    backlog: Arc<AtomicU64>,
}

/// Something that is finished but for the source's response.
type Waiting = BoxFuture<'static, (Finished, Option<SourceResponse>)>;

/// A partition that is ours.
struct Partition {
    tuples: PartitionTuples,
    committed: i64,
    asked: Instant,
    /// When the record at `committed` was read, if it was.
    uncommitted: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        files: Option<TupleFiles>,
        counts: Arc<Counts>,
        commit: Commit,
        backlog: Arc<AtomicU64>,
        given_up: Arc<watch::Sender<bool>>,
    ) -> Self {
        let (partitions, waiting) = (Vec::new(), FuturesUnordered::new());
        let books = Books { files, counts, commit, backlog };
        Self { books, partitions, waiting, given_up, is_stopped: false }
    }

    pub(super) async fn run(
        mut self,
        mut finished: mpsc::Receiver<Finished>,
        mut orders: mpsc::Receiver<Order>,
    ) -> Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(order) = orders.recv() => self.obey(order, &mut finished).await?,
                next = finished.recv() => match next {
                    Some(finished) => self.take(finished),
                    None => break,
                },
                Some((finished, response)) = self.waiting.next() => self.complete(finished, response),
                _ = ticks.tick() => {
                    self.advance_all(&mut finished, false).await?;
                }
            }
        }
        if self.is_stopped {
            self.given_up.send_replace(true);
        }
        while let Some((finished, response)) = self.waiting.next().await {
            self.complete(finished, response);
        }
        self.advance_all(&mut finished, true).await
    }

    async fn obey(&mut self, order: Order, finished: &mut mpsc::Receiver<Finished>) -> Result<()> {
        match order {
            Order::Assigned(ledger, answer) => {
                let partition = Partition::new(ledger);
                let emptied = match &self.books.files {
                    Some(files) => partition.tuples.empty_stale(&files.store).await,
                    None => Ok(()),
                };
                self.partitions.push(partition);
                let _ = answer.send(emptied); // Who asked may be gone.
            }
            Order::Revoked(ledger, answer) => {
                // What was in flight is here by now, and is as done as the rest.
                while let Ok(finished) = finished.try_recv() {
                    self.take(finished);
                }
                self.advance_all(finished, true).await?;
                self.partitions.retain(|partition| !partition.tuples.ledger().is_same(&ledger));
                let _ = answer.send(());
            }
            Order::Stop => self.is_stopped = true,
        }
        Ok(())
    }

    fn take(&mut self, mut finished: Finished) {
        match finished.response.take() {
            Some(response) => self.complete(finished, Some(response)),
            None => {
                let mut given_up = self.given_up.subscribe();
                self.waiting.push(Box::pin(async move {
                    let response = tokio::select! {
                        response = &mut finished.request.response => response.ok(),
                        _ = given_up.wait_for(|given_up| *given_up) => None,
                    };
                    (finished, response)
                }));
            }
        }
    }

    /// Writes the tuple, and lets go of the records.
    fn complete(&mut self, finished: Finished, response: Option<SourceResponse>) {
        if self.is_stopped && response.is_none() {
            finished.request.abandon();
        }
        self.books.counts.note(&finished, response.as_ref());
        let Some(files) = &self.books.files else { return };
        let Some(home) = finished.request.tokens.first() else { return };
        let is_home = |partition: &&mut Partition| partition.tuples.ledger().is_same(home.ledger());
        let Some(partition) = self.partitions.iter_mut().find(is_home) else { return };
        let text = finished.line(response.as_ref(), &files.settings);
        self.books.backlog.fetch_add(text.len() as u64, Ordering::Relaxed);
        let mut memory = finished.request.memory.clone();
        memory.extend(response.iter().flat_map(|response| response.memory.iter().cloned()));
        partition.tuples.add(home.offset(), Line { text, index: finished.request.index, _memory: memory });
    }

    /// Writes and commits what is due, or all that is done.
    async fn advance_all(&mut self, finished: &mut mpsc::Receiver<Finished>, all: bool) -> Result<()> {
        // First what is done, then what was sent here before it was done.
        let done: Vec<i64> =
            self.partitions.iter().map(|partition| partition.tuples.ledger().done()).collect();
        while let Ok(finished) = finished.try_recv() {
            self.take(finished);
        }
        let mut partitions = std::mem::take(&mut self.partitions);
        let books = self.books.clone();
        books.counts.set_writing(true);
        for (partition, done) in partitions.iter_mut().zip(done) {
            books.advance(partition, done, all).await?;
        }
        books.counts.set_writing(false);
        books.counts.publish_uncommitted(partitions.iter_mut().filter_map(Partition::uncommitted).min());
        self.partitions = partitions;
        Ok(())
    }
}

impl Books {
    async fn advance(&self, partition: &mut Partition, done: i64, all: bool) -> Result<()> {
        if partition.tuples.ledger().is_revoked() {
            return Ok(());
        }
        let written = partition.tuples.advance(done).map_err(|error| unwritable(&error))?;
        self.backlog.fetch_sub(written, Ordering::Relaxed);
        let is_due = match &self.files {
            Some(files) if !partition.tuples.is_clean() => partition.tuples.is_due(&files.rotation),
            _ => done > partition.committed && partition.asked.elapsed() >= COMMIT_EVERY,
        };
        if !is_due && !all {
            return Ok(());
        }
        let (file, next) = partition.tuples.close().map_err(|error| unwritable(&error))?;
        if let (Some(file), Some(files)) = (file, &self.files) {
            files.store.put(&file.path, file.bytes).await?;
            self.counts.stored(file.tuples);
        }
        if next > partition.committed {
            let ledger = partition.tuples.ledger();
            let committed = (self.commit)(ledger.clone(), next).await;
            self.counts.committed(committed.is_ok());
            match committed {
                Ok(()) => (partition.committed, partition.uncommitted) = (next, None),
                // What is not committed is replayed again: nothing is lost, and the next commit has it too.
                Err(error) => {
                    let (topic, partition, error) =
                        (ledger.topic(), ledger.partition(), crate::error::chain(&error));
                    tracing::warn!(%topic, partition, offset = next, error, "could not commit");
                }
            }
        }
        partition.asked = Instant::now();
        Ok(())
    }
}

impl Partition {
    fn new(ledger: Ledger) -> Self {
        let committed = ledger.done();
        let (tuples, asked) = (PartitionTuples::new(ledger), Instant::now());
        Self { tuples, committed, asked, uncommitted: None }
    }

    /// When the first record that is not committed was read, if there is any. A record that was done before this was asked counts as
    /// read now.
    fn uncommitted(&mut self) -> Option<Instant> {
        let ledger = self.tuples.ledger();
        if ledger.is_revoked() || ledger.next() <= self.committed {
            self.uncommitted = None;
        } else if self.uncommitted.is_none() {
            self.uncommitted = ledger.oldest().or_else(|| Some(Instant::now()));
        }
        self.uncommitted
    }
}

fn unwritable(error: &std::io::Error) -> Error {
    let access = Access { operation: Operation::Write, url: "tuples".to_owned(), endpoint: None };
    Error::Io { access, source: std::io::Error::new(error.kind(), error.to_string()) }
}
