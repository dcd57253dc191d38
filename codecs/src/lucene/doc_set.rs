//! A set of document numbers of one segment.

use crate::input::{Decoded, Failure};
use std::ops::Range;

/// A set of document numbers, one bit each, as live docs and doc values give them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocSet {
    words: Vec<u64>,
    max_doc: u32,
}

impl DocSet {
    /// The empty set over documents `0..max_doc`.
    #[must_use]
    pub fn empty(max_doc: u32) -> Self {
        Self { words: vec![0; max_doc.div_ceil(64) as usize], max_doc }
    }

    /// The set of all documents `0..max_doc`.
    #[must_use]
    pub fn full(max_doc: u32) -> Self {
        let mut set = Self { words: vec![u64::MAX; max_doc.div_ceil(64) as usize], max_doc };
        if let Some(last) = set.words.last_mut()
            && !max_doc.is_multiple_of(64)
        {
            *last = (1 << (max_doc % 64)) - 1;
        }
        set
    }

    /// A set from its words, document 0 in the lowest bit of the first.
    ///
    /// Fails at `at` when the number of words is not that of `max_doc`, or a bit beyond it is set.
    pub fn from_words(at: &[u8], words: Vec<u64>, max_doc: u32) -> Decoded<'_, Self> {
        let full = Self::full(max_doc);
        if words.len() != full.words.len() {
            let what = format!("expected {} words of 64 bits, found {}", full.words.len(), words.len());
            return Failure::corrupt(at, what);
        }
        if words.last().zip(full.words.last()).is_some_and(|(word, mask)| word & !mask != 0) {
            return Failure::corrupt(at, format!("a bit beyond the last of {max_doc} documents is set"));
        }
        Ok((at, Self { words, max_doc }))
    }

    /// Adds a document; false when it is not below `max_doc`.
    #[must_use]
    pub fn insert(&mut self, doc: u32) -> bool {
        let word = self.words.get_mut((doc / 64) as usize);
        match word {
            Some(word) if doc < self.max_doc => {
                *word |= 1 << (doc % 64);
                true
            }
            _ => false,
        }
    }

    /// Whether the document is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, doc: u32) -> bool {
        self.words.get((doc / 64) as usize).is_some_and(|word| word >> (doc % 64) & 1 == 1)
    }

    /// The words of the set, document 0 in the lowest bit of the first.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Removes all documents of `other`.
    pub fn remove_all(&mut self, other: &Self) {
        for (word, removed) in self.words.iter_mut().zip(&other.words) {
            *word &= !removed;
        }
    }

    /// Removes all documents outside of a range.
    pub fn retain(&mut self, range: Range<u32>) {
        for (first, word) in (0..).step_by(64).zip(&mut self.words) {
            // Bits `from..to` of the word, of which `to` may be all 64.
            let [from, to] = [range.start, range.end].map(|at| u32::min(at.saturating_sub(first), 64));
            let below = |bits: u32| 1_u64.checked_shl(bits).map_or(u64::MAX, |bit| bit.wrapping_sub(1));
            *word &= below(to) & !below(from);
        }
    }

    /// How many documents are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether the set has no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The number of documents in the segment, deleted ones included.
    #[must_use]
    pub const fn max_doc(&self) -> u32 {
        self.max_doc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_set_has_no_bit_beyond_the_last_document() {
        for max_doc in [0, 1, 63, 64, 65, 200] {
            let set = DocSet::full(max_doc);
            assert_eq!(set.len(), max_doc);
            assert!(!set.contains(max_doc));
        }
    }

    #[test]
    fn removed_documents_are_gone() {
        let (mut set, mut removed) = (DocSet::full(100), DocSet::empty(100));
        assert!(removed.insert(0) && removed.insert(99) && !removed.insert(100));
        set.remove_all(&removed);
        assert_eq!(
            (set.len(), set.contains(0), set.contains(98), set.contains(99)),
            (98, false, true, false)
        );
    }

    #[test]
    fn only_documents_of_the_range_are_retained() {
        for max_doc in [1, 64, 65, 200] {
            for range in [0..0, 0..1, 1..64, 63..65, 64..128, 0..200, 130..131, 199..900] {
                let mut set = DocSet::full(max_doc);
                set.retain(range.clone());
                let kept: Vec<u32> = (0..max_doc).filter(|document| set.contains(*document)).collect();
                let expected: Vec<u32> = (0..max_doc).filter(|document| range.contains(document)).collect();
                assert_eq!(kept, expected, "{range:?} of {max_doc}");
            }
        }
    }
}
