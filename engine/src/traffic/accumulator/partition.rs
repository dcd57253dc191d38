//! The connections of one partition.

use super::super::ledger::Ledger;
use super::super::transaction::{Event, ResponseEnd};
use super::clock::SourceClock;
use super::counts::add;
use super::message::RecordMemory;
use super::reorder::Reorder;
use super::sequence::{Turn, number};
use super::track::{After, Opened, Past, Shared, Track};
use lru::LruCache;
use std::num::NonZeroUsize;

/// So many connections that are over are remembered, to tell their records from those of new ones.
const PAST: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Connections by a hash of their node and id that nobody can foresee, and those that are over.
#[derive(Debug)]
pub(super) struct Partition {
    /// The one that was silent for longest comes last.
    open: LruCache<u128, Track>,
    past: LruCache<u128, Past>,
    reorder: Reorder,
    pub(super) clock: SourceClock,
}

impl Partition {
    pub(super) fn new() -> Self {
        Self {
            open: LruCache::unbounded(),
            past: LruCache::new(PAST),
            reorder: Reorder::default(),
            clock: SourceClock::default(),
        }
    }

    /// Takes a record. `in_order`: records of its connection come in their order.
    pub(super) fn push(
        &mut self,
        key: u128,
        opened: Opened,
        in_order: bool,
        shared: &mut Shared<'_>,
        out: &mut impl FnMut(Event),
    ) {
        self.clock.advance(opened.mark.end(), &opened.stream.node_id);
        if in_order || self.is_turn_of(key, &opened) {
            self.take(key, opened, shared, out);
            while let Some(opened) = self.next_in_order(key) {
                self.take(key, opened, shared, out);
            }
        } else {
            self.put_aside(key, opened, shared);
            while let Some(opened) = self.next_in_order(key) {
                self.take(key, opened, shared, out);
            }
        }
        self.expire(shared, out);
    }

    fn next_in_order(&mut self, key: u128) -> Option<Opened> {
        if self.reorder.is_empty() {
            return None;
        }
        let expected = self.expected(key);
        self.reorder.next(key, expected)
    }

    /// The number of the next record of a connection: 1 is that of the first one.
    fn expected(&self, key: u128) -> i64 {
        let open = self.open.peek(&key).map(Track::sequence);
        let sequence = open.or_else(|| self.past.peek(&key).map(Past::sequence));
        sequence.map_or(Some(1), |sequence| sequence.next_number()).unwrap_or(1)
    }

    fn is_turn_of(&self, key: u128, opened: &Opened) -> bool {
        number(&opened.stream).is_none_or(|number| number <= self.expected(key))
    }

    fn put_aside(&mut self, key: u128, opened: Opened, shared: &mut Shared<'_>) {
        add(&mut shared.counts.reordered, 1);
        let now = self.clock.now();
        if let Some(track) = self.open.get_mut(&key) {
            track.heard = now;
        }
        if !self.reorder.put(key, opened, now) {
            add(&mut shared.counts.duplicates, 1);
        }
    }

    fn take(&mut self, key: u128, opened: Opened, shared: &mut Shared<'_>, out: &mut impl FnMut(Event)) {
        let now = self.clock.now();
        let (after, mut memory) = match self.open.get_mut(&key) {
            Some(track) => {
                track.heard = now;
                track.push(opened, shared)
            }
            None => match self.begin(key, &opened, shared) {
                Some(track) => {
                    track.heard = now;
                    track.take(opened, shared)
                }
                None => return add(&mut shared.counts.duplicates, 1),
            },
        };
        if after == After::Closed {
            add(&mut shared.counts.closed, 1);
            self.reorder.forget(key);
            self.bury(key);
        }
        shared.batch.settle(&mut memory, out);
    }

