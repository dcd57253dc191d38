//! Keeps a worker that was stopped for a while from writing what another one has taken over.

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether the documents of an item may be sent. Clones are of the same item.
#[derive(Debug, Clone)]
pub struct Fence(watch::Receiver<Held>);

/// Moves the fence of an item; dropped, nothing of the item may be sent any more.
#[derive(Debug)]
pub struct FenceKeeper(watch::Sender<Held>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Until(Instant),
    Lost,
}

/// Another worker has the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLost;

/// A fence that is open until a lease ends.
#[must_use]
pub fn fence(until: Instant) -> (FenceKeeper, Fence) {
    let (sender, receiver) = watch::channel(Held::Until(until));
    (FenceKeeper(sender), Fence(receiver))
}

impl FenceKeeper {
    /// The lease was renewed.
    pub fn renew(&self, until: Instant) {
        self.0.send_replace(Held::Until(until));
    }

    /// The lease is lost.
    pub fn close(&self) {
        self.0.send_replace(Held::Lost);
    }
}

impl Held {
    /// None: what comes next decides.
    fn passed(self) -> Option<Result<(), LeaseLost>> {
        match self {
            Self::Lost => Some(Err(LeaseLost)),
            Self::Until(until) => (Instant::now() < until).then_some(Ok(())),
        }
    }
}

impl Fence {
    /// Whether nobody else can have the item at this moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.borrow().passed() == Some(Ok(()))
    }

    /// Returns when nobody else can have the item; waits when the lease has to be renewed first.
    ///
    /// # Errors
    ///
    /// Another worker has it.
    pub async fn pass(&self) -> Result<(), LeaseLost> {
        let mut held = self.0.clone();
        loop {
            let now = *held.borrow_and_update();
            if let Some(passed) = now.passed() {
                return passed;
            }
            if held.changed().await.is_err() {
                return Err(LeaseLost);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_after_the_lease_waits_for_its_renewal() {
        let (keeper, fence) = fence(Instant::now() + Duration::from_secs(30));
        assert_eq!((fence.pass().await, fence.is_open()), (Ok(()), true));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(!fence.is_open());
        let mut waiting = Box::pin(fence.pass());
        assert!(futures::poll!(&mut waiting).is_pending());
        keeper.renew(Instant::now() + Duration::from_secs(30));
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_passes_when_the_item_is_lost() {
        let (keeper, fence) = fence(Instant::now());
        let waiting = fence.clone();
        let waiting = tokio::spawn(async move { waiting.pass().await });
        tokio::task::yield_now().await;
        keeper.close();
        assert_eq!(waiting.await.unwrap(), Err(LeaseLost));
        drop(keeper);
        assert_eq!(fence.pass().await, Err(LeaseLost));
    }
}
