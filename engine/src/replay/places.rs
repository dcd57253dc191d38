//! A limited number of places, which go to the oldest request that waits for one.
//!
//! As fast as possible, the requests of all connections that were read are due at once. If those that came first were not sent
//! first, the oldest records would be done with last: little could be committed, and much would be repeated after a restart.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
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
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Of those of one moment, who came first is first.
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    at: SystemTime,
    number: u64,
    to: oneshot::Sender<Place>,
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
        Self(Arc::new(Mutex::new(State { free: places, waiting: BinaryHeap::new(), next: 0 })))
    }

    /// Waits for a place for a request of this moment of the source.
    pub(super) async fn take(&self, at: SystemTime) -> Place {
        let place = {
            let mut state = self.state();
            if let Some(free) = state.free.checked_sub(1) {
                state.free = free;
                return Place(Some(self.clone()));
            }
            let (to, place) = oneshot::channel();
            let number = state.next;
            state.next = number.wrapping_add(1);
            state.waiting.push(Reverse(Waiting { at, number, to }));
            place
        };
        match place.await {
            Ok(place) => place,
            // Whoever waits is in the heap until it has a place.
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands a place on to the oldest that still waits.
    fn hand_on(&self) {
        loop {
            let oldest = {
                let mut state = self.state();
                match state.waiting.pop() {
                    Some(Reverse(oldest)) => oldest,
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

    #[tokio::test]
    async fn a_place_goes_to_the_oldest_that_waits_and_of_one_moment_to_the_first() {
        let places = Places::new(1);
        let mut place = Some(places.take(at(9)).await);
        let (order, got) = std::sync::mpsc::channel();
        let waiting = [(5, 'c'), (3, 'a'), (5, 'd'), (4, 'b')].map(|(second, name)| {
            let (places, order) = (places.clone(), order.clone());
            async move {
                let place = places.take(at(second)).await;
                order.send(name).unwrap();
                drop(place);
            }
            .boxed()
        });
        let mut all = futures::future::join_all(waiting);
        assert!(futures::poll!(&mut all).is_pending());
        place.take();
        all.await;
        drop(order);
        assert_eq!(got.iter().collect::<String>(), "abcd");
        assert!(places.take(at(0)).now_or_never().is_some(), "it came back");
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_takes_no_place() {
        let places = Places::new(1);
        let place = places.take(at(9)).await;
        let mut gone: Vec<_> = (0..100_000).map(|second| Box::pin(places.take(at(second)))).collect();
        for waiting in &mut gone {
            assert!(futures::poll!(waiting).is_pending());
        }
        let mut last = Box::pin(places.take(at(200_000)));
        assert!(futures::poll!(&mut last).is_pending());
        drop(gone);
        drop(place);
        drop(last.await);
        assert!(places.take(at(0)).now_or_never().is_some());
    }
}
