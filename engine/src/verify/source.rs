//! The source of a comparison, to be read once or several times: a snapshot or a living cluster.

use super::cluster::Endpoint;
use super::context::Context;
use super::documents::Batch;
use super::error::Result;
use super::index::TargetIndex;
use super::live::{self, LiveIndex};
use super::unit::{DocumentBatcher, Purpose, Reading};
use crate::error::chain;
use crate::segment::{SegmentSource, Selected, Unit, Units, open_segment, read_unit};
use crate::snapshot::Snapshot;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Shards whose lists of segments are read ahead.
const SHARDS_AHEAD: usize = 16;

/// Segments that are opened ahead; each holds its live documents and the index of its chunks.
const SEGMENTS_AHEAD: usize = 6;

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
                let jobs: Vec<Job<'_>> = indices.map(|index| Job::new(index, reading)).collect();
                let units = units(snapshot, &jobs, context.unit_bytes);
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

/// One index of a snapshot that is read.
struct Job<'a> {
    selected: &'a Selected,
    reading: Arc<Reading>,
}

impl<'a> Job<'a> {
    fn new(index: &'a SnapshotIndex, purpose: Purpose) -> Self {
        let reading = Reading {
            index: Arc::clone(&index.index),
            typed: index.typed,
            default_type: index.default_type.clone(),
            purpose,
            source: Arc::from(index.selected.name.as_str()),
        };
        Self { selected: &index.selected, reading: Arc::new(reading) }
    }

    /// The segments of a shard; none where it cannot be opened, which is recorded.
    async fn open_shard(
        &self,
        snapshot: &Snapshot<'_>,
        shard: u32,
    ) -> Result<Vec<(Arc<Reading>, SegmentSource)>> {
        let name = format!("shard {shard} of index `{}`", self.selected.name);
        if let Err(error) = &self.selected.index {
            self.reading.fail(&name, None, None, chain(error))?;
            return Ok(Vec::new());
        }
        let sources = match self.selected.open_shard(snapshot, shard).await {
            Ok(sources) => sources,
            Err(error) if error.is_damage() => {
                self.reading.fail(&name, None, None, chain(&error))?;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.into()),
        };
        self.reading.select(sources.iter().map(|source| u64::from(source.live_count())).sum());
        Ok(sources.into_iter().map(|source| (Arc::clone(&self.reading), source)).collect())
    }
}

/// The units of all segments of all shards of all jobs, in this order.
fn units<'a>(
    snapshot: &'a Snapshot<'_>,
    jobs: &'a [Job<'a>],
    unit_bytes: u64,
) -> impl Stream<Item = Result<(Arc<Reading>, Unit)>> + 'a {
    let shards = jobs.iter().flat_map(|job| (0..job.selected.shards).map(move |shard| (job, shard)));
    stream::iter(shards)
        .map(move |(job, shard)| job.open_shard(snapshot, shard))
        .buffered(SHARDS_AHEAD)
        .map_ok(|sources| stream::iter(sources).map(Ok))
        .try_flatten()
        .map_ok(move |(reading, source)| open_units(reading, source, unit_bytes))
        .try_buffered(SEGMENTS_AHEAD)
        .map_ok(|units| stream::iter(units.into_iter().flatten()))
        .try_flatten()
}

/// Opens a segment; one that is damaged is recorded.
async fn open_units(
    reading: Arc<Reading>,
    source: SegmentSource,
    unit_bytes: u64,
) -> Result<Option<ReadingUnits>> {
    let (source, segment) = open_segment(source).await;
    match segment {
        Ok(segment) => Ok(Some(ReadingUnits { reading, units: segment.units(unit_bytes) })),
        Err(error) if error.is_damage() => {
            let place = Some((source.commit.name.as_str(), 0..source.info.doc_count));
            let live = Some(u64::from(source.live_count()));
            reading.fail(source.shard.what(), place, live, chain(&error))?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The units of one segment; where its index cannot be followed, the rest is recorded.
struct ReadingUnits {
    reading: Arc<Reading>,
    units: Units,
}

impl Iterator for ReadingUnits {
    type Item = Result<(Arc<Reading>, Unit)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.units.next()? {
            Ok(unit) => Some(Ok((Arc::clone(&self.reading), unit))),
            Err(failure) => self.reading.fail_read(self.units.segment(), failure).err().map(Err),
        }
    }
}
