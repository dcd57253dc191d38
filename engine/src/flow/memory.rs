//! A budget of memory that travels with the data.

use crate::telemetry::meters;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit of the semaphore stands for this many bytes.
const UNIT: u64 = 1024;

/// Bytes that the data in flight may take. Clones share the budget.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    permits: Arc<Semaphore>,
    units: u32,
    peak: Arc<AtomicU64>,
}

/// A share of the budget, given back when it is dropped. It lives in the value whose memory it stands for.
#[derive(Debug)]
pub struct MemoryPermit {
    permit: OwnedSemaphorePermit,
    budget: MemoryBudget,
}

impl MemoryBudget {
    /// A budget of this many bytes, rounded up to KiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(units as usize)), units, peak: Arc::default() }
    }

    /// The same; from now on the metrics show what is held of it.
    #[must_use]
    pub fn measured(self) -> Self {
        let budget = self.clone();
        meters().watch_memory(move || (budget.held(), budget.bytes()));
        self
    }

    /// The whole budget in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.units).saturating_mul(UNIT)
    }

    /// The most bytes that were reserved at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Bytes that are reserved now.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.bytes().saturating_sub((self.permits.available_permits() as u64).saturating_mul(UNIT))
    }

    /// Waits for `bytes`. More than the whole budget is the whole budget: a value larger than it travels alone.
    pub async fn reserve(&self, bytes: u64) -> MemoryPermit {
        // The semaphore is never closed, so this fails never; an empty permit would only loosen the bound.
        let permit = match Arc::clone(&self.permits).acquire_many_owned(self.units_of(bytes)).await {
            Ok(permit) => permit,
            Err(_) => std::future::pending().await,
        };
        self.peak.fetch_max(self.held(), Ordering::Relaxed);
        MemoryPermit { permit, budget: self.clone() }
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units)
    }
}

impl MemoryPermit {
    /// Bytes that the permit stands for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.permit.num_permits() as u64).saturating_mul(UNIT)
    }

    /// Makes the permit at least `bytes` large (or the whole budget), if that needs no waiting.
    ///
    /// A task that waited for more while it holds some could wait for ever for another one like it. So a task
    /// that needs more than it may have drops what it has, reserves it all at once, and starts again.
    pub fn try_grow(&mut self, bytes: u64) -> bool {
        let wanted = self.budget.units_of(bytes) as usize;
        let Some(more) = wanted.checked_sub(self.permit.num_permits()).filter(|more| *more > 0) else {
            return true;
        };
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        match Arc::clone(&self.budget.permits).try_acquire_many_owned(more) {
            Ok(permit) => {
                self.permit.merge(permit);
                self.budget.peak.fetch_max(self.budget.held(), Ordering::Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    /// Cuts off a permit for `bytes`, for a part of the data that goes its own way; none if this one stands for less.
    #[must_use]
    pub fn split(&mut self, bytes: u64) -> Option<Self> {
        let permit = self.permit.split(self.budget.units_of(bytes) as usize)?;
        Some(Self { permit, budget: self.budget.clone() })
    }

    /// Gives back all but `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        let keep = self.budget.units_of(bytes) as usize;
        let surplus = self.permit.num_permits().saturating_sub(keep);
        drop(self.permit.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reservation_waits_until_enough_is_given_back() {
        let budget = MemoryBudget::new(10 * UNIT);
        let first = budget.reserve(6 * UNIT).await;
        let mut second = Box::pin(budget.reserve(5 * UNIT));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await.bytes(), 5 * UNIT);
        assert_eq!((budget.held(), budget.peak()), (0, 6 * UNIT));
    }

    #[tokio::test]
    async fn more_than_the_budget_is_the_whole_budget() {
        let budget = MemoryBudget::new(4 * UNIT);
        let permit = budget.reserve(u64::MAX).await;
        assert_eq!((permit.bytes(), budget.held()), (4 * UNIT, 4 * UNIT));
    }

    #[tokio::test]
    async fn a_permit_grows_only_without_waiting() {
        let budget = MemoryBudget::new(10 * UNIT);
        let mut first = budget.reserve(4 * UNIT).await;
        let mut second = budget.reserve(4 * UNIT).await;
        assert!(first.try_grow(6 * UNIT));
        assert!(!second.try_grow(5 * UNIT));
        first.shrink(UNIT);
        assert!(second.try_grow(5 * UNIT));
        assert_eq!((first.bytes(), second.bytes(), budget.held()), (UNIT, 5 * UNIT, 6 * UNIT));
    }

    #[tokio::test]
    async fn a_part_of_a_permit_is_given_back_by_itself() {
        let budget = MemoryBudget::new(10 * UNIT);
        let mut whole = budget.reserve(6 * UNIT).await;
        let part = whole.split(2 * UNIT).unwrap();
        assert!(whole.split(5 * UNIT).is_none());
        drop(whole);
        assert_eq!((part.bytes(), budget.held()), (2 * UNIT, 2 * UNIT));
    }
}
