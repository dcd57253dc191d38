//! Which units of an item are acknowledged: the contiguous ones from its start are its cursor.

use crate::coordination::{Counts, Cursor};
use std::collections::BTreeMap;

/// What is acknowledged of an item.
#[derive(Debug)]
pub(super) struct Acknowledged {
    cursor: Option<Cursor>,
    counts: Counts,
    /// Number of the first unit that is not acknowledged.
    next: u64,
    /// Units behind it that are.
    ahead: BTreeMap<u64, (Cursor, Counts)>,
}

impl Acknowledged {
    /// All before the cursor is acknowledged, and came to these counts.
    pub(super) const fn new(cursor: Option<Cursor>, counts: Counts) -> Self {
        Self { cursor, counts, next: 0, ahead: BTreeMap::new() }
    }

    /// Unit `number` is done: all of its documents before `end` are written, excluded, or recorded as failed.
    pub(super) fn add(&mut self, number: u64, end: Cursor, counts: Counts) {
        self.ahead.insert(number, (end, counts));
        while let Some((end, counts)) = self.ahead.remove(&self.next) {
            self.cursor = Some(end);
            self.counts.add(&counts);
            self.next = self.next.saturating_add(1);
        }
    }

    /// The first unit that is not acknowledged is done up to this place, and nothing after it counts.
    pub(super) fn stop_at(&mut self, end: Cursor, counts: &Counts) {
        self.ahead.clear();
        self.cursor = Some(end);
        self.counts.add(counts);
    }

    /// Number of the first unit that is not acknowledged.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Where all before is acknowledged; none at the start of the item.
    pub(super) const fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// What came of all before the cursor.
    pub(super) const fn counts(&self) -> &Counts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(document: u32) -> Cursor {
        Cursor { segment: "_0".to_owned(), document }
    }

    fn written(written: u64) -> Counts {
        Counts { written, ..Counts::default() }
    }

    #[test]
    fn the_cursor_moves_over_units_that_follow_each_other() {
        let mut done = Acknowledged::new(Some(at(7)), written(100));
        done.add(1, at(20), written(2));
        done.add(3, at(40), written(8));
        assert_eq!((done.cursor(), done.counts(), done.next()), (Some(&at(7)), &written(100), 0));
        done.add(0, at(10), written(1));
        assert_eq!((done.cursor(), done.counts(), done.next()), (Some(&at(20)), &written(103), 2));
        done.add(2, at(30), written(4));
        assert_eq!((done.cursor(), done.counts(), done.next()), (Some(&at(40)), &written(115), 4));
    }
}
