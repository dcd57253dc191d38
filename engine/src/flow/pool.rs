//! Work that computes, away from the threads that wait.

/// Runs `work` on a thread of the pool and waits for it.
pub async fn on_pool<T: Send + 'static>(
    threads: &rayon::ThreadPool,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    threads.spawn(move || {
        let _ = sender.send(work()); // The receiver is gone when the run was stopped.
    });
    match receiver.await {
        Ok(result) => result,
        // Cannot be: a panic on the pool ends the process.
        Err(_) => std::future::pending().await,
    }
}
