//! Rebuilds requests and responses from the records of their connections.
//!
//! | file              | what                                                                                  |
//! |-------------------|---------------------------------------------------------------------------------------|
//! | `partition.rs`    | the connections of a partition, found by node and id; which are silent for too long     |
//! | `clock.rs`        | what time it is at the source                                                           |
//! | `reorder.rs`      | records that come before their turn                                                     |
//! | `track.rs`        | a connection from record to record: sessions, gaps, duplicates                          |
//! | `sequence.rs`     | what the number of a record says about its place                                        |
//! | `conversation.rs` | observations become requests and responses                                              |
//! | `request.rs`, `exchange.rs` | the request and the response under way                                        |
//! | `message.rs`      | their bytes, as slices of records, with the tokens and the memory of these              |
//! | `batch.rs`        | what a record leads to, given out at its end                                            |

mod batch;
mod clock;
mod conversation;
mod counts;
mod exchange;
mod message;
mod partition;
mod reorder;
mod request;
mod sequence;
mod step;
#[cfg(test)]
mod tests;
mod track;

pub use counts::{AccumulatorCounts, ObservationCounts, ResponseCounts};

use super::ledger::Ledger;
use super::quarantine::{Quarantine, QuarantineKind, Quarantined};
use super::record::Record;
use super::transaction::Event;
use batch::Batch;
use codecs::traffic::record::TrafficStream;
use counts::add;
use partition::Partition;
use reorder::is_fragment;
use sequence::Mark;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashMap;
use std::hash::Hasher;
use std::time::Duration;
use tokio::time::Instant;
use track::{Opened, Shared};

/// What an accumulator is told.
#[derive(Debug, Clone)]
pub struct AccumulatorSettings {
    /// A connection that is silent for longer than this, by the source's clock, is over.
    pub expiry: Duration,
    /// Where records and requests go that cannot be used.
    pub quarantine: Quarantine,
    /// Bytes of a request, at most. A larger one goes into quarantine; of a larger response, so many bytes are kept.
    pub most_message: u64,
    /// Open connections, at most: when there are more, the one that was silent for longest is over.
    pub most_connections: u64,
}

impl Default for AccumulatorSettings {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(360),
            quarantine: Quarantine::default(),
            most_message: 256 << 20,
            most_connections: 200_000,
        }
    }
}

/// Finds the requests in records, and their responses. All of it happens in its calls: it waits for nothing.
///
/// A record's [`Token`](super::Token) is held by the requests and responses that have bytes of it, by the end of a connection that it
/// says, and here as long as a response to a request is to come that began in it: from a later record on it would be taken for that
/// to the next request. So a record that nothing is waited for is done with when the call returns.
#[derive(Debug)]
pub struct Accumulator {
    settings: AccumulatorSettings,
    hasher: SipHasher13,
    partitions: HashMap<Place, Partition>,
    batch: Batch,
    counts: AccumulatorCounts,
    ticked: Option<Instant>,
}

/// Where the records of a connection are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Partition(i32),
    /// In all partitions.
    Spread,
}

impl Accumulator {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(settings: AccumulatorSettings) -> Self {
        Self {
            settings,
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            partitions: HashMap::new(),
            batch: Batch::default(),
            counts: AccumulatorCounts::default(),
            ticked: None,
        }
    }

    /// Takes a record, and gives out the requests that are whole now, and the connections that have ended.
    ///
    /// Records of one connection are expected in their order, unless each has a key of its own.
    pub fn push(&mut self, record: Record, out: &mut impl FnMut(Event)) {
        let Record { token, key, value, memory } = record;
        add(&mut self.counts.records, 1);
        add(&mut self.counts.bytes, value.len() as u64);
        let stream = match TrafficStream::decode_record(value.clone()) {
            Ok(stream) => stream,
            Err(error) => {
                add(&mut self.counts.quarantined, 1);
                return self.settings.quarantine.put(&Quarantined {
                    kind: QuarantineKind::Record,
                    token: &token,
                    key: key.as_deref(),
                    connection: None,
                    reason: &error.to_string(),
                    value: &[&value],
                });
            }
        };
        let in_order = !is_fragment(key.as_deref(), &stream);
        let place = if in_order { Place::Partition(token.ledger().partition()) } else { Place::Spread };
        let connection = self.hash(&stream);
        let (size, mark) = (value.len(), Mark::of(&stream, value.len()));
        drop(value);
        let opened = Opened { stream, token, memory, size, mark };
        let (partitions, mut shared) = self.shared();
        let partition = partitions.entry(place).or_insert_with(Partition::new);
        partition.push(connection, opened, in_order, &mut shared, out);
    }

