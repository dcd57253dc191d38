//! Times in buckets whose width grows with them: quantiles of any number of times in a few kilobytes.

use std::time::Duration;

/// Buckets of each power of two: a bucket is at most 1/128 of its times wide.
const BITS: u32 = 7;
const BUCKETS: u64 = 1 << BITS;

/// How often which times were seen, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    /// As many buckets as the longest time needs.
    counts: Vec<u64>,
    total: u64,
    sum: u64,
    longest: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(micros);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.sum = self.sum.saturating_add(micros);
        self.longest = self.longest.max(micros);
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// All times together, in seconds.
    pub(super) fn sum(&self) -> f64 {
        Duration::from_micros(self.sum).as_secs_f64()
    }

    /// The shortest time that at least this share of the times does not exceed, in milliseconds: exact to 1/256 of it,
    /// and the longest is exact. None without times.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let (mut seen, wanted) = (0_u64, rank(share, self.total));
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                let is_last = seen == self.total && share >= 1.0;
                let micros = if is_last { self.longest } else { middle(bucket).min(self.longest) };
                return Some(millis(micros));
            }
        }
        Some(self.max())
    }

    /// The longest time in milliseconds.
    pub(super) fn max(&self) -> f64 {
        millis(self.longest)
    }

    /// How many times there are up to each of these limits, in milliseconds.
    pub(super) fn up_to(&self, limits: &[f64]) -> Vec<u64> {
        let mut counts = Vec::with_capacity(limits.len());
        let (mut seen, mut buckets) = (0_u64, self.counts.iter().enumerate().peekable());
        for limit in limits {
            while let Some((_, count)) = buckets.next_if(|(bucket, _)| millis(shortest(*bucket)) <= *limit) {
                seen = seen.saturating_add(*count);
            }
            counts.push(seen);
        }
        counts
    }
}

#[expect(clippy::cast_precision_loss, reason = "times above 285 years need not be exact")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// The position of a quantile, from 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of at most 1 of a count"
)]
fn rank(share: f64, total: u64) -> u64 {
    // 0.999 × 1000 is a little more than 999 as a double.
    let position = (share.clamp(0.0, 1.0) * total as f64 - 1e-6).ceil();
    (position as u64).clamp(1, total)
}

fn bucket_of(micros: u64) -> usize {
    let power = micros.checked_ilog2().unwrap_or_default().saturating_sub(BITS);
    let within = micros >> power; // below 2 × BUCKETS
    usize::try_from(u64::from(power).saturating_mul(BUCKETS).saturating_add(within)).unwrap_or(usize::MAX)
}

/// The time in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    shortest(bucket).saturating_add((1 << power(bucket)) >> 1)
}

/// The shortest time of a bucket.
fn shortest(bucket: usize) -> u64 {
    let power = power(bucket);
    (bucket as u64).saturating_sub(power.saturating_mul(BUCKETS)) << power
}

/// By which power of two a bucket is wider than a microsecond.
const fn power(bucket: usize) -> u64 {
    (bucket as u64 / BUCKETS).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(micros: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        micros.into_iter().for_each(|micros| histogram.add(Duration::from_micros(micros)));
        histogram
    }

    #[test]
    fn every_time_is_in_the_bucket_that_stands_for_it() {
        for shift in 0..40 {
            for micros in [(1_u64 << shift) - 1, 1 << shift, (1 << shift) + (1 << shift) / 3] {
                let found = middle(bucket_of(micros));
                assert!(found.abs_diff(micros) * 256 <= micros, "{micros}: {found}");
                assert_eq!(bucket_of(found), bucket_of(micros), "{micros}");
            }
        }
        assert!(bucket_of(u64::MAX) < 10_000);
    }

    #[test]
    fn quantiles_are_the_nearest_rank() {
        let tens = histogram((1..=10).map(|n| n * 10)); // 10 to 100 µs: each has a bucket of its own
        let at = |share| tens.quantile(share).unwrap();
        assert_eq!((at(0.5), at(0.9), at(0.95), at(1.0)), (0.05, 0.09, 0.1, 0.1));
        assert_eq!(at(0.0), 0.01);
        let thousand = histogram(1..=1000);
        assert_eq!(thousand.quantile(0.999), Some(0.998)); // its bucket is 996 to 999
        assert_eq!(thousand.quantile(1.0), Some(1.0));
        assert_eq!(histogram([]).quantile(0.5), None);
    }

    #[test]
    fn the_longest_time_is_exact_and_bounds_the_others() {
        let one = histogram([1_234_567]);
        assert_eq!(one.sum(), 1.234567);
        assert_eq!((one.max(), one.quantile(1.0)), (1234.567, Some(1234.567)));
        assert!(one.quantile(0.5).unwrap() <= 1234.567);
    }

    #[test]
    fn times_up_to_a_limit_are_counted() {
        assert_eq!(histogram([100, 1000, 1000, 9000]).up_to(&[0.5, 1.0, 5.0, 100.0]), [1, 3, 3, 4]);
    }
}
