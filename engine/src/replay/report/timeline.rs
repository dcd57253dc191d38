//! How many requests there were in each span of time; spans become longer as there are more of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// Spans from the first to the last time, at most.
const MOST_SPANS: u64 = 240;

/// Counts by time.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// Length of a span in milliseconds.
    width: u64,
    /// By number of the span since 1970.
    counts: BTreeMap<u64, u64>,
    first: u64,
    last: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { width: 100, counts: BTreeMap::new(), first: u64::MAX, last: 0 }
    }
}

impl Timeline {
    pub(super) fn add(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        (self.first, self.last) = (self.first.min(millis), self.last.max(millis));
        let count = self.counts.entry(millis / self.width).or_default();
        *count = count.saturating_add(1);
        while self.spans() > MOST_SPANS {
            self.double();
        }
    }

    fn spans(&self) -> u64 {
        (self.last / self.width).saturating_sub(self.first / self.width).saturating_add(1)
    }

    fn double(&mut self) {
        self.width = self.width.saturating_mul(2);
        let mut counts = BTreeMap::new();
        for (span, count) in &self.counts {
            let sum: &mut u64 = counts.entry(span / 2).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.counts = counts;
    }

    /// The first and the last time, in milliseconds since 1970.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        (!self.counts.is_empty()).then_some((self.first, self.last))
    }

    /// Length of a span in seconds, and the count of each, also of those with none.
    #[expect(clippy::cast_precision_loss, reason = "a length in milliseconds")]
    pub(super) fn series(&self) -> (f64, Vec<u64>) {
        let Some((first, last)) = self.range() else { return (0.0, Vec::new()) };
        let spans = first / self.width..=last / self.width;
        let counts = spans.map(|span| self.counts.get(&span).copied().unwrap_or_default()).collect();
        (self.width as f64 / 1000.0, counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn spans_grow_until_all_times_fit_and_no_request_is_lost() {
        let mut timeline = Timeline::default();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        (0..1000).for_each(|n| timeline.add(start + Duration::from_millis(n * 100)));
        let (width, counts) = timeline.series();
        assert_eq!((width, counts.len()), (0.8, 125)); // 100 s in at most 240 spans of 0.1 × 2ⁿ s
        assert_eq!(counts.iter().sum::<u64>(), 1000);
        assert!(counts[1..counts.len() - 1].iter().all(|count| *count == 8));
        timeline.add(SystemTime::UNIX_EPOCH);
        let (_, counts) = timeline.series();
        assert!(counts.len() <= 240 && counts.iter().sum::<u64>() == 1001);
    }

    #[test]
    fn spans_without_requests_are_there() {
        let mut timeline = Timeline::default();
        timeline.add(SystemTime::UNIX_EPOCH);
        timeline.add(SystemTime::UNIX_EPOCH + Duration::from_millis(350));
        assert_eq!(timeline.series(), (0.1, vec![1, 0, 0, 1]));
        assert_eq!(Timeline::default().series(), (0.0, vec![]));
    }
}
