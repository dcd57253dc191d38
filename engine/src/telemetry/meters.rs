//! What code that works calls: once a fetch, a batch, a request, never once a document.

use super::label::{
    Comparison, FailedClass, ItemOutcome, Label, LeaseEvent, RequestOutcome, RetryCause, Stage,
};
use super::metric::Metric;
use super::pulse::Pulse;
use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, NoopRecorder, Recorder};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Of all our metrics.
static METADATA: Metadata<'static> = Metadata::new("ferry", Level::INFO, Some("ferry"));

/// Bytes that are reserved now, and that may be.
type Memory = Box<dyn Fn() -> (u64, u64) + Send + Sync>;

/// Handles of all metrics. A call is an atomic addition or two, or nothing where nothing is recorded.
///
/// The bulk sink, the reader of segments and the store of work items call them themselves.
pub struct Meters {
    fetched_bytes: Counter,
    selected: Counter,
    read: Counter,
    sent: Counter,
    sent_bytes: Counter,
    excluded: Counter,
    failed: Labelled<FailedClass, Counter>,
    compared: Labelled<Comparison, Counter>,
    retried: Labelled<RetryCause, Counter>,
    throttled: Counter,
    request_seconds: Labelled<RequestOutcome, Histogram>,
    batch_seconds: Histogram,
    in_flight: Gauge,
    concurrency_limit: Gauge,
    memory_held: Gauge,
    memory_limit: Gauge,
    stage_seconds: Labelled<Stage, Histogram>,
    leases: Labelled<LeaseEvent, Counter>,
    items: Labelled<ItemOutcome, Counter>,
    last_progress: Gauge,
    /// None where nothing is recorded.
    pulse: Option<Pulse>,
    memory: Mutex<Option<Memory>>,
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").field("pulse", &self.pulse).finish_non_exhaustive()
    }
}

/// A handle for each value of a label.
struct Labelled<L, H> {
    handles: Vec<H>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, H> Labelled<L, H> {
    fn new(metric: Metric, register: impl Fn(&Key) -> H) -> Self {
        let name = metric.labels().first().copied().unwrap_or_default();
        let key = |value: &L| Key::from_parts(metric.name(), vec![metrics::Label::new(name, value.value())]);
        Self { handles: L::ALL.iter().map(|value| register(&key(value))).collect(), label: PhantomData }
    }

    fn of(&self, value: L) -> Option<&H> {
        self.handles.get(value.place())
    }
}

impl Labelled<Stage, Histogram> {
    fn record(&self, stage: Stage, elapsed: Duration) {
        self.of(stage).into_iter().for_each(|handle| handle.record(elapsed));
    }
}

impl<L: Label> Labelled<L, Counter> {
    fn add(&self, value: L, count: u64) {
        if count > 0 {
            self.of(value).into_iter().for_each(|handle| handle.increment(count));
        }
    }
}

impl Meters {
    /// Handles that do nothing.
    pub(super) fn without_recorder() -> Self {
        Self::new(&NoopRecorder, None)
    }

    pub(super) fn new(recorder: &dyn Recorder, pulse: Option<Pulse>) -> Self {
        let counter = |key: &Key| recorder.register_counter(key, &METADATA);
        let histogram = |key: &Key| recorder.register_histogram(key, &METADATA);
        let plain = |metric: Metric| counter(&Key::from_name(metric.name()));
        let gauge = |metric: Metric| recorder.register_gauge(&Key::from_name(metric.name()), &METADATA);
        let version = metrics::Label::new("version", env!("CARGO_PKG_VERSION"));
        let build = Key::from_parts(Metric::BuildInfo.name(), vec![version]);
        recorder.register_gauge(&build, &METADATA).set(1);
        Self {
            fetched_bytes: plain(Metric::FetchedBytes),
            selected: plain(Metric::DocumentsSelected),
            read: plain(Metric::DocumentsRead),
            sent: plain(Metric::DocumentsSent),
            sent_bytes: plain(Metric::SentBytes),
            excluded: plain(Metric::DocumentsExcluded),
            failed: Labelled::new(Metric::DocumentsFailed, counter),
            compared: Labelled::new(Metric::DocumentsCompared, counter),
            retried: Labelled::new(Metric::OperationsRetried, counter),
            throttled: plain(Metric::Throttled),
            request_seconds: Labelled::new(Metric::BulkRequestSeconds, histogram),
            batch_seconds: histogram(&Key::from_name(Metric::BatchSeconds.name())),
            in_flight: gauge(Metric::RequestsInFlight),
            concurrency_limit: gauge(Metric::ConcurrencyLimit),
            memory_held: gauge(Metric::MemoryHeld),
            memory_limit: gauge(Metric::MemoryLimit),
            stage_seconds: Labelled::new(Metric::StageSeconds, histogram),
            leases: Labelled::new(Metric::Leases, counter),
            items: Labelled::new(Metric::WorkItems, counter),
            last_progress: gauge(Metric::LastProgress),
            pulse,
            memory: Mutex::default(),
        }
    }

