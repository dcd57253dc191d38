//! What the thread that polls and those who use its records tell each other.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::clerk::Answer;
use super::lag::PartitionLag;
use super::notes::{Look, Notes};
use super::trouble::KafkaConnection;
use super::wake::Alarm;
use crate::error::Result;
use crate::traffic::Ledger;

/// Those who look for notes at the same time, at most.
const MOST_LOOKS: usize = 16;

/// What both sides see.
pub(super) struct Shared {
    pub(super) alarm: Alarm,
    pub(super) notes: Notes,
    inbox: Mutex<Inbox>,
    paused: Mutex<BTreeSet<i32>>,
    status: Mutex<KafkaStatus>,
}

/// What waits for the thread.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) orders: Vec<Order>,
    pub(super) answers: Vec<Answer>,
    pub(super) looks: Vec<Look>,
    pub(super) is_stopped: bool,
    /// Nobody takes anything any more: what comes is dropped, and with it who waits for a reply.
    is_closed: bool,
}

/// Says that everything before an offset is done.
pub(super) struct Order {
    pub(super) ledger: Ledger,
    pub(super) offset: i64,
    pub(super) reply: oneshot::Sender<Result<()>>,
}

/// How it stands with the reading of a topic.
#[derive(Debug, Clone)]
pub struct KafkaStatus {
    /// Whether the brokers can be reached.
    pub connection: KafkaConnection,
    /// Records that were given out.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// How often what was to be read next was not there any more.
    pub resets: u64,
    /// Records that were deleted before they were read, as far as it is known.
    pub deleted: u64,
    /// Since when the next record waits for memory.
    pub waits_for_memory: Option<Instant>,
    /// The partitions that are read here, and how far behind they are.
    pub partitions: Vec<PartitionLag>,
}

impl KafkaStatus {
    /// Whether all that there is of a partition, or of all that are read here, was given out, and more would come by itself.
    #[must_use]
    pub fn is_quiet(&self, partition: Option<i32>) -> bool {
        let mut asked = self
            .partitions
            .iter()
            .filter(|lag| partition.is_none_or(|partition| partition == lag.partition))
            .peekable();
        self.waits_for_memory.is_none() && asked.peek().is_some() && asked.all(|lag| lag.is_quiet)
    }

    fn new() -> Self {
        let connection = KafkaConnection { is_up: false, since: Instant::now(), trouble: None };
        let (records, bytes, resets, deleted) = (0, 0, 0, 0);
        Self { connection, records, bytes, resets, deleted, waits_for_memory: None, partitions: Vec::new() }
    }
}

impl Shared {
    pub(super) fn new() -> Self {
        let status = Mutex::new(KafkaStatus::new());
        let (alarm, notes) = (Alarm::default(), Notes::default());
        Self { alarm, notes, inbox: Mutex::default(), paused: Mutex::default(), status }
    }

    pub(super) fn order(&self, order: Order) {
        let mut inbox = lock(&self.inbox);
        if !inbox.is_closed {
            inbox.orders.push(order);
        }
        drop(inbox);
        self.alarm.ring();
    }

    pub(super) fn look(&self, look: Look) {
        let mut inbox = lock(&self.inbox);
        // Who looks hears nothing where it is not pushed.
        if !inbox.is_closed && inbox.looks.len() < MOST_LOOKS {
            inbox.looks.push(look);
        }
        drop(inbox);
        self.alarm.ring();
    }

    pub(super) fn answer(&self, answer: Answer) {
        lock(&self.inbox).answers.push(answer);
        self.alarm.ring();
    }

    pub(super) fn stop(&self) {
        lock(&self.inbox).is_stopped = true;
        self.alarm.ring();
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.inbox).is_stopped
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> Inbox {
        let mut inbox = lock(&self.inbox);
        let (is_stopped, is_closed) = (inbox.is_stopped, inbox.is_closed);
        std::mem::replace(&mut *inbox, Inbox { is_stopped, is_closed, ..Inbox::default() })
    }

    /// The thread has ended: who waits for it hears so.
    pub(super) fn close(&self) {
        lock(&self.inbox).is_closed = true;
        drop(self.take());
    }

    pub(super) fn pause(&self, partition: i32) {
        lock(&self.paused).insert(partition);
        self.alarm.ring();
    }

    pub(super) fn resume(&self, partition: i32) {
        lock(&self.paused).remove(&partition);
        self.alarm.ring();
    }

    pub(super) fn paused(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        lock(&self.paused)
    }

    pub(super) fn status(&self) -> MutexGuard<'_, KafkaStatus> {
        lock(&self.status)
    }
}

/// Poison is of no concern: whoever holds a lock here only moves values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneshot::error::TryRecvError;

    #[test]
    fn whoever_asks_before_or_after_the_thread_ends_hears_of_its_end() {
        let shared = Shared::new();
        let ask = || {
            let (reply, result) = oneshot::channel();
            shared.order(Order { ledger: Ledger::new("t".into(), 0, 0), offset: 1, reply });
            let (look, found) = oneshot::channel();
            shared.look(look);
            (result, found)
        };
        let (mut result, mut found) = ask();
        assert!(matches!(result.try_recv(), Err(TryRecvError::Empty)));
        shared.close();
        assert!(matches!(result.try_recv(), Err(TryRecvError::Closed)));
        assert!(matches!(found.try_recv(), Err(TryRecvError::Closed)));
        (result, found) = ask();
        assert!(matches!(result.try_recv(), Err(TryRecvError::Closed)));
        assert!(matches!(found.try_recv(), Err(TryRecvError::Closed)));
    }
}
