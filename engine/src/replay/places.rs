//! A limited number of places: each partition in turn gets one, and of a partition the oldest request that waits.
//!
//! As fast as possible, the requests of all connections that were read are due at once. If those that came first were not sent
//! first, the oldest records would be done with last: little could be committed, and much would be repeated after a restart. And a
//! partition that is ahead of the others must not stand still until they have caught up.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::sync::oneshot;

/// Places for requests. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Mutex<State>>);

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<Places>);

#[derive(Debug)]
struct State {
    free: usize,
    /// By partition; none is empty.
    waiting: BTreeMap<i32, BinaryHeap<Reverse<Waiting>>>,
    /// The partition that got a place last.
    last: i32,
    /// Of those of one moment, who came first is first.
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    at: SystemTime,
    number: u64,
    to: oneshot::Sender<Place>,
}

impl State {
    /// The oldest that waits in the partition whose turn it is.
    fn oldest(&mut self) -> Option<Waiting> {
        let after = self.waiting.range(self.last.saturating_add(1)..).next();
        let partition = *after.or_else(|| self.waiting.first_key_value())?.0;
        self.last = partition;
        let heap = self.waiting.get_mut(&partition)?;
        let oldest = heap.pop();
        if heap.is_empty() {
            self.waiting.remove(&partition);
        }
        oldest.map(|Reverse(oldest)| oldest)
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places, waiting: BTreeMap::new(), last: -1, next: 0 })))
    }

    /// Waits for a place for a request of a partition, of this moment of the source.
    pub(super) async fn take(&self, partition: i32, at: SystemTime) -> Place {
        let place = {
            let mut state = self.state();
            if let Some(free) = state.free.checked_sub(1) {
                state.free = free;
                return Place(Some(self.clone()));
            }
            let (to, place) = oneshot::channel();
            let number = state.next;
            state.next = number.wrapping_add(1);
            state.waiting.entry(partition).or_default().push(Reverse(Waiting { at, number, to }));
            place
        };
        match place.await {
            Ok(place) => place,
            // Whoever waits is in the heap until it has a place.
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands a place on to the oldest that still waits in the next partition.
    fn hand_on(&self) {
        loop {
            let oldest = {
                let mut state = self.state();
                match state.oldest() {
                    Some(oldest) => oldest,
                    None => return state.free = state.free.saturating_add(1),
                }
            };
            match oldest.to.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // Nobody waits there any more: it goes to the next one.
                Err(mut place) => place.0 = None,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Who got the place, one after the other, of those that waited for it.
    async fn order(waiting: &[(i32, u64, char)]) -> String {
        let places = Places::new(1);
        let place = places.take(7, at(9)).await;
        let (order, got) = std::sync::mpsc::channel();
        let waiting = waiting.iter().map(|(partition, second, name)| {
            let (places, order) = (places.clone(), order.clone());
            async move {
                let place = places.take(*partition, at(*second)).await;
                order.send(*name).unwrap();
                drop(place);
            }
            .boxed()
        });
        let mut all = futures::future::join_all(waiting);
        assert!(futures::poll!(&mut all).is_pending());
        drop(place);
        all.await;
        drop(order);
        assert!(places.take(0, at(0)).now_or_never().is_some(), "it came back");
        got.iter().collect()
    }

    #[tokio::test]
    async fn a_place_goes_to_the_oldest_that_waits_and_of_one_moment_to_the_first() {
        assert_eq!(order(&[(0, 5, 'c'), (0, 3, 'a'), (0, 5, 'd'), (0, 4, 'b')]).await, "abcd");
    }

    #[tokio::test]
    async fn partitions_get_places_in_turn_also_one_that_is_far_ahead() {
        let waiting = [(1, 900, 'x'), (0, 3, 'a'), (0, 4, 'b'), (1, 901, 'y'), (2, 1, 'p'), (0, 5, 'c')];
        // The place came from partition 7: it is the first one's turn.
        assert_eq!(order(&waiting).await, "axpbyc");
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_takes_no_place() {
        let places = Places::new(1);
        let place = places.take(0, at(9)).await;
        let mut gone: Vec<_> = (0..100_000).map(|second| Box::pin(places.take(0, at(second)))).collect();
        for waiting in &mut gone {
            assert!(futures::poll!(waiting).is_pending());
        }
        let mut last = Box::pin(places.take(0, at(200_000)));
        assert!(futures::poll!(&mut last).is_pending());
        drop(gone);
        drop(place);
        drop(last.await);
        assert!(places.take(0, at(0)).now_or_never().is_some());
    }
}
