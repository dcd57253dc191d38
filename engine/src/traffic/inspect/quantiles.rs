//! How numbers are spread.

use serde::Serialize;

/// Each power of two is divided into so many steps: a quantile is wrong by 3 % at most.
const STEPS: u64 = 32;

/// Counts numbers by their size.
#[derive(Debug, Clone, Default)]
pub(super) struct Quantiles {
    counts: Vec<u64>,
    count: u64,
    sum: u64,
    max: u64,
}

/// How numbers are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// Half of them are no larger.
    pub p50: u64,
    /// 90 % of them are no larger.
    pub p90: u64,
    /// 99 % of them are no larger.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Quantiles {
    pub(super) fn add(&mut self, number: u64) {
        let place = place_of(number);
        if self.counts.len() <= place {
            self.counts.resize(place.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(number);
        self.max = self.max.max(number);
    }

    /// Counts what another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    pub(super) fn spread(&self) -> Spread {
        let Self { count, sum, max, .. } = *self;
        Spread { count, sum, p50: self.quantile(50), p90: self.quantile(90), p99: self.quantile(99), max }
    }

    /// The upper end of the step that so many hundredths of the numbers are in, or before.
    fn quantile(&self, hundredths: u64) -> u64 {
        let wanted = self.count.saturating_mul(hundredths).div_ceil(100).max(1);
        let mut seen = 0_u64;
        for (place, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return upper_end(place).min(self.max);
            }
        }
        self.max
    }
}

/// Numbers below [`STEPS`] are places of their own.
fn place_of(number: u64) -> usize {
    let shift = u64::from(number.checked_ilog2().unwrap_or_default().saturating_sub(STEPS.ilog2()));
    let step = number >> shift;
    usize::try_from(shift.saturating_mul(STEPS).saturating_add(step)).unwrap_or(usize::MAX)
}

fn upper_end(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place / STEPS).saturating_sub(1);
    let step = place.saturating_sub(shift.saturating_mul(STEPS));
    let next = u128::from(step).saturating_add(1) << shift.min(64);
    u64::try_from(next.saturating_sub(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_three_percent() {
        let mut quantiles = Quantiles::default();
        (1..=100_000).for_each(|number| quantiles.add(number));
        let spread = quantiles.spread();
        assert_eq!((spread.count, spread.sum, spread.max), (100_000, 5_000_050_000, 100_000));
        for (found, exact) in [(spread.p50, 50_000), (spread.p90, 90_000), (spread.p99, 99_000)] {
            assert!((exact..exact * 103 / 100).contains(&found), "{found} for {exact}");
        }
    }

    #[test]
    fn every_number_is_in_the_step_that_ends_with_it_or_later() {
        for number in (0..5000).chain((0..64).map(|shift| 1 << shift)).chain([u64::MAX]) {
            let place = place_of(number);
            assert!(upper_end(place) >= number && (place == 0 || upper_end(place - 1) < number), "{number}");
        }
    }
}
