//! Which records of a partition are done with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// The records of one partition that are under way: from assignment to revocation.
///
/// A record is under way until the last clone of its [`Token`] is dropped, on whatever path. What may be committed is the
/// contiguous run of records that are done with.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    topic: Arc<str>,
    partition: i32,
    revoked: AtomicBool,
    leaving: AtomicBool,
    flights: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Records under way, by offset.
    under_way: BTreeMap<i64, UnderWay>,
    /// The offset after the last record that was read.
    next: i64,
}

#[derive(Debug)]
struct UnderWay {
    /// How often it was read.
    count: u32,
    /// When it was read first.
    since: Instant,
}

/// Stands for one record that is under way. Clones share it; the record is done with when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Token(Arc<Entry>);

/// Something that was begun; it ends when this is dropped.
#[derive(Debug)]
pub struct Flight(Ledger);

struct Entry {
    ledger: Ledger,
    offset: i64,
    is_abandoned: AtomicBool,
}

impl Ledger {
    /// A ledger of a partition of which `next` is the first record to be read.
    #[must_use]
    pub fn new(topic: Arc<str>, partition: i32, next: i64) -> Self {
        let state = Mutex::new(State { under_way: BTreeMap::new(), next });
        let (revoked, leaving, flights) = <(AtomicBool, AtomicBool, AtomicUsize)>::default();
        Self(Arc::new(Inner { topic, partition, revoked, leaving, flights, state }))
    }

    /// The topic, or the name of the file.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.0.topic
    }

    /// The partition; 0 for a file.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    /// Whether it is this very assignment of the partition, and not an earlier or later one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes note of a record that was read.
    #[must_use]
    pub fn track(&self, offset: i64) -> Token {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let entry =
            state.under_way.entry(offset).or_insert_with(|| UnderWay { count: 0, since: Instant::now() });
        entry.count = entry.count.saturating_add(1);
        state.next = state.next.max(offset.saturating_add(1));
        Token(Arc::new(Entry { ledger: self.clone(), offset, is_abandoned: AtomicBool::new(false) }))
    }

    /// The offset before which every record is done with: what may be committed.
    #[must_use]
    pub fn done(&self) -> i64 {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.first_key_value().map_or(state.next, |(offset, _)| *offset)
    }

    /// The offset after the last record that was read.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// When the first record that is under way was read, if any is.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.first_key_value().map(|(_, entry)| entry.since)
    }

    /// Records that are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).under_way.len()
    }

    /// The partition belongs to another consumer now: nothing of this ledger may be committed, or written, any more.
    pub fn revoke(&self) {
        self.0.revoked.store(true, Ordering::Release);
    }

    /// Whether the partition belongs to another consumer.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.0.revoked.load(Ordering::Acquire)
    }

    /// The partition is about to go: what is in flight may end, and nothing more is begun.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::SeqCst);
    }

    /// Whether the partition is about to go.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::SeqCst)
    }

    /// Begins something that must not be done by two consumers at the same time; not once the partition is about to go.
    #[must_use]
    pub fn begin(&self) -> Option<Flight> {
        // Counted before it is looked: who waits for what is in flight misses nothing.
        self.0.flights.fetch_add(1, Ordering::SeqCst);
        let flight = Flight(self.clone());
        (!self.is_leaving() && !self.is_revoked()).then_some(flight)
    }

    /// How much that was begun has not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.flights.load(Ordering::SeqCst)
    }

    fn resolve(&self, offset: i64) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = state.under_way.get_mut(&offset) {
            entry.count = entry.count.saturating_sub(1);
            if entry.count == 0 {
                state.under_way.remove(&offset);
            }
        }
    }
}

impl Token {
    /// The ledger that it belongs to.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// The offset of the record.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    /// What was to be done with the record is given up, so that somebody else does it: it never counts as done with.
    pub fn abandon(&self) {
        self.0.is_abandoned.store(true, Ordering::Release);
    }

