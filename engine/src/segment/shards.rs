//! The selected indices and what is in their shards, opened a little ahead of those who read it.

use super::commit::segments;
use super::open::{Segment, SegmentSource};
use crate::error::{Error, Result};
use crate::snapshot::{Exclusion, Index, IndexSelection, Snapshot};
use codecs::snapshot::version::{Product, Version};
use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Metadata blobs of indices and shards that are read at once.
const METADATA_AHEAD: usize = 16;

/// The first version of Elasticsearch that has no types any more.
const FIRST_WITHOUT_TYPES: u64 = 7;

/// An index that is meant: its metadata, or why it cannot be read.
pub(crate) struct Selected {
    pub(crate) name: String,
    pub(crate) index: Result<Index>,
    pub(crate) parent_types: Arc<BTreeMap<String, String>>,
    /// Number of shards; a guess from the catalog where the metadata cannot be read.
    pub(crate) shards: u32,
}

/// Reads the metadata of the indices that are meant; those that are not come with the reason.
///
/// Only damage is kept with its index: what concerns the whole repository is an error.
pub(crate) async fn select<'a>(
    snapshot: &'a Snapshot<'_>,
    selection: &IndexSelection,
) -> Result<(Vec<Selected>, Vec<(&'a str, Exclusion)>)> {
    let (names, excluded) = snapshot.select(selection)?;
    let read =
        stream::iter(names).map(async |name| (name, snapshot.index(name).await)).buffered(METADATA_AHEAD);
    let mut read = std::pin::pin!(read);
    let mut selected = Vec::new();
    while let Some((name, index)) = read.next().await {
        if let Err(error) = &index
            && !error.is_damage()
        {
            return Err(index.err().unwrap_or_else(|| Error::NoRepository { url: name.to_owned() }));
        }
        selected.push(Selected::new(snapshot, name, index));
    }
    Ok((selected, excluded))
}

impl Selected {
    fn new(snapshot: &Snapshot<'_>, name: &str, index: Result<Index>) -> Self {
        let (parent_types, shards) = match &index {
            Ok(index) => {
                let types = index.metadata.parent_types();
                let types = types.into_iter().map(|(child, parent)| (child.to_owned(), parent.to_owned()));
                (types.collect(), index.metadata.number_of_shards)
            }
            Err(_) => {
                let entry = snapshot.repository().data().indices.get(name);
                let shards = entry.map_or(1, |entry| entry.shard_generations.len().max(1));
                (BTreeMap::new(), u32::try_from(shards).unwrap_or(u32::MAX))
            }
        };
        Self { name: name.to_owned(), index, parent_types: Arc::new(parent_types), shards }
    }

    /// Whether documents have a type, and that of documents which do not store theirs.
    pub(crate) fn types(&self, version: Option<Version>) -> (bool, Option<&str>) {
        let index = self.index.as_ref().ok();
        let version = version.or_else(|| index.and_then(|index| index.metadata.version_created()));
        let typed = version.is_some_and(|version| {
            version.product() == Product::Elasticsearch && version.major() < FIRST_WITHOUT_TYPES
        });
        let mut types = index.into_iter().flat_map(|index| index.metadata.types());
        let only = match (types.next(), types.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        (typed, only)
    }

    /// Opens a shard: which segments it has.
    pub(crate) async fn open_shard(&self, snapshot: &Snapshot<'_>, shard: u32) -> Result<Vec<SegmentSource>> {
        let Ok(index) = &self.index else { return Ok(Vec::new()) };
        let files = snapshot.shard(index, shard).await?;
        segments(&files, &self.parent_types).await
    }
}

/// A segment, or what is wrong with it.
pub(crate) async fn open_segment(source: SegmentSource) -> (SegmentSource, Result<Arc<Segment>>) {
    if source.live_count() == 0 && source.commit.soft_deleted_count.is_some_and(|count| count == 0) {
        tracing::debug!(shard = source.shard.what(), segment = source.commit.name, "no live documents");
    }
    let segment = Segment::open(&source).await;
    (source, segment.map(Arc::new))
}
