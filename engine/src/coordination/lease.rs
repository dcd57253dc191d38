//! What the holder of an item can do with it.

use super::backend::Version;
use super::cursor::{Counts, Cursor};
use super::error::StoreError;
use super::record::{ItemState, Record};
use super::store::{CONFLICTS, WorkStore};
use super::work_item::WorkItem;
use crate::telemetry::{ItemOutcome, LeaseEvent, meters};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// An item that this worker has. Dropped without a word, it may be taken by others after the lease time, and by
/// this process at once: so what was sent for it must have ended before it is dropped.
#[derive(Debug)]
pub struct Lease {
    pub(super) record: Record,
    pub(super) version: Version,
    pub(super) held_until: Instant,
    pub(super) _hold: Hold,
}

/// Keeps an item out of reach of the other tasks of this process.
#[derive(Debug)]
pub(super) struct Hold {
    item: String,
    held: Arc<Mutex<HashSet<String>>>,
}

/// What came of saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The item is still ours.
    Kept {
        /// Another worker has nothing to do and asks for a part of it: see [`WorkStore::split_off`].
        split_requested: bool,
    },
    /// Another worker has taken it: stop at once. Usually this save does not count; when its answer was lost first, it
    /// may. Either is right, because what was saved had been done.
    Lost,
}

/// What came of giving an item back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is in this state now.
    As(ItemState),
    /// Another worker had taken it, as with [`Saved::Lost`].
    Lost,
}

impl Lease {
    /// The item; it shrinks when a tail is split off.
    #[must_use]
    pub const fn item(&self) -> &WorkItem {
        &self.record.item
    }

    /// The saved cursor: where to go on. `None` is the start of the item.
    #[must_use]
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.record.cursor.as_ref()
    }

    /// What came of all before the saved cursor, by whichever workers.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.record.counts
    }

    /// Which attempt at the item this is, from 1; those that were released do not count.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.record.attempts
    }

    /// How often the item has been taken, this time included: no two leases of an item have the same.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.record.epoch
    }

    /// Until then nobody else can have the item, whatever happens.
    #[must_use]
    pub const fn held_until(&self) -> Instant {
        self.held_until
    }
}

impl WorkStore {
    /// Renews the lease, and saves cursor and counts in the same write. At least every 5 s.
    ///
    /// `counts` are those of the whole item up to `cursor`: those of [`Lease::counts`] and what was done since.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidCursor`] for a cursor that is not in the item or before the saved one, and all that
    /// concern the store.
    pub async fn save(
        &self,
        lease: &mut Lease,
        cursor: Option<&Cursor>,
        counts: &Counts,
    ) -> Result<Saved, StoreError> {
        let change = |record: &Record| {
            check_cursor(record, cursor)?;
            Ok(record.saved(cursor, counts))
        };
        let kept = self.change(lease, "save an item", change).await?;
        meters().lease(if kept { LeaseEvent::Renewed } else { LeaseEvent::Lost });
        let split_requested = lease.record.split_requested;
        Ok(if kept { Saved::Kept { split_requested } } else { Saved::Lost })
    }

    /// Marks the item as done to its end.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidCursor`] when the end is another one than the holder knows, after a split without an
    /// answer, and all that concern the store.
    pub async fn complete(&self, lease: Lease, counts: &Counts) -> Result<Ended, StoreError> {
        let whole = lease.item().clone();
        let change = |record: &Record| {
            // Else a split whose answer was lost would be counted twice.
            if record.item == whole {
                Ok(record.done(counts))
            } else {
                Err(invalid(record, whole.end().as_ref(), "a tail of it was split off before"))
            }
        };
        self.end(lease, ("complete an item", ItemOutcome::Done), change).await
    }

    /// Gives the item back before its end; it is open at once, and the attempt does not count.
    ///
    /// # Errors
    ///
    /// Those of [`WorkStore::save`].
    pub async fn release(
        &self,
        lease: Lease,
        cursor: Option<&Cursor>,
        counts: &Counts,
    ) -> Result<Ended, StoreError> {
        let change = |record: &Record| {
            check_cursor(record, cursor)?;
            Ok(record.released(cursor, counts))
        };
        self.end(lease, ("release an item", ItemOutcome::Released), change).await
    }

    /// Gives the item back with an error: open again, or quarantined when its attempts are used up.
    ///
    /// # Errors
    ///
    /// Those that concern the store.
    pub async fn fail(&self, lease: Lease, error: &str) -> Result<Ended, StoreError> {
        let most = self.settings().max_attempts;
        let change = |record: &Record| Ok(record.failed(error, most));
        self.end(lease, ("give an item back", ItemOutcome::Failed), change).await
    }

    async fn end(
        &self,
        mut lease: Lease,
        (what, outcome): (&'static str, ItemOutcome),
        change: impl Fn(&Record) -> Result<Record, StoreError>,
    ) -> Result<Ended, StoreError> {
        let kept = self.change(&mut lease, what, change).await?;
        match lease.record.state {
            _ if !kept => meters().lease(LeaseEvent::Lost),
            ItemState::Quarantined => meters().item(ItemOutcome::Quarantined),
            _ => meters().item(outcome),
        }
        Ok(if kept { Ended::As(lease.record.state) } else { Ended::Lost })
    }

    /// Changes an item that we hold, again when others put a mark on it in between; false when it is not ours any
    /// more.
    pub(super) async fn change(
        &self,
        lease: &mut Lease,
        what: &'static str,
        change: impl Fn(&Record) -> Result<Record, StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..CONFLICTS {
            let sent = Instant::now();
            let next = change(&lease.record)?;
            if let Some(version) = self.backend().replace(lease.version, &next).await? {
                (lease.record, lease.version) = (next, version);
                lease.held_until = self.lease_from(sent);
                return Ok(true);
            }
            match self.backend().get::<Record>(&lease.record.item.id).await? {
                Some(now) if now.document.is_held(lease.record.epoch) => {
                    (lease.record, lease.version) = (now.document, now.version);
                }
                _ => return Ok(false),
            }
        }
        Err(self.contended(what))
    }

    /// Until when an item cannot be taken that was written by a request sent at this moment.
    pub(super) fn lease_from(&self, sent: Instant) -> Instant {
        sent.checked_add(self.settings().lease).unwrap_or(sent)
    }

    /// Keeps an item for one task of this process; `None` when another has it.
    pub(super) fn hold(&self, item: &str) -> Option<Hold> {
        let held = Arc::clone(&self.0.held);
        let is_new = held.lock().unwrap_or_else(PoisonError::into_inner).insert(item.to_owned());
        is_new.then(|| Hold { item: item.to_owned(), held })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.item);
    }
}

fn check_cursor(record: &Record, cursor: Option<&Cursor>) -> Result<(), StoreError> {
    let reason = match (record.position_of(cursor), record.position_of(record.cursor.as_ref())) {
        (None, _) => "it is not in the item",
        (position, saved) if position < saved => "it is before the saved cursor",
        _ => return Ok(()),
    };
    Err(invalid(record, cursor, reason))
}

fn invalid(record: &Record, cursor: Option<&Cursor>, reason: &'static str) -> StoreError {
    let cursor = cursor.map_or_else(|| "the start".to_owned(), ToString::to_string);
    StoreError::InvalidCursor { item: record.item.id.clone(), cursor, reason }
}