    /// Whether it stands for the same reading of the same record.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The first record of each partition: while it is under way, nothing is committed over those behind it.
    pub(super) fn earliest<'a>(tokens: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut earliest: Vec<Self> = Vec::new();
        for token in tokens {
            match earliest.iter_mut().find(|other| other.ledger().is_same(token.ledger())) {
                Some(other) if other.offset() <= token.offset() => {}
                Some(other) => *other = token.clone(),
                None => earliest.push(token.clone()),
            }
        }
        earliest
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.0.flights.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // What a panic drops was not brought to its end.
        if !self.is_abandoned.load(Ordering::Acquire) && !std::thread::panicking() {
            self.ledger.resolve(self.offset);
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{} done to {}", self.0.topic, self.0.partition, self.done())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}@{}", self.ledger.0.topic, self.ledger.0.partition, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_contiguous_run_of_records_is_done() {
        let ledger = Ledger::new("topic".into(), 3, 10);
        assert_eq!(ledger.done(), 10);
        let tokens: Vec<_> = (10..14).map(|offset| ledger.track(offset)).collect();
        let [first, second, third, last] = tokens.try_into().unwrap();
        drop(second);
        assert_eq!(ledger.done(), 10);
        let again = first.clone();
        drop(first);
        assert_eq!(ledger.done(), 10);
        drop(again);
        assert_eq!(ledger.done(), 12);
        drop(last);
        assert_eq!((ledger.done(), ledger.under_way()), (12, 1));
        drop(third);
        assert_eq!((ledger.done(), ledger.under_way()), (14, 0));
    }

    #[test]
    fn what_a_panic_drops_is_not_done() {
        let ledger = Ledger::new("topic".into(), 0, 0);
        let token = ledger.track(0);
        let thread = std::thread::spawn(move || {
            let _token = token;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!((ledger.done(), ledger.under_way()), (0, 1));
    }

    #[test]
    fn the_earliest_of_records_are_the_first_ones_of_their_partitions() {
        let ledgers = [0, 1].map(|partition| Ledger::new("t".into(), partition, 0));
        let [one, two] = [0, 1].map(|place: usize| [5, 3, 4].map(|offset| ledgers[place].track(offset)));
        let earliest = Token::earliest(one.iter().chain(&two));
        let places: Vec<_> =
            earliest.iter().map(|token| (token.ledger().partition(), token.offset())).collect();
        assert_eq!(places, [(0, 3), (1, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_record_is_the_first_that_is_under_way() {
        let ledger = Ledger::new("t".into(), 0, 5);
        assert_eq!((ledger.oldest(), ledger.next()), (None, 5));
        let (begin, second) = (Instant::now(), std::time::Duration::from_secs(1));
        let first = ledger.track(5);
        tokio::time::advance(second).await;
        let last = ledger.track(6);
        assert_eq!(ledger.oldest(), Some(begin));
        drop(first);
        assert_eq!((ledger.oldest(), ledger.next()), (Some(begin + second), 7));
        drop(last);
        assert_eq!(ledger.oldest(), None);
    }

    #[test]
    fn nothing_is_begun_of_a_partition_that_is_about_to_go_and_what_was_begun_is_known() {
        let ledger = Ledger::new("t".into(), 0, 0);
        let flight = ledger.begin();
        assert!(flight.is_some());
        ledger.leave();
        assert!(ledger.begin().is_none());
        assert_eq!(ledger.in_flight(), 1);
        drop(flight);
        assert_eq!(ledger.in_flight(), 0);
    }

    #[test]
    fn a_record_that_is_abandoned_is_never_done() {
        let ledger = Ledger::new("topic".into(), 0, 0);
        let (first, second) = (ledger.track(0), ledger.track(1));
        drop(first);
        second.abandon();
        drop(second);
        assert_eq!(ledger.done(), 1);
    }
}
