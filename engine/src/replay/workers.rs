//! Work that computes for longer, away from the threads that wait.

use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Does so much at once as there are cores. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Workers(Arc<Semaphore>);

impl Workers {
    /// One for each core.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Begins work as soon as fewer than all are at work, and does not wait for its end.
    pub(super) async fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
    }

    /// Does work, and waits for it.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let working = self.begin(work).await;
        working.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Waits until none is at work.
    #[cfg(test)]
    pub(super) async fn idle(&self) {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let _all = self.0.acquire_many(u32::try_from(cores).unwrap()).await.unwrap();
    }
}
