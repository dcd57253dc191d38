//! Brings batches to a cluster.

use super::sending::Sending;
use super::{BatchOutcome, BulkBatch, SinkError, SinkSettings};
use crate::flow::{Cancel, ConcurrencyLimit, Fence, LeaseLost, Pause, Permit, RateLimit};
use crate::target::{Client, Request, Response, SendError};
use crate::telemetry::{Stage, meters};
use bytes::Bytes;
use http::Method;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests are not made smaller than this because the cluster refused larger ones.
const LEAST_REQUEST: usize = 256 << 10;

/// Sends batches to one cluster, many at once.
#[derive(Debug)]
pub struct BulkSink {
    client: Client,
    pub(super) settings: SinkSettings,
    limit: ConcurrencyLimit,
    rate: RateLimit,
    pause: Pause,
    pub(super) cancel: Cancel,
    pub(super) counters: SinkCounters,
    /// Longer requests of several operations are cut before they are sent, because the cluster refused such.
    request_limit: AtomicUsize,
    /// When an operation was last done.
    success: Mutex<Option<Instant>>,
}

/// What a sink has done so far; can be read at any time.
#[derive(Debug, Default)]
pub struct SinkCounters {
    requests: AtomicU64,
    bytes: AtomicU64,
    busy: AtomicU64,
    faults: AtomicU64,
    resent: AtomicU64,
}

impl SinkCounters {
    /// Requests that were sent, each attempt counted.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of their bodies.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Requests that the cluster had no room for, in whole or in part (429, 503).
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Requests without a usable answer: connection lost, time out, cut answer, 500, 502, 504.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Operations that were sent again.
    pub fn resent(&self) -> u64 {
        self.resent.load(Ordering::Relaxed)
    }

    pub(super) fn add_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_resent(&self, operations: usize) {
        self.resent.fetch_add(operations as u64, Ordering::Relaxed);
    }
}

/// One request that was made.
pub(super) struct Attempt {
    pub(super) answer: Result<Response, SendError>,
    pub(super) permit: Permit,
    pub(super) latency: Duration,
    /// Whether the operator held it back: that time is nobody's fault.
    pub(super) was_paused: bool,
}

impl BulkSink {
    /// A sink for the cluster of this client.
    #[must_use]
    pub fn new(client: Client, settings: SinkSettings, limit: ConcurrencyLimit) -> Self {
        meters().allow_silence(settings.retry_budget);
        Self {
            client,
            settings,
            limit,
            rate: RateLimit::default(),
            pause: Pause::default(),
            cancel: Cancel::default(),
            counters: SinkCounters::default(),
            request_limit: AtomicUsize::new(usize::MAX),
            success: Mutex::default(),
        }
    }

    /// With a limit on documents and bytes a second.
    #[must_use]
    pub fn with_rate(mut self, rate: RateLimit) -> Self {
        self.rate = rate;
        self
    }

    /// With switches that hold it back and that stop it.
    ///
    /// A sink that is told to stop sends nothing more, but waits for the answers to what it has sent.
    #[must_use]
    pub fn with_switches(mut self, pause: Pause, cancel: Cancel) -> Self {
        (self.pause, self.cancel) = (pause, cancel);
        self
    }

    /// What it has done so far.
    #[must_use]
    pub const fn counters(&self) -> &SinkCounters {
        &self.counters
    }

    /// How many requests may be under way, and are.
    #[must_use]
    pub const fn limit(&self) -> &ConcurrencyLimit {
        &self.limit
    }

    /// Sends a batch until each of its operations has a verdict, which is matched by position.
    ///
    /// Only operations that the cluster refused for want of room, or that may have got lost, are sent again, in their
    /// order. While it waits for that it holds no permit of the concurrency limit, but its memory.
    ///
    /// An operation with `_id` can be sent twice without harm. `create` is the exception: where the answer to an
    /// earlier attempt was lost, the conflict of a later one is most likely with its own document, so it counts as
    /// indexed; but not when an operation before it in the batch has the same id.
    ///
    /// # Errors
    ///
    /// [`SinkError`]: nothing is known of the batch then, and a later run sends it again.
    pub async fn send(&self, batch: BulkBatch) -> Result<BatchOutcome, SinkError> {
        Sending::new(self, batch, None).run().await
    }

