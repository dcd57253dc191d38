//! The order of a connection's records, by their numbers.

use super::super::ledger::{Ledger, Token};
use super::clock::millis;
use codecs::traffic::record::{Observation, Observed, TrafficStream};

/// The last record of a connection.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    number: Option<i64>,
    ledger: Ledger,
    offset: i64,
    mark: Mark,
}

/// What a record can be told by. A producer that sends a record again sends the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    size: usize,
    /// The times of its first and its last observation.
    times: Option<(i64, i64)>,
}

/// What a record is after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next one.
    Next,
    /// One that was there before.
    Again,
    /// A later one: so many are missing.
    Gap(u64),
    /// The first one of another connection, whose id is used again.
    Anew,
}

impl Sequence {
    pub(super) fn new(stream: &TrafficStream, token: &Token, mark: Mark) -> Self {
        Self { number: number(stream), ledger: token.ledger().clone(), offset: token.offset(), mark }
    }

    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number of the next record, if they have any.
    pub(super) fn next_number(&self) -> Option<i64> {
        self.number.map(|number| number.saturating_add(1))
    }

    /// What this record is.
    pub(super) fn turn(&self, stream: &TrafficStream, token: &Token, mark: Mark) -> Turn {
        let (Some(next), Some(number)) = (self.next_number(), number(stream)) else {
            let is_read_again = token.offset() <= self.offset && self.ledger.is_same(token.ledger());
            return if is_read_again { Turn::Again } else { Turn::Next };
        };
        if number >= next {
            let missing = u64::try_from(number.saturating_sub(next)).unwrap_or_default();
            return if missing == 0 { Turn::Next } else { Turn::Gap(missing) };
        }
        let is_later = match (self.mark.times, mark.times) {
            (Some((_, last)), Some((first, _))) => first > last,
            _ => false,
        };
        if is_first(stream) && is_later { Turn::Anew } else { Turn::Again }
    }

    /// The record is the last one now.
    pub(super) fn follow(&mut self, stream: &TrafficStream, token: &Token, mark: Mark) {
        self.number = number(stream);
        if !self.ledger.is_same(token.ledger()) {
            self.ledger = token.ledger().clone();
        }
        self.offset = token.offset();
        self.mark = mark;
    }
}

impl Mark {
    pub(super) fn of(stream: &TrafficStream, size: usize) -> Self {
        let at = |observation: Option<&Observation>| observation?.at.map(millis);
        let times = at(stream.observations.first()).zip(at(stream.observations.last()));
        Self { size, times }
    }

    /// When the record ended.
    pub(super) fn end(&self) -> Option<i64> {
        self.times.map(|(_, last)| last)
    }
}

/// The number of a record.
pub(super) fn number(stream: &TrafficStream) -> Option<i64> {
    stream.number.map(|number| i64::from(number.get().0))
}

/// Whether a record can be the first one of its connection: proxies count from 1, and others from 0.
pub(super) fn is_first(stream: &TrafficStream) -> bool {
    let is_first = number(stream).is_none_or(|number| number <= 1);
    is_first && stream.prior_requests_received.unwrap_or_default() == 0 && !was_reading(stream)
}

/// Whether a request was under way when the record was opened.
pub(super) fn was_reading(stream: &TrafficStream) -> bool {
    stream.last_observation_was_unterminated_read == Some(true)
}

/// Whether it begins with something that a client's request came before.
pub(super) fn begins_in_the_middle(stream: &TrafficStream) -> bool {
    let observed = stream.observations.first().and_then(|observation| observation.observed.as_ref());
    !matches!(
        observed,
        None | Some(
            Observed::Bind(_)
                | Observed::Connect(_)
                | Observed::Read(_)
                | Observed::ReadSegment(_)
                | Observed::Close(_)
        )
    )
}
