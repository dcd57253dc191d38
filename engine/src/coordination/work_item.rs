//! The unit that workers share: ranges of documents of one shard.

use super::cursor::Cursor;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Some neighbouring documents of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Name of the segment, such as `_7`.
    pub segment: String,
    /// Numbers of the documents, deleted ones included.
    pub documents: Range<u32>,
}

impl Piece {
    /// Stands for all segments of a shard, where it cannot be known which there are when the work is planned. No segment has
    /// this name. Its one document stands for all; how many there are is known when the item is done.
    pub const WHOLE_SHARD: &str = "*";

    /// All of a shard.
    #[must_use]
    pub fn whole_shard() -> Self {
        Self { segment: Self::WHOLE_SHARD.to_owned(), documents: 0..1 }
    }

    /// Whether it stands for all of a shard.
    #[must_use]
    pub fn is_whole_shard(&self) -> bool {
        self.segment == Self::WHOLE_SHARD
    }
}

/// Documents that one worker copies at a time: pieces of one shard, done in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// `index:shard:segment:document` of its first document: the same in every plan of the same snapshot.
    pub id: String,
    /// Name of the index in the snapshot.
    pub index: String,
    /// Number of the shard.
    pub shard: u32,
    /// What it has to copy.
    pub pieces: Vec<Piece>,
    /// Compressed bytes, about.
    pub bytes: u64,
    /// Live documents, about.
    pub documents: u64,
}

/// Bytes that the id of a document may have in Elasticsearch and OpenSearch.
const LONGEST_ID: usize = 512;
/// More pieces make an item too large for a document of a cluster.
const MOST_PIECES: usize = 10_000;

impl WorkItem {
    /// An item of these pieces.
    ///
    /// # Errors
    ///
    /// What is wrong with the pieces, in words: none, empty ones, or some that overlap.
    pub fn new(
        index: impl Into<String>,
        shard: u32,
        pieces: Vec<Piece>,
        bytes: u64,
        documents: u64,
    ) -> Result<Self, String> {
        let index = index.into();
        let id = pieces.first().map(|first| id_of(&index, shard, first)).unwrap_or_default();
        let item = Self { id, index, shard, pieces, bytes, documents };
        item.check()?;
        Ok(item)
    }

