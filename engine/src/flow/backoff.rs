//! How long to wait before a request is sent again.

use std::time::Duration;

use rand::Rng;

/// Bounded exponential backoff with full jitter.
///
/// Before the `n`-th retry (the first is 0) a random time between zero and `first * 2^n` passes, but never more
/// than `longest`. Random from zero, so that requests that failed together do not come back together.
///
/// A server that says how long to wait (`Retry-After`) is obeyed up to [`Backoff::LONGEST_REQUESTED`]; the random
/// time is added.
///
/// Why full jitter: [Exponential Backoff And
/// Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the wait before the first retry.
    pub first: Duration,
    /// Upper bound of any wait that the server did not ask for.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 100 ms, doubled up to 20 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(20) }
    }
}

impl Backoff {
    /// The longest wait that a server can ask for; what it asks beyond is cut.
    pub const LONGEST_REQUESTED: Duration = Duration::from_secs(120);

    /// How long to wait before this retry, counted from 0. `requested` is the `Retry-After` of the server.
    #[must_use]
    pub fn delay(&self, retry: u32, requested: Option<Duration>) -> Duration {
        self.delay_with(&mut rand::rng(), retry, requested)
    }

    fn delay_with(&self, random: &mut impl Rng, retry: u32, requested: Option<Duration>) -> Duration {
        let jitter = random.random_range(Duration::ZERO..=self.bound(retry));
        requested.unwrap_or_default().min(Self::LONGEST_REQUESTED) + jitter
    }

    /// Upper bound of the random wait before this retry.
    fn bound(&self, retry: u32) -> Duration {
        let factor = 1_u32.checked_shl(retry).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// The time that a `Retry-After` header asks for when it is a number of seconds; `None` for a date, which
    /// storages and clusters do not send, and for anything else.
    ///
    /// Spec: [RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)
    #[must_use]
    pub fn requested(retry_after: &str) -> Option<Duration> {
        retry_after.trim().parse().ok().map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(20) };

    #[test]
    fn the_bound_doubles_until_the_longest() {
        let bounds: Vec<u128> = (0..10).map(|retry| BACKOFF.bound(retry).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000]);
        assert_eq!(BACKOFF.bound(u32::MAX), BACKOFF.longest);
    }

    #[test]
    fn the_wait_is_spread_over_all_of_zero_to_the_bound() {
        let mut random = StdRng::seed_from_u64(1);
        let waits: Vec<u128> =
            (0..1000).map(|_| BACKOFF.delay_with(&mut random, 3, None).as_millis()).collect();
        assert!(waits.iter().all(|wait| *wait <= 800));
        assert!(waits.iter().any(|wait| *wait < 80));
        assert!(waits.iter().any(|wait| *wait > 720));
    }

    #[test]
    fn retry_after_is_obeyed_within_its_limit() {
        let mut random = StdRng::seed_from_u64(1);
        let mut wait = |seconds| BACKOFF.delay_with(&mut random, 0, Some(Duration::from_secs(seconds)));
        assert!((5.0..=5.1).contains(&wait(5).as_secs_f32()));
        assert!((120.0..=120.1).contains(&wait(86400).as_secs_f32()));
    }

    #[test]
    fn retry_after_is_a_number_of_seconds() {
        assert_eq!(Backoff::requested(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(Backoff::requested("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(Backoff::requested("-1"), None);
    }
}
