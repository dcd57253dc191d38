//! Turns records into jobs of conversations.
//!
//! | file | what |
//! |---|---|
//! | `holding` | what holds it back, and what lets it go on |
//! | `leaving` | partitions that go to other processes |

mod holding;
mod leaving;

use super::align::Alignment;
use super::clock::is_believed;
use super::conversation::{Job, RequestJob, Shared, converse};
use super::order::DocumentOrder;
use super::request::Outgoing;
use super::route::{self, Route};
use super::run::{Hold, Quiet};
use super::settings::Settings;
use super::writer::Order;
use crate::error::Result;
use crate::flow::{Cancel, MemoryBudget};
use crate::traffic::{Accumulator, Connection, Event, Input, Ledger, SourceRequest};
use leaving::Going;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

/// How often expiry, the window and memory are looked at.
const TICK: Duration = Duration::from_millis(100);

/// So long requests in flight may go on when the replay is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// Turns records into jobs of conversations.
pub(super) struct Intake {
    alignment: Option<Arc<Alignment>>,
    shared: Arc<Shared>,
    accumulator: Accumulator,
    order: Option<DocumentOrder>,
    settings: Settings,
    memory: MemoryBudget,
    backlog: Arc<AtomicU64>,
    orders: mpsc::Sender<Order>,
    hold: Hold,
    is_quiet: Quiet,
    conversations: HashMap<Arc<Connection>, mpsc::UnboundedSender<Job>>,
    tasks: JoinSet<()>,
    /// Partitions that are read.
    partitions: Vec<Ledger>,
    /// Partitions that go to other processes.
    going: Vec<Going>,
    /// Partitions that are ahead of the clock, and up to when, by the source's clock.
    held: HashMap<(Arc<str>, i32), (Ledger, SystemTime)>,
    /// What had been done when something moved last.
    moved: (u64, Instant),
}

/// What an intake works with.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) memory: MemoryBudget,
    /// Bytes of tuples that wait.
    pub(super) backlog: Arc<AtomicU64>,
    /// To the writer.
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) hold: Hold,
    pub(super) is_quiet: Quiet,
    pub(super) alignment: Option<Arc<Alignment>>,
}

