//! A target that cannot be reached is asked by one request at a time, and given up after some time.

use super::clock::SourceClock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many connections that failed in a row, of whatever requests, open the breaker.
const FAILURES: u32 = 5;

/// How often a target that cannot be reached is asked.
const PROBE: Duration = Duration::from_secs(1);

/// Knows whether the target can be reached.
#[derive(Debug)]
pub(super) struct Breaker {
    /// After so long without a connection, pauses left out, requests fail at once.
    patience: Duration,
    clock: SourceClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open: Option<Open>,
    /// Why the last one failed.
    reason: String,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Instant,
    /// How long the replay had been paused by then.
    held: Duration,
    next_probe: Instant,
}

/// Whether a request may try to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    /// Now.
    Connect,
    /// Ask again then.
    Wait(Instant),
    /// Not at all, and why: the target could not be reached for so long.
    Refuse(String),
}

impl Breaker {
    pub(super) fn new(patience: Duration, clock: SourceClock) -> Self {
        Self { patience, clock, state: Mutex::default() }
    }

    pub(super) fn admit(&self) -> Admission {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { open, reason, .. } = &mut *state;
        let Some(open) = open else { return Admission::Connect };
        let now = Instant::now();
        if now >= open.next_probe {
            open.next_probe = now + PROBE;
            return Admission::Connect;
        }
        let since = now.saturating_duration_since(open.since);
        if since.saturating_sub(self.clock.held().saturating_sub(open.held)) < self.patience {
            return Admission::Wait(open.next_probe);
        }
        Admission::Refuse(format!("the target could not be reached for {} s: {reason}", since.as_secs()))
    }

    pub(super) fn connected(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = state.open {
            let seconds = open.since.elapsed().as_secs();
            tracing::info!(seconds, "the target can be reached again");
        }
        *state = State::default();
    }

    pub(super) fn failed(&self, reason: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reason = reason;
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES && state.open.is_none() {
            let now = Instant::now();
            tracing::warn!("the target cannot be reached: one request at a time tries it now");
            state.open = Some(Open { since: now, held: self.clock.held(), next_probe: now + PROBE });
        }
    }

    /// Whether the target cannot be reached.
    #[cfg(test)]
    fn is_open(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Speed;
    use super::*;

    /// One that is open.
    fn open(patience: Duration) -> (Breaker, SourceClock) {
        let clock = SourceClock::new(Speed::Unlimited);
        let breaker = Breaker::new(patience, clock.clone());
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(), Admission::Connect);
            breaker.failed("refused".to_owned());
        }
        (breaker, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_pause_does_not_use_up_patience() {
        let (breaker, clock) = open(Duration::from_secs(10));
        clock.pause();
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(breaker.admit(), Admission::Connect);
        assert_eq!(breaker.admit(), Admission::Wait(Instant::now() + PROBE));
        clock.resume();
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(breaker.admit(), Admission::Connect);
        let says = "the target could not be reached for 110 s: refused".to_owned();
        assert_eq!(breaker.admit(), Admission::Refuse(says));
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_a_second_tries_a_target_that_is_gone_and_the_others_fail_in_the_end() {
        let (breaker, _) = open(Duration::from_secs(10));
        assert_eq!(breaker.admit(), Admission::Wait(Instant::now() + PROBE));
        tokio::time::advance(PROBE).await;
        assert_eq!(breaker.admit(), Admission::Connect);
        assert_eq!(breaker.admit(), Admission::Wait(Instant::now() + PROBE));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(breaker.admit(), Admission::Connect, "it is still asked");
        let says = "the target could not be reached for 11 s: refused".to_owned();
        assert_eq!(breaker.admit(), Admission::Refuse(says));
        breaker.connected();
        assert!(!breaker.is_open());
        assert_eq!(breaker.admit(), Admission::Connect);
    }
}
