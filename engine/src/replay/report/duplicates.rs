//! Tuples that are there more than once: the request was replayed again, after a restart.

use std::collections::{BTreeMap, HashSet};

/// Of so many tuples is known that they were seen, about 72 MB. Then it begins anew.
const MOST_KNOWN: usize = 4_000_000;

/// Ranges of files that are kept.
const MOST_RANGES: usize = 100_000;

/// Ranges of partitions in one file; more are not followed.
const MOST_IN_FILE: usize = 10_000;

/// What tells tuples apart: topic, partition, offset and id of the connection with the number of the request, as a hash.
#[derive(Debug)]
pub(super) struct Duplicates {
    known: HashSet<u64>,
    most: usize,
    count: u64,
    /// Whether what was known had to be forgotten.
    is_partial: bool,
    /// Offsets of a partition in the file that is read.
    open: BTreeMap<(u64, i32), (i64, i64)>,
    /// Offsets of a partition in the files that were read before.
    ranges: Vec<((u64, i32), (i64, i64))>,
    overlapping: u64,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            known: HashSet::new(),
            most: MOST_KNOWN,
            count: 0,
            is_partial: false,
            open: BTreeMap::new(),
            ranges: Vec::new(),
            overlapping: 0,
        }
    }
}

impl Duplicates {
    /// Whether the tuple is the first of its kind.
    pub(super) fn is_first(&mut self, identity: u64) -> bool {
        if self.known.len() >= self.most {
            self.known.clear();
            self.is_partial = true;
        }
        let is_first = self.known.insert(identity);
        if !is_first {
            self.count = self.count.saturating_add(1);
        }
        is_first
    }

    /// Notes where in a partition the tuple's request is; `topic` is a hash.
    pub(super) fn note(&mut self, topic: u64, partition: i32, offset: i64) {
        let partition = (topic, partition);
        if let Some((first, last)) = self.open.get_mut(&partition) {
            (*first, *last) = ((*first).min(offset), (*last).max(offset));
        } else if self.open.len() < MOST_IN_FILE {
            self.open.insert(partition, (offset, offset));
        }
    }

    /// The file was read: compares its ranges with those of the files before.
    pub(super) fn end_file(&mut self) {
        let mut overlaps = false;
        for (partition, (first, last)) in std::mem::take(&mut self.open) {
            let is_same = |(other, (from, to)): &((u64, i32), (i64, i64))| {
                *other == partition && first <= *to && *from <= last
            };
            overlaps |= self.ranges.iter().any(is_same);
            if self.ranges.len() < MOST_RANGES {
                self.ranges.push((partition, (first, last)));
            }
        }
        self.overlapping = self.overlapping.saturating_add(u64::from(overlaps));
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Files that have offsets of a partition in the range of a file before.
    pub(super) const fn overlapping(&self) -> u64 {
        self.overlapping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_until_there_is_too_much() {
        let mut duplicates = Duplicates { most: 3, ..Duplicates::default() };
        assert!(duplicates.is_first(1) && duplicates.is_first(2) && !duplicates.is_first(1));
        assert!(!duplicates.is_partial() && duplicates.is_first(3));
        assert!(duplicates.is_first(1) && duplicates.is_partial()); // forgotten, and said so
        assert_eq!(duplicates.count(), 1);
    }

    #[test]
    fn files_with_offsets_of_one_partition_in_each_others_ranges_are_counted() {
        let mut duplicates = Duplicates::default();
        for (partition, offsets) in [(0, [0, 9]), (1, [5, 20]), (0, [10, 19]), (0, [19, 30])] {
            offsets.iter().for_each(|offset| duplicates.note(7, partition, *offset));
            duplicates.end_file();
        }
        assert_eq!(duplicates.overlapping(), 1);
    }
}
