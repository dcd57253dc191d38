//! Wakes the thread that polls.

use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

/// Wakes a thread that sleeps here. Clones wake the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(Arc<Sleeper>);

#[derive(Debug, Default)]
struct Sleeper(OnceLock<Thread>);

impl Alarm {
    /// From now on it wakes the thread that this is called in.
    pub(super) fn belongs_here(&self) {
        // A second call changes nothing: there is one thread only.
        let _ = self.0.0.set(std::thread::current());
    }

    /// Wakes the thread, or, if it is awake, makes its next sleep end at once.
    pub(super) fn ring(&self) {
        self.0.ring();
    }

    /// Sleeps, at most for this long.
    pub(super) fn sleep(&self, longest: Duration) {
        std::thread::park_timeout(longest);
    }

    /// For futures that this thread waits for.
    pub(super) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }
}

impl Sleeper {
    fn ring(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