    /// Whether the item can be stored and done, whoever made it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn check(&self) -> Result<(), String> {
        let Some(first) = self.pieces.first() else {
            return Err("it has no pieces".to_owned());
        };
        let expected = id_of(&self.index, self.shard, first);
        if self.id != expected {
            return Err(format!("its id is `{}`, expected `{expected}`", self.id));
        }
        if self.id.len() > LONGEST_ID {
            return Err(format!("its id has {} bytes, the limit is {LONGEST_ID}", self.id.len()));
        }
        if self.pieces.len() > MOST_PIECES {
            return Err(format!("it has {} pieces, the limit is {MOST_PIECES}", self.pieces.len()));
        }
        if let Some(empty) = self.pieces.iter().find(|piece| piece.documents.is_empty()) {
            return Err(format!("its piece of segment `{}` is empty", empty.segment));
        }
        let mut ends = std::collections::HashMap::new();
        for Piece { segment, documents } in &self.pieces {
            let before = ends.insert(segment.as_str(), documents.end);
            if before.is_some_and(|end| documents.start < end) {
                return Err(format!("two of its pieces of segment `{segment}` overlap or are out of order"));
            }
        }
        Ok(())
    }

    /// Whether one of its pieces stands for all of a shard.
    #[must_use]
    pub fn is_whole_shard(&self) -> bool {
        self.pieces.iter().any(Piece::is_whole_shard)
    }

    /// How many documents its pieces have, deleted ones included.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(len(piece)))
    }

    /// How many documents of its pieces are before a place; `None` when the place is not in the item.
    #[must_use]
    pub fn position(&self, at: &Cursor) -> Option<u64> {
        let mut before = 0_u64;
        for piece in &self.pieces {
            let range = &piece.documents;
            if piece.segment == at.segment && (range.start..=range.end).contains(&at.document) {
                return Some(before.saturating_add(u64::from(at.document.saturating_sub(range.start))));
            }
            before = before.saturating_add(len(piece));
        }
        None
    }

    /// The place that has so many documents of the pieces before it; `None` beyond the end.
    #[must_use]
    pub fn place(&self, position: u64) -> Option<Cursor> {
        let mut left = position;
        let mut end = None;
        for piece in &self.pieces {
            let at = |document| Cursor { segment: piece.segment.clone(), document };
            if left < len(piece) {
                return u32::try_from(left).ok().map(|left| at(piece.documents.start.saturating_add(left)));
            }
            left = left.saturating_sub(len(piece));
            end = Some(at(piece.documents.end));
        }
        end.filter(|_| left == 0)
    }

    /// The end of the item: the cursor of one that is done.
    #[must_use]
    pub fn end(&self) -> Option<Cursor> {
        self.place(self.span())
    }

    /// The bytes that are left after a place, as if all documents were of one size.
    #[must_use]
    pub fn bytes_after(&self, at: Option<&Cursor>) -> u64 {
        let done = at.and_then(|at| self.position(at)).unwrap_or(0);
        self.bytes.saturating_sub(share(self.bytes, done, self.span()))
    }

    /// The place that has half of what is left after `cursor` (of the whole item when there is none) before it;
    /// `None` when fewer than two documents are left, or the cursor is not in the item.
    #[must_use]
    pub fn halve_after(&self, cursor: Option<&Cursor>) -> Option<Cursor> {
        let from = cursor.map_or(Some(0), |cursor| self.position(cursor))?;
        let left = self.span().checked_sub(from).filter(|left| *left >= 2)?;
        self.place(from.saturating_add(left.div_ceil(2)))
    }

    /// Cuts the item in two: the head keeps the id, the tail has that of its own first document. Every document is
    /// in exactly one of them, and so are bytes and live documents. `None` when one of the two would be empty.
    #[must_use]
    pub fn split_at(&self, at: &Cursor) -> Option<(Self, Self)> {
        let span = self.span();
        let position = self.position(at).filter(|position| (1..span).contains(position))?;
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let mut left = position;
        for piece in &self.pieces {
            let taken = left.min(len(piece));
            left = left.saturating_sub(taken);
            let middle = piece.documents.start.saturating_add(u32::try_from(taken).ok()?);
            for (pieces, documents) in
                [(&mut head, piece.documents.start..middle), (&mut tail, middle..piece.documents.end)]
            {
                if !documents.is_empty() {
                    pieces.push(Piece { segment: piece.segment.clone(), documents });
                }
            }
        }
        let bytes = share(self.bytes, position, span);
        let documents = share(self.documents, position, span);
        let tail_bytes = self.bytes.saturating_sub(bytes);
        let tail_documents = self.documents.saturating_sub(documents);
        let tail = Self::new(self.index.clone(), self.shard, tail, tail_bytes, tail_documents).ok()?;
        Some((Self { pieces: head, bytes, documents, ..self.clone() }, tail))
    }
}

fn id_of(index: &str, shard: u32, first: &Piece) -> String {
    format!("{index}:{shard}:{}:{}", first.segment, first.documents.start)
}

fn len(piece: &Piece) -> u64 {
    u64::from(piece.documents.end.saturating_sub(piece.documents.start))
}