    /// Bytes of stored fields came from the repository; 0 when the fetch failed.
    pub fn fetched(&self, bytes: usize, elapsed: Duration) {
        self.fetched_bytes.increment(bytes as u64);
        self.stage_seconds.record(Stage::Fetch, elapsed);
        self.beat(bytes > 0);
    }

    /// So many live documents are known of that were not before.
    pub fn selected(&self, documents: u64) {
        self.selected.increment(documents);
        self.beat(documents > 0);
    }

    /// Live documents were decoded, and put into batches.
    pub fn decoded(&self, documents: u64, elapsed: Duration) {
        self.read.increment(documents);
        self.stage_seconds.record(Stage::Decode, elapsed);
        self.beat(documents > 0);
    }

    /// The target has documents.
    pub fn sent(&self, documents: u64, bytes: u64) {
        self.sent.increment(documents);
        self.sent_bytes.increment(bytes);
        self.beat(documents > 0);
    }

    /// Each operation of a batch has its verdict, so long after the first attempt.
    pub fn settled(&self, elapsed: Duration) {
        self.batch_seconds.record(elapsed);
        self.beat(true);
    }

    /// Documents are left out on purpose.
    pub fn excluded(&self, documents: u64) {
        self.excluded.increment(documents);
    }

    /// Documents failed for good.
    pub fn failed(&self, class: FailedClass, documents: u64) {
        self.failed.add(class, documents);
        self.beat(documents > 0);
    }

    /// Documents were compared.
    pub fn compared(&self, result: Comparison, documents: u64) {
        self.compared.add(result, documents);
        self.beat(documents > 0);
    }

    /// Operations are to be sent again.
    pub fn retried(&self, cause: RetryCause, operations: usize) {
        self.retried.add(cause, operations as u64);
    }

    /// One attempt at a bulk request came to its end; the time counts as that of [`Stage::Send`], too.
    ///
    /// `throttled`: the target answered with 429, for all or some of its operations.
    pub fn answered(&self, outcome: RequestOutcome, throttled: bool, elapsed: Duration) {
        self.throttled.increment(throttled.into());
        self.request_seconds.of(outcome).into_iter().for_each(|handle| handle.record(elapsed));
        self.stage_seconds.record(Stage::Send, elapsed);
    }

    /// A task spent time with something.
    pub fn spent(&self, stage: Stage, elapsed: Duration) {
        self.stage_seconds.record(stage, elapsed);
    }

    /// Bulk requests that are under way now.
    pub fn in_flight(&self, requests: usize) {
        self.in_flight.set(requests as f64);
    }

    /// Bulk requests that may be under way now.
    pub fn concurrency_limit(&self, requests: usize) {
        self.concurrency_limit.set(requests as f64);
    }

    /// Where to ask for the bytes of memory that are held, and that may be; asked when somebody looks.
    pub fn watch_memory(&self, held_and_limit: impl Fn() -> (u64, u64) + Send + Sync + 'static) {
        if self.pulse.is_some() {
            *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(held_and_limit));
        }
    }

    /// Something happened to a lease.
    pub fn lease(&self, event: LeaseEvent) {
        self.leases.add(event, 1);
    }

    /// A work item came to an end, or was split.
    pub fn item(&self, outcome: ItemOutcome) {
        self.items.add(outcome, 1);
        self.beat(outcome == ItemOutcome::Done);
    }

    /// All is well, but there is nothing to count: such as when other workers have all the items.
    pub fn alive(&self) {
        self.pulse.iter().for_each(Pulse::alive);
    }

    /// Something was done that nothing else here stands for.
    pub fn progressed(&self) {
        self.beat(true);
    }

    /// Nothing may happen for so long, as when a target is down, before the run ends by itself.
    pub fn allow_silence(&self, silence: Duration) {
        self.pulse.iter().for_each(|pulse| pulse.allow_silence(silence));
    }

    /// The operator holds the run back, or lets it go on.
    pub fn paused(&self, paused: bool) {
        self.pulse.iter().for_each(|pulse| pulse.pause(paused));
    }

    pub(super) const fn pulse(&self) -> Option<&Pulse> {
        self.pulse.as_ref()
    }

    /// Brings what is only asked for when somebody looks up to date.
    pub(super) fn sample(&self) {
        if let Some(memory) = &*self.memory.lock().unwrap_or_else(PoisonError::into_inner) {
            let (held, limit) = memory();
            self.memory_held.set(held as f64);
            self.memory_limit.set(limit as f64);
        }
        if let Some(pulse) = &self.pulse {
            self.last_progress.set(pulse.last_progress());
        }
    }

    fn beat(&self, has_progress: bool) {
        if let Some(pulse) = self.pulse.as_ref().filter(|_| has_progress) {
            pulse.beat();
        }
    }
}
