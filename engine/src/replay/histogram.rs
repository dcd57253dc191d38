//! How long many things took, in little memory.

use std::time::Duration;

/// Each power of two of microseconds has so many buckets: a quantile is exact to a sixteenth.
const BUCKETS: u64 = 16;

/// Counts of times, in buckets whose width grows with the time.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(super) fn add(&mut self, time: Duration) {
        let place = place(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        if self.counts.len() <= place {
            self.counts.resize(place.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.longest = self.longest.max(time);
    }

    /// The time that this part of all is not above; zero if there is none.
    pub(super) fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.total as f64 * part).ceil();
        let mut seen = 0_u64;
        for (place, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if *count > 0 && seen as f64 >= wanted {
                return Duration::from_micros(upper_end(place as u64)).min(self.longest);
            }
        }
        self.longest
    }

    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}

/// The bucket of a number of microseconds. The first 2 * 16 have one each.
fn place(micros: u64) -> usize {
    let shift = u64::from(micros.max(1).ilog2()).saturating_sub(u64::from(BUCKETS.ilog2()));
    let place = shift.saturating_mul(BUCKETS).saturating_add(micros >> shift);
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The largest number of microseconds of a bucket.
fn upper_end(place: u64) -> u64 {
    let shift = (place / BUCKETS).saturating_sub(1);
    let start = place.saturating_sub(shift.saturating_mul(BUCKETS));
    let shift = u32::try_from(shift).unwrap_or(u32::MAX);
    start.saturating_add(1).checked_shl(shift).unwrap_or(u64::MAX).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        (1..=100_000_u64).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        for (part, exact) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.0001, 10.0)] {
            let found = histogram.quantile(part).as_micros() as f64;
            assert!((exact..=exact * 17.0 / 16.0).contains(&found), "{part}: {found}");
        }
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(100_000));
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn every_time_is_in_the_bucket_whose_end_is_not_below_it() {
        for micros in (0..2000).chain([1 << 20, (1 << 40) + 12345]) {
            let end = upper_end(place(micros) as u64);
            assert!(end >= micros && end <= micros + micros / 16 + 1, "{micros}: {end}");
        }
    }
}
