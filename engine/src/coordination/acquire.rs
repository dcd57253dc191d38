//! Taking items.

use super::backend::{ORDERS, Query, Stored};
use super::error::StoreError;
use super::lease::Lease;
use super::record::{ItemState, Record};
use super::store::WorkStore;
use crate::telemetry::{ItemOutcome, LeaseEvent, meters};
use rand::Rng;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use tracing::{info, warn};

/// Items that one search returns, at most.
const PAGE: usize = 50;

impl WorkStore {
    /// Takes up to `most` items (50 at a time): open ones, then tails that somebody cut off and did not open, then
    /// those whose lease has expired. Fewer, or none, when others were faster or everything is taken: call again
    /// after a second or so, which is also how it is found out that a lease has expired.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotPlanned`], and all that concern the store.
    pub async fn acquire(&self, most: usize) -> Result<Vec<Lease>, StoreError> {
        if !self.0.running.load(Ordering::Acquire) {
            let (session, store) = (self.session().to_string(), self.backend().name());
            return Err(StoreError::NotPlanned { session, store });
        }
        let most = most.min(PAGE);
        let mut leases = Vec::new();
        self.take_open(most, &mut leases).await?;
        if leases.len() < most {
            self.take_unopened_tails(most, &mut leases).await?;
        }
        if leases.len() < most {
            self.take_expired(most, &mut leases).await?;
        }
        Ok(leases)
    }

    /// Open items from a random place on, so that workers do not all want the same ones.
    async fn take_open(&self, most: usize, leases: &mut Vec<Lease>) -> Result<(), StoreError> {
        let start = rand::rng().random_range(0..ORDERS);
        // A few more than wanted: others may be faster at some.
        let limit = most.saturating_mul(2).saturating_add(8).min(PAGE);
        for (from, before) in [(start, ORDERS), (0, start)] {
            if leases.len() >= most {
                break;
            }
            let open = Query::Ring { state: ItemState::Open, from, before };
            for found in self.backend().find(open, limit).await? {
                if leases.len() >= most {
                    break;
                }
                leases.extend(self.take(found).await?);
            }
        }
        Ok(())
    }

    async fn take_unopened_tails(&self, most: usize, leases: &mut Vec<Lease>) -> Result<(), StoreError> {
        let pending = Query::Ring { state: ItemState::PendingSplit, from: 0, before: ORDERS };
        for found in self.backend().find(pending, PAGE).await? {
            let Some(settled) = self.settle(found).await? else { continue };
            if settled.document.state == ItemState::Open && leases.len() < most {
                leases.extend(self.take(settled).await?);
            }
        }
        Ok(())
    }

    /// Looks at the next leases in the order of all, and takes what has not changed for the lease time.
    async fn take_expired(&self, most: usize, leases: &mut Vec<Lease>) -> Result<(), StoreError> {
        let start = self.0.scan.load(Ordering::Relaxed);
        let leased = |from, before| Query::Ring { state: ItemState::Leased, from, before };
        let mut found = self.backend().find(leased(start, ORDERS), PAGE).await?;
        if let Some(left) = PAGE.checked_sub(found.len()).filter(|left| *left > 0) {
            found.append(&mut self.backend().find(leased(0, start), left).await?);
        }
        let next = found.last().map_or(0, |last| last.document.order.saturating_add(1));
        self.0.scan.store(next, Ordering::Relaxed);
        for found in found {
            if self.has_expired(&found.document) && leases.len() < most {
                leases.extend(self.take(found).await?);
            }
        }
        let mut observer = self.0.observer.lock().unwrap_or_else(PoisonError::into_inner);
        observer.prune(self.settings().lease, Instant::now());
        Ok(())
    }

    fn has_expired(&self, record: &Record) -> bool {
        if record.instance.as_deref() == Some(self.worker().instance()) {
            return true; // Dropped without a word in this process, or `take` finds out that it is still held.
        }
        let mut observer = self.0.observer.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged =
            observer.unchanged_for(&record.item.id, record.epoch, record.heartbeat, Instant::now());
        unchanged >= self.settings().lease
    }

    /// Takes an item as it was found; `None` when it has changed since, is given up, or is ours already.
    async fn take(&self, found: Stored<Record>) -> Result<Option<Lease>, StoreError> {
        let Some(hold) = self.hold(&found.document.item.id) else { return Ok(None) };
        let sent = Instant::now();
        let record = found.document.taken(self.worker(), self.settings().max_attempts);
        let Some(version) = self.backend().replace(found.version, &record).await? else { return Ok(None) };
        let (item, attempt) = (&record.item.id, record.attempts);
        if record.state == ItemState::Quarantined {
            meters().item(ItemOutcome::Quarantined);
            warn!(%item, attempt, reason = record.reason(), "work item given up");
            return Ok(None);
        }
        if found.document.state == ItemState::Leased {
            let former = found.document.worker.as_deref().unwrap_or_default();
            info!(%item, attempt, former, "work item taken from a worker that stopped without a word");
            meters().lease(LeaseEvent::TakenOver);
        } else {
            meters().lease(LeaseEvent::Taken);
        }
        Ok(Some(Lease { version, held_until: self.lease_from(sent), _hold: hold, record }))
    }
}
