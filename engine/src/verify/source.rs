//! The source of a comparison, to be read once or several times: a snapshot or a living cluster.

use super::cluster::Endpoint;
use super::context::Context;
use super::documents::Batch;
use super::error::Result;
use super::index::TargetIndex;
use super::live::{self, LiveIndex};
use super::unit::{DocumentBatcher, Purpose, Reading};
use crate::segment::{Selected, read_unit, units};
use crate::snapshot::Snapshot;
use futures::TryStreamExt;
use std::sync::Arc;

/// What is compared with the target.
pub(super) enum Documents<'a, 's> {
    Snapshot(&'a Snapshot<'s>, Vec<SnapshotIndex>),
    Cluster(Endpoint, Vec<LiveIndex>),
}

/// An index of a snapshot.
pub(super) struct SnapshotIndex {
    pub(super) selected: Selected,
    pub(super) index: Arc<TargetIndex>,
    /// Whether documents have types that the target has too.
    pub(super) typed: bool,
    pub(super) default_type: Option<String>,
}

impl Documents<'_, '_> {
    /// Reads all documents, or those that belong in one index of the target, and gives them to `take`, batch after
    /// batch, several at once. What is damaged is recorded when the purpose is to compare, and passed over otherwise.
    pub(super) async fn read<Taken>(
        &self,
        context: &Context,
        purpose: Purpose,
        only: Option<&TargetIndex>,
        take: impl Fn(Batch) -> Taken,
    ) -> Result<()>
    where
        Taken: Future<Output = Result<Batch>>,
    {
        let transforms = context.transforms.as_ref();
        let scatters = transforms.is_some_and(|transforms| transforms.scatters);
        let is_meant = |index: &TargetIndex| scatters || only.is_none_or(|only| only.name == index.name);
        // What a transform makes of a document may be another identity, and depend on its source.
        let reading = match purpose {
            Purpose::Identities if transforms.is_some() => Purpose::Sources,
            purpose => purpose,
        };
        let take = async |batch| match transforms {
            Some(transforms) => transforms.apply(context, purpose, only, batch, &take).await,
            None => take(batch).await,
        };
        match self {
            Self::Snapshot(snapshot, indices) => {
                let indices = indices.iter().filter(|index| is_meant(&index.index));
                let indices = indices.map(|index| (&index.selected, Arc::new(index.reading(reading))));
                let units = units(snapshot, indices, context.unit_bytes);
                let take = &take;
                units
                    .try_for_each_concurrent(context.in_flight, |(reading, unit)| async move {
                        let batcher = DocumentBatcher::new(reading, &context.buffers);
                        let give = |batcher: DocumentBatcher| batcher.give(take);
                        read_unit(&context.resources, unit, batcher, &give).await.map(drop)
                    })
                    .await
            }
            Self::Cluster(endpoint, indices) => {
                for index in indices.iter().filter(|index| is_meant(&index.index)) {
                    live::read(context, endpoint, index, reading, &take).await?;
                }
                Ok(())
            }
        }
    }

    /// Whether identities of documents of an index have types.
    pub(super) fn is_typed(&self, target: &TargetIndex) -> bool {
        match self {
            Self::Snapshot(_, indices) => {
                indices.iter().any(|index| index.typed && index.index.name == target.name)
            }
            Self::Cluster(_, indices) => {
                indices.iter().any(|index| index.typed && index.index.name == target.name)
            }
        }
    }
}

impl SnapshotIndex {
    fn reading(&self, purpose: Purpose) -> Reading {
        Reading {
            index: Arc::clone(&self.index),
            typed: self.typed,
            default_type: self.default_type.clone(),
            purpose,
            source: Arc::from(self.selected.name.as_str()),
        }
    }
}
