//! Several ranges of a blob in few requests.

use std::ops::Range;

use bytes::Bytes;

/// When two ranges are read by one request, and how long one request can get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merging {
    /// Ranges with at most this many bytes between them are read together, with the bytes between.
    pub(super) gap: u64,
    /// Ranges are not merged into requests of more bytes than this, so that they can still run side by side.
    pub(super) longest: u64,
}

/// A request and the ranges that it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged {
    /// The bytes to read.
    pub(super) range: Range<u64>,
    /// Which of the ranges lie inside, as positions in the list of the caller.
    members: Vec<usize>,
}

impl Merging {
    /// Groups ranges, which may come in any order, overlap and be empty, into requests in ascending order.
    ///
    /// Empty ranges are in no request.
    pub(super) fn merge(&self, ranges: &[Range<u64>]) -> Vec<Merged> {
        let mut order: Vec<(usize, &Range<u64>)> = ranges.iter().enumerate().collect();
        order.retain(|(_, range)| !range.is_empty());
        order.sort_by_key(|(_, range)| (range.start, range.end));
        let mut merged: Vec<Merged> = Vec::new();
        for (position, range) in order {
            match merged.last_mut() {
                Some(last) if self.belongs(&last.range, range) => {
                    last.range.end = last.range.end.max(range.end);
                    last.members.push(position);
                }
                _ => merged.push(Merged { range: range.clone(), members: vec![position] }),
            }
        }
        merged
    }

    /// Whether a range that starts inside or behind another is read with it.
    fn belongs(&self, first: &Range<u64>, second: &Range<u64>) -> bool {
        let inside = second.end <= first.end;
        let near = second.start.saturating_sub(first.end) <= self.gap;
        let short = second.end.saturating_sub(first.start) <= self.longest;
        inside || (near && short)
    }
}

/// Puts the bytes of requests back into the order of the ranges that the caller gave, as views, not copies.
pub(super) fn split(ranges: &[Range<u64>], read: &[(Merged, Bytes)]) -> Vec<Bytes> {
    let mut parts = vec![Bytes::new(); ranges.len()];
    for (merged, bytes) in read {
        for position in &merged.members {
            if let (Some(range), Some(part)) = (ranges.get(*position), parts.get_mut(*position)) {
                *part = view(bytes, merged.range.start, range);
            }
        }
    }
    parts
}

/// The bytes of `range` in `bytes`, which start at `start` and were checked to have the length of the request.
fn view(bytes: &Bytes, start: u64, range: &Range<u64>) -> Bytes {
    let inside =
        |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(inside(range.start)..inside(range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERGING: Merging = Merging { gap: 10, longest: 100 };

    fn requests(ranges: &[Range<u64>]) -> Vec<(u64, u64)> {
        MERGING.merge(ranges).into_iter().map(|merged| (merged.range.start, merged.range.end)).collect()
    }

    #[test]
    fn ranges_with_a_small_gap_are_one_request() {
        assert_eq!(requests(&[0..5, 15..20]), [(0, 20)]);
        assert_eq!(requests(&[0..5, 16..20]), [(0, 5), (16, 20)]);
    }

    #[test]
    fn merged_requests_stay_below_the_longest() {
        assert_eq!(requests(&[0..60, 60..100, 100..120]), [(0, 100), (100, 120)]);
        assert_eq!(requests(&[0..1000, 10..20]), [(0, 1000)], "a range inside a long one costs nothing");
        assert_eq!(requests(&[u64::MAX - 5..u64::MAX, 0..5]), [(0, 5), (u64::MAX - 5, u64::MAX)]);
    }

    #[test]
    fn every_range_gets_its_bytes_in_the_order_of_the_caller() {
        let blob: Vec<u8> = (0..=255).collect();
        let part = |range: &Range<u64>| {
            let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap());
            blob[start..end].to_vec()
        };
        let ranges = [200..210, 5..9, 7..12, 30..30, 0..3];
        let read: Vec<(Merged, Bytes)> = MERGING
            .merge(&ranges)
            .into_iter()
            .map(|merged| {
                let bytes = Bytes::from(part(&merged.range));
                (merged, bytes)
            })
            .collect();
        assert_eq!(
            read.iter().map(|(merged, _)| merged.range.clone()).collect::<Vec<_>>(),
            [0..12, 200..210]
        );
        let expected = ranges.clone().map(|range| part(&range));
        assert_eq!(split(&ranges, &read), expected);
    }
}