/// `part / whole` of an amount, rounded down.
fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(amount).saturating_mul(u128::from(part)).checked_div(u128::from(whole));
    u64::try_from(share.unwrap_or(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    fn piece(segment: &str, documents: Range<u32>) -> Piece {
        Piece { segment: segment.to_owned(), documents }
    }

    fn at(segment: &str, document: u32) -> Cursor {
        Cursor { segment: segment.to_owned(), document }
    }

    fn item() -> WorkItem {
        WorkItem::new("orders", 3, vec![piece("_0", 10..20), piece("_7", 0..30)], 4001, 41).unwrap()
    }

    fn random_item(random: &mut StdRng) -> WorkItem {
        let mut pieces = Vec::new();
        for segment in 0..random.random_range(1..5_u32) {
            let mut start = 0;
            for _ in 0..random.random_range(1..3) {
                start += random.random_range(0..3_u32);
                let end = start + random.random_range(1..20_u32);
                pieces.push(piece(&format!("_{segment}"), start..end));
                start = end;
            }
        }
        let (bytes, documents) = (random.random_range(0..1 << 40), random.random_range(0..1 << 20));
        WorkItem::new("i", 0, pieces, bytes, documents).unwrap()
    }

    /// Every document of the item, in order.
    fn documents(item: &WorkItem) -> Vec<(String, u32)> {
        let of = |piece: &Piece| {
            let segment = piece.segment.clone();
            piece.documents.clone().map(move |document| (segment.clone(), document)).collect::<Vec<_>>()
        };
        item.pieces.iter().flat_map(of).collect()
    }

    #[test]
    fn the_id_says_where_the_item_starts() {
        assert_eq!(item().id, "orders:3:_0:10");
    }

    #[test]
    fn pieces_that_are_missing_empty_or_overlap_are_refused() {
        let refused = |pieces| WorkItem::new("i", 0, pieces, 0, 0).unwrap_err();
        assert_eq!(refused(vec![]), "it has no pieces");
        assert_eq!(refused(vec![piece("_0", 5..5)]), "its piece of segment `_0` is empty");
        assert_eq!(
            refused(vec![piece("_0", 0..5), piece("_1", 0..9), piece("_0", 4..6)]),
            "two of its pieces of segment `_0` overlap or are out of order"
        );
        let long = WorkItem::new("x".repeat(506), 0, vec![piece("_0", 0..1)], 0, 0).unwrap_err();
        assert_eq!(long, "its id has 513 bytes, the limit is 512");
    }

    #[test]
    fn the_end_of_a_piece_is_the_start_of_the_next() {
        assert_eq!((item().position(&at("_0", 20)), item().position(&at("_7", 0))), (Some(10), Some(10)));
        assert_eq!(item().place(10), Some(at("_7", 0)));
        assert_eq!((item().end(), item().position(&at("_7", 30))), (Some(at("_7", 30)), Some(40)));
    }

    #[test]
    fn a_place_outside_the_item_has_no_position() {
        for place in [at("_0", 9), at("_0", 21), at("_7", 31), at("_1", 0)] {
            assert_eq!(item().position(&place), None, "{place}");
        }
        assert_eq!(item().place(41), None);
    }

    #[test]
    fn a_split_shares_bytes_and_documents_without_a_rest() {
        let (head, tail) = item().split_at(&at("_7", 0)).unwrap();
        assert_eq!((head.id.as_str(), tail.id.as_str()), ("orders:3:_0:10", "orders:3:_7:0"));
        assert_eq!((head.pieces, tail.pieces), (vec![piece("_0", 10..20)], vec![piece("_7", 0..30)]));
        assert_eq!((head.bytes, tail.bytes, head.documents, tail.documents), (1000, 3001, 10, 31));
    }

    #[test]
    fn a_split_that_leaves_nothing_on_a_side_is_none() {
        for place in [at("_0", 10), at("_7", 30), at("_9", 0)] {
            assert_eq!(item().split_at(&place), None, "{place}");
        }
    }

    #[test]
    fn no_document_is_lost_or_doubled_by_any_split() {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..200 {
            let item = random_item(&mut random);
            for position in 1..item.span() {
                let place = item.place(position).unwrap();
                assert_eq!(item.position(&place), Some(position));
                let (head, tail) = item.split_at(&place).unwrap();
                assert_eq!(head.span(), position);
                assert_eq!([documents(&head), documents(&tail)].concat(), documents(&item));
                assert_eq!(head.bytes + tail.bytes, item.bytes);
                assert_eq!(head.documents + tail.documents, item.documents);
                assert_eq!((head.check(), tail.check()), (Ok(()), Ok(())));
            }
        }
    }

    #[test]
    fn halving_again_and_again_ends_with_single_documents_and_all_of_them() {
        let mut random = StdRng::seed_from_u64(11);
        for _ in 0..50 {
            let item = random_item(&mut random);
            let (mut rest, mut all) = (vec![item.clone()], Vec::new());
            while let Some(next) = rest.pop() {
                match next.halve_after(None) {
                    Some(middle) => {
                        let (head, tail) = next.split_at(&middle).unwrap();
                        assert!(head.span() - tail.span() <= 1);
                        rest.extend([tail, head]);
                    }
                    None => all.append(&mut documents(&next)),
                }
            }
            assert_eq!(all, documents(&item));
        }
    }

    #[test]
    fn halving_leaves_what_is_done_to_the_head() {
        assert_eq!(item().halve_after(Some(&at("_7", 10))), Some(at("_7", 20)));
        assert_eq!(item().halve_after(Some(&at("_7", 29))), None);
        assert_eq!(item().halve_after(Some(&at("_8", 1))), None);
        assert_eq!(item().bytes_after(Some(&at("_7", 0))), 3001);
    }
}
