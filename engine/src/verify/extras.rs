//! Documents that the target has and the source does not.
//!
//! Only where counts say that there must be some is the target gone through: an index that counts as many documents as
//! were found in it under their own ids and routings has no other one. Then all identities of the source are read once
//! more, as keys of 16 bytes a document in a quarter of the memory; where they do not fit, the keys are cut into parts
//! by their values, and source and target are gone through once for each part.

use super::context::Context;
use super::differences::{Kind, Record};
use super::documents::Batch;
use super::error::Result;
use super::index::{Presence, TargetIndex};
use super::scan::{Hit, Scanned, pages};
use super::source::Documents;
use super::unit::Purpose;
use futures::TryStreamExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a key takes.
const KEY_BYTES: u64 = 16;

/// Pages of the target that are looked at once.
const PAGES_AT_ONCE: usize = 4;

/// How often, and after which time, an extra document is looked at again with `--live`.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// When so many documents are extra after the last look, the others are reported at once.
const LATE_DOCUMENTS: u64 = 1000;

/// Finds the extra documents of an index, if it has any.
pub(super) async fn find(
    context: &Context,
    documents: &Documents<'_, '_>,
    index: &Arc<TargetIndex>,
) -> Result<()> {
    if context.live || context.resend.is_some() {
        index.set_presence(context.target.count(&index.name).await?.0);
    }
    let Presence::Present { documents: in_target, shards } = index.presence() else { return Ok(()) };
    let known = if context.sample.is_partial() { index.seen() } else { index.matched() };
    // Documents of several indices may have one identity: then one found twice could hide one that is extra.
    let scatters = context.transforms.as_ref().is_some_and(|transforms| transforms.scatters);
    let may_hide = scatters || index.sources().len() > 1;
    if in_target <= known && !may_hide {
        return Ok(());
    }
    let keys_at_once = (context.memory_for_keys / KEY_BYTES).max(1);
    let parts = index.seen().div_ceil(keys_at_once).max(1);
    for part in 0..parts {
        let is_in_part = |key: u128| key % u128::from(parts) == u128::from(part);
        let keys = keys(context, documents, index, parts, is_in_part).await?;
        let scanned = Scanned {
            endpoint: &context.target,
            index: &index.name,
            shards,
            typed: context.target.dialect.typed
                && (documents.is_typed(index) || context.transforms.is_some()),
            with_sources: false,
        };
        let keys = &keys;
        pages(scanned)
            .try_for_each_concurrent(PAGES_AT_ONCE, |hits| async move {
                let is_extra = |hit: &Hit| {
                    let key = hit.identity.key();
                    is_in_part(key) && keys.binary_search(&key).is_err()
                };
                let extra: Vec<Hit> = hits.into_iter().filter(is_extra).collect();
                record(index, look_again(context, index, extra).await?)
            })
            .await?;
    }
    Ok(())
}

/// The keys of the documents of the source, sorted.
async fn keys(
    context: &Context,
    documents: &Documents<'_, '_>,
    index: &Arc<TargetIndex>,
    parts: u64,
    is_in_part: impl Fn(u128) -> bool,
) -> Result<Vec<u128>> {
    // Parts differ a little in size; growing would double what is held.
    let expected = index.seen() / parts;
    let capacity = usize::try_from(expected.saturating_add(expected / 16).saturating_add(1024));
    let keys = Mutex::new(Vec::with_capacity(capacity.unwrap_or(0)));
    let add = |batch: Batch| {
        let new =
            batch.documents.iter().map(|document| document.identity.key()).filter(|key| is_in_part(*key));
        keys.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        std::future::ready(Ok(batch))
    };
    documents.read(context, Purpose::Identities, Some(index), add).await?;
    let mut keys = keys.into_inner().unwrap_or_else(PoisonError::into_inner);
    keys.extend(index.misrouted().into_iter().filter(|key| is_in_part(*key)));
    keys.sort_unstable();
    Ok(keys)
}

/// Of a living cluster, those that the target still has, and the source still does not.
async fn look_again(context: &Context, index: &Arc<TargetIndex>, mut extra: Vec<Hit>) -> Result<Vec<Hit>> {
    if !context.live {
        return Ok(extra);
    }
    for delay in LOOK_AGAIN {
        if extra.is_empty() || index.counts().extra >= LATE_DOCUMENTS {
            break;
        }
        tokio::time::sleep(delay).await;
        let in_target = super::live::present(&context.target, index, None, &extra).await?;
        let mut in_source = vec![false; extra.len()];
        if let Some(source) = &context.source {
            for origin in &index.sources() {
                let found = super::live::present(source, index, Some(origin), &extra).await?;
                in_source.iter_mut().zip(found).for_each(|(known, found)| *known |= found);
            }
        }
        let is_extra = in_target.into_iter().zip(in_source).map(|(target, source)| target && !source);
        extra =
            extra.into_iter().zip(is_extra).filter_map(|(hit, is_extra)| is_extra.then_some(hit)).collect();
    }
    Ok(extra)
}

fn record(index: &TargetIndex, extra: Vec<Hit>) -> Result<()> {
    for hit in extra {
        index.with_counts(|counts| counts.extra = counts.extra.saturating_add(1));
        index.differences.record(Record {
            id: Some(hit.identity.id),
            type_name: hit.identity.type_name,
            routing: hit.identity.routing,
            ..Record::new(Kind::Extra, &index.name)
        })?;
    }
    Ok(())
}
