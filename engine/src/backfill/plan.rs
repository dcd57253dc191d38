//! What a run would do, without doing it.

use super::report::Excluded;
use crate::error::{Result, chain};
use crate::segment::{open_segment, select};
use crate::snapshot::{IndexSelection, Snapshot};
use futures::{StreamExt, stream};
use serde::Serialize;

/// Compressed bytes of the work items that are counted.
const WORK_ITEM_BYTES: u64 = 4 << 20;
const SEGMENTS_AHEAD: usize = 6;

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
    let mut indices = Vec::new();
    for selected in selected {
        let mut plan =
            IndexPlan { index: selected.name.clone(), shards: selected.shards, ..IndexPlan::default() };
        if let Err(error) = &selected.index {
            plan.faults.push(chain(error));
        }
        for shard in 0..selected.shards {
            match selected.open_shard(snapshot, shard).await {
                Ok(sources) => plan.add_shard(sources).await?,
                Err(error) if error.is_damage() => plan.faults.push(chain(&error)),
                Err(error) => return Err(error),
            }
        }
        indices.push(plan);
    }
    let excluded = excluded
        .iter()
        .map(|(index, reason)| Excluded { index: (*index).to_owned(), reason: reason.to_string() });
    Ok(Plan { snapshot: snapshot.name().to_owned(), indices, excluded_indices: excluded.collect() })
}

impl IndexPlan {
    async fn add_shard(&mut self, sources: Vec<crate::segment::SegmentSource>) -> Result<()> {
        if let Some(source) = sources.first() {
            let bytes: u64 = source.shard.iter().map(|file| file.length).sum();
            self.bytes_total = self.bytes_total.saturating_add(bytes);
        }
        let mut segments = stream::iter(sources).map(open_segment).buffered(SEGMENTS_AHEAD);
        while let Some((source, segment)) = segments.next().await {
            let live = u64::from(source.live_count());
            self.documents = self.documents.saturating_add(live);
            self.segments = self.segments.saturating_add(u64::from(live > 0));
            let segment = match segment {
                Ok(segment) => segment,
                Err(error) if error.is_damage() => {
                    self.faults.push(chain(&error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            for unit in segment.units(WORK_ITEM_BYTES) {
                match unit {
                    Ok(unit) => {
                        self.work_items = self.work_items.saturating_add(1);
                        let bytes = unit.bytes.end.saturating_sub(unit.bytes.start);
                        self.bytes_to_fetch = self.bytes_to_fetch.saturating_add(bytes);
                    }
                    Err(failure) => self.faults.push(failure.error.to_string()),
                }
            }
        }
        Ok(())
    }
}
