//! The replay line: records → requests → conversations → target, and back to the offsets.

use super::align::{self, Alignment, GroupNotes};
use super::conversation::{Job, RequestJob, Shared, converse};
use super::counts::Counts;
use super::monitor::Running;
use super::order::DocumentOrder;
use super::request::Outgoing;
use super::route::{self, Route};
use super::send::Target;
use super::settings::{Destination, Settings};
use super::summary::Summary;
use super::writer::{Commit, Order, Writer};
use crate::error::Result;
use crate::flow::{Cancel, MemoryBudget};
use crate::traffic::{Accumulator, AccumulatorCounts, Connection, Event, Input, Ledger, SourceRequest};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How often expiry, the window and memory are looked at.
const TICK: Duration = Duration::from_millis(100);

/// Without anything moving for so long while memory is used up, something is given up.
const STUCK: Duration = Duration::from_secs(2);

/// So long requests in flight may go on when the replay is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// How often it is looked whether what is in flight of a partition is over.
const LEAVING: Duration = Duration::from_millis(10);

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
    let writer = Writer::new(
        destination.files(),
        Arc::clone(&counts),
        Arc::clone(&source.commit),
        Arc::clone(&backlog),
    );
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
    let shared = Arc::new(Shared {
        clock: settings.clock.clone(),
        target: Target::new(destination.dialer, &settings, Arc::clone(&counts)),
        preparation: destination.preparation,
        rate: settings.rate.clone(),
        in_flight: Arc::new(Semaphore::new(settings.most_in_flight)),
        quiescent: settings.quiescent,
        counts: Arc::clone(&counts),
        cancel: cancel.clone(),
        cut: Cancel::default(),
        finished,
    });
    let quarantine = settings.accumulator.quarantine.clone();
    let (alignment, mut aligning) = align::start(source.notes, &settings);
    let mut intake = Intake {
        alignment,
        shared,
        accumulator: Accumulator::new(settings.accumulator.clone()),
        order: settings.keeps_document_order.then(DocumentOrder::default),
        settings,
        memory,
        backlog,
        orders: orders.clone(),
        hold: source.hold,
        is_quiet: source.is_quiet,
        conversations: HashMap::new(),
        tasks: JoinSet::new(),
        held: HashMap::new(),
        moved: (0, Instant::now()),
    };
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

/// Turns records into jobs of conversations.
struct Intake {
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
    /// Partitions that are ahead of the clock, and up to when, by the source's clock.
    held: HashMap<(Arc<str>, i32), (Ledger, SystemTime)>,
    /// What had been done when something moved last.
    moved: (u64, Instant),
}

