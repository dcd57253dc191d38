//! The shards and segments that items are cut from, opened when they are needed and kept for a while.

use super::error::Result;
use crate::coordination::Piece;
use crate::error::{Error as EngineError, chain};
use crate::segment::{Checksum, Segment, SegmentSource, Selected};
use crate::snapshot::Snapshot;
use codecs::snapshot::version::Version;
use lru::LruCache;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Shards whose lists of segments are kept.
const SHARDS_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Segments that are kept open: several items may be cut from one.
const SEGMENTS_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// Index and number of a shard.
type ShardKey = (String, u32);
type SegmentKey = (ShardKey, String);

/// The shards and segments of a snapshot.
pub(super) struct Catalog<'a, 's> {
    snapshot: &'a Snapshot<'s>,
    indices: BTreeMap<String, Selected>,
    source_version: Option<Version>,
    shards: Mutex<LruCache<ShardKey, Arc<Vec<SegmentSource>>>>,
    segments: Mutex<LruCache<SegmentKey, Arc<Segment>>>,
    /// Of segments that are read in parts, as long as the run takes.
    checksums: Mutex<HashMap<SegmentKey, Arc<Checksum>>>,
}

impl<'a, 's> Catalog<'a, 's> {
    pub(super) fn new(
        snapshot: &'a Snapshot<'s>,
        selected: Vec<Selected>,
        source_version: Option<Version>,
    ) -> Self {
        let indices = selected.into_iter().map(|selected| (selected.name.clone(), selected)).collect();
        Self {
            snapshot,
            indices,
            source_version: source_version.or(snapshot.version()),
            shards: Mutex::new(LruCache::new(SHARDS_KEPT)),
            segments: Mutex::new(LruCache::new(SEGMENTS_KEPT)),
            checksums: Mutex::default(),
        }
    }

    /// The selected indices, by name.
    pub(super) fn indices(&self) -> impl Iterator<Item = &Selected> {
        self.indices.values()
    }

    /// The type of documents of an index that do not store theirs.
    pub(super) fn default_type(&self, index: &str) -> Option<String> {
        let (has_types, only) = self.indices.get(index)?.types(self.source_version);
        only.filter(|_| has_types).map(str::to_owned)
    }

    /// The pieces of an item as pieces of segments: one that stands for a whole shard becomes all of its segments.
    pub(super) async fn pieces(&self, index: &str, shard: u32, pieces: &[Piece]) -> Result<Vec<Piece>> {
        if !pieces.iter().any(|piece| piece.is_whole_shard()) {
            return Ok(pieces.to_vec());
        }
        let sources = self.shard(index, shard).await?;
        let live = sources.iter().filter(|source| source.live_count() > 0);
        let piece = |source: &SegmentSource| Piece {
            segment: source.commit.name.clone(),
            documents: 0..source.info.doc_count,
        };
        Ok(live.map(piece).collect())
    }

    /// The segment of a piece, of which only the documents of the piece live.
    pub(super) async fn segment(&self, index: &str, shard: u32, piece: &Piece) -> Result<Arc<Segment>> {
        let key = ((index.to_owned(), shard), piece.segment.clone());
        let kept = lock(&self.segments).get(&key).cloned();
        let segment = match kept {
            Some(segment) => segment,
            None => {
                let segment = self.open_segment(&key).await?;
                lock(&self.segments).put(key.clone(), Arc::clone(&segment));
                segment
            }
        };
        if piece.documents == (0..segment.max_doc()) {
            return Ok(segment);
        }
        let mut part = segment.restricted_to(piece.documents.clone());
        if let Some(checksum) = part.checksum() {
            // The same for all parts, whatever happens to the open segment meanwhile.
            let kept = Arc::clone(lock(&self.checksums).entry(key).or_insert_with(|| Arc::clone(checksum)));
            part = part.with_checksum(kept);
        }
        Ok(Arc::new(part))
    }

    async fn open_segment(&self, key: &SegmentKey) -> Result<Arc<Segment>> {
        let ((index, shard), name) = key;
        let sources = self.shard(index, *shard).await?;
        let source = sources.iter().find(|source| source.commit.name == *name);
        let source = source.ok_or_else(|| EngineError::Shard {
            what: format!("shard {shard} of index `{index}`"),
            file: name.clone(),
            problem: "the commit has no such segment, though it was planned".to_owned(),
        })?;
        Ok(Arc::new(Segment::open(source).await?))
    }

    async fn shard(&self, index: &str, shard: u32) -> Result<Arc<Vec<SegmentSource>>> {
        let key = (index.to_owned(), shard);
        if let Some(sources) = lock(&self.shards).get(&key) {
            return Ok(Arc::clone(sources));
        }
        let damaged = |problem| {
            let what = format!("shard {shard} of index `{index}`");
            EngineError::Shard { what, file: "metadata of the index".to_owned(), problem }
        };
        let selected = self.indices.get(index);
        let selected = selected.ok_or_else(|| damaged("it is not among the selected ones".to_owned()))?;
        if let Err(error) = &selected.index {
            return Err(damaged(chain(error)).into());
        }
        let sources = Arc::new(selected.open_shard(self.snapshot, shard).await?);
        lock(&self.shards).put(key, Arc::clone(&sources));
        Ok(sources)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Poison is of no concern: no code that could panic runs while a lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
