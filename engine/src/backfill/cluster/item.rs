//! Copies one work item, from its cursor to its end.

use super::batcher::Damage;
use super::catalog::Catalog;
use super::context::{Context, SegmentId};
use super::error::{Error, Result};
use super::tracker::Acknowledged;
use super::unit::{ItemInfo, UnitOutcome, copy_unit};
use super::units::{Next, clamped, units};
use crate::coordination::{
    Counts, Cursor, Ended, Lease, Piece, Saved, Split, StoreError, WorkItem, WorkStore,
};
use crate::error::chain;
use crate::flow::{FenceKeeper, fence};
use crate::segment::Unit;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// How often the cursor is saved, and with it the lease renewed.
const SAVE_EVERY: Duration = Duration::from_secs(3);

/// What became of unit `number`.
type UnitEnd = (u64, Piece, Unit, Result<UnitOutcome>);

/// Copies the documents of an item that are after its cursor, and gives the item back.
///
/// Only what concerns the whole run is an error; then everything else is told to stop too.
pub(super) async fn copy_item(
    context: &Arc<Context>,
    catalog: &Catalog<'_, '_>,
    store: &WorkStore,
    lease: Lease,
) -> Result<()> {
    let (keeper, fence) = fence(lease.held_until());
    let item = lease.item().clone();
    let info = ItemInfo {
        id: item.id.clone(),
        index: Arc::from(item.index.as_str()),
        default_type: catalog.default_type(&item.index).map(Arc::from),
        is_repeated: lease.epoch() > 1,
        fence,
    };
    let mut copy = ItemCopy {
        context,
        store,
        keeper,
        done: Acknowledged::new(lease.cursor().cloned(), lease.counts().clone()),
        is_whole_shard: item.is_whole_shard(),
        end: item.span(),
        item,
        info: Arc::new(info),
        running: JoinSet::new(),
        started: (0, lease.cursor().cloned()),
        damaged: BTreeMap::new(),
        untrusted: BTreeSet::new(),
        error: None,
        is_lost: false,
        lease,
    };
    copy.run(catalog).await;
    copy.finish().await
}

/// An item that is copied.
struct ItemCopy<'a> {
    context: &'a Arc<Context>,
    store: &'a WorkStore,
    lease: Lease,
    keeper: FenceKeeper,
    info: Arc<ItemInfo>,
    /// The item as it was taken; a tail may be split off meanwhile.
    item: WorkItem,
    /// Where it ends now, as a position in `item`.
    end: u64,
    is_whole_shard: bool,
    done: Acknowledged,
    running: JoinSet<UnitEnd>,
    /// How many units were started, and where the last one ends.
    started: (u64, Option<Cursor>),
    /// Units with damage: what came of the documents before it.
    damaged: BTreeMap<u64, (Damage, Counts)>,
    /// Segments with a wrong checksum of which all could be decoded, as far as it is known.
    untrusted: BTreeSet<Arc<str>>,
    error: Option<Error>,
    is_lost: bool,
}

