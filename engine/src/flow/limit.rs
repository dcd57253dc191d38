//! How many requests may be under way at once, found out by how the cluster answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What is left of the limit when the cluster is overloaded.
const DECREASE: f64 = 0.7;

/// An answer is slow when it takes this many times as long as the fast ones.
const SLOW: f64 = 2.0;

/// So many slow answers in a row say that the cluster has more requests than it can work on.
const SLOW_ANSWERS: u32 = 5;

/// So many answers make the first idea of what is fast.
const FIRST_ANSWERS: u32 = 5;

/// How much of a faster answer, and of a slower one, goes into the idea of what is fast.
const FASTER: f64 = 0.3;
const SLOWER: f64 = 0.005;

/// How far the idea of what is fast is raised when the limit was lowered because of slow answers: if fewer requests are
/// not faster, the documents are heavier than before, and the limit must not sink to the least.
const RAISE: f64 = 1.5;

/// A limit on requests in flight: additive increase, multiplicative decrease. Clones share it.
///
/// - At the start every answer that is fine adds one, as long as the limit is used to the full.
/// - After the first decrease, a whole round of answers adds one.
/// - An overload, or five answers in a row that take more than twice as long as fast ones, multiplies by 0.7; at most
///   once a round trip: a request that was sent before the last decrease says nothing about the limit since.
/// - A permit that is dropped without a verdict changes nothing.
///
/// Waiters get their permit in the order in which they came.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    permits: Arc<Semaphore>,
    least: f64,
    most: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// Permits that exist, free or given out: what `permits` has is made to fit the limit.
    existing: usize,
    in_flight: usize,
    /// When there were last as many requests as the limit allows.
    full: Option<Instant>,
    /// Whether no overload was seen yet.
    starting: bool,
    /// How often the limit was lowered.
    decreases: u64,
    /// How long a fast answer takes, in seconds.
    fast: f64,
    answers: u32,
    slow_in_a_row: u32,
}

/// Leave to have one request under way. Say what came of it, or drop it.
#[derive(Debug)]
pub struct Permit {
    limit: ConcurrencyLimit,
    permit: Option<OwnedSemaphorePermit>,
    sent: Instant,
    /// How often the limit had been lowered when the request was sent.
    decreases: u64,
}

impl ConcurrencyLimit {
    /// A limit that starts at `least` and stays between both, which are at least 1.
    #[must_use]
    pub fn new(least: usize, most: usize) -> Self {
        let least = least.clamp(1, Semaphore::MAX_PERMITS);
        let most = most.clamp(least, Semaphore::MAX_PERMITS);
        let state = State {
            limit: least as f64,
            existing: least,
            in_flight: 0,
            full: None,
            starting: true,
            decreases: 0,
            fast: f64::INFINITY,
            answers: 0,
            slow_in_a_row: 0,
        };
        let permits = Arc::new(Semaphore::new(least));
        Self(Arc::new(Inner { permits, least: least as f64, most: most as f64, state: Mutex::new(state) }))
    }

    /// Waits until one more request may be sent.
    pub async fn acquire(&self) -> Permit {
        // The semaphore is never closed, so this fails never.
        let permit = match Arc::clone(&self.0.permits).acquire_owned().await {
            Ok(permit) => permit,
            Err(_) => std::future::pending().await,
        };
        let sent = Instant::now();
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_add(1);
        if state.in_flight >= state.whole_limit() {
            state.full = Some(sent);
        }
        let decreases = state.decreases;
        drop(state);
        Permit { limit: self.clone(), permit: Some(permit), sent, decreases }
    }

    /// The limit now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.state().whole_limit()
    }

    /// Requests under way now; for a while more than the limit after it was lowered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Poison is of no concern: no code that could panic runs while the lock is held.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the limit, and makes the permits fit it as far as they are free.
    fn change(&self, change: impl FnOnce(&Inner, &mut State)) {
        let mut state = self.state();
        change(&self.0, &mut state);
        let wanted = state.whole_limit();
        if let Some(more) = wanted.checked_sub(state.existing) {
            self.0.permits.add_permits(more);
            state.existing = wanted;
        } else {
            let surplus = state.existing.saturating_sub(wanted);
            state.existing = state.existing.saturating_sub(self.0.permits.forget_permits(surplus));
        }
    }
}

impl State {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the most permits"
    )]
    fn whole_limit(&self) -> usize {
        self.limit.floor() as usize
    }

    fn increase(&mut self, most: f64, sent: Instant) {
        if self.full.is_none_or(|full| full < sent) {
            return; // What is not used while the request was under way proves nothing.
        }
        let step = if self.starting { 1.0 } else { 1.0 / self.limit };
        self.limit = (self.limit + step).min(most);
    }

    fn decrease(&mut self, least: f64, decreases_when_sent: u64) {
        if self.decreases != decreases_when_sent {
            return;
        }
        self.limit = (self.limit * DECREASE).max(least);
        self.decreases = self.decreases.wrapping_add(1);
        self.starting = false;
        self.slow_in_a_row = 0;
    }

    /// Takes the time of an answer into the idea of what is fast; whether it is slow.
    fn is_slow(&mut self, seconds: f64) -> bool {
        self.answers = self.answers.saturating_add(1);
        if self.answers <= FIRST_ANSWERS {
            self.fast = self.fast.min(seconds);
            return false;
        }
        let is_slow = seconds > SLOW * self.fast;
        let share = if seconds < self.fast { FASTER } else { SLOWER };
        self.fast += share * (seconds - self.fast);
        is_slow
    }
}

