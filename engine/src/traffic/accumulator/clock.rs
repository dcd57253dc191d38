//! What time it is at the source.

use codecs::traffic::record::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A proxy whose clock is further ahead than this is not believed.
const TOLERANCE: i64 = 60_000;

/// Nor is a step of more than a day, in milliseconds.
const LONGEST_STEP: i64 = 86_400_000;

/// The offsets of so many proxies are kept.
const MOST_NODES: usize = 4096;

/// A tick counts for no longer, in milliseconds: when there is none for a while, it was for a reason.
const LONGEST_TICK: i64 = 10_000;

/// The time of the source, as the records of one partition tell it; milliseconds.
///
/// It never goes back. Records of a partition come in the order in which they were appended, so their times tell how much time
/// went by. What a proxy's clock is ahead of the others when it is first heard of is taken off its times; a clock that is behind
/// moves nothing. Partitions have clocks of their own, because one may be read hours behind another.
#[derive(Debug, Default)]
pub(super) struct SourceClock {
    now: Option<i64>,
    /// How far each proxy's clock is ahead.
    ahead: HashMap<Arc<str>, i64>,
    /// A record came since the last tick.
    has_moved: bool,
}

impl SourceClock {
    pub(super) const fn now(&self) -> i64 {
        match self.now {
            Some(now) => now,
            None => 0,
        }
    }

    /// A record of `node` with this time has come.
    pub(super) fn advance(&mut self, time: Option<i64>, node: &str) {
        self.has_moved = true;
        let Some(time) = time else { return };
        let now = *self.now.get_or_insert(time);
        let step = time.saturating_sub(now);
        let step = if step <= TOLERANCE { step } else { self.step_of(step, time, node) };
        self.now = Some(now.saturating_add(step.max(0)));
    }

    /// A node is heard of for the first time, or again.
    pub(super) fn meet(&mut self, node: &Arc<str>, time: Option<i64>) {
        if !self.ahead.contains_key(node) {
            let ahead = time.unwrap_or_default().saturating_sub(self.now());
            self.insert(Arc::clone(node), if ahead > TOLERANCE { ahead } else { 0 });
        }
    }

    /// The step that a time far ahead stands for.
    fn step_of(&mut self, step: i64, time: i64, node: &str) -> i64 {
        let believed = self.ahead.get(node).map(|ahead| step.saturating_sub(*ahead));
        if let Some(step) = believed.filter(|step| step.abs() <= LONGEST_STEP) {
            return step;
        }
        let ahead = time.saturating_sub(self.now());
        self.insert(node.into(), ahead);
        0
    }

    fn insert(&mut self, node: Arc<str>, ahead: i64) {
        if self.ahead.len() >= MOST_NODES {
            self.ahead.clear();
        }
        self.ahead.insert(node, ahead);
    }

    /// Real time went by, and all records that there are have come. It is the source's, too, where none came meanwhile.
    pub(super) fn tick(&mut self, elapsed: Duration) {
        let is_quiet = !std::mem::take(&mut self.has_moved);
        if let Some(now) = self.now.as_mut().filter(|_| is_quiet) {
            let elapsed = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
            *now = now.saturating_add(elapsed.min(LONGEST_TICK));
        }
    }
}

/// A time in milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn clock_at(time: i64) -> SourceClock {
        let mut clock = SourceClock::default();
        clock.advance(Some(time), "a");
        clock.meet(&"a".into(), Some(time));
        clock
    }

    #[test]
    fn time_goes_on_with_the_records_and_never_back() {
        let mut clock = clock_at(MINUTE);
        clock.advance(Some(11 * MINUTE), "a");
        clock.advance(Some(2 * MINUTE), "a");
        clock.advance(None, "a");
        assert_eq!(clock.now(), 11 * MINUTE);
    }

    #[test]
    fn a_clock_that_is_an_hour_ahead_counts_by_what_it_moves() {
        let mut clock = clock_at(0);
        clock.advance(Some(60 * MINUTE), "b");
        assert_eq!(clock.now(), 0);
        clock.advance(Some(62 * MINUTE), "b");
        assert_eq!(clock.now(), 2 * MINUTE);
        clock.advance(Some(3 * MINUTE), "a");
        assert_eq!(clock.now(), 3 * MINUTE);
    }

    #[test]
    fn one_damaged_time_does_not_stop_the_clock_for_ever() {
        let mut clock = clock_at(0);
        clock.advance(Some(i64::MAX), "a");
        assert_eq!(clock.now(), 0);
        clock.advance(Some(MINUTE), "a");
        clock.advance(Some(10 * MINUTE), "a");
        clock.advance(Some(12 * MINUTE), "a");
        assert_eq!(clock.now(), 3 * MINUTE);
    }

    #[test]
    fn real_time_counts_only_where_nothing_comes() {
        let mut clock = clock_at(0);
        clock.tick(Duration::from_secs(1)); // A record came meanwhile.
        assert_eq!(clock.now(), 0);
        clock.tick(Duration::from_secs(1));
        assert_eq!(clock.now(), 1000);
        clock.tick(Duration::from_secs(3600)); // Nobody looked for an hour.
        assert_eq!(clock.now(), 11_000);
    }
}
