//! Cuts the selected documents into work items of near-equal bytes.

use crate::coordination::{Piece, WorkItem};
use crate::error::Result;
use crate::segment::{SegmentSource, Selected};
use crate::snapshot::Snapshot;
use futures::{StreamExt, TryStreamExt, stream};

/// Shards that are opened at once.
const SHARDS_AHEAD: usize = 16;

/// Pieces of one item, at most.
const MOST_PIECES: usize = 1000;

/// The work items of all selected indices: the same for every worker that looks at the same snapshot.
pub(super) async fn plan(
    snapshot: &Snapshot<'_>,
    selected: &[Selected],
    item_bytes: u64,
) -> Result<Vec<WorkItem>> {
    let shards = selected.iter().flat_map(|index| (0..index.shards).map(move |shard| (index, shard)));
    let open = async |(index, shard): (&Selected, u32)| {
        let sources = open_shard(snapshot, index, shard).await?;
        Ok((index.name.clone(), shard, sources))
    };
    let items = stream::iter(shards).map(open).buffered(SHARDS_AHEAD);
    items
        .try_fold(Vec::new(), async |mut items, (index, shard, sources)| {
            let mut cutter =
                Cutter { index: &index, shard, item_bytes: item_bytes.max(1), open: None, items };
            match sources {
                Some(sources) => sources.iter().for_each(|source| cutter.add(source)),
                // What is wrong with it is found out, and told, by the worker that takes the item.
                None => cutter.push(Part { piece: Piece::whole_shard(), bytes: 0, live: 0 }),
            }
            items = cutter.finish();
            Ok(items)
        })
        .await
}

/// The segments of a shard; none where it is damaged.
async fn open_shard(
    snapshot: &Snapshot<'_>,
    selected: &Selected,
    shard: u32,
) -> Result<Option<Vec<SegmentSource>>> {
    if selected.index.is_err() {
        return Ok(None);
    }
    match selected.open_shard(snapshot, shard).await {
        Ok(sources) => Ok(Some(sources)),
        Err(error) if error.is_damage() => {
            tracing::warn!(index = selected.name, shard, %error, "shard cannot be opened");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A piece with what is known of it.
struct Part {
    piece: Piece,
    bytes: u64,
    live: u64,
}

/// An item that may get more pieces.
#[derive(Default)]
struct Open {
    pieces: Vec<Piece>,
    bytes: u64,
    live: u64,
}

/// Makes the items of one shard.
struct Cutter<'a> {
    index: &'a str,
    shard: u32,
    item_bytes: u64,
    open: Option<Open>,
    items: Vec<WorkItem>,
}

impl Cutter<'_> {
    fn add(&mut self, source: &SegmentSource) {
        let (live, documents) = (u64::from(source.live_count()), source.info.doc_count);
        if live == 0 {
            return;
        }
        let name = &source.commit.name;
        let bytes = stored_bytes(source);
        // The last range may be as long as half of another.
        let ranges = bytes.saturating_add(self.item_bytes / 2).checked_div(self.item_bytes).unwrap_or(1);
        let ranges = ranges.clamp(1, u64::from(documents).max(1));
        let at = |amount: u64, range: u64| {
            let share = u128::from(amount).saturating_mul(u128::from(range)).checked_div(u128::from(ranges));
            u64::try_from(share.unwrap_or(0)).unwrap_or(u64::MAX)
        };
        for range in 0..ranges {
            let next = range.saturating_add(1);
            let document = |range| u32::try_from(at(documents.into(), range)).unwrap_or(documents);
            self.push(Part {
                piece: Piece { segment: name.clone(), documents: document(range)..document(next) },
                bytes: at(bytes, next).saturating_sub(at(bytes, range)),
                live: at(live, next).saturating_sub(at(live, range)),
            });
        }
    }

    fn push(&mut self, part: Part) {
        let fits = self.open.as_ref().is_some_and(|open| {
            open.bytes.saturating_add(part.bytes) <= self.item_bytes && open.pieces.len() < MOST_PIECES
        });
        if !fits {
            self.close();
        }
        let open = self.open.get_or_insert_default();
        open.pieces.push(part.piece);
        open.bytes = open.bytes.saturating_add(part.bytes);
        open.live = open.live.saturating_add(part.live);
    }

    fn close(&mut self) {
        let Some(Open { pieces, bytes, live }) = self.open.take() else { return };
        match WorkItem::new(self.index, self.shard, pieces, bytes, live) {
            Ok(item) => self.items.push(item),
            // Cannot be: no part is empty, and those of a segment follow each other.
            Err(reason) => {
                tracing::error!(index = self.index, shard = self.shard, reason, "work item refused")
            }
        }
    }

    fn finish(mut self) -> Vec<WorkItem> {
        self.close();
        self.items
    }
}

/// Bytes of the stored fields of a segment, about: all of its compound file, where it has one.
fn stored_bytes(source: &SegmentSource) -> u64 {
    let extension = if source.info.is_compound { ".cfs" } else { ".fdt" };
    source.shard.length(&format!("{}{extension}", source.commit.name)).unwrap_or(0)
}
