//! Whether a lease has expired, by nobody's clock but one's own.

use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What one process has seen of the leases of others.
#[derive(Debug, Default)]
pub(super) struct Observer {
    seen: HashMap<String, Sighting>,
}

#[derive(Debug, Clone, Copy)]
struct Sighting {
    epoch: u64,
    heartbeat: u64,
    since: Instant,
    last: Instant,
}

/// Leases that are watched at once, at most; there are as many as workers have items.
const MOST_WATCHED: usize = 20_000;
/// What was not seen for this many lease times is forgotten.
const FORGOTTEN_AFTER: u32 = 20;

impl Observer {
    /// Notes what a lease looks like now, and returns for how long it has looked exactly so.
    pub(super) fn unchanged_for(&mut self, item: &str, epoch: u64, heartbeat: u64, now: Instant) -> Duration {
        let first = Sighting { epoch, heartbeat, since: now, last: now };
        if let Some(seen) = self.seen.get_mut(item) {
            if (seen.epoch, seen.heartbeat) != (epoch, heartbeat) {
                *seen = first;
            }
            seen.last = now;
            return now.saturating_duration_since(seen.since);
        }
        if self.seen.len() < MOST_WATCHED {
            self.seen.insert(item.to_owned(), first);
        }
        Duration::ZERO
    }

    /// Forgets what has not been seen for long.
    pub(super) fn prune(&mut self, lease: Duration, now: Instant) {
        let longest = lease.saturating_mul(FORGOTTEN_AFTER).max(Duration::from_secs(60));
        self.seen.retain(|_, seen| now.saturating_duration_since(seen.last) <= longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_heartbeat_starts_the_time_anew() {
        let (mut observer, start) = (Observer::default(), Instant::now());
        let mut after = |seconds, heartbeat| {
            observer.unchanged_for("i", 1, heartbeat, start + SECOND * seconds).as_secs()
        };
        assert_eq!([after(0, 5), after(29, 5), after(30, 6), after(59, 6), after(60, 6)], [0, 29, 0, 29, 30]);
    }

    #[test]
    fn another_epoch_starts_the_time_anew() {
        let (mut observer, start) = (Observer::default(), Instant::now());
        observer.unchanged_for("i", 1, 5, start);
        assert_eq!(observer.unchanged_for("i", 2, 5, start + SECOND * 40), Duration::ZERO);
    }

    #[test]
    fn what_is_not_seen_any_more_is_forgotten() {
        let (mut observer, start) = (Observer::default(), Instant::now());
        observer.unchanged_for("old", 1, 1, start);
        observer.unchanged_for("new", 1, 1, start + SECOND * 600);
        observer.prune(SECOND * 30, start + SECOND * 601);
        assert_eq!(observer.seen.keys().collect::<Vec<_>>(), ["new"]);
    }
}
