//! What is kept of a work item, and the ways in which it can change. Nothing here waits.

use super::backend::{Columns, Document};
use super::cursor::{Counts, Cursor};
use super::plan::Digest;
use super::store::Worker;
use super::work_item::WorkItem;
use serde::{Deserialize, Serialize};

/// How far an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Nobody has it.
    Open,
    /// A worker has it, or had it when it stopped.
    Leased,
    /// All its documents are acknowledged, or in the failed-document file.
    Done,
    /// Given up, with a reason.
    Quarantined,
    /// A tail that is being cut off its parent; whether it counts, the parent says.
    PendingSplit,
    /// A tail that was never cut off: it covers nothing.
    Abandoned,
}

impl ItemState {
    /// As it is stored.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Quarantined => "quarantined",
            Self::PendingSplit => "pending_split",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Where an item comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    Plan,
    Split,
}

impl Origin {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Split => "split",
        }
    }
}

/// A work item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) item: WorkItem,
    /// [`WorkItem::span`], to be summed up.
    pub(super) span: u64,
    /// A hash of the id: items are looked for in its order.
    pub(super) order: u64,
    pub(super) origin: Origin,
    pub(super) state: ItemState,
    /// How often it was taken; a graceful stop takes its one back.
    pub(super) attempts: u32,
    /// Attempts since the cursor last moved: these are limited, so that kills do not add up on a long item.
    pub(super) fruitless: u32,
    /// How many of these ended without a word.
    pub(super) silent: u32,
    /// The last worker that stopped without a word.
    pub(super) silent_worker: Option<String>,
    pub(super) last_error: Option<String>,
    /// +1 each time it is taken.
    pub(super) epoch: u64,
    /// +1 with each save.
    pub(super) heartbeat: u64,
    /// Name of the holder.
    pub(super) worker: Option<String>,
    /// The process of the holder.
    pub(super) instance: Option<String>,
    pub(super) cursor: Option<Cursor>,
    pub(super) counts: Counts,
    /// [`Counts::failed_total`], to be summed up.
    pub(super) failed: u64,
    /// Bytes after the cursor, about.
    pub(super) remaining: u64,
    pub(super) split_requested: bool,
    pub(super) parent: Option<String>,
    pub(super) parent_epoch: Option<u64>,
    /// Tails that were cut off.
    pub(super) children: Vec<String>,
}

/// An error text is kept up to this length.
const LONGEST_ERROR: usize = 2000;

impl Record {
    /// A planned item.
    pub(super) fn new(item: WorkItem) -> Self {
        Self {
            span: item.span(),
            order: Digest::of(&item.id).order(),
            origin: Origin::Plan,
            state: ItemState::Open,
            attempts: 0,
            fruitless: 0,
            silent: 0,
            silent_worker: None,
            last_error: None,
            epoch: 0,
            heartbeat: 0,
            worker: None,
            instance: None,
            cursor: None,
            counts: Counts::default(),
            failed: 0,
            remaining: item.bytes,
            split_requested: false,
            parent: None,
            parent_epoch: None,
            children: Vec::new(),
            item,
        }
    }

    /// A tail of `parent`, before it is cut off. What an earlier holder of the parent had begun may be in it.
    pub(super) fn tail(item: WorkItem, parent: &Self) -> Self {
        let tail = Self {
            origin: Origin::Split,
            state: ItemState::PendingSplit,
            parent: Some(parent.item.id.clone()),
            parent_epoch: Some(parent.epoch),
            ..Self::new(item)
        };
        if parent.epoch > 1 { tail.begun() } else { tail }
    }

    /// As if it had been taken before: some of it may have been done.
    pub(super) fn begun(self) -> Self {
        Self { epoch: self.epoch.max(1), ..self }
    }

    /// Whether it is still the lease with this epoch.
    pub(super) fn is_held(&self, epoch: u64) -> bool {
        self.state == ItemState::Leased && self.epoch == epoch
    }

    /// Taken by a worker, from a holder that stopped if there is one; quarantined when its attempts are used up.
    pub(super) fn taken(&self, worker: &Worker, max_attempts: u32) -> Self {
        let next = if self.state == ItemState::Leased { self.lapsed() } else { self.clone() };
        if next.fruitless >= max_attempts {
            return next.without_holder(ItemState::Quarantined);
        }
        Self {
            attempts: next.attempts.saturating_add(1),
            fruitless: next.fruitless.saturating_add(1),
            epoch: next.epoch.saturating_add(1),
            worker: Some(worker.name().to_owned()),
            instance: Some(worker.instance().to_owned()),
            ..next.without_holder(ItemState::Leased)
        }
    }