    /// A connection that is new, or comes back; none if its record was there before.
    fn begin(&mut self, key: u128, opened: &Opened, shared: &mut Shared<'_>) -> Option<&mut Track> {
        let past = self.past.pop(&key).map(|past| {
            let turn = past.turn(opened);
            (past, turn)
        });
        match past {
            Some((past, Turn::Again)) => {
                self.past.push(key, past);
                return None;
            }
            Some((_, Turn::Gap(missing))) => shared.counts.gap(missing),
            _ => {}
        }
        let track = Track::begin(opened, past.as_ref().map(|(past, turn)| (past, *turn)), shared.counts);
        self.clock.meet(track.node(), opened.mark.end());
        Some(self.open.get_or_insert_mut(key, || track))
    }

    /// Remembers a connection that is over.
    fn bury(&mut self, key: u128) {
        if let Some(track) = self.open.pop(&key) {
            self.past.push(key, track.past());
        }
    }

    /// Ends connections that were silent for too long, or that are too many; and the waiting of records that wait for too long.
    pub(super) fn expire(&mut self, shared: &mut Shared<'_>, out: &mut impl FnMut(Event)) {
        let now = self.clock.now();
        while let Some((key, records)) = self.reorder.take_due(now) {
            for opened in records {
                self.take(key, opened, shared, out);
            }
        }
        while let Some((_, track)) = self.open.peek_lru() {
            let is_silent = now.saturating_sub(track.heard) > shared.expiry;
            if !is_silent && shared.counts.open_connections <= shared.settings.most_connections {
                return;
            }
            let Some((key, mut track)) = self.open.pop_lru() else { return };
            track.end(ResponseEnd::Expired, shared);
            self.past.push(key, track.past());
            let count = if is_silent { &mut shared.counts.expired } else { &mut shared.counts.crowded_out };
            add(count, 1);
            shared.batch.settle(&mut RecordMemory::none(), out);
        }
    }

    /// Another consumer has the partition: forgets what came from it, without a word.
    pub(super) fn revoke(&mut self, ledger: &Ledger, shared: &mut Shared<'_>) {
        self.reorder.revoke(ledger);
        let is_revoked =
            |(key, track): (&u128, &Track)| track.sequence().ledger().is_same(ledger).then_some(*key);
        let open: Vec<u128> = self.open.iter().filter_map(is_revoked).collect();
        let past = self.past.iter().filter(|(_, past)| past.sequence().ledger().is_same(ledger));
        let past: Vec<u128> = past.map(|(key, _)| *key).collect();
        for key in open {
            self.open.pop(&key);
            shared.counts.open_connections = shared.counts.open_connections.saturating_sub(1);
        }
        for key in past {
            self.past.pop(&key);
        }
    }

    /// The input has ended.
    pub(super) fn finish(&mut self, shared: &mut Shared<'_>, out: &mut impl FnMut(Event)) {
        while let Some((key, records)) = self.reorder.take_any() {
            for opened in records {
                self.take(key, opened, shared, out);
            }
        }
        while let Some((_, mut track)) = self.open.pop_lru() {
            track.end(ResponseEnd::Interrupted, shared);
            shared.batch.settle(&mut RecordMemory::none(), out);
        }
        self.past.clear();
    }

    /// The connection that holds most bytes of messages under way.
    pub(super) fn largest(&self) -> Option<(usize, u128)> {
        self.open.iter().map(|(key, track)| (track.held(), *key)).max()
    }

    /// Gives up what this connection holds.
    pub(super) fn evict(&mut self, key: u128, shared: &mut Shared<'_>, out: &mut impl FnMut(Event)) {
        if let Some(track) = self.open.peek_mut(&key) {
            track.evict(shared);
            shared.batch.settle(&mut RecordMemory::none(), out);
        }
    }

    /// Holds no records but those of messages.
    pub(super) fn let_go(&mut self) {
        self.open.iter_mut().for_each(|(_, track)| track.let_go());
    }

    /// Takes records that wait for an earlier one as they are; whether there was one.
    pub(super) fn evict_early(&mut self, shared: &mut Shared<'_>, out: &mut impl FnMut(Event)) -> bool {
        let Some((key, records)) = self.reorder.take_any() else { return false };
        for opened in records {
            self.take(key, opened, shared, out);
        }
        true
    }
}