impl Intake {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { shared, settings, memory, backlog, orders, hold, is_quiet, alignment } = parts;
        Self {
            alignment,
            shared,
            accumulator: Accumulator::new(settings.accumulator.clone()),
            order: settings.keeps_document_order.then(DocumentOrder::default),
            settings,
            memory,
            backlog,
            orders,
            hold,
            is_quiet,
            conversations: HashMap::new(),
            tasks: JoinSet::new(),
            partitions: Vec::new(),
            going: Vec::new(),
            held: HashMap::new(),
            moved: (0, Instant::now()),
        }
    }

    /// Reads until the input ends, or it is told to stop.
    pub(super) async fn read(
        &mut self,
        inputs: &mut mpsc::Receiver<Input>,
        ends: bool,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = leaving::looks();
        loop {
            // What is before the news of a partition that goes is little, and there is room again once that is known.
            let is_open = self.is_open() || self.is_one_leaving();
            let is_one_going = !self.going.is_empty();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                _ = ticks.tick() => self.tick(inputs.is_empty())?,
                Some(ended) = self.tasks.join_next() => self.check(ended),
                _ = looks.tick(), if is_one_going => self.let_leave().await,
                input = inputs.recv(), if is_open => match input {
                    None => return Ok(()),
                    Some(Input::CaughtUp) if ends => return Ok(()),
                    Some(input) => self.take(input).await?,
                },
            }
        }
    }

    /// Ends what is under way: all of it, or, when the replay is stopped, what is in flight.
    ///
    /// The accumulator comes back because it holds what was not whole: as long as it is there, nothing of that is done with.
    pub(super) async fn end(mut self, inputs: &mut mpsc::Receiver<Input>, cancel: &Cancel) -> Accumulator {
        self.let_leave().await;
        if cancel.is_cancelled() {
            let _ = self.orders.send(Order::Stop).await;
        } else {
            let mut events = Vec::new();
            self.accumulator.finish(&mut |event| events.push(event));
            self.dispatch(events);
        }
        self.shared.counts.publish_traffic(self.accumulator.counts());
        self.conversations.clear();
        let (mut deadline, mut looks) = (None, leaving::looks());
        loop {
            let is_one_going = !self.going.is_empty();
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    None => break,
                    Some(ended) => self.check(ended),
                },
                _ = looks.tick(), if is_one_going => self.let_leave().await,
                Some(input) = inputs.recv() => self.take_late(input).await,
                () = cancel.cancelled(), if deadline.is_none() => deadline = Some(Instant::now() + DRAIN),
                () = until(deadline), if deadline.is_some() => {
                    self.shared.cut.cancel();
                    deadline = None;
                    while let Some(ended) = self.tasks.join_next().await {
                        self.check(ended);
                    }
                }
            }
        }
        self.let_leave().await;
        self.accumulator
    }

    /// Goes on with a panic of a conversation. What the others have under way is dropped then as if it were done: nothing of it may be
    /// committed.
    fn check(&self, ended: std::result::Result<(), JoinError>) {
        if let Err(error) = ended {
            self.partitions.iter().for_each(Ledger::revoke);
            self.going.iter().for_each(Going::revoke);
            std::panic::resume_unwind(error.into_panic());
        }
    }

    async fn take(&mut self, input: Input) -> Result<()> {
        match input {
            Input::Record(record) => {
                let ledger = record.token.ledger().clone();
                let mut events = Vec::new();
                self.accumulator.push(record, &mut |event| events.push(event));
                let ahead = self.dispatch(events);
                self.hold_back(&ledger, ahead);
            }
            Input::Assigned(ledger) => {
                // It may be one that went, and did not end in time.
                self.let_leave().await;
                self.partitions.push(ledger.clone());
                let (answer, answered) = oneshot::channel();
                let _ = self.orders.send(Order::Assigned(ledger, answer)).await; // A writer that is gone is noticed at the end.
                if let Ok(prepared) = answered.await {
                    prepared?;
                }
                if let Some(alignment) = &self.alignment {
                    alignment.partition_comes();
                }
            }
            Input::Revoked(ledger, answer) => self.revoke(ledger, answer).await,
            Input::CaughtUp => {}
            Input::Failed(error) => return Err(error),
        }
        Ok(())
    }

    /// While all ends: partitions still go to other processes, and records are left to the next run.
    async fn take_late(&mut self, input: Input) {
        match input {
            Input::Revoked(ledger, answer) => self.revoke(ledger, answer).await,
            Input::Record(record) => {
                record.token.abandon();
                (self.hold)(record.token.ledger(), true);
            }
            Input::Assigned(_) | Input::CaughtUp => {}
            Input::Failed(error) => {
                tracing::warn!(error = crate::error::chain(&error), "the input failed while the replay ended")
            }
        }
    }

    /// Gives events to their conversations. The latest time of the source that is among them.
    fn dispatch(&mut self, events: Vec<Event>) -> Option<SystemTime> {
        let mut latest = None;
        for event in events {
            match event {
                Event::Request(request) => {
                    latest = latest.max(Some(request.first_byte).filter(|at| is_believed(*at)));
                    self.request(request);
                }
                Event::Closed { connection, at, token } => {
                    // The sender goes with it: the conversation ends when it has done all.
                    if let Some(jobs) = self.conversations.remove(&connection) {
                        let _ = jobs.send(Job::Close { at, token });
                    }
                }
            }
        }
        latest
    }

    fn request(&mut self, request: SourceRequest) {
        let shared = &self.shared;
        shared.counts.request();
        shared.clock.start_at(request.first_byte);
        let outgoing = Outgoing::parse(&request.message).map_err(|error| error.to_string());
        let mut ticket = None;
        if let Ok(outgoing) = &outgoing {
            let route = Route::of(outgoing);
            if let Some(skip) = shared.preparation.selection.check(&request, outgoing, &route) {
                return shared.counts.skipped(&skip);
            }
            ticket = self.order.as_ref().map(|order| order.ticket(route::document_keys(outgoing, &route)));
        }
        let connection = Arc::clone(&request.connection);
        let jobs = self.conversations.entry(connection).or_insert_with(|| {
            let (jobs, end) = mpsc::unbounded_channel();
            self.tasks.spawn(converse(Arc::clone(shared), end));
            jobs
        });
        let _ = jobs.send(Job::Request(Box::new(RequestJob { request, outgoing, ticket })));
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