impl Intake {
    async fn read(&mut self, inputs: &mut mpsc::Receiver<Input>, ends: bool, cancel: &Cancel) -> Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_open = self.is_open();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                _ = ticks.tick() => self.tick(inputs.is_empty()).await?,
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
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
    async fn end(mut self, inputs: &mut mpsc::Receiver<Input>, cancel: &Cancel) -> Accumulator {
        if cancel.is_cancelled() {
            let _ = self.orders.send(Order::Stop).await;
        } else {
            let mut events = Vec::new();
            self.accumulator.finish(&mut |event| events.push(event));
            self.dispatch(events);
        }
        self.shared.counts.publish_traffic(self.accumulator.counts());
        self.conversations.clear();
        let mut deadline = None;
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    None => break,
                    Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                    Some(Ok(())) => {}
                },
                Some(input) = inputs.recv() => self.take_late(input).await,
                () = cancel.cancelled(), if deadline.is_none() => deadline = Some(Instant::now() + DRAIN),
                () = until(deadline), if deadline.is_some() => {
                    self.shared.cut.cancel();
                    deadline = None;
                    while self.tasks.join_next().await.is_some() {}
                }
            }
        }
        self.accumulator
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

    /// A partition goes to another process: what of it is not begun is left to that one.
    async fn revoke(&mut self, ledger: Ledger, answer: oneshot::Sender<()>) {
        self.held.remove(&(Arc::clone(ledger.topic()), ledger.partition()));
        // Two processes must not send for one document at the same time. Whoever revokes waits for a time that it knows.
        ledger.leave();
        while ledger.in_flight() > 0 && !ledger.is_revoked() {
            tokio::time::sleep(LEAVING).await;
        }
        // What is done until now is written and committed; what was not begun is abandoned.
        let (written, is_written) = oneshot::channel();
        if self.orders.send(Order::Revoked(ledger.clone(), written)).await.is_ok() {
            let _ = is_written.await;
        }
        ledger.revoke();
        self.accumulator.revoke(&ledger);
        let _ = answer.send(());
    }

    /// Whether more may be read.
    fn is_open(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) < self.settings.most_backlog
    }

    /// `is_idle`: all inputs that were given out are taken.
    async fn tick(&mut self, is_idle: bool) -> Result<()> {
        self.settings.accumulator.quarantine.check()?;
        let is_waiting = is_idle && self.is_open();
        let is_held = |asked: Option<i32>| {
            self.held.keys().any(|(_, partition)| asked.is_none_or(|asked| asked == *partition))
        };
        let is_quiet = |partition| is_waiting && !is_held(partition) && (self.is_quiet)(partition);
        let mut events = Vec::new();
        self.accumulator.tick(Instant::now(), is_quiet, &mut |event| events.push(event));
        self.dispatch(events);
        self.shared.counts.publish_traffic(self.accumulator.counts());
        self.let_go();
        self.unstick().await;
        Ok(())
    }

    /// Gives events to their conversations. The latest time of the source that is among them.
    fn dispatch(&mut self, events: Vec<Event>) -> Option<SystemTime> {
        let mut latest = None;
        for event in events {
            match event {
                Event::Request(request) => {
                    latest = latest.max(Some(request.first_byte));
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
        let waiting = shared.counts.waits();
        let connection = Arc::clone(&request.connection);
        let jobs = self.conversations.entry(connection).or_insert_with(|| {
            let (jobs, end) = mpsc::unbounded_channel();
            self.tasks.spawn(converse(Arc::clone(shared), end));
            jobs
        });
        let _ = jobs.send(Job::Request(Box::new(RequestJob { request, outgoing, ticket, waiting })));
    }

    /// Holds a partition back that is ahead of the clock by more than the window.
    fn hold_back(&mut self, ledger: &Ledger, latest: Option<SystemTime>) {
        let (Some(latest), Some(now)) = (latest, self.shared.clock.now()) else { return };
        let Some(until) = latest.checked_sub(self.settings.window).filter(|until| *until > now) else {
            return;
        };
        let key = (Arc::clone(ledger.topic()), ledger.partition());
        if self.held.insert(key, (ledger.clone(), until)).is_none() {
            (self.hold)(ledger, true);
        }
    }

    /// Lets partitions go on whose time has come.
    fn let_go(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let is_due = |until: &SystemTime| now.is_none_or(|now| now >= *until);
        let due: Vec<_> =
            self.held.iter().filter(|(_, (_, until))| is_due(until)).map(|(key, _)| key.clone()).collect();
        for key in due {
            if let Some((ledger, _)) = self.held.remove(&key) {
                (self.hold)(&ledger, false);
            }
        }
    }

    /// Whether the writer has something to do. Memory comes back when that is done: a slow place of tuples is no reason to give
    /// anything up.
    fn is_written(&self) -> bool {
        let finished = &self.shared.finished;
        self.shared.counts.is_writing() || finished.capacity() < finished.max_capacity()
    }

    /// Gives something up when nothing more can be read, because memory or the backlog of tuples is used up, and nothing moves
    /// any more.
    async fn unstick(&mut self) {
        let counts = &self.shared.counts;
        let summary_done = counts.done();
        let is_full = self.memory.held().saturating_mul(100) >= self.memory.bytes().saturating_mul(95)
            || !self.is_open();
        // What waits for its time will be sent, and then gives memory back.
        let is_busy = counts.in_flight() > 0 || counts.waiting() > 0 || self.is_written();
        if !is_full || is_busy || summary_done != self.moved.0 {
            self.moved = (summary_done, Instant::now());
            return;
        }
        if self.moved.1.elapsed() < STUCK {
            return;
        }
        self.moved.1 = Instant::now();
        let _ = self.orders.send(Order::GiveUpResponses).await;
        let mut events = Vec::new();
        self.accumulator.evict_largest(&mut |event| events.push(event));
        self.dispatch(events);
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
