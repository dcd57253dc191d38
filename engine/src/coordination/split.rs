//! Giving a part of a large item to a worker that has nothing to do.

use super::backend::{Query, Stored, Version};
use super::cursor::Cursor;
use super::error::StoreError;
use super::lease::Lease;
use super::record::{ItemState, Record};
use super::store::{CONFLICTS, WorkStore};
use super::work_item::WorkItem;
use crate::telemetry::{ItemOutcome, meters};

/// What came of splitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// The lease has the documents before the place, a new item those after it.
    Done {
        /// Id of the new item.
        tail: String,
    },
    /// One side would be empty, the place is not after the cursor, or is taken. The item is as it was.
    Impossible,
    /// Another worker has taken the item: stop at once.
    Lost,
}

/// What is to be done with a tail that is not open yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Abandon,
    Wait,
}

impl WorkStore {
    /// Asks the holder of the item with most left for a part of it, when it has more than
    /// [`min_split_bytes`](super::Settings::min_split_bytes) left and nobody has asked yet. Returns the id of the
    /// item; its holder answers at its next save.
    ///
    /// # Errors
    ///
    /// Those that concern the store.
    pub async fn request_split(&self) -> Result<Option<String>, StoreError> {
        const CANDIDATES: usize = 10;
        for found in self.backend().find(Query::LargestLeased, CANDIDATES).await? {
            let record = &found.document;
            if record.remaining < self.settings().min_split_bytes.max(1) {
                break;
            }
            if self.backend().replace(found.version, &record.marked()).await?.is_some() {
                return Ok(Some(found.document.item.id));
            }
        }
        Ok(None)
    }

    /// Cuts off what is after `at`, as an open item for anyone to take. `at` must be after all that the holder has
    /// begun; [`WorkItem::halve_after`] finds a good place.
    ///
    /// # Errors
    ///
    /// Those that concern the store. Whether the item was split is then not known; the next save of the lease finds out.
    pub async fn split_off(&self, lease: &mut Lease, at: &Cursor) -> Result<Split, StoreError> {
        self.split(lease, at, Record::tail).await
    }

    /// Cuts off what is after `at`, though the holder may have begun some of it: whoever takes it first has an epoch that says so.
    ///
    /// # Errors
    ///
    /// As of [`WorkStore::split_off`].
    pub async fn split_off_begun(&self, lease: &mut Lease, at: &Cursor) -> Result<Split, StoreError> {
        self.split(lease, at, |item, parent| Record::tail(item, parent).begun()).await
    }

    async fn split(
        &self,
        lease: &mut Lease,
        at: &Cursor,
        tail_of: fn(WorkItem, &Record) -> Record,
    ) -> Result<Split, StoreError> {
        let record = &lease.record;
        let is_after = record.position_of(Some(at)) > record.position_of(record.cursor.as_ref());
        let Some((head, tail)) = record.item.split_at(at).filter(|_| is_after) else {
            return Ok(Split::Impossible);
        };
        let (tail, whole) = (tail_of(tail, record), record.item.clone());
        let Some(version) = self.create_tail(&tail).await? else { return self.not_split(lease).await };
        if !self.shrink(lease, &whole, &head, &tail).await? {
            return Ok(Split::Lost); // Whoever finds the tail abandons it.
        }
        if !lease.record.children.contains(&tail.item.id) {
            return Ok(Split::Impossible); // The item was not what this lease took it for, and now is.
        }
        // When it is not as we wrote it, another worker was faster at opening it.
        self.backend().replace(version, &tail.opened()).await?;
        meters().item(ItemOutcome::Split);
        Ok(Split::Done { tail: tail.item.id })
    }

    /// Creates a tail that counts for nothing yet, in place of one that never did if there is one; `None` when the
    /// place is taken by somebody who may be right.
    pub(super) async fn create_tail(&self, tail: &Record) -> Result<Option<Version>, StoreError> {
        for _ in 0..CONFLICTS {
            if let Some(version) = self.backend().create(tail).await? {
                return Ok(Some(version));
            }
            let Some(found) = self.backend().get::<Record>(&tail.item.id).await? else { continue };
            let there = &found.document;
            let is_free = match there.state {
                ItemState::Abandoned => true,
                // Left by a holder before us, unless we are the one who was taken over.
                ItemState::PendingSplit if there.parent == tail.parent => {
                    there.parent_epoch <= tail.parent_epoch
                }
                ItemState::PendingSplit if self.settle(found.clone()).await?.is_some() => continue,
                _ => false,
            };
            if !is_free {
                return Ok(None);
            }
            if let Some(version) = self.backend().replace(found.version, tail).await? {
                return Ok(Some(version));
            }
        }
        Err(self.contended("split an item"))
    }

    /// The write that decides: from here on, the documents after the cut belong to the tail.
    pub(super) async fn shrink(
        &self,
        lease: &mut Lease,
        whole: &WorkItem,
        head: &WorkItem,
        tail: &Record,
    ) -> Result<bool, StoreError> {
        self.change(lease, "split an item", |record| Ok(record.shrunk(whole, head, &tail.item.id))).await
    }

    /// Why a place is taken: we were taken over, or something else may be decided there.
    async fn not_split(&self, lease: &mut Lease) -> Result<Split, StoreError> {
        match self.backend().get::<Record>(&lease.record.item.id).await? {
            Some(now) if now.document.is_held(lease.record.epoch) => {
                (lease.record, lease.version) = (now.document, now.version);
                Ok(Split::Impossible)
            }
            _ => Ok(Split::Lost),
        }
    }

    /// Opens or abandons a tail that was found unopened, as its parent says. `None` when its holder is still at it,
    /// or another worker was faster.
    pub(super) async fn settle(&self, tail: Stored<Record>) -> Result<Option<Stored<Record>>, StoreError> {
        let id = tail.document.parent.as_deref().unwrap_or_default();
        let Some(parent) = self.backend().get::<Record>(id).await? else {
            let problem = format!("its parent `{id}` does not exist");
            return Err(self.backend().inconsistent(&tail.document.item.id, problem));
        };
        let document = match verdict(&parent.document, &tail.document) {
            Verdict::Open => tail.document.opened(),
            Verdict::Abandon => tail.document.abandoned(),
            Verdict::Wait => return Ok(None),
        };
        let version = self.backend().replace(tail.version, &document).await?;
        Ok(version.map(|version| Stored { document, version }))
    }
}

/// Each verdict but `Wait` stays right for this version of the tail, whatever happens to the parent afterwards: a
/// child is never taken back, and an epoch that has passed never returns.
fn verdict(parent: &Record, tail: &Record) -> Verdict {
    if parent.children.contains(&tail.item.id) {
        Verdict::Open
    } else if tail.parent_epoch.is_some_and(|epoch| parent.is_held(epoch)) {
        Verdict::Wait
    } else {
        Verdict::Abandon
    }
}
