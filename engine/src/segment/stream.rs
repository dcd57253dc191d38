//! The units of whole indices: shards and segments are opened ahead of who reads them, and what is damaged is recorded.

use super::open::{Segment, SegmentSource};
use super::read::ReadFailure;
use super::shards::{Selected, open_segment};
use super::units::{Unit, Units};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Shards whose lists of segments are read ahead.
const SHARDS_AHEAD: usize = 16;

/// Segments that are opened ahead; each holds its live documents and the index of its chunks.
const SEGMENTS_AHEAD: usize = 6;

/// The books of one index: what it has, and what cannot be read of it.
pub(crate) trait IndexBooks {
    /// What ends the reading of all indices.
    type Error: From<Error>;

    /// A shard is open, and has these segments; none where it was recorded as one that cannot be opened.
    fn note_shard(&self, segments: &[SegmentSource]);

    /// Records a shard, in words, that cannot be opened: how many documents it has is not known.
    fn fail_shard(&self, shard: &str, error: &Error) -> Result<(), Self::Error>;

    /// Records a segment that cannot be opened.
    fn fail_segment(&self, segment: &SegmentSource, error: &Error) -> Result<(), Self::Error>;

    /// Records documents that cannot be found, as the index of their chunks contradicts itself.
    fn fail_documents(&self, segment: &Segment, failure: ReadFailure) -> Result<(), Self::Error>;
}

/// The units of all segments of all shards of all these indices, in this order.
///
/// Only damage is recorded: what concerns the whole repository is an error.
pub(crate) fn units<'a, B: IndexBooks + 'a>(
    snapshot: &'a Snapshot<'_>,
    indices: impl Iterator<Item = (&'a Selected, Arc<B>)> + 'a,
    unit_bytes: u64,
) -> impl Stream<Item = Result<(Arc<B>, Unit), B::Error>> + 'a {
    let shards = indices.flat_map(|(selected, books)| {
        (0..selected.shards).map(move |shard| (selected, Arc::clone(&books), shard))
    });
    stream::iter(shards)
        .map(move |(selected, books, shard)| open_shard(snapshot, selected, books, shard))
        .buffered(SHARDS_AHEAD)
        .map_ok(|segments| stream::iter(segments).map(Ok))
        .try_flatten()
        .map_ok(move |(books, source)| open_units(books, source, unit_bytes))
        .try_buffered(SEGMENTS_AHEAD)
        .map_ok(|units| stream::iter(units.into_iter().flatten()))
        .try_flatten()
}

/// The segments of a shard; none where it cannot be opened, which is recorded.
async fn open_shard<B: IndexBooks>(
    snapshot: &Snapshot<'_>,
    selected: &Selected,
    books: Arc<B>,
    shard: u32,
) -> Result<Vec<(Arc<B>, SegmentSource)>, B::Error> {
    let name = format!("shard {shard} of index `{}`", selected.name);
    let segments = match &selected.index {
        Ok(_) => selected.open_shard(snapshot, shard).await,
        Err(error) => {
            books.fail_shard(&name, error)?;
            Ok(Vec::new())
        }
    };
    let segments = match segments {
        Ok(segments) => segments,
        Err(error) if error.is_damage() => {
            books.fail_shard(&name, &error)?;
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    books.note_shard(&segments);
    Ok(segments.into_iter().map(|segment| (Arc::clone(&books), segment)).collect())
}

/// Opens a segment; one that is damaged is recorded.
async fn open_units<B: IndexBooks>(
    books: Arc<B>,
    source: SegmentSource,
    unit_bytes: u64,
) -> Result<Option<BookedUnits<B>>, B::Error> {
    let (source, segment) = open_segment(source).await;
    match segment {
        Ok(segment) => Ok(Some(BookedUnits { books, units: segment.units(unit_bytes) })),
        Err(error) if error.is_damage() => {
            books.fail_segment(&source, &error)?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The units of one segment; where its index cannot be followed, the rest is recorded.
struct BookedUnits<B> {
    books: Arc<B>,
    units: Units,
}

impl<B: IndexBooks> Iterator for BookedUnits<B> {
    type Item = Result<(Arc<B>, Unit), B::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.units.next()? {
            Ok(unit) => Some(Ok((Arc::clone(&self.books), unit))),
            Err(failure) => self.books.fail_documents(self.units.segment(), failure).err().map(Err),
        }
    }
}