impl ItemCopy<'_> {
    /// Copies until nothing is left, or something stops it; waits for all that was begun.
    async fn run(&mut self, catalog: &Catalog<'_, '_>) {
        let pieces = rest_of(&self.item, self.lease.cursor());
        let pieces = match catalog.pieces(&self.item.index, self.item.shard, &pieces).await {
            Ok(pieces) => pieces,
            Err(error) => return self.note_error(error),
        };
        let (context, index, shard) = (self.context, self.item.index.clone(), self.item.shard);
        let units = units(catalog, (&index, shard), pieces, &context.pace);
        let mut units = std::pin::pin!(units);
        let mut ticks = interval(SAVE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let mut is_read = false;
        loop {
            let goes_on = !is_read && self.goes_on();
            if !goes_on && self.running.is_empty() {
                return;
            }
            let has_room = context.pace.has_room(self.running.len());
            tokio::select! {
                biased;
                _ = ticks.tick() => self.save().await,
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => self.note(ended),
                next = units.next(), if goes_on && has_room => match next {
                    Some(next) => is_read = !self.start(next),
                    None => is_read = true,
                },
            }
        }
    }

    fn goes_on(&self) -> bool {
        let is_stopped = self.context.cancel.is_cancelled();
        self.damaged.is_empty() && self.error.is_none() && !self.is_lost && !is_stopped
    }

    /// Starts the next unit; false when it is behind the end of the item.
    fn start(&mut self, next: Next) -> bool {
        let number = self.started.0;
        match next {
            Next::Unit(mut unit, piece) => {
                let Some(piece) = self.within(piece, &mut unit) else { return false };
                self.started = (number.saturating_add(1), Some(clamped(&piece, unit.documents.end)));
                let (context, info) = (Arc::clone(self.context), Arc::clone(&self.info));
                let underway = context.pace.start(unit.bytes.end.saturating_sub(unit.bytes.start));
                self.running.spawn(async move {
                    let outcome = copy_unit(Arc::clone(&context), info, unit.clone()).await;
                    context.pace.done(&underway, context.requests());
                    (number, piece, unit, outcome)
                });
            }
            Next::Damaged(damage) => {
                self.started = (number.saturating_add(1), Some(damage.to.clone()));
                self.damaged.insert(number, (damage, Counts::default()));
            }
            Next::Failed(error) => self.note_error(error),
        }
        true
    }

    /// Cuts a unit at the end of the item, which is nearer since a tail was split off; none when it is behind it.
    fn within(&self, piece: Piece, unit: &mut Unit) -> Option<Piece> {
        if self.is_whole_shard || self.end == self.item.span() {
            return Some(piece);
        }
        let position = |document| self.item.position(&clamped(&piece, document)).unwrap_or(u64::MAX);
        let (start, end) = (position(unit.documents.start), position(unit.documents.end));
        if start >= self.end {
            return None;
        }
        if end <= self.end {
            return Some(piece);
        }
        let length = u32::try_from(self.end.saturating_sub(start)).unwrap_or(u32::MAX);
        let first = unit.documents.start.max(piece.documents.start);
        let documents = piece.documents.start..first.saturating_add(length);
        unit.segment = Arc::new(unit.segment.restricted_to(documents.clone()));
        Some(Piece { segment: piece.segment, documents })
    }

    fn note(&mut self, ended: Result<UnitEnd, JoinError>) {
        let (number, piece, unit, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.note_error(Error::Task(error)),
        };
        match outcome {
            Ok(UnitOutcome { counts, damage: None, untrusted }) => {
                self.untrusted.extend(untrusted);
                self.done.add(number, clamped(&piece, unit.documents.end), counts);
            }
            Ok(UnitOutcome { counts, damage: Some(damage), .. }) => {
                self.context.noted.note_damage(self.segment_of(unit.segment.name()));
                let [from, to] = [&damage.from, &damage.to].map(|at| clamped(&piece, at.document));
                self.damaged.insert(number, (Damage { from, to, ..damage }, counts));
            }
            Err(Error::LeaseLost) => self.lose(),
            Err(error) => self.note_error(error),
        }
    }

    /// Stops the item, and the whole run unless the error is only damage of the item.
    fn note_error(&mut self, error: Error) {
        if !error.is_stop() && !is_damage(&error) {
            self.context.cancel.cancel();
        }
        if self.error.as_ref().is_none_or(Error::is_stop) {
            self.error = Some(error);
        }
    }

    fn lose(&mut self) {
        self.is_lost = true;
        self.keeper.close();
    }

    fn segment_of(&self, name: &str) -> SegmentId {
        (self.item.index.clone(), self.item.shard, name.to_owned())
    }

    /// What came of all that is done. A segment with damage is told by that: when it is repaired, all is well.
    fn counts(&self) -> Counts {
        let mut counts = self.done.counts().clone();
        let is_damaged = |name: &Arc<str>| self.context.noted.is_damaged(&self.segment_of(name));
        let untrusted = self.untrusted.iter().filter(|name| !is_damaged(name)).count();
        counts.untrusted = counts.untrusted.saturating_add(untrusted as u64);
        counts
    }

    /// Where all before is done, and what came of it.
    fn position(&self) -> (Option<Cursor>, Counts) {
        if self.is_whole_shard {
            // No place in a segment is a place in the item: it is as it was taken until all of it is done.
            return (self.lease.cursor().cloned(), self.lease.counts().clone());
        }
        (self.done.cursor().cloned(), self.counts())
    }

    /// Renews the lease, saves the cursor, and gives a part away if another worker asks for it.
    async fn save(&mut self) {
        if self.is_lost {
            return;
        }
        if let Err(error) = self.try_save().await {
            self.note_error(error);
        }
    }

    async fn try_save(&mut self) -> Result<()> {
        let (cursor, counts) = self.position();
        self.flush_failed().await?;
        match self.store.save(&mut self.lease, cursor.as_ref(), &counts).await? {
            Saved::Lost => self.lose(),
            Saved::Kept { split_requested } => {
                self.keeper.renew(self.lease.held_until());
                if split_requested && self.goes_on() {
                    self.split().await?;
                }
            }
        }
        Ok(())
    }

    async fn split(&mut self) -> Result<()> {
        let Some(at) = self.lease.item().halve_after(self.started.1.as_ref()) else { return Ok(()) };
        match self.store.split_off(&mut self.lease, &at).await? {
            Split::Done { tail } => {
                tracing::info!(item = self.item.id, tail, "gave the second half to another worker");
                self.end = self.item.position(&at).unwrap_or(self.end);
            }
            Split::Impossible => {}
            Split::Lost => self.lose(),
        }
        Ok(())
    }

    /// Gives the item back: done, released, or with an error.
    async fn finish(mut self) -> Result<()> {
        if self.is_lost {
            tracing::warn!(item = self.item.id, "another worker has taken the work item");
            return Ok(());
        }
        match self.error.take() {
            Some(error) if is_damage(&error) => self.fail(&chain(&error)).await,
            Some(error) => {
                let released = self.release().await;
                if let Err(second) = released {
                    tracing::warn!(error = %chain(&second), "the work item could not be given back");
                }
                if error.is_stop() { Ok(()) } else { Err(error) }
            }
            None if !self.damaged.is_empty() => self.isolate().await,
            None if self.context.cancel.is_cancelled() => self.release().await,
            None => self.complete().await,
        }
    }

    async fn flush_failed(&self) -> Result<()> {
        self.context.failed.flush().await.map_err(Error::FailedDocuments)
    }

    async fn complete(self) -> Result<()> {
        self.flush_failed().await?;
        let (counts, id) = (self.counts(), self.item.id);
        match self.store.complete(self.lease, &counts).await {
            Ok(Ended::As(_)) => Ok(()),
            Ok(Ended::Lost) => {
                tracing::warn!(item = id, "another worker had taken the work item");
                Ok(())
            }
            // A tail was split off and the answer was lost: what is left is looked at again.
            Err(StoreError::InvalidCursor { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn release(self) -> Result<()> {
        let (cursor, counts) = self.position();
        self.flush_failed().await?;
        self.store.release(self.lease, cursor.as_ref(), &counts).await?;
        Ok(())
    }

    async fn fail(self, reason: &str) -> Result<()> {
        self.flush_failed().await?;
        self.store.fail(self.lease, reason).await?;
        Ok(())
    }

    /// Makes the damaged documents an item of their own: it is given up, all the rest goes on.
    async fn isolate(mut self) -> Result<()> {
        let Some((number, (damage, counts))) = self.damaged.pop_first() else { return Ok(()) };
        tracing::error!(item = self.item.id, at = %damage.from, reason = damage.reason, "damaged documents");
        if self.is_whole_shard || number != self.done.next() {
            return self.fail(&damage.reason).await;
        }
        self.done.stop_at(damage.from.clone(), &counts);
        self.save().await;
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.is_lost {
            return Ok(());
        }
        if let Split::Lost = self.store.split_off_begun(&mut self.lease, &damage.to).await? {
            return Ok(());
        }
        self.fail(&damage.reason).await
    }
}

fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Engine(error) if error.is_damage())
}

/// The pieces of an item after a cursor.
fn rest_of(item: &WorkItem, cursor: Option<&Cursor>) -> Vec<Piece> {
    let Some(cursor) = cursor else { return item.pieces.clone() };
    let Some(done) = item.position(cursor) else { return item.pieces.clone() };
    match item.split_at(cursor) {
        Some((_, rest)) => rest.pieces,
        None if done == 0 => item.pieces.clone(),
        None => Vec::new(),
    }
}
