//! Copies one unit of an item: decode → operations → target, and what became of each document.

use super::batcher::{Damage, OperationBatcher};
use super::context::Context;
use super::error::{Error, Result};
use crate::bulk::{BatchOutcome, FailedOperation};
use crate::coordination::Counts;
use crate::flow::Fence;
use crate::segment::{Unit, read_unit};
use crate::telemetry::FailedClass;
use codecs::bulk::ParsedAction;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The error of `create` for a document that is there.
const CONFLICT: &str = "version_conflict_engine_exception";

/// The item that a unit is part of.
#[derive(Debug)]
pub(super) struct ItemInfo {
    /// Its id.
    pub(super) id: String,
    /// Its index in the snapshot.
    pub(super) index: Arc<str>,
    pub(super) default_type: Option<Arc<str>>,
    /// Whether another attempt may have written some of its documents.
    pub(super) is_repeated: bool,
    pub(super) fence: Fence,
}

/// What became of a unit.
#[derive(Debug, Default)]
pub(super) struct UnitOutcome {
    /// Of the documents before the damage, or of all.
    pub(super) counts: Counts,
    pub(super) damage: Option<Damage>,
    /// Segments whose last bytes it read, and whose checksum is wrong.
    pub(super) untrusted: Vec<Arc<str>>,
}

/// What became of the operations of a unit so far.
#[derive(Debug, Default)]
struct Verdicts {
    counts: Counts,
    /// Documents with an operation that failed.
    failed: HashSet<u32>,
    untrusted: Vec<Arc<str>>,
}

/// Copies a unit. When it returns, each of its documents is written, left out, or recorded as failed, up to the damage.
pub(super) async fn copy_unit(context: Arc<Context>, item: Arc<ItemInfo>, unit: Unit) -> Result<UnitOutcome> {
    let verdicts = Mutex::new(Verdicts::default());
    let batcher = OperationBatcher::new(&context, &item.index, item.default_type.clone());
    let deliver = |batcher| deliver(&context, &item, &verdicts, batcher);
    let mut batcher = read_unit(&context.resources, unit, batcher, &deliver).await?;
    // What cannot be read is noted after the last batch, if there is no document after it.
    batcher = deliver(batcher).await?;
    let Verdicts { mut counts, failed, untrusted } =
        verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tally = batcher.tally();
    counts.written = tally.sent.saturating_sub(failed.len() as u64);
    counts.excluded = tally.excluded;
    context.progress.excluded(counts.excluded);
    context.progress.written(counts.written, counts.bytes);
    for (class, documents) in &counts.failed {
        context.progress.failed(FailedClass::of(class), *documents);
    }
    Ok(UnitOutcome { counts, damage: batcher.damage().cloned(), untrusted })
}

/// Sends what a batcher has, and records what fails.
async fn deliver(
    context: &Context,
    item: &ItemInfo,
    verdicts: &Mutex<Verdicts>,
    mut batcher: OperationBatcher,
) -> Result<OperationBatcher> {
    for batch in batcher.take_batches() {
        let index = Arc::clone(batch.index());
        // An earlier attempt may have written any of them.
        let again = if item.is_repeated { batch.without_id() } else { 0 };
        let mut outcome = context.send(batch, &item.fence).await?;
        outcome.possible_duplicates = outcome.possible_duplicates.max(again);
        context.noted.note_operations(&outcome);
        record(context, item, &index, verdicts, &outcome).await?;
        context.give_back(std::mem::take(&mut outcome.buffer));
    }
    for unsent in batcher.take_unsent() {
        let record = unsent.record(&item.id, &item.index);
        context.failed.record_document(record).await.map_err(Error::FailedDocuments)?;
        if unsent.documents() == 0 {
            let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            verdicts.untrusted.push(Arc::clone(unsent.segment()));
        } else {
            context.note_failure(&item.index, unsent.class(), unsent.reason());
            let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = verdicts.counts.failed.entry(unsent.class().to_string()).or_default();
            *count = count.saturating_add(unsent.documents());
        }
    }
    Ok(batcher)
}

/// Counts a batch, after its failed operations are recorded.
async fn record(
    context: &Context,
    item: &ItemInfo,
    index: &str,
    verdicts: &Mutex<Verdicts>,
    outcome: &BatchOutcome,
) -> Result<()> {
    let is_news = |failed: &&FailedOperation| !(item.is_repeated && is_create_of_one_that_is_there(failed));
    let failed: Vec<&FailedOperation> = outcome.failed.iter().filter(is_news).collect();
    for operation in &failed {
        let recorded = context.failed.record(&item.id, index, operation).await;
        recorded.map_err(Error::FailedDocuments)?;
        context.note_failure(&item.index, operation.class, &operation.reason);
    }
    let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
    verdicts.counts.bytes = verdicts.counts.bytes.saturating_add(outcome.bytes);
    for operation in failed {
        let document = operation.origin.as_ref().map_or(u32::MAX, |origin| origin.document);
        if verdicts.failed.insert(document) {
            let count = verdicts.counts.failed.entry(operation.class.to_string()).or_default();
            *count = count.saturating_add(1);
        }
    }
    Ok(())
}

/// Whether the target has a document that was to be created: in an item of an earlier attempt, the one that it wrote. A
/// transform can make a `create` of one document and an `index` of another, so the operation itself says what it was.
fn is_create_of_one_that_is_there(failed: &FailedOperation) -> bool {
    failed.error_type.as_deref() == Some(CONFLICT)
        && ParsedAction::parse(&failed.action).is_ok_and(|action| action.op == "create")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::FailureClass;

    #[test]
    fn a_conflict_of_an_operation_that_creates_is_told_by_its_own_action() {
        let failed = |action: &'static str, error: &str| FailedOperation {
            position: 0,
            origin: None,
            id: Some("1".to_owned()),
            class: FailureClass::Refused,
            status: Some(409),
            error_type: Some(error.to_owned()),
            reason: "version conflict".to_owned(),
            action: action.into(),
            source: "{}".into(),
        };
        assert!(is_create_of_one_that_is_there(&failed(r#"{"create":{"_id":"1"}}"#, CONFLICT)));
        assert!(!is_create_of_one_that_is_there(&failed(r#"{"index":{"_id":"1"}}"#, CONFLICT)));
        assert!(!is_create_of_one_that_is_there(&failed(
            r#"{"create":{"_id":"1"}}"#,
            "mapper_parsing_exception"
        )));
        assert!(!is_create_of_one_that_is_there(&failed("garbage", CONFLICT)));
    }
}
