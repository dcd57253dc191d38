//! A target that makes all ids itself: sources are compared as sets in which one may stand several times.
//!
//! Each source has a hash of its [canonical text](codecs::json_compare::canonical). A hash that the source has more often
//! than the target is a missing document, one that the target has more often an extra one; a document that differs is
//! both. It takes 32 bytes a document in a quarter of the memory; where they do not fit, the hashes are cut into parts
//! by their values, and source and target are gone through once for each part.

use super::context::Context;
use super::differences::{Kind, Record};
use super::documents::{Batch, hash_of};
use super::error::Result;
use super::index::{Presence, TargetIndex};
use super::scan::{Scanned, pages};
use super::source::Documents;
use super::unit::Purpose;
use crate::flow::on_pool;
use codecs::json_compare::canonical;
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the hashes of a document of both sides take.
const HASH_BYTES: u64 = 32;

/// Pages of the target that are looked at once.
const PAGES_AT_ONCE: usize = 4;

/// Hashes that one side has more often, and how much more often.
type Surplus = BTreeMap<u128, u64>;

/// A part of all hashes.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: u64,
    of: u64,
}

impl Part {
    fn contains(self, hash: u128) -> bool {
        hash % u128::from(self.of) == u128::from(self.number)
    }
}

fn hash(source: &[u8]) -> u128 {
    // What is no JSON is equal to its own bytes only.
    canonical(source).map_or_else(|_| hash_of(source), |text| hash_of(&text))
}

/// Compares all documents of an index, which were counted before.
pub(super) async fn compare(
    context: &Context,
    documents: &Documents<'_, '_>,
    index: &Arc<TargetIndex>,
) -> Result<()> {
    let in_target = index.presence().documents().unwrap_or_default();
    let hashes_at_once = (context.memory_for_keys / HASH_BYTES).max(1);
    let parts = index.seen().max(in_target).div_ceil(hashes_at_once).max(1);
    for number in 0..parts {
        let part = Part { number, of: parts };
        let expected = source_hashes(context, documents, index, part).await?;
        let found = target_hashes(context, index, part).await?;
        let (equal, missing, extra) = differences(expected, found);
        index.with_counts(|counts| counts.equal = counts.equal.saturating_add(equal));
        if !missing.is_empty() {
            record_missing(context, documents, index, missing).await?;
        }
        if !extra.is_empty() {
            record_extra(context, index, extra).await?;
        }
    }
    Ok(())
}

/// How many hashes both have, and what each side has more often.
fn differences(expected: Vec<u128>, found: Vec<u128>) -> (u64, Surplus, Surplus) {
    let (mut missing, mut extra) = (Surplus::new(), Surplus::new());
    let mut equal = 0_u64;
    let (mut expected, mut found) = (expected.into_iter().peekable(), found.into_iter().peekable());
    loop {
        match (expected.peek().copied(), found.peek().copied()) {
            (None, None) => return (equal, missing, extra),
            (Some(left), Some(right)) if left == right => {
                equal = equal.saturating_add(1);
                expected.next();
                found.next();
            }
            (Some(left), right) if right.is_none_or(|right| left < right) => {
                *missing.entry(left).or_default() += 1;
                expected.next();
            }
            (_, right) => {
                *extra.entry(right.unwrap_or_default()).or_default() += 1;
                found.next();
            }
        }
    }
}

async fn source_hashes(
    context: &Context,
    documents: &Documents<'_, '_>,
    index: &Arc<TargetIndex>,
    part: Part,
) -> Result<Vec<u128>> {
    let hashes = Mutex::new(Vec::new());
    let (all, threads) = (&hashes, &context.resources.threads);
    let add = |batch: Batch| async move {
        let (batch, new) = on_pool(threads, move || {
            let new: Vec<u128> =
                batch.documents.iter().map(|document| hash(batch.source(document))).collect();
            (batch, new)
        })
        .await;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(new.into_iter().filter(|hash| part.contains(*hash)));
        Ok(batch)
    };
    documents.read(context, Purpose::Sources, Some(index), add).await?;
    Ok(sorted(hashes))
}

