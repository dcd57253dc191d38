//! The end of the line: the source's response is awaited, the tuple is written, and what is done with is committed.

use super::books::{Books, Partition};
use super::line::{Line, LineMaker};
use super::outcome::Finished;
use crate::error::Result;
use crate::traffic::Ledger;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

/// How often it is looked whether files are due.
const TICK: Duration = Duration::from_millis(100);

/// After so many bytes of text, lines are taken into files before that.
const MUCH: u64 = 4 << 20;

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

/// Takes what is finished. Ends when nobody can send anything any more.
pub(super) struct Writer {
    books: Books,
    lines: LineMaker,
    partitions: Vec<Partition>,
    waiting: FuturesUnordered<Waiting>,
    /// Bytes of text that came since lines were taken into files.
    fresh: u64,
    /// Whether responses of the source are waited for no longer.
    given_up: Arc<watch::Sender<bool>>,
    is_stopped: bool,
}

/// Something that is finished but for the source's response, or for its line.
type Waiting = BoxFuture<'static, Finished>;

impl Writer {
    pub(super) fn new(books: Books, lines: LineMaker, given_up: Arc<watch::Sender<bool>>) -> Self {
        let (partitions, waiting) = (Vec::new(), FuturesUnordered::new());
        Self { books, lines, partitions, waiting, fresh: 0, given_up, is_stopped: false }
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
                // A stop was sent before the last one is finished: it is obeyed before that ends the loop.
                biased;
                Some(order) = orders.recv() => self.obey(order, &mut finished).await?,
                _ = ticks.tick() => self.advance_all(&mut finished, false).await?,
                Some(finished) = self.waiting.next() => self.complete(finished),
                next = finished.recv() => match next {
                    Some(finished) => self.take(finished),
                    None => break,
                },
            }
            if self.fresh >= MUCH {
                self.advance_all(&mut finished, false).await?;
            }
        }
        if self.is_stopped {
            self.given_up.send_replace(true);
        }
        while let Some(finished) = self.waiting.next().await {
            self.complete(finished);
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
        let is_written = finished.text.is_some() || self.books.files.is_none();
        if is_written && finished.response.is_some() {
            return self.complete(finished);
        }
        let mut given_up = self.given_up.subscribe();
        let lines = self.lines.clone();
        self.waiting.push(Box::pin(async move {
            if finished.response.is_none() {
                finished.response = tokio::select! {
                    response = &mut finished.request.response => response.ok(),
                    _ = given_up.wait_for(|given_up| *given_up) => None,
                };
            }
            lines.write(finished).await
        }));
    }

    /// Takes the tuple, and lets go of the records.
    fn complete(&mut self, mut finished: Finished) {
        let response = finished.response.as_ref();
        if self.is_stopped && response.is_none() {
            finished.request.abandon();
        }
        self.books.counts.note(&finished, response);
        let Some(text) = finished.text.take() else { return };
        let Some(home) = finished.request.tokens.first() else { return };
        let is_home = |partition: &&mut Partition| partition.tuples.ledger().is_same(home.ledger());
        let Some(partition) = self.partitions.iter_mut().find(is_home) else { return };
        self.fresh = self.fresh.saturating_add(text.len() as u64);
        let mut memory = finished.request.memory.clone();
        memory.extend(response.iter().flat_map(|response| response.memory.iter().cloned()));
        partition.tuples.add(home.offset(), Line { text, index: finished.request.index, memory });
    }

    /// Writes and commits what is due, or all that is done.
    async fn advance_all(&mut self, finished: &mut mpsc::Receiver<Finished>, all: bool) -> Result<()> {
        self.fresh = 0;
        // First what is done, then what was sent here before it was done.
        let done: Vec<i64> =
            self.partitions.iter().map(|partition| partition.tuples.ledger().done()).collect();
        while let Ok(finished) = finished.try_recv() {
            self.take(finished);
        }
        let mut partitions = std::mem::take(&mut self.partitions);
        let mut books = self.books.clone();
        books.compressor = books.compressor.share(partitions.len());
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

#[cfg(test)]
mod tests;