    /// Open again, because its holder stopped without a word.
    pub(super) fn lapsed(&self) -> Self {
        let silent = self.silent.saturating_add(1);
        let silent_worker = self.worker.clone();
        Self { silent, silent_worker, ..self.without_holder(ItemState::Open) }
    }

    /// With a cursor and the counts of all before it.
    pub(super) fn saved(&self, cursor: Option<&Cursor>, counts: &Counts) -> Self {
        let moved = self.position_of(cursor) > self.position_of(self.cursor.as_ref());
        Self {
            heartbeat: self.heartbeat.saturating_add(1),
            fruitless: if moved { 0 } else { self.fruitless },
            silent: if moved { 0 } else { self.silent },
            remaining: self.item.bytes_after(cursor),
            cursor: cursor.cloned(),
            counts: counts.clone(),
            failed: counts.failed_total(),
            ..self.clone()
        }
    }

    /// Done to its end.
    pub(super) fn done(&self, counts: &Counts) -> Self {
        let mut done = self.saved(self.item.end().as_ref(), counts).without_holder(ItemState::Done);
        if done.item.is_whole_shard() {
            done.item.documents = counts.documents();
        }
        done
    }

    /// Given back; the attempt does not count.
    pub(super) fn released(&self, cursor: Option<&Cursor>, counts: &Counts) -> Self {
        let next = self.saved(cursor, counts);
        Self {
            attempts: next.attempts.saturating_sub(1),
            fruitless: next.fruitless.saturating_sub(1),
            ..next.without_holder(ItemState::Open)
        }
    }

    /// Given back with an error; quarantined when its attempts are used up.
    pub(super) fn failed(&self, error: &str, max_attempts: u32) -> Self {
        let used_up = self.fruitless >= max_attempts;
        let state = if used_up { ItemState::Quarantined } else { ItemState::Open };
        let last_error = Some(error.chars().take(LONGEST_ERROR).collect());
        Self { last_error, ..self.without_holder(state) }
    }

    /// Open again with all its attempts, after whatever was wrong was put right.
    pub(super) fn requeued(&self) -> Self {
        Self {
            fruitless: 0,
            silent: 0,
            silent_worker: None,
            last_error: None,
            ..self.without_holder(ItemState::Open)
        }
    }

    /// With the wish of another worker to have a part of it.
    pub(super) fn marked(&self) -> Self {
        Self { split_requested: true, ..self.clone() }
    }

    /// Without a tail that was cut off. Unchanged when it already is, or when the item is not the `whole` that was cut.
    pub(super) fn shrunk(&self, whole: &WorkItem, head: &WorkItem, tail: &str) -> Self {
        if self.item != *whole || self.children.iter().any(|child| child == tail) {
            return self.clone();
        }
        let mut children = self.children.clone();
        children.push(tail.to_owned());
        Self {
            item: head.clone(),
            span: head.span(),
            remaining: head.bytes_after(self.cursor.as_ref()),
            heartbeat: self.heartbeat.saturating_add(1),
            split_requested: false,
            children,
            ..self.clone()
        }
    }

    /// A tail that was cut off: anyone may take it.
    pub(super) fn opened(&self) -> Self {
        Self { state: ItemState::Open, ..self.clone() }
    }

    /// A tail that was not, and cannot be any more.
    pub(super) fn abandoned(&self) -> Self {
        Self { state: ItemState::Abandoned, ..self.clone() }
    }

    /// Why the item was or will be given up; empty when there is no reason to.
    pub(super) fn reason(&self) -> String {
        let silence = self.silent_worker.as_ref().filter(|_| self.silent > 0).map(|worker| {
            let times = if self.silent == 1 { "once".to_owned() } else { format!("{} times", self.silent) };
            format!("worker `{worker}` stopped without a word {times}")
        });
        match (&self.last_error, silence) {
            (Some(error), None) => error.clone(),
            (Some(error), Some(silence)) => format!("{error}; {silence}"),
            (None, silence) => silence.unwrap_or_default(),
        }
    }

    pub(super) fn position_of(&self, cursor: Option<&Cursor>) -> Option<u64> {
        cursor.map_or(Some(0), |cursor| self.item.position(cursor))
    }

    fn without_holder(&self, state: ItemState) -> Self {
        Self { state, worker: None, instance: None, split_requested: false, ..self.clone() }
    }
}

