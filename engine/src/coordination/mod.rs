//! Sharing the work of one job among any number of workers, and going on after any of them stopped.
//!
//! # What is kept
//!
//! A *session* is one job: a session document with the [`Fingerprint`] of the job, and one document for each
//! [`WorkItem`]. They are kept in a [`WorkStore`]: in `ferry.sqlite` of a state directory, or in the index
//! `ferry-<session>` of a cluster. Both know two ways to write: create what does not exist, and replace what has
//! not changed since it was read. No scripts, no update by query. All rules are here, on top of these, so they are
//! the same in both.
//!
//! # Time
//!
//! No clock of any machine is trusted, and no time is stored. A lease is an `epoch` (+1 each time a worker takes
//! the item) and a `heartbeat` (+1 with each save). It has expired when *one observer* has seen the same epoch
//! and heartbeat for the whole lease time, measured by its own monotonic clock. The observer takes the item by
//! replacing exactly the version that it saw last, so a save of the holder that comes in between wins.
//! A holder that was taken over has an old epoch: whatever it saves, completes or splits is refused
//! ([`Saved::Lost`]). It cannot know at once, so until [`Lease::held_until`] nobody else can have the item, and
//! after that it must save before it goes on.
//!
//! # Splitting
//!
//! An idle worker marks a large item ([`WorkStore::request_split`]); its holder sees the mark at its next save and
//! cuts off a tail ([`WorkStore::split_off`]) in three writes:
//! 1. create the tail as a `pending_split` with the id and epoch of its parent,
//! 2. shrink the parent and add the tail to its `children`, in one write that needs the epoch,
//! 3. open the tail.
//!
//! Only write 2 decides. A tail that nobody opened is seen to by any worker: its parent has it among its children:
//! open it. The parent is no longer leased with that epoch, and so can never get it: abandon it. Otherwise its
//! holder is at it: leave it. An abandoned tail covers no documents; its place may be used again.
//!
//! # Completion
//!
//! The plan is written into the session (how many items and documents, and a digest) *before* the first item is,
//! so two workers that plan differently cannot mix their items. A session is complete when all its items are done
//! or quarantined *and* these cover exactly as many documents as the plan.

mod acquire;
mod backend;
mod cursor;
mod error;
mod finish;
mod lease;
mod local;
mod observer;
mod opensearch;
mod plan;
mod record;
mod session;
mod split;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod work_item;

pub use cursor::{Counts, Cursor};
pub use error::StoreError;
pub use finish::Completion;
pub use lease::{Ended, Lease, Saved};
pub use record::ItemState;
pub use session::{Fingerprint, Planned, SessionName, SessionState};
pub use split::Split;
pub use status::{Held, IndexStatus, ItemCounts, Quarantined, Status, Totals};
pub use store::{Place, Settings, WorkStore, Worker};
pub use work_item::{Piece, WorkItem};
