//! One partition that is read here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use tracing::debug;

use super::commits::Commits;
use super::context::{Client, Context};
use super::lag::{PartitionLag, Timestamps};
use crate::traffic::Ledger;

/// How long a partition that is held back keeps what was fetched: beyond that librdkafka drops it, because a record may keep
/// a whole answer of a broker in memory, and fetches it again later.
const KEPT_WHILE_PAUSED: Duration = Duration::from_secs(2);

/// What librdkafka said of a broker so long ago says nothing of now.
const FOLLOWED: Duration = Duration::from_secs(5);

/// A partition that is read here.
pub(super) struct Partition {
    pub(super) number: i32,
    pub(super) ledger: Ledger,
    pub(super) commits: Commits,
    queue: PartitionQueue<Context>,
    /// The offset after the last record that was given out.
    pub(super) next: i64,
    /// The offset after the last record there is, as far as it is known.
    pub(super) end: i64,
    /// Nothing is given out from this offset on.
    pub(super) stop_at: Option<i64>,
    /// librdkafka said that there was nothing more.
    was_at_end: bool,
    /// It said so after the last record.
    is_at_end: bool,
    /// When a broker was heard last that it is fetched from.
    followed: Option<Instant>,
    /// It is for another member of the group.
    pub(super) is_leaving: bool,
    /// librdkafka began to read anew, at the earliest record.
    pub(super) is_reset: bool,
    paused_since: Option<Instant>,
    /// librdkafka does not fetch it.
    is_halted: bool,
    timestamps: Timestamps,
}

/// A record as it comes, without its permit and its token.
pub(super) struct Parcel {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Bytes,
    timestamp: Option<i64>,
}

/// What comes next of a partition.
pub(super) enum Next {
    Record(Parcel),
    /// Nothing is there now.
    Nothing,
    /// Nothing can be read any more.
    Broken(KafkaError),
}

impl Parcel {
    #[cfg(test)]
    pub(super) fn empty(partition: i32, offset: i64) -> Self {
        Self { partition, offset, key: None, value: Bytes::new(), timestamp: None }
    }

    /// What a record takes beside its key and value: its token, and its place in a queue.
    const OVERHEAD: u64 = 200;

    fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
            timestamp: message.timestamp().to_millis(),
        }
    }

    /// Bytes of key and value.
    pub(super) fn bytes(&self) -> u64 {
        (self.value.len() as u64).saturating_add(self.key.as_ref().map_or(0, Bytes::len) as u64)
    }

    /// Bytes that it takes in memory.
    pub(super) fn memory(&self) -> u64 {
        self.bytes().saturating_add(Self::OVERHEAD)
    }
}

impl Partition {
    pub(super) fn new(
        ledger: Ledger,
        queue: PartitionQueue<Context>,
        committed: Option<i64>,
        end: i64,
    ) -> Self {
        let next = ledger.done();
        let commits = Commits::new(committed, next);
        Self {
            number: ledger.partition(),
            ledger,
            commits,
            queue,
            next,
            end,
            stop_at: None,
            was_at_end: false,
            is_at_end: false,
            followed: None,
            is_leaving: false,
            is_reset: false,
            paused_since: None,
            is_halted: false,
            timestamps: Timestamps::default(),
        }
    }

    /// Whether records of it are to be given out now.
    pub(super) fn is_readable(&self) -> bool {
        !self.is_leaving && self.paused_since.is_none() && !self.is_caught_up()
    }

    /// Whether all was given out that there was when reading began. Only for a reading that ends there.
    pub(super) fn is_caught_up(&self) -> bool {
        self.stop_at.is_some_and(|stop| self.was_at_end || self.next >= stop)
    }

    /// The next record, if it is here already.
    pub(super) fn next(&mut self) -> Next {
        loop {
            match self.queue.poll(Duration::ZERO) {
                None => return Next::Nothing,
                Some(Ok(message)) => return Next::Record(Parcel::of(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => (self.was_at_end, self.is_at_end) = (true, true),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Next::Broken(error),
                // The context was told too, with more words.
                Some(Err(error)) => debug!(partition = self.number, %error, "librdkafka could not fetch"),
            }
            if self.is_caught_up() {
                return Next::Nothing;
            }
        }
    }

    /// Takes note that a record is given out.
    pub(super) fn passed(&mut self, parcel: &Parcel) {
        self.is_at_end = false;
        self.next = parcel.offset.saturating_add(1);
        self.end = self.end.max(self.next);
        if let Some(timestamp) = parcel.timestamp {
            self.timestamps.note(parcel.offset, timestamp);
        }
    }

    /// Takes note that a broker is heard that it is fetched from.
    pub(super) fn follow(&mut self) {
        self.followed = Some(Instant::now());
    }

    /// Whether all that there is was given out, and a broker was asked for more lately.
    fn is_quiet(&self) -> bool {
        let is_followed = self.followed.is_some_and(|at| at.elapsed() < FOLLOWED);
        let is_at_end = self.is_at_end || self.next >= self.end;
        is_at_end && is_followed && !self.is_leaving && self.paused_since.is_none()
    }

    /// Holds it back, or lets it go on.
    pub(super) fn hold(&mut self, client: &Client, is_paused: bool) {
        if !is_paused {
            self.paused_since = None;
            self.let_fetch(client);
            return;
        }
        let since = *self.paused_since.get_or_insert_with(Instant::now);
        if !self.is_halted && since.elapsed() >= KEPT_WHILE_PAUSED {
            self.is_halted = client.pause(&self.list()).is_ok();
        }
    }

    /// librdkafka fetches it, whatever was before.
    pub(super) fn let_fetch(&mut self, client: &Client) {
        if self.is_halted {
            self.is_halted = client.resume(&self.list()).is_err();
        }
    }

    /// Another member of the group may have it already.
    pub(super) fn lose(&self) {
        self.ledger.revoke();
        self.commits.end();
    }

    fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(self.ledger.topic(), self.number);
        list
    }

    pub(super) fn lag(&mut self, now_millis: i64) -> PartitionLag {
        let done = self.ledger.done();
        PartitionLag {
            partition: self.number,
            records: u64::try_from(self.end.saturating_sub(done)).unwrap_or(0),
            behind: self.timestamps.behind(done, self.end, now_millis),
            next: self.next,
            end: self.end,
            is_paused: self.paused_since.is_some(),
            is_quiet: self.is_quiet(),
        }
    }
}

/// Where librdkafka is to begin with each of these partitions.
pub(super) fn beginnings(topic: &str, partitions: &[(i32, i64)]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// The queue of a partition. It is taken before librdkafka begins to fetch, so that no record gets into the queue of events.
pub(super) fn queue_of(client: &Arc<Client>, topic: &str, partition: i32) -> Option<PartitionQueue<Context>> {
    client.split_partition_queue(topic, partition)
}
