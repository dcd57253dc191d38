//! Switches that many tasks look at: pause and cancel.

use std::sync::Arc;
use tokio::sync::watch;

/// Holds tasks back until it is resumed. Clones share the switch.
#[derive(Debug, Clone)]
pub struct Pause(Arc<watch::Sender<bool>>);

/// Tells tasks to stop, once and for all. Clones share the switch.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Pause {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Pause {
    /// Holds back everything that waits here from now on.
    pub fn pause(&self) {
        self.0.send_replace(true);
    }

    /// Lets everything go on.
    pub fn resume(&self) {
        self.0.send_replace(false);
    }

    /// Whether it holds back now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it does not hold back; whether it did.
    pub async fn wait(&self) -> bool {
        let paused = self.is_paused();
        wait_for(&self.0, false).await;
        paused
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// Tells all to stop.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was told.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it was told.
    pub async fn cancelled(&self) {
        wait_for(&self.0, true).await;
    }

    /// Does `work` unless told to stop before or meanwhile: then `work` is dropped, and there is no result.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.is_cancelled() {
            return None;
        }
        tokio::select! {
            biased;
            // First: what is done at once need not listen for the end.
            result = work => Some(result),
            () = self.cancelled() => None,
        }
    }
}

async fn wait_for(switch: &watch::Sender<bool>, state: bool) {
    if *switch.borrow() == state {
        return;
    }
    // An error means that the sender is gone, which `switch` is.
    let _ = switch.subscribe().wait_for(|now| *now == state).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_holds_back_until_it_is_resumed() {
        let pause = Pause::default();
        assert!(!pause.wait().await);
        pause.pause();
        let mut waiting = Box::pin(pause.wait());
        assert!(futures::poll!(&mut waiting).is_pending());
        pause.clone().resume();
        assert!(waiting.await);
    }

    #[tokio::test]
    async fn what_is_cancelled_ends_at_once_and_stays_so() {
        let cancel = Cancel::default();
        assert_eq!(cancel.unless(async { 1 }).await, Some(1));
        let mut waiting = Box::pin(cancel.unless(std::future::pending::<()>()));
        assert!(futures::poll!(&mut waiting).is_pending());
        cancel.clone().cancel();
        assert_eq!(waiting.await, None);
        assert_eq!(cancel.unless(async { 1 }).await, None);
    }
}
