//! Keeps a worker that was stopped for a while from writing what another one has taken over.

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether the documents of an item may be sent. Clones are of the same item.
#[derive(Debug, Clone)]
pub(super) struct Fence(watch::Receiver<Held>);

/// Moves the fence of an item; dropped, nothing of the item may be sent any more.
#[derive(Debug)]
pub(super) struct FenceKeeper(watch::Sender<Held>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Until(Instant),
    Lost,
}

/// Another worker has the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeaseLost;

/// A fence that is open until a lease ends.
pub(super) fn fence(until: Instant) -> (FenceKeeper, Fence) {
    let (sender, receiver) = watch::channel(Held::Until(until));
    (FenceKeeper(sender), Fence(receiver))
}

impl FenceKeeper {
    /// The lease was renewed.
    pub(super) fn renew(&self, until: Instant) {
        self.0.send_replace(Held::Until(until));
    }

    /// The lease is lost.
    pub(super) fn close(&self) {
        self.0.send_replace(Held::Lost);
    }
}

impl Fence {
    /// Returns when nobody else can have the item; waits when the lease has to be renewed first.
    pub(super) async fn pass(&self) -> Result<(), LeaseLost> {
        let mut held = self.0.clone();
        loop {
            match *held.borrow_and_update() {
                Held::Lost => return Err(LeaseLost),
                Held::Until(until) if Instant::now() < until => return Ok(()),
                Held::Until(_) => {}
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
        assert_eq!(fence.pass().await, Ok(()));
        tokio::time::advance(Duration::from_secs(31)).await;
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