    /// Lets real time pass for partitions of which no record came since the last tick: connections expire there, too.
    ///
    /// To be called every few seconds. `is_quiet` says whether all that there is of a partition, or of all of them, was pushed:
    /// elsewhere records may only be late, because brokers are away, memory is used up or the partition is held back, so no time
    /// passes.
    pub fn tick(
        &mut self,
        now: Instant,
        is_quiet: impl Fn(Option<i32>) -> bool,
        out: &mut impl FnMut(Event),
    ) {
        let Some(before) = self.ticked.replace(now) else { return };
        let elapsed = now.saturating_duration_since(before);
        let (partitions, mut shared) = self.shared();
        for (place, partition) in partitions {
            let number = match place {
                Place::Partition(number) => Some(*number),
                Place::Spread => None,
            };
            if is_quiet(number) {
                partition.clock.tick(elapsed);
                partition.expire(&mut shared, out);
            }
        }
    }

    /// Another consumer has the partition: all that is under way in it is forgotten without an event, and responses are
    /// [`ResponseEnd::Interrupted`](super::ResponseEnd::Interrupted). What comes of the partition later is new.
    pub fn revoke(&mut self, ledger: &Ledger) {
        let (partitions, mut shared) = self.shared();
        for partition in partitions.values_mut() {
            partition.revoke(ledger, &mut shared);
        }
    }

    /// The input has ended: so does all that is under way. Requests that are not whole are discarded, and the records that only they
    /// have bytes of are done with; who wants them to be read again revokes their ledger before.
    pub fn finish(&mut self, out: &mut impl FnMut(Event)) {
        let (partitions, mut shared) = self.shared();
        for partition in partitions.values_mut() {
            partition.finish(&mut shared, out);
        }
    }

    /// The source's responses are waited for no longer: nobody holds the records of requests that nobody wants. A restart in front of
    /// such a response may take it for that to the next request.
    pub fn let_go(&mut self) {
        self.partitions.values_mut().for_each(Partition::let_go);
    }

    /// Gives up the largest message under way, because memory is used up and nothing else will give any back: a request
    /// goes into quarantine, a response is cut. False if there is none.
    pub fn evict_largest(&mut self, out: &mut impl FnMut(Event)) -> bool {
        let (partitions, mut shared) = self.shared();
        let largest = partitions.iter().filter_map(|(place, partition)| Some((partition.largest()?, *place)));
        let largest = largest.max_by_key(|((held, _), _)| *held).filter(|((held, _), _)| *held > 0);
        match largest {
            Some(((_, connection), place)) => {
                if let Some(partition) = partitions.get_mut(&place) {
                    partition.evict(connection, &mut shared, out);
                }
                true
            }
            None => partitions.values_mut().any(|partition| partition.evict_early(&mut shared, out)),
        }
    }

    /// What was seen so far.
    #[must_use]
    pub const fn counts(&self) -> &AccumulatorCounts {
        &self.counts
    }

    fn hash(&self, stream: &TrafficStream) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(stream.node_id.as_bytes());
        hasher.write_u8(0xFF); // In no UTF-8.
        hasher.write(stream.connection_id.as_bytes());
        hasher.finish128().as_u128()
    }

    fn shared(&mut self) -> (&mut HashMap<Place, Partition>, Shared<'_>) {
        let Self { settings, partitions, batch, counts, .. } = self;
        let expiry = i64::try_from(settings.expiry.as_millis()).unwrap_or(i64::MAX);
        (partitions, Shared { batch, counts, settings, expiry })
    }
}
