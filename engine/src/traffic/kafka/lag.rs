//! How far behind the end of its partition a reader is, in records and in time.

use std::collections::VecDeque;
use std::time::Duration;

/// How far apart, in time, the records are whose timestamps are kept.
const APART_MS: i64 = 1000;
/// Timestamps that are kept of one partition. When there are more, every second one is forgotten.
const MOST: usize = 2048;

/// How far behind a partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLag {
    /// The partition.
    pub partition: i32,
    /// Records between what is done and the end of the partition, as far as the end is known.
    pub records: u64,
    /// The age of the oldest record that is not done, by its timestamp in Kafka; zero when all are done.
    pub behind: Duration,
    /// The offset of the next record to be given out.
    pub next: i64,
    /// The offset after the last record of the partition, as far as it is known.
    pub end: i64,
    /// Whether it is held back.
    pub is_paused: bool,
    /// Whether all that there is of it was given out, and a broker answers when it is asked for more.
    pub is_quiet: bool,
}

/// Timestamps of records under way: a few of them, in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct Timestamps {
    kept: VecDeque<(i64, i64)>,
    apart: i64,
}

impl Timestamps {
    /// Takes note of a record that was read.
    pub(super) fn note(&mut self, offset: i64, millis: i64) {
        let apart = self.apart.max(APART_MS);
        if self.kept.back().is_some_and(|(_, last)| millis.saturating_sub(*last) < apart) {
            return;
        }
        if self.kept.len() >= MOST {
            let mut at = 0_u32;
            self.kept.retain(|_| {
                at = at.wrapping_add(1);
                at % 2 == 1
            });
            self.apart = apart.saturating_mul(2);
        }
        self.kept.push_back((offset, millis));
    }

    /// The age of the oldest record that is not done, as well as the kept timestamps tell: never younger than it is.
    pub(super) fn behind(&mut self, done: i64, end: i64, now_millis: i64) -> Duration {
        if done >= end {
            self.kept.clear();
            self.apart = 0;
            return Duration::ZERO;
        }
        while self.kept.get(1).is_some_and(|(offset, _)| *offset <= done) {
            self.kept.pop_front();
        }
        let age = self.kept.front().map_or(0, |(_, millis)| now_millis.saturating_sub(*millis));
        Duration::from_millis(u64::try_from(age).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_oldest_record_not_done() {
        let mut timestamps = Timestamps::default();
        for offset in 0..100 {
            timestamps.note(offset, 1000 * offset);
        }
        assert_eq!(timestamps.behind(0, 100, 100_000), Duration::from_secs(100));
        assert_eq!(timestamps.behind(40, 100, 100_000), Duration::from_secs(60));
        assert_eq!(timestamps.behind(100, 100, 100_000), Duration::ZERO);
    }

    #[test]
    fn few_timestamps_are_kept_and_they_never_make_it_younger() {
        let mut timestamps = Timestamps::default();
        for offset in 0..100_000 {
            timestamps.note(offset, 1000 * offset);
        }
        assert!(timestamps.kept.len() <= MOST);
        let behind = timestamps.behind(50_000, 100_000, 100_000_000);
        assert!((Duration::from_secs(50_000)..Duration::from_secs(50_200)).contains(&behind), "{behind:?}");
    }

    #[test]
    fn a_clock_that_is_behind_makes_no_negative_age() {
        let mut timestamps = Timestamps::default();
        timestamps.note(0, 5000);
        assert_eq!(timestamps.behind(0, 1, 0), Duration::ZERO);
    }
}
