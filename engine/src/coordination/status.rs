//! How a session is.

use super::backend::{ORDERS, Query, Tally};
use super::cursor::{Counts, Cursor};
use super::error::StoreError;
use super::record::{ItemState, Record};
use super::session::{Fingerprint, Planned, SessionRecord, SessionState};
use super::store::WorkStore;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Name of the session.
    pub session: String,
    /// Where it is kept.
    pub store: String,
    /// How far it is.
    pub state: SessionState,
    /// The job.
    pub job: Fingerprint,
    /// The plan, once it is made.
    pub planned: Option<Planned>,
    /// All indices together.
    pub totals: Totals,
    /// The indices, by name.
    pub indices: Vec<IndexStatus>,
    /// The items that workers have, the first 1000.
    pub held: Vec<Held>,
    /// The items that were given up, the first 1000.
    pub quarantined: Vec<Quarantined>,
}

/// How one index is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexStatus {
    /// Its name in the snapshot.
    pub index: String,
    /// What its items come to.
    #[serde(flatten)]
    pub totals: Totals,
}

/// What items come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Items by state.
    pub items: ItemCounts,
    /// Live documents, about.
    pub documents: u64,
    /// Compressed bytes, about.
    pub bytes: u64,
    /// Live documents of the items that are done, about.
    pub documents_of_done: u64,
    /// Compressed bytes of the items that are done, about.
    pub bytes_of_done: u64,
    /// Documents that the target has.
    pub written: u64,
    /// Bytes of these documents.
    pub written_bytes: u64,
    /// Documents that a transform left out.
    pub excluded: u64,
    /// Documents that are in the failed-document file.
    pub failed: u64,
    /// Segments with a wrong checksum of which documents were written.
    pub untrusted: u64,
}

/// Items by state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ItemCounts {
    /// Nobody has them.
    pub open: u64,
    /// A worker has them, or had them when it stopped.
    pub leased: u64,
    /// Done.
    pub done: u64,
    /// Given up.
    pub quarantined: u64,
    /// Being cut off another item.
    pub splitting: u64,
}

/// An item that a worker has, or had when it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Id of the item.
    pub item: String,
    /// Name of the worker.
    pub worker: String,
    /// Which attempt it is.
    pub attempts: u32,
    /// Where it is.
    pub cursor: Option<Cursor>,
    /// Compressed bytes that are left, about.
    pub bytes_left: u64,
    /// What came of it so far.
    pub counts: Counts,
    /// Why the attempts before ended; empty if they did well.
    pub trouble: String,
}

/// An item that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Id of the item.
    pub item: String,
    /// Its index.
    pub index: String,
    /// Its shard.
    pub shard: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// Where it stopped: what is after it was not copied.
    pub cursor: Option<Cursor>,
    /// What came of it until there.
    pub counts: Counts,
    /// Why.
    pub reason: String,
}

/// Items that are named one by one, at most.
const MOST_NAMED: usize = 1000;

impl WorkStore {
    /// How the session is.
    ///
    /// # Errors
    ///
    /// Those that concern the store.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let SessionRecord { state, fingerprint: job, planned, .. } = self.session_record().await?.document;
        self.backend().refresh().await?;
        let mut totals = Totals::default();
        let mut indices = BTreeMap::<String, Totals>::new();
        for tally in self.backend().tally().await? {
            totals.add(&tally);
            indices.entry(tally.index.clone()).or_default().add(&tally);
        }
        let indices = indices.into_iter().map(|(index, totals)| IndexStatus { index, totals }).collect();
        let held = self.named(ItemState::Leased).await?.iter().map(Held::of).collect();
        let quarantined = self.named(ItemState::Quarantined).await?.iter().map(Quarantined::of).collect();
        let (session, store) = (self.session().to_string(), self.backend().name());
        Ok(Status { session, store, state, job, planned, totals, indices, held, quarantined })
    }

    /// The items in a state, by their ids.
    async fn named(&self, state: ItemState) -> Result<Vec<Record>, StoreError> {
        const PAGE: usize = 50;
        let (mut from, mut records) = (0, Vec::new());
        while records.len() < MOST_NAMED {
            let found = self.backend().find(Query::Ring { state, from, before: ORDERS }, PAGE).await?;
            let Some(last) = found.last() else { break };
            from = last.document.order.saturating_add(1);
            records.extend(found.into_iter().map(|found| found.document));
        }
        records.sort_unstable_by(|a, b| a.item.id.cmp(&b.item.id));
        Ok(records)
    }
}

impl Totals {
    /// Documents of which it is known what became of them: written, left out, or failed.
    #[must_use]
    pub const fn documents_known(&self) -> u64 {
        self.written.saturating_add(self.excluded).saturating_add(self.failed)
    }

    fn add(&mut self, tally: &Tally) {
        let state = |state: ItemState| tally.state == state.name();
        if state(ItemState::Abandoned) {
            return;
        }
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        let items = &mut self.items;
        match tally.state.as_str() {
            "open" => add(&mut items.open, tally.items),
            "leased" => add(&mut items.leased, tally.items),
            "done" => add(&mut items.done, tally.items),
            "quarantined" => add(&mut items.quarantined, tally.items),
            _ => return add(&mut items.splitting, tally.items), // Its parent may still have its documents.
        }
        add(&mut self.documents, tally.documents);
        add(&mut self.bytes, tally.bytes);
        add(&mut self.written, tally.written);
        add(&mut self.written_bytes, tally.written_bytes);
        add(&mut self.excluded, tally.excluded);
        add(&mut self.failed, tally.failed);
        add(&mut self.untrusted, tally.untrusted);
        if state(ItemState::Done) {
            add(&mut self.documents_of_done, tally.documents);
            add(&mut self.bytes_of_done, tally.bytes);
        }
    }
}

impl Held {
    fn of(record: &Record) -> Self {
        Self {
            item: record.item.id.clone(),
            worker: record.worker.clone().unwrap_or_default(),
            attempts: record.attempts,
            cursor: record.cursor.clone(),
            bytes_left: record.remaining,
            counts: record.counts.clone(),
            trouble: record.reason(),
        }
    }
}

impl Quarantined {
    fn of(record: &Record) -> Self {
        Self {
            item: record.item.id.clone(),
            index: record.item.index.clone(),
            shard: record.item.shard,
            attempts: record.attempts,
            cursor: record.cursor.clone(),
            counts: record.counts.clone(),
            reason: record.reason(),
        }
    }
}
