//! What a script may use: time and memory.

use crate::transform::processor_time;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Limits of one runtime, shared with the handler that the engine asks now and then.
#[derive(Debug)]
pub(super) struct Limits {
    /// Of the processor, for one call.
    pub(super) time: Duration,
    pub(super) memory: usize,
    /// When the call must be over, in nanoseconds of the thread that makes it.
    deadline: AtomicU64,
    reached: AtomicBool,
}

impl Limits {
    pub(super) fn new(time: Duration, memory: usize) -> Self {
        Self { time, memory, deadline: AtomicU64::new(u64::MAX), reached: AtomicBool::new(false) }
    }

    /// A call begins.
    pub(super) fn start(&self) {
        self.deadline.store(nanoseconds(processor_time().saturating_add(self.time)), Ordering::Relaxed);
        self.reached.store(false, Ordering::Relaxed);
    }

    /// Whether time is up; remembered until the next call begins.
    pub(super) fn is_over(&self) -> bool {
        let is_over = nanoseconds(processor_time()) > self.deadline.load(Ordering::Relaxed);
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

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