fn sorted(hashes: Mutex<Vec<u128>>) -> Vec<u128> {
    let mut hashes = hashes.into_inner().unwrap_or_else(PoisonError::into_inner);
    hashes.sort_unstable();
    hashes
}

/// All documents of the target with their sources; none where there is no such index.
fn scanned<'a>(context: &'a Context, index: &'a TargetIndex) -> Option<Scanned<'a>> {
    let Presence::Present { shards, .. } = index.presence() else { return None };
    Some(Scanned { endpoint: &context.target, index: &index.name, shards, typed: false, with_sources: true })
}

async fn target_hashes(context: &Context, index: &TargetIndex, part: Part) -> Result<Vec<u128>> {
    let hashes = Mutex::new(Vec::new());
    let Some(scanned) = scanned(context, index) else { return Ok(Vec::new()) };
    let (all, threads) = (&hashes, &context.resources.threads);
    pages(scanned)
        .try_for_each_concurrent(PAGES_AT_ONCE, |hits| async move {
            let hash_all = move || hits.iter().map(|hit| hash(&hit.source)).collect::<Vec<_>>();
            let new = on_pool(threads, hash_all).await;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(new.into_iter().filter(|hash| part.contains(*hash)));
            Ok(())
        })
        .await?;
    Ok(sorted(hashes))
}

/// Takes one from the surplus; false if there is none.
fn take(surplus: &Mutex<Surplus>, hash: u128) -> bool {
    let mut surplus = surplus.lock().unwrap_or_else(PoisonError::into_inner);
    match surplus.get_mut(&hash) {
        Some(left @ 1..) => {
            *left = left.saturating_sub(1);
            true
        }
        _ => false,
    }
}

async fn record_missing(
    context: &Context,
    documents: &Documents<'_, '_>,
    index: &Arc<TargetIndex>,
    missing: Surplus,
) -> Result<()> {
    let missing = Mutex::new(missing);
    let record = |batch: Batch| {
        let record = || {
            for document in &batch.documents {
                if take(&missing, hash(batch.source(document))) {
                    index.with_counts(|counts| counts.missing = counts.missing.saturating_add(1));
                    index.differences.record(Record {
                        id: Some(document.identity.id.clone()),
                        routing: document.identity.routing.clone(),
                        reason: Some("no document of the target has this source".to_owned()),
                        ..Record::new(Kind::Missing, &index.name)
                    })?;
                }
            }
            Ok(())
        };
        let recorded: Result<()> = record();
        std::future::ready(recorded.map(|()| batch))
    };
    documents.read(context, Purpose::Sources, Some(index), record).await
}

async fn record_extra(context: &Context, index: &TargetIndex, extra: Surplus) -> Result<()> {
    let extra = Mutex::new(extra);
    let Some(scanned) = scanned(context, index) else { return Ok(()) };
    let extra = &extra;
    pages(scanned)
        .try_for_each_concurrent(PAGES_AT_ONCE, |hits| async move {
            for hit in hits {
                if take(extra, hash(&hit.source)) {
                    index.with_counts(|counts| counts.extra = counts.extra.saturating_add(1));
                    index.differences.record(Record {
                        id: Some(hit.identity.id),
                        reason: Some("no document of the source has this source".to_owned()),
                        ..Record::new(Kind::Extra, &index.name)
                    })?;
                }
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_has_more_often_is_missing_or_extra() {
        let (equal, missing, extra) = differences(vec![1, 1, 2, 5, 5], vec![1, 3, 5, 5, 5, 9]);
        assert_eq!(equal, 3);
        assert_eq!(missing, Surplus::from([(1, 1), (2, 1)]));
        assert_eq!(extra, Surplus::from([(3, 1), (5, 1), (9, 1)]));
    }

    #[test]
    fn a_hash_is_of_what_a_source_says() {
        assert_eq!(hash(b"{\"a\":1,\"b\":[]}"), hash(b"{ \"b\":[ ], \"a\":1.0 }"));
        assert_ne!(hash(b"{\"a\":1}"), hash(b"{\"a\":2}"));
        assert_ne!(hash(b"{\"a\":"), hash(b"{\"a\": "));
    }
}