impl Permit {
    /// The request was answered and the cluster had room for it; `latency` is comparable with that of other requests.
    pub fn success(self, latency: Duration) {
        let (seconds, sent, decreases) = (latency.as_secs_f64(), self.sent, self.decreases);
        self.limit.change(|inner, state| {
            if !state.is_slow(seconds) {
                state.slow_in_a_row = 0;
                return state.increase(inner.most, sent);
            }
            state.slow_in_a_row = state.slow_in_a_row.saturating_add(1);
            if state.slow_in_a_row >= SLOW_ANSWERS && state.limit > inner.least {
                state.decrease(inner.least, decreases);
                state.fast = (state.fast * RAISE).min(seconds);
            }
        });
    }

    /// The request was answered and the cluster had room for it, but it was a small one: its latency says nothing.
    pub fn accepted(self) {
        let sent = self.sent;
        self.limit.change(|inner, state| state.increase(inner.most, sent));
    }

    /// The cluster has too much to do: it said so, or it did not answer.
    pub fn overloaded(self) {
        let decreases = self.decreases;
        self.limit.change(|inner, state| state.decrease(inner.least, decreases));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        let is_surplus = state.existing > state.whole_limit();
        match self.permit.take() {
            Some(permit) if is_surplus => {
                permit.forget();
                state.existing = state.existing.saturating_sub(1);
            }
            permit => drop(permit), // Back to the semaphore, while the lock is held.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(100);

    /// Fills the limit, and gives each request the same verdict when all have been under way for `time`.
    async fn round(limit: &ConcurrencyLimit, time: Duration, verdict: impl Fn(Permit)) -> usize {
        let mut permits = Vec::new();
        for _ in 0..limit.limit() {
            permits.push(limit.acquire().await);
        }
        tokio::time::advance(time).await;
        permits.into_iter().for_each(verdict);
        limit.limit()
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_doubles_each_round_until_the_first_overload_and_then_grows_by_one() {
        let limit = ConcurrencyLimit::new(1, 100);
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(round(&limit, FAST, |permit| permit.success(FAST)).await);
        }
        assert_eq!(limits, [2, 4, 8, 16]);
        assert_eq!(round(&limit, FAST, Permit::overloaded).await, 11);
        limits.clear();
        for _ in 0..4 {
            limits.push(round(&limit, FAST, |permit| permit.success(FAST)).await);
        }
        assert_eq!(limits, [12, 13, 14, 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_not_used_does_not_grow() {
        let limit = ConcurrencyLimit::new(4, 100);
        for _ in 0..50 {
            limit.acquire().await.success(FAST);
        }
        assert_eq!((limit.limit(), limit.in_flight()), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_sinks_once_for_all_requests_of_a_round_and_never_below_the_least() {
        let limit = ConcurrencyLimit::new(2, 10);
        limit.change(|_, state| state.limit = 10.0);
        assert_eq!(round(&limit, FAST, Permit::overloaded).await, 7);
        let rounds = [4, 3, 2, 2, 2];
        for expected in rounds {
            assert_eq!(round(&limit, FAST, Permit::overloaded).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lowered_limit_holds_back_new_requests_until_enough_have_ended() {
        let limit = ConcurrencyLimit::new(1, 4);
        limit.change(|_, state| state.limit = 4.0);
        let mut permits = Vec::new();
        for _ in 0..4 {
            permits.push(limit.acquire().await);
        }
        tokio::time::advance(FAST).await;
        permits.pop().unwrap().overloaded();
        assert_eq!((limit.limit(), limit.in_flight()), (2, 3));
        let mut waiting = Box::pin(limit.acquire());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(permits.pop());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(permits.pop());
        let _second = waiting.await;
        assert_eq!((limit.limit(), limit.in_flight()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_without_verdict_changes_nothing() {
        let limit = ConcurrencyLimit::new(3, 10);
        round(&limit, FAST, drop).await;
        assert_eq!((limit.limit(), limit.in_flight(), limit.0.permits.available_permits()), (3, 0, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn five_slow_answers_in_a_row_lower_the_limit_and_heavier_documents_do_not_lower_it_for_ever() {
        let limit = ConcurrencyLimit::new(1, 8);
        limit.change(|_, state| state.limit = 8.0);
        for _ in 0..8 {
            round(&limit, FAST, |permit| permit.success(FAST)).await;
        }
        assert_eq!(limit.limit(), 8);
        let slow = FAST * 4;
        let mut limits = Vec::new();
        for _ in 0..40 {
            limits.push(round(&limit, slow, |permit| permit.success(slow)).await);
        }
        assert_eq!(limits[0], 5);
        assert_eq!(limits.iter().min(), Some(&4));
        assert_eq!(limits.last(), Some(&8)); // What was slow is the new fast.
    }

    #[tokio::test(start_paused = true)]
    async fn small_requests_do_not_change_what_is_fast() {
        let limit = ConcurrencyLimit::new(1, 4);
        for _ in 0..20 {
            round(&limit, FAST, |permit| permit.success(FAST)).await;
            round(&limit, Duration::from_millis(1), Permit::accepted).await;
        }
        assert_eq!(limit.limit(), 4);
        assert!((limit.0.state.lock().unwrap().fast - 0.1).abs() < 0.001);
    }
}
