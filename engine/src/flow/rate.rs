//! A limit on documents and bytes a second.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// No batch keeps the next ones waiting for longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Documents and bytes a second that may be sent. Clones share the limit.
///
/// Each batch goes when what was sent before it is paid for with time, in the order in which they came, whatever their
/// size. So there is a burst of one batch and not more: time in which nothing is sent is not saved up.
#[derive(Debug, Clone, Default)]
pub struct RateLimit(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    documents: Option<NonZeroU64>,
    bytes: Option<NonZeroU64>,
    /// When all that was let through is paid for.
    paid: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// A limit on one or both; without any it never waits.
    #[must_use]
    pub fn new(documents_a_second: Option<NonZeroU64>, bytes_a_second: Option<NonZeroU64>) -> Self {
        Self(Arc::new(Inner { documents: documents_a_second, bytes: bytes_a_second, paid: Mutex::default() }))
    }

    /// Whether it limits anything.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.0.documents.is_some() || self.0.bytes.is_some()
    }

    /// Waits until a batch of this size may be sent.
    pub async fn acquire(&self, documents: u64, bytes: u64) {
        let inner = &self.0;
        let time = |amount: u64, rate: Option<NonZeroU64>| {
            let seconds = rate.map_or(0.0, |rate| amount as f64 / rate.get() as f64);
            Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
        };
        let cost = time(documents, inner.documents).max(time(bytes, inner.bytes));
        if cost.is_zero() {
            return;
        }
        let start = {
            let mut paid = inner.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let start = paid.map_or(now, |paid| paid.max(now));
            *paid = Some(start + cost);
            start
        };
        tokio::time::sleep_until(start).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds(limit: &RateLimit, batches: &[(u64, u64)]) -> Vec<f64> {
        let start = Instant::now();
        let mut seconds = Vec::new();
        for (documents, bytes) in batches {
            limit.acquire(*documents, *bytes).await;
            seconds.push(start.elapsed().as_secs_f64().round());
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn the_scarcer_of_documents_and_bytes_sets_the_pace_after_a_first_batch() {
        let limit = RateLimit::new(NonZeroU64::new(100), NonZeroU64::new(1000));
        assert_eq!(seconds(&limit, &[(500, 10), (10, 3000), (1, 1), (1, 1)]).await, [0.0, 5.0, 8.0, 8.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let limit = RateLimit::new(NonZeroU64::new(10), None);
        limit.acquire(10, 0).await;
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(seconds(&limit, &[(10, 0), (10, 0), (10, 0)]).await, [0.0, 1.0, 2.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn batches_go_in_the_order_in_which_they_came() {
        let limit = RateLimit::new(NonZeroU64::new(10), None);
        let order = Mutex::new(Vec::new());
        let batch = |name: &'static str, documents| {
            let (limit, order) = (&limit, &order);
            async move {
                limit.acquire(documents, 0).await;
                order.lock().unwrap().push(name);
            }
        };
        tokio::join!(batch("large", 1000), batch("second", 1), batch("third", 1));
        assert_eq!(*order.lock().unwrap(), ["large", "second", "third"]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_never_waits() {
        assert_eq!(seconds(&RateLimit::default(), &[(u64::MAX, u64::MAX), (1, 1)]).await, [0.0, 0.0]);
    }
}
