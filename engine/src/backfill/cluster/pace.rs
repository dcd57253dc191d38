//! How much is under way at once: about what the target takes in two seconds.
//!
//! Units that are not acknowledged when a worker is killed are copied again, and those behind one that is not
//! acknowledged too. So units become fewer, then smaller, while the target takes long for them, and the other way round.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Compressed bytes of a unit, at most: a request to S3 costs tens of milliseconds whatever its size.
const MOST_BYTES: u64 = 4 << 20;

/// Units are not made smaller than this, some chunks; the first ones are as small, because nothing is known of the target.
const LEAST_BYTES: u64 = 64 << 10;

/// So many units at once are the first ones.
const FIRST_UNITS: usize = 2;

/// A unit that takes less says that more can be under way, one that takes longer that less should be.
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_millis(2500);

/// The pace of a worker.
#[derive(Debug)]
pub(super) struct Pace {
    /// Units under way, of all items.
    running: Arc<AtomicUsize>,
    /// Units that may be under way, at most.
    most_units: usize,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    units: usize,
    unit_bytes: u64,
    /// What was started before says nothing about the pace since.
    since: Instant,
}

/// A unit that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Underway {
    running: Arc<AtomicUsize>,
    started: Instant,
    bytes: u64,
}

impl Pace {
    /// Begins with little and goes up to `most` units.
    pub(super) fn new(most: usize) -> Self {
        let state = State { units: FIRST_UNITS.min(most), unit_bytes: LEAST_BYTES, since: Instant::now() };
        Self { running: Arc::default(), most_units: most, state: Mutex::new(state) }
    }

    /// Whether one more unit may be started by an item that has so many under way: each may have one.
    pub(super) fn has_room(&self, of_item: usize) -> bool {
        of_item == 0 || self.running.load(Ordering::Relaxed) < self.state().units
    }

    /// Compressed bytes of the next unit.
    pub(super) fn unit_bytes(&self) -> u64 {
        self.state().unit_bytes
    }

    /// A unit of so many compressed bytes is started.
    pub(super) fn start(&self, bytes: u64) -> Underway {
        self.running.fetch_add(1, Ordering::Relaxed);
        Underway { running: Arc::clone(&self.running), started: Instant::now(), bytes }
    }

    /// A unit is acknowledged. The target may have `requests` at once, which is how many units there are at least.
    pub(super) fn done(&self, unit: &Underway, requests: usize) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if unit.started >= state.since {
            let took = now.saturating_duration_since(unit.started);
            let next = state.after(took, unit.bytes, (requests.saturating_add(1), self.most_units));
            if (next.units, next.unit_bytes) != (state.units, state.unit_bytes) {
                *state = State { since: now, ..next };
            }
        }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn after(self, took: Duration, bytes: u64, (least, most): (usize, usize)) -> Self {
        let (units, unit_bytes) = (self.units, self.unit_bytes);
        if took > SLOW {
            return if units > least {
                Self { units: (units / 2).max(least), ..self }
            } else {
                Self { unit_bytes: (unit_bytes / 2).max(LEAST_BYTES), ..self }
            };
        }
        // The last unit of a small segment is fast whatever the target does.
        if took >= FAST || bytes < unit_bytes / 2 {
            return self;
        }
        if unit_bytes < MOST_BYTES {
            Self { unit_bytes: unit_bytes.saturating_mul(2).min(MOST_BYTES), ..self }
        } else {
            Self { units: units.saturating_mul(2).min(most), ..self }
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies units one after the other, each in this many milliseconds.
    async fn copy(pace: &Pace, units: usize, millis: u64, requests: usize) -> (usize, u64) {
        for _ in 0..units {
            let unit = pace.start(pace.unit_bytes());
            tokio::time::advance(Duration::from_millis(millis)).await;
            pace.done(&unit, requests);
        }
        let state = pace.state();
        (state.units, state.unit_bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_target_gets_large_units_then_many() {
        let pace = Pace::new(20);
        assert_eq!(copy(&pace, 6, 500, 1).await, (2, 4 << 20));
        assert_eq!(copy(&pace, 3, 500, 1).await, (16, 4 << 20));
        assert_eq!(copy(&pace, 9, 500, 1).await, (20, 4 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_target_gets_few_units_then_small_ones() {
        let pace = Pace::new(20);
        copy(&pace, 20, 500, 1).await;
        assert_eq!(copy(&pace, 3, 3000, 1).await, (2, 4 << 20));
        assert_eq!(copy(&pace, 9, 3000, 1).await, (2, 64 << 10));
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_units_as_the_target_has_room_for_requests() {
        let pace = Pace::new(20);
        copy(&pace, 20, 500, 8).await;
        assert_eq!(copy(&pace, 9, 3000, 8).await, (9, 64 << 10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_started_before_a_change_says_nothing() {
        let pace = Pace::new(20);
        copy(&pace, 20, 500, 1).await;
        let units: Vec<_> = (0..8).map(|_| pace.start(4 << 20)).collect();
        tokio::time::advance(Duration::from_secs(5)).await;
        units.iter().for_each(|unit| pace.done(unit, 1));
        assert_eq!(pace.state().units, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_has_one_unit_under_way_however_many_others_have() {
        let pace = Pace::new(20);
        let units = [pace.start(1), pace.start(1)];
        assert!(pace.has_room(0) && !pace.has_room(1));
        drop(units);
        assert!(pace.has_room(1));
    }
}