    /// As [`BulkSink::send`], but each request goes out only while the lease of the documents lasts, however long it
    /// has waited before: what another worker has taken over may have been changed by others since.
    ///
    /// # Errors
    ///
    /// As [`BulkSink::send`], and [`SinkError::LeaseLost`].
    pub async fn send_fenced(&self, batch: BulkBatch, fence: &Fence) -> Result<BatchOutcome, SinkError> {
        Sending::new(self, batch, Some(fence)).run().await
    }

    pub(super) fn url(&self) -> String {
        self.client.url().to_string()
    }

    /// Sends operations on an index when that is allowed.
    ///
    /// # Errors
    ///
    /// It was told to stop before, or the lease is lost.
    pub(super) async fn attempt(
        &self,
        index: &str,
        operations: usize,
        body: Bytes,
        fence: Option<&Fence>,
    ) -> Result<Attempt, SinkError> {
        let bytes = body.len() as u64;
        let request =
            Request::new(Method::POST, self.settings.path.path(index, self.settings.short_response));
        let request = request.ndjson(body);
        let waiting = Instant::now();
        let (permit, was_paused) =
            self.cancel.unless(self.turn(operations, bytes, fence)).await.ok_or(SinkError::Cancelled)??;
        meters().spent(Stage::WaitForTurn, waiting.elapsed());
        self.show_limit();
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let start = Instant::now();
        let answer = self.client.send(&request).await;
        Ok(Attempt { answer, permit, latency: start.elapsed(), was_paused })
    }

    /// Waits until a request may be sent; whether it was paused meanwhile.
    async fn turn(
        &self,
        operations: usize,
        bytes: u64,
        fence: Option<&Fence>,
    ) -> Result<(Permit, bool), LeaseLost> {
        self.rate.acquire(operations as u64, bytes).await;
        let mut was_paused = false;
        loop {
            was_paused |= self.pause.wait().await;
            if let Some(fence) = fence {
                fence.pass().await?;
            }
            let permit = self.limit.acquire().await;
            if !self.pause.is_paused() && fence.is_none_or(Fence::is_open) {
                return Ok((permit, was_paused));
            }
        }
    }

    /// Shows the limit, and what is under way of it, in the metrics.
    pub(super) fn show_limit(&self) {
        meters().in_flight(self.limit.in_flight());
        meters().concurrency_limit(self.limit.limit());
    }

    /// Gives the permit back with what was learned: the cluster had room.
    pub(super) fn had_room(&self, permit: Permit, latency: Duration, operations: usize, bytes: usize) {
        let usual = self.settings.usual;
        let is_comparable = (operations >= usual.operations / 2 || bytes >= usual.bytes / 2)
            && bytes <= usual.bytes.saturating_mul(2);
        if is_comparable { permit.success(latency) } else { permit.accepted() }
    }

    /// Notes that an operation was done now.
    pub(super) fn succeeded(&self) {
        *self.success.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether an operation of any batch was done at or after this time; `None` for ever.
    pub(super) fn succeeded_since(&self, time: Option<Instant>) -> bool {
        let success = *self.success.lock().unwrap_or_else(PoisonError::into_inner);
        success.is_some_and(|success| time.is_none_or(|time| success >= time))
    }

    /// Whether the cluster answers a request that asks nothing of it.
    pub(super) async fn answers(&self) -> bool {
        let answer = self.client.send(&Request::new(Method::GET, "/")).await;
        answer.is_ok_and(|response| response.status < 500 && response.status != 429)
    }

    /// The longest request of several operations, in bytes.
    pub(super) fn request_limit(&self) -> usize {
        self.request_limit.load(Ordering::Relaxed)
    }

    /// Learns that a request of several operations was too long.
    pub(super) fn learn_too_long(&self, bytes: usize) {
        let limit = (bytes / 2).max(LEAST_REQUEST);
        self.request_limit.fetch_min(limit, Ordering::Relaxed);
    }
}