impl Document for Record {
    fn id(&self) -> &str {
        &self.item.id
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            state: Some(self.state.name()),
            origin: Some(self.origin.name()),
            index: Some(&self.item.index),
            split_requested: self.split_requested,
            numbers: [
                self.order,
                self.remaining,
                self.span,
                self.item.documents,
                self.item.bytes,
                self.counts.written,
                self.counts.excluded,
                self.failed,
                self.counts.bytes,
                self.counts.untrusted,
            ],
        }
    }

    fn check(&self) -> Result<(), String> {
        self.item.check()?;
        if self.span != self.item.span() {
            return Err(format!("its span is {}, its pieces have {}", self.span, self.item.span()));
        }
        match &self.cursor {
            Some(cursor) if self.item.position(cursor).is_none() => {
                Err(format!("its cursor `{cursor}` is not in its pieces"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::Piece;

    fn record() -> Record {
        let pieces = vec![Piece { segment: "_0".to_owned(), documents: 0..100 }];
        Record::new(WorkItem::new("i", 0, pieces, 1000, 100).unwrap())
    }

    fn at(document: u32) -> Option<Cursor> {
        Some(Cursor { segment: "_0".to_owned(), document })
    }

    #[test]
    fn a_worker_that_stops_without_a_word_is_named_in_the_reason() {
        let worker = Worker::new("w-3");
        let mut record = record();
        for attempt in 1..=5 {
            record = record.taken(&worker, 5);
            let expected = (ItemState::Leased, attempt, u64::from(attempt));
            assert_eq!((record.state, record.attempts, record.epoch), expected);
        }
        record = record.taken(&worker, 5);
        assert_eq!((record.state, record.attempts), (ItemState::Quarantined, 5));
        assert_eq!(record.reason(), "worker `w-3` stopped without a word 5 times");
        assert_eq!((record.worker, record.last_error), (None, None));
    }

    #[test]
    fn errors_use_up_attempts_and_the_last_one_is_kept() {
        let worker = Worker::new("w");
        let mut record = record();
        for attempt in 1..=5 {
            record = record.taken(&worker, 5).failed(&format!("error {attempt}"), 5);
            let expected = if attempt < 5 { ItemState::Open } else { ItemState::Quarantined };
            assert_eq!(record.state, expected);
        }
        assert_eq!(record.reason(), "error 5");
    }

    #[test]
    fn a_graceful_stop_does_not_use_up_an_attempt() {
        let mut record = record();
        for _ in 0..20 {
            record = record.taken(&Worker::new("w"), 5).released(None, &Counts::default());
        }
        assert_eq!((record.state, record.attempts, record.fruitless), (ItemState::Open, 0, 0));
        assert_eq!(record.epoch, 20);
    }

    #[test]
    fn a_tail_of_which_some_may_be_done_is_never_taken_for_the_first_time() {
        let worker = Worker::new("w");
        let tail = |parent: &Record| Record::tail(record().item, parent);
        let first = record().taken(&worker, 5);
        assert_eq!(tail(&first).taken(&worker, 5).epoch, 1);
        assert_eq!(tail(&first).begun().taken(&worker, 5).epoch, 2);
        let taken_over = first.taken(&worker, 5);
        assert_eq!(tail(&taken_over).taken(&worker, 5).epoch, 2);
    }

    #[test]
    fn attempts_that_moved_the_cursor_are_counted_but_not_limited() {
        let worker = Worker::new("w");
        let mut record = record();
        for document in 1..=20 {
            record = record.taken(&worker, 5).saved(at(document).as_ref(), &Counts::default());
        }
        assert_eq!((record.attempts, record.fruitless), (20, 0));
        for _ in 0..6 {
            record = record.taken(&worker, 5);
        }
        assert_eq!((record.state, record.attempts), (ItemState::Quarantined, 25));
        assert_eq!(record.reason(), "worker `w` stopped without a word 6 times");
    }

    #[test]
    fn a_record_is_the_same_after_json() {
        let failed = [("mapper_parsing_exception".to_owned(), 3)].into();
        let counts = Counts { written: 7, excluded: 1, bytes: 99, failed, untrusted: 2 };
        let record = record().taken(&Worker::new("w"), 5).saved(at(11).as_ref(), &counts).marked();
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        assert_eq!((record.failed, record.remaining), (3, 890));
    }

    #[test]
    fn a_record_that_contradicts_itself_is_refused() {
        let mut wrong = record();
        wrong.cursor = at(101);
        assert_eq!(wrong.check().unwrap_err(), "its cursor `_0:101` is not in its pieces");
        wrong.span = 7;
        assert_eq!(wrong.check().unwrap_err(), "its span is 7, its pieces have 100");
    }
}
