//! What a run would do, without doing it.

use super::report::Excluded;
use crate::error::{Error, Result, chain};
use crate::segment::{IndexBooks, ReadFailure, Segment, SegmentSource, Selected, Unit, select, units};
use crate::snapshot::{IndexSelection, Snapshot};
use futures::TryStreamExt;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// Compressed bytes of the work items that are counted.
const WORK_ITEM_BYTES: u64 = 4 << 20;

/// What a run would do with one index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexPlan {
    /// Name of the index.
    pub index: String,
    /// Its shards.
    pub shards: u32,
    /// Segments with live documents.
    pub segments: u64,
    /// Runs of neighbouring chunks.
    pub work_items: u64,
    /// Live documents, nested children counted.
    pub documents: u64,
    /// Compressed bytes of stored fields to fetch.
    pub bytes_to_fetch: u64,
    /// Bytes of all files of the index in the snapshot.
    pub bytes_total: u64,
    /// What cannot be read.
    pub faults: Vec<String>,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The snapshot.
    pub snapshot: String,
    /// The indices, by name.
    pub indices: Vec<IndexPlan>,
    /// The indices that would be left out.
    pub excluded_indices: Vec<Excluded>,
}

/// Makes a plan: opens every segment, reads no document.
///
/// # Errors
///
/// Those of [`run`](super::run()) that do not concern the target.
pub async fn plan(snapshot: &Snapshot<'_>, selection: &IndexSelection) -> Result<Plan> {
    let (selected, excluded) = select(snapshot, selection).await?;
    let plans: Vec<Arc<PlanBooks>> =
        selected.iter().map(|selected| Arc::new(PlanBooks::new(selected))).collect();
    let indices = selected.iter().zip(plans.iter().map(Arc::clone));
    let mut units = std::pin::pin!(units(snapshot, indices, WORK_ITEM_BYTES));
    while let Some((plan, unit)) = units.try_next().await? {
        plan.add(&unit);
    }
    let indices = plans.iter().map(|plan| plan.take()).collect();
    let excluded = excluded
        .iter()
        .map(|(index, reason)| Excluded { index: (*index).to_owned(), reason: reason.to_string() });
    Ok(Plan { snapshot: snapshot.name().to_owned(), indices, excluded_indices: excluded.collect() })
}

/// The plan of an index while it is made.
struct PlanBooks(Mutex<IndexPlan>);

impl PlanBooks {
    fn new(selected: &Selected) -> Self {
        let (index, shards) = (selected.name.clone(), selected.shards);
        Self(Mutex::new(IndexPlan { index, shards, ..IndexPlan::default() }))
    }

    fn change(&self, change: impl FnOnce(&mut IndexPlan)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn add(&self, unit: &Unit) {
        self.change(|plan| {
            plan.work_items = plan.work_items.saturating_add(1);
            let bytes = unit.bytes.end.saturating_sub(unit.bytes.start);
            plan.bytes_to_fetch = plan.bytes_to_fetch.saturating_add(bytes);
        });
    }

    fn fault(&self, fault: String) {
        self.change(|plan| plan.faults.push(fault));
    }

    /// The plan, when it is made; shards are opened in no order.
    fn take(&self) -> IndexPlan {
        let mut plan = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        plan.faults.sort_unstable();
        plan
    }
}

impl IndexBooks for PlanBooks {
    type Error = Error;

    fn note_shard(&self, segments: &[SegmentSource]) {
        let length = |segment: &SegmentSource| segment.shard.iter().map(|file| file.length).sum();
        let bytes: u64 = segments.first().map_or(0, length);
        self.change(|plan| {
            plan.bytes_total = plan.bytes_total.saturating_add(bytes);
            for live in segments.iter().map(SegmentSource::live_count) {
                plan.documents = plan.documents.saturating_add(live.into());
                plan.segments = plan.segments.saturating_add(u64::from(live > 0));
            }
        });
    }

    fn fail_shard(&self, _shard: &str, error: &Error) -> Result<()> {
        let fault = chain(error);
        // Where the metadata of the index cannot be read, it is the same for all of its shards.
        self.change(|plan| {
            if !plan.faults.contains(&fault) {
                plan.faults.push(fault);
            }
        });
        Ok(())
    }

    fn fail_segment(&self, _segment: &SegmentSource, error: &Error) -> Result<()> {
        self.fault(chain(error));
        Ok(())
    }

    fn fail_documents(&self, _segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.fault(failure.error.to_string());
        Ok(())
    }
}
