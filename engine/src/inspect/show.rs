//! What is in one snapshot: indices, shards, segments.

use super::list::product_name;
use crate::error::{Result, chain};
use crate::segment::{Segment, SegmentSource, segments};
use crate::snapshot::{Exclusion, Index, IndexSelection, Snapshot};
use futures::{StreamExt, stream};
use serde::Serialize;
use std::sync::Arc;

const READ_AHEAD: usize = 16;

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its name.
    pub snapshot: String,
    /// Product and version of the server that made it.
    pub version: Option<String>,
    /// Its indices, by name.
    pub indices: Vec<IndexRow>,
}

/// An index of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexRow {
    /// Its name.
    pub index: String,
    /// How many shards it has.
    pub shards: u32,
    /// Live documents, nested children counted.
    pub live_documents: u64,
    /// Deleted documents that are still in the segments, soft-deleted ones counted.
    pub deleted_documents: u64,
    /// Bytes of stored fields.
    pub stored_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Why a backfill leaves it out unless it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Its segments.
    pub segments: Vec<SegmentRow>,
    /// What cannot be read.
    pub faults: Vec<String>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentRow {
    /// Number of the shard.
    pub shard: u32,
    /// Its name.
    pub segment: String,
    /// Live documents, nested children counted.
    pub live_documents: u64,
    /// Deleted documents.
    pub deleted_documents: u64,
    /// The format of its stored fields.
    pub stored_fields: String,
    /// Bytes of its stored fields.
    pub stored_bytes: u64,
    /// The codec that wrote it, as the commit names it.
    pub codec: String,
}

/// Looks into a snapshot: opens every segment, reads no document.
///
/// # Errors
///
/// All that concern access to the storage; what is damaged is a fault of its index.
pub async fn show(snapshot: &Snapshot<'_>, selection: Option<&IndexSelection>) -> Result<Shown> {
    let everything = IndexSelection::default();
    let (mut names, mut rest) = snapshot.select(selection.unwrap_or(&everything))?;
    let left_out: Vec<(String, Exclusion)> = match selection {
        Some(_) => Vec::new(),
        None => rest.drain(..).map(|(name, reason)| (name.to_owned(), reason)).collect(),
    };
    names.extend(snapshot.indices().filter(|name| left_out.iter().any(|(left_out, _)| left_out == name)));
    names.sort_unstable();
    let mut indices = Vec::new();
    for name in names {
        let mut row = index_row(snapshot, name).await?;
        row.left_out = left_out.iter().find(|(index, _)| index == name).map(|(_, reason)| reason.to_string());
        indices.push(row);
    }
    let version = snapshot.version().map(|version| format!("{} {version}", product_name(version.product())));
    Ok(Shown { snapshot: snapshot.name().to_owned(), version, indices })
}

async fn index_row(snapshot: &Snapshot<'_>, name: &str) -> Result<IndexRow> {
    let mut row = IndexRow { index: name.to_owned(), ..IndexRow::default() };
    let index = match snapshot.index(name).await {
        Ok(index) => index,
        Err(error) if error.is_damage() => {
            row.faults.push(chain(&error));
            return Ok(row);
        }
        Err(error) => return Err(error),
    };
    row.shards = index.metadata.number_of_shards;
    let shards = (0..row.shards).map(|shard| shard_rows(snapshot, &index, shard));
    let mut shards = stream::iter(shards).buffered(READ_AHEAD);
    while let Some(shard) = shards.next().await {
        match shard {
            Ok((total_bytes, segments)) => row.add(total_bytes, segments)?,
            Err(error) if error.is_damage() => row.faults.push(chain(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(row)
}

impl IndexRow {
    fn add(&mut self, total_bytes: u64, segments: Vec<Result<SegmentRow>>) -> Result<()> {
        self.total_bytes = self.total_bytes.saturating_add(total_bytes);
        for segment in segments {
            match segment {
                Ok(segment) => {
                    self.live_documents = self.live_documents.saturating_add(segment.live_documents);
                    self.deleted_documents = self.deleted_documents.saturating_add(segment.deleted_documents);
                    self.stored_bytes = self.stored_bytes.saturating_add(segment.stored_bytes);
                    self.segments.push(segment);
                }
                Err(error) if error.is_damage() => self.faults.push(chain(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

async fn shard_rows(
    snapshot: &Snapshot<'_>,
    index: &Index,
    shard: u32,
) -> Result<(u64, Vec<Result<SegmentRow>>)> {
    let files = snapshot.shard(index, shard).await?;
    let total_bytes = files.iter().map(|file| file.length).sum();
    let sources = segments(&files, &Arc::default()).await?;
    let rows = stream::iter(sources).map(async |source| segment_row(shard, &source).await);
    Ok((total_bytes, rows.buffered(READ_AHEAD).collect().await))
}

async fn segment_row(shard: u32, source: &SegmentSource) -> Result<SegmentRow> {
    let segment = Segment::open(source).await?;
    let live = u64::from(segment.live_count());
    Ok(SegmentRow {
        shard,
        segment: segment.name().to_owned(),
        live_documents: live,
        deleted_documents: u64::from(segment.max_doc()).saturating_sub(live),
        stored_fields: segment.format().to_string(),
        stored_bytes: segment.stored_bytes(),
        codec: source.commit.codec.clone(),
    })
}
