//! What a script may use: time and memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Limits of one runtime, shared with the handler that the engine asks now and then.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) memory: usize,
    begin: Instant,
    /// When the call must be over, in nanoseconds since `begin`.
    deadline: AtomicU64,
    reached: AtomicBool,
}

impl Limits {
    pub(super) fn new(time: Duration, memory: usize) -> Self {
        let (deadline, reached) = (AtomicU64::new(u64::MAX), AtomicBool::new(false));
        Self { time, memory, begin: Instant::now(), deadline, reached }
    }

    /// A call begins.
    pub(super) fn start(&self) {
        let end = self.begin.elapsed().saturating_add(self.time);
        self.deadline.store(u64::try_from(end.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.reached.store(false, Ordering::Relaxed);
    }

    /// Whether time is up; remembered until the next call begins.
    pub(super) fn is_over(&self) -> bool {
        let now = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let is_over = now > self.deadline.load(Ordering::Relaxed);
        if is_over {
            self.reached.store(true, Ordering::Relaxed);
        }
        is_over
    }

    /// Whether time was up at any moment of the call.
    pub(super) fn was_over(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }
}
