//! Records that come before their turn.
//!
//! Older proxies gave each record a key of its own (`connection id.number`), so that those of one connection are spread over
//! the partitions, and are read in any order.

use super::super::ledger::Ledger;
use super::sequence::number;
use super::track::Opened;
use codecs::traffic::record::TrafficStream;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A connection has no more records that wait for an earlier one.
const MOST: usize = 256;

/// Nor do they wait for longer, in milliseconds of the source's time.
const LONGEST_WAIT: i64 = 30_000;

/// Records that wait for an earlier one of their connection.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    waiting: HashMap<u128, Waiting>,
    /// When connections have waited for long enough, in the order of the times.
    due: VecDeque<(i64, u128)>,
}

#[derive(Debug)]
struct Waiting {
    records: BTreeMap<i64, Opened>,
    due: i64,
}

impl Reorder {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts a record aside; false if there is one with this number.
    pub(super) fn put(&mut self, connection: u128, opened: Opened, now: i64) -> bool {
        let Some(number) = number(&opened.stream) else { return false };
        let waiting = self.waiting.entry(connection).or_insert_with(|| {
            let due = now.saturating_add(LONGEST_WAIT);
            self.due.push_back((due, connection));
            Waiting { records: BTreeMap::new(), due }
        });
        waiting.records.insert(number, opened).is_none()
    }

    /// The first record of a connection, if its turn has come or there are too many of them.
    pub(super) fn next(&mut self, connection: u128, expected: i64) -> Option<Opened> {
        let records = &mut self.waiting.get_mut(&connection)?.records;
        if records.len() <= MOST && *records.first_key_value()?.0 > expected {
            return None;
        }
        let (_, opened) = records.pop_first()?;
        if records.is_empty() {
            self.waiting.remove(&connection);
        }
        Some(opened)
    }

    /// A connection with all its records, which have waited for long enough.
    pub(super) fn take_due(&mut self, now: i64) -> Option<(u128, Vec<Opened>)> {
        loop {
            let (due, connection) = *self.due.front().filter(|(due, _)| *due < now)?;
            self.due.pop_front();
            // It may have got all that it waited for, and wait for something else since.
            if self.waiting.get(&connection).is_some_and(|waiting| waiting.due == due) {
                return self.take(connection);
            }
        }
    }

    /// A connection that is left, with all its records.
    pub(super) fn take_any(&mut self) -> Option<(u128, Vec<Opened>)> {
        let connection = *self.waiting.keys().next()?;
        self.take(connection)
    }

    fn take(&mut self, connection: u128) -> Option<(u128, Vec<Opened>)> {
        let waiting = self.waiting.remove(&connection)?;
        Some((connection, waiting.records.into_values().collect()))
    }

    /// Forgets a connection.
    pub(super) fn forget(&mut self, connection: u128) {
        self.waiting.remove(&connection);
    }

    /// Forgets records of a partition.
    pub(super) fn revoke(&mut self, ledger: &Ledger) {
        self.waiting.retain(|_, waiting| {
            waiting.records.retain(|_, opened| !opened.token.ledger().is_same(ledger));
            !waiting.records.is_empty()
        });
    }
}

/// Whether the key of a record is that of one record, and not that of its connection.
pub(super) fn is_fragment(key: Option<&[u8]>, stream: &TrafficStream) -> bool {
    let rest = key.and_then(|key| key.strip_prefix(stream.connection_id.as_bytes()));
    let digits = rest.and_then(|rest| rest.strip_prefix(b"."));
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    digits.is_some_and(is_number) && number(stream).is_some()
}
