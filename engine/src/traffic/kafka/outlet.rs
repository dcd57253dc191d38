//! Gives out what was read: turn by turn, within memory, as there is room.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use tokio::sync::mpsc;

use super::Input;
use super::partition::{Next, Parcel, Partition};
use super::reader::Reader;
use crate::error::Result;
use crate::flow::{MemoryBudget, MemoryPermit};
use crate::traffic::Record;

/// Records of one partition before it is the next one's turn.
const TURN: usize = 64;

/// A record that waits for memory.
pub(super) struct Held {
    parcel: Parcel,
    pub(super) since: Instant,
    permit: Pin<Box<dyn Future<Output = MemoryPermit> + Send>>,
}

/// Where records go, and what they take.
pub(super) struct Outlet {
    pub(super) memory: MemoryBudget,
    pub(super) sender: mpsc::Sender<Input>,
}

impl Reader {
    /// Gives out what there is: first what is no record.
    pub(super) fn give_out(&mut self) -> Result<bool> {
        if !self.flush() || !self.release_held() || !self.flush() {
            return Ok(false);
        }
        self.say_caught_up();
        let after: Vec<i32> =
            self.partitions.range(self.last_turn.saturating_add(1)..).map(|(number, _)| *number).collect();
        let before = self.partitions.range(..=self.last_turn).map(|(number, _)| *number);
        let turns: Vec<i32> = after.into_iter().chain(before).collect();
        let mut is_busy = false;
        for number in turns {
            self.last_turn = number;
            for _ in 0..TURN {
                let Some(partition) =
                    self.partitions.get_mut(&number).filter(|partition| partition.is_readable())
                else {
                    break;
                };
                match partition.next() {
                    Next::Nothing => break,
                    Next::Broken(error) => return Err(self.cannot_read(&error)),
                    Next::Record(parcel) => {
                        is_busy = true;
                        if !self.take(parcel)? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(is_busy)
    }

    /// Gives out a record; whether the next one can be taken.
    fn take(&mut self, parcel: Parcel) -> Result<bool> {
        if !self.check_order(&parcel)? {
            return Ok(true);
        }
        let (memory, bytes) = (self.outlet.memory.clone(), parcel.memory());
        let permit = Box::pin(async move { memory.reserve(bytes).await });
        self.held = Some(Held { parcel, since: Instant::now(), permit });
        Ok(self.release_held() && self.flush())
    }

    /// Gives out the record that waits for memory, if it has it now; whether none waits.
    fn release_held(&mut self) -> bool {
        let Some(mut held) = self.held.take() else { return true };
        let Some(partition) = self.partitions.get_mut(&held.parcel.partition) else { return true };
        let Poll::Ready(memory) = held.permit.as_mut().poll(&mut TaskContext::from_waker(&self.waker)) else {
            self.held = Some(held);
            return false;
        };
        partition.passed(&held.parcel);
        let bytes = held.parcel.bytes();
        let Parcel { offset, key, value, .. } = held.parcel;
        let token = partition.ledger.track(offset);
        self.outbox.push_back(Input::Record(Record { token, key, value, memory }));
        let mut status = self.shared.status();
        status.records = status.records.saturating_add(1);
        status.bytes = status.bytes.saturating_add(bytes);
        true
    }

    /// Forgets the record that waits for memory if it is of one of these partitions. It has no token yet, so nothing takes it for
    /// done.
    pub(super) fn drop_held(&mut self, partitions: &[i32]) {
        self.held = self.held.take().filter(|held| !partitions.contains(&held.parcel.partition));
    }

    /// Gives out what waits, in its order; whether all of it went.
    fn flush(&mut self) -> bool {
        while let Some(input) = self.outbox.pop_front() {
            match self.outlet.sender.try_send(input) {
                Ok(()) => self.room = None,
                Err(mpsc::error::TrySendError::Full(input)) => {
                    self.outbox.push_front(input);
                    self.wait_for_room();
                    return false;
                }
                // The loop ends at its next turn.
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
        }
        true
    }

    /// Has the alarm ring when there is room.
    fn wait_for_room(&mut self) {
        let sender = self.outlet.sender.clone();
        let room = self.room.get_or_insert_with(|| {
            Box::pin(async move {
                // Closed: it is seen elsewhere.
                drop(sender.reserve_owned().await);
            })
        });
        if room.as_mut().poll(&mut TaskContext::from_waker(&self.waker)).is_ready() {
            self.room = None;
            self.shared.alarm.ring();
        }
    }

    fn say_caught_up(&mut self) {
        let is_settled = self.rebalance.is_none() && self.wanted.is_empty() && self.connection.has_worked;
        let is_true =
            self.options.until_end && is_settled && self.partitions.values().all(Partition::is_caught_up);
        if is_true && self.caught_up.is_due(!self.partitions.is_empty(), self.options.drain, Instant::now()) {
            self.outbox.push_back(Input::CaughtUp);
        }
    }
}
