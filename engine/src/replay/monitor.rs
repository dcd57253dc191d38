//! Where a replay can be looked at, and held back, while it runs.

use super::clock::SourceClock;
use super::counts::Counts;
use crate::flow::Cancel;
use crate::target::Dialer;
use crate::telemetry::meters;
use crate::traffic::kafka::KafkaStatus;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a replay stands, for whoever asks: [`Self::routes`] for people, [`Self::figures`] for the metrics. Clones share it.
///
/// It counts nothing itself, and costs nothing while nobody asks.
#[derive(Clone, Default)]
pub struct Monitor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    running: Mutex<Option<Arc<Running>>>,
    topic: Mutex<Option<Topic>>,
    /// What had been done when somebody looked last.
    seen: AtomicU64,
}

type Topic = Box<dyn Fn() -> Option<KafkaStatus> + Send + Sync>;

/// What is looked at.
pub(super) struct Running {
    pub(super) counts: Arc<Counts>,
    pub(super) clock: SourceClock,
    pub(super) dialer: Dialer,
    /// Bytes of tuples that wait.
    pub(super) backlog: Arc<AtomicU64>,
    pub(super) cancel: Cancel,
    pub(super) most_in_flight: usize,
    pub(super) retry_budget: Duration,
}

impl Monitor {
    /// Where to ask how far behind the reading of the topic is; nothing when it is not read any more.
    pub fn watch_topic(&self, status: impl Fn() -> Option<KafkaStatus> + Send + Sync + 'static) {
        *lock(&self.0.topic) = Some(Box::new(status));
    }

    /// The topic is not read any more. What the question held is let go of when this returns.
    pub fn unwatch_topic(&self) {
        *lock(&self.0.topic) = None;
    }

    /// The replay begins.
    pub(super) fn attach(&self, running: Running) {
        // A target that is down lets no request come to its end for so long.
        meters().allow_silence(running.retry_budget);
        *lock(&self.0.running) = Some(Arc::new(running));
    }

    /// The replay, once it has begun.
    pub(super) fn running(&self) -> Option<Arc<Running>> {
        lock(&self.0.running).clone()
    }

    pub(super) fn topic(&self) -> Option<KafkaStatus> {
        lock(&self.0.topic).as_ref()?()
    }

    /// Tells whoever watches the process that the replay goes on, if it does. While nothing is in flight, it waits for its time, or for
    /// traffic.
    pub(super) fn tell_health(&self, running: &Running) {
        let counts = &running.counts;
        let done = counts.traffic().records.saturating_add(counts.done()).saturating_add(counts.sent_total());
        if self.0.seen.swap(done, Ordering::Relaxed) != done {
            meters().progressed();
        } else if counts.in_flight() == 0 {
            meters().alive();
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("has_begun", &self.running().is_some()).finish_non_exhaustive()
    }
}

/// Poison is of no concern: whoever holds a lock here only moves values, or asks for some.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
