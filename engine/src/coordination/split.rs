//! Giving a part of a large item to a worker that has nothing to do.

use super::backend::{Query, Stored, Version};
use super::cursor::Cursor;
use super::error::StoreError;
use super::lease::Lease;
use super::record::{ItemState, Record};
use super::store::{CONFLICTS, WorkStore};
use super::work_item::WorkItem;

/// What came of splitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// The lease has the documents before the place, a new item those after it.
    Done {
        /// Id of the new item.
        tail: String,
    },
    /// One side would be empty, or the place is not after the cursor. Nothing has changed.
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
    /// Those that concern the store. The lease is then as it was before or after; save it to find out.
    pub async fn split_off(&self, lease: &mut Lease, at: &Cursor) -> Result<Split, StoreError> {
        let record = &lease.record;
        let is_after = record.position_of(Some(at)) > record.position_of(record.cursor.as_ref());
        let Some((head, tail)) = record.item.split_at(at).filter(|_| is_after) else {
            return Ok(Split::Impossible);
        };
        let tail = Record::tail(tail, record);
        let Some(version) = self.create_tail(&tail).await? else { return Ok(Split::Impossible) };
        if !self.shrink(lease, &head, &tail).await? {
            return Ok(Split::Lost); // Whoever finds the tail abandons it.
        }
        // When it is not as we wrote it, another worker was faster at opening it.
        self.backend().replace(version, &tail.opened()).await?;
        Ok(Split::Done { tail: tail.item.id })
    }

    /// Creates a tail that counts for nothing yet, in place of one that never did if there is one; `None` when that
    /// may still be decided.
    pub(super) async fn create_tail(&self, tail: &Record) -> Result<Option<Version>, StoreError> {
        let id = &tail.item.id;
        for _ in 0..CONFLICTS {
            if let Some(version) = self.backend().create(tail).await? {
                return Ok(Some(version));
            }
            let Some(found) = self.backend().get::<Record>(id).await? else { continue };
            let is_ours = found.document.parent == tail.parent; // We hold the parent, and have not shrunk it.
            let version = match found.document.state {
                ItemState::Abandoned => found.version,
                ItemState::PendingSplit if is_ours => found.version,
                ItemState::PendingSplit => match self.settle(found).await? {
                    Some(_) => continue,
                    None => return Ok(None),
                },
                state => {
                    let parent = tail.parent.as_deref().unwrap_or_default();
                    let problem = format!("it is {}, but `{parent}` has its documents too", state.name());
                    return Err(self.backend().inconsistent(id, problem));
                }
            };
            if let Some(version) = self.backend().replace(version, tail).await? {
                return Ok(Some(version));
            }
        }
        Err(self.contended("split an item"))
    }

    /// The write that decides: from here on, the documents after the cut belong to the tail.
    pub(super) async fn shrink(
        &self,
        lease: &mut Lease,
        head: &WorkItem,
        tail: &Record,
    ) -> Result<bool, StoreError> {
        self.change(lease, "split an item", |record| record.shrunk(head, &tail.item.id)).await
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
