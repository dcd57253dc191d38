//! Documents of the source as the transforms of the backfill make them.

use super::context::Context;
use super::differences::{Kind, Record};
use super::documents::{Batch, Expected, Identity};
use super::error::Result;
use super::index::{TargetIndex, Targets};
use super::unit::Purpose;
use crate::flow::on_pool;
use crate::transform::{Chain, Item, Output, Worker};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The transforms, and the indices of the target that documents go to.
#[derive(Debug, Clone)]
pub(super) struct Transforms {
    chain: Chain,
    pub(super) targets: Arc<Targets>,
    /// Whether documents of one index may go to several, as their content says.
    pub(super) scatters: bool,
    /// Whether the target has types.
    typed: bool,
}

/// What came of the documents of a batch.
#[derive(Default)]
struct Made {
    /// By the name of the index that they go to.
    batches: BTreeMap<String, Batch>,
    /// Documents that became others, or the same.
    changed: u64,
    /// Documents that were left out.
    dropped: u64,
    failed: Vec<(Identity, String)>,
}

impl Transforms {
    pub(super) const fn new(chain: Chain, targets: Arc<Targets>, scatters: bool, typed: bool) -> Self {
        Self { chain, targets, scatters, typed }
    }

    /// Transforms a batch, and gives what comes of it to `take`: all of it, or what belongs in one index.
    pub(super) async fn apply<Taken>(
        &self,
        context: &Context,
        purpose: Purpose,
        only: Option<&TargetIndex>,
        batch: Batch,
        take: &impl Fn(Batch) -> Taken,
    ) -> Result<Batch>
    where
        Taken: Future<Output = Result<Batch>>,
    {
        let this = self.clone();
        let (batch, made) = on_pool(&context.resources.threads, move || {
            let made = this.make(&batch);
            (batch, made)
        })
        .await;
        let mut parts = Vec::new();
        for (name, mut part) in made.batches {
            part.index = self.targets.index(&name, &context.target).await?;
            parts.push(part);
        }
        if purpose == Purpose::Compare {
            count(&batch.index, &parts, made.changed, made.dropped);
            for (identity, reason) in made.failed {
                fail(&batch.index, identity, reason)?;
            }
        }
        for part in parts {
            if only.is_none_or(|only| only.name == part.index.name) {
                take(part).await?;
            }
        }
        Ok(batch)
    }

    fn make(&self, batch: &Batch) -> Made {
        let mut worker = self.chain.worker();
        let mut made = Made::default();
        for document in &batch.documents {
            self.make_of(&mut worker, batch, document, &mut made);
        }
        made
    }

    fn make_of(&self, worker: &mut Worker, batch: &Batch, document: &Expected, made: &mut Made) {
        let identity = &document.identity;
        let source_index = batch.origin.as_deref().unwrap_or(&batch.index.name);
        let item = Item {
            index: source_index,
            type_name: identity.type_name.as_deref(),
            id: &identity.id,
            routing: identity.routing.as_deref(),
            parent: identity.parent.as_deref(),
            source: batch.source(document),
        };
        let mut outputs = 0_u64;
        let applied = worker.apply(item, &mut |output| {
            outputs = outputs.saturating_add(1);
            let of_index = made.batches.entry(output.index.to_string()).or_insert_with(|| batch.part([]));
            of_index.add_text(self.identity(&output), &output.source);
        });
        match applied {
            Err(failure) => made.failed.push((identity.clone(), failure.to_string())),
            Ok(()) if outputs == 0 => made.dropped = made.dropped.saturating_add(1),
            Ok(()) => made.changed = made.changed.saturating_add(1),
        }
    }

    fn identity(&self, output: &Output<'_>) -> Identity {
        Identity {
            // Without an id only sources are compared.
            id: output.id.as_deref().unwrap_or_default().to_owned(),
            type_name: output.type_name.as_deref().filter(|_| self.typed).map(str::to_owned),
            routing: output.routing.as_deref().or(output.parent).map(str::to_owned),
            parent: output.parent.map(str::to_owned),
        }
    }
}

/// Moves documents to the books of the indices that they go to.
fn count(home: &TargetIndex, parts: &[Batch], changed: u64, dropped: u64) {
    let made = |part: &Batch| part.documents.len() as u64;
    let here = parts.iter().find(|part| part.index.name == home.name).map_or(0, made);
    home.with_counts(|counts| {
        counts.selected = counts.selected.saturating_add(here).saturating_sub(changed);
        counts.excluded = counts.excluded.saturating_add(dropped);
    });
    for part in parts.iter().filter(|part| part.index.name != home.name) {
        part.index.with_counts(|counts| counts.selected = counts.selected.saturating_add(made(part)));
    }
}

fn fail(home: &TargetIndex, identity: Identity, reason: String) -> Result<()> {
    let record = Record {
        id: Some(identity.id),
        type_name: identity.type_name,
        routing: identity.routing,
        reason: Some(reason),
        ..Record::new(Kind::Unreadable, &home.name)
    };
    home.unreadable(record, Some(1))
}
