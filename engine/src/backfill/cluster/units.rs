//! The units of the pieces of an item, in order.

use super::batcher::Damage;
use super::catalog::Catalog;
use super::error::Error;
use super::pace::Pace;
use crate::coordination::{Cursor, Piece};
use crate::error::chain;
use crate::segment::{ReadFailure, Segment, Unit};
use futures::{Stream, StreamExt, stream};
use std::sync::Arc;

/// Segments that are opened ahead.
const SEGMENTS_AHEAD: usize = 2;

/// What comes next of an item.
pub(super) enum Next {
    /// A unit, and the piece that it is of.
    Unit(Unit, Piece),
    /// Documents that cannot be found.
    Damaged(Damage),
    /// The repository cannot be read.
    Failed(Error),
}

/// The units of pieces of a shard.
pub(super) fn units<'a>(
    catalog: &'a Catalog<'_, '_>,
    shard: (&'a str, u32),
    pieces: Vec<Piece>,
    pace: &'a Pace,
) -> impl Stream<Item = Next> + 'a {
    let open = move |piece: Piece| async move {
        let segment = catalog.segment(shard.0, shard.1, &piece).await;
        (piece, segment)
    };
    stream::iter(pieces).map(open).buffered(SEGMENTS_AHEAD).flat_map(move |(piece, segment)| match segment {
        Ok(segment) => units_of(piece, &segment, pace).left_stream(),
        Err(Error::Engine(error)) if error.is_damage() => {
            let (from, to) = (start_of(&piece), end_of(&piece));
            once(Next::Damaged(Damage { from, to, reason: chain(&error) })).right_stream()
        }
        Err(error) => once(Next::Failed(error)).right_stream(),
    })
}

fn once(next: Next) -> impl Stream<Item = Next> {
    stream::once(std::future::ready(next))
}

fn units_of<'a>(piece: Piece, segment: &Arc<Segment>, pace: &'a Pace) -> impl Stream<Item = Next> + use<'a> {
    let mut units = segment.units(pace.unit_bytes());
    let paced = std::iter::from_fn(move || {
        units.resize(pace.unit_bytes());
        units.next()
    });
    stream::iter(paced.map(move |unit| match unit {
        Ok(unit) => Next::Unit(unit, piece.clone()),
        Err(ReadFailure { documents, error, .. }) => {
            let at = |document| clamped(&piece, document);
            let (from, to) = (at(documents.start), at(documents.end));
            Next::Damaged(Damage { from, to, reason: error.to_string() })
        }
    }))
}

/// A place in a piece: a chunk may have documents before it and after it.
pub(super) fn clamped(piece: &Piece, document: u32) -> Cursor {
    let document = document.clamp(piece.documents.start, piece.documents.end);
    Cursor { segment: piece.segment.clone(), document }
}

fn start_of(piece: &Piece) -> Cursor {
    clamped(piece, piece.documents.start)
}

fn end_of(piece: &Piece) -> Cursor {
    clamped(piece, piece.documents.end)
}
