//! The comparison: counts first, then every document, then what is extra. Newcomers start reading here.

use super::check::check;
use super::cluster::Endpoint;
use super::context::Context;
use super::differences::Differences;
use super::documents::{Batch, Sample};
use super::error::{Error, Result};
use super::index::{TargetIndex, Targets};
use super::live::{LiveIndex, list};
use super::repair::Resend;
use super::report::{Excluded, Progress, Report};
use super::source::{Documents, SnapshotIndex};
use super::transformed::Transforms;
use super::unit::Purpose;
use super::{extras, without_ids};
use crate::error::Error as EngineError;
use crate::flow::MemoryBudget;
use crate::segment::{Resources, Selected, select};
use crate::snapshot::{IndexSelection, Snapshot};
use crate::transform::Chain;
use codecs::snapshot::version::Version;
use futures::{StreamExt, TryStreamExt, stream};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Indices that are counted, or searched for extra documents, at once.
const INDICES_AT_ONCE: usize = 8;

/// What the target is compared with.
#[derive(Debug, Clone)]
pub enum Source<'a, 's> {
    /// A snapshot.
    Snapshot(&'a Snapshot<'s>),
    /// A living cluster.
    Cluster(Endpoint),
}

/// What is compared, and how.
#[derive(Clone)]
pub struct Settings {
    /// Which indices of the source.
    pub selection: IndexSelection,
    /// What the backfill does with documents on their way.
    pub transforms: Option<Chain>,
    /// Which of their documents.
    pub sample: Sample,
    /// Whether documents may change meanwhile: what differs is looked at again, three times within 13 seconds, before
    /// it is reported.
    pub live: bool,
    /// How documents that are missing or different are sent again; none to leave them.
    pub repair: Option<Resend>,
    /// The file of differences.
    pub differences: PathBuf,
    /// Bytes of memory for the data in flight.
    pub memory: u64,
    /// Threads that decode and compare.
    pub threads: NonZeroUsize,
    /// The version of the source, if the snapshot is not to be believed.
    pub source_version: Option<Version>,
}

/// Compares the target with every selected document of the source.
///
/// What differs is in the report and in the file of differences. So is what is damaged in a snapshot.
///
/// # Errors
///
/// What concerns the source or the target as a whole, and makes a comparison impossible.
pub async fn run(
    source: &Source<'_, '_>,
    target: Endpoint,
    settings: &Settings,
    progress: &Arc<Progress>,
) -> Result<Report> {
    let start = Instant::now();
    check_settings(source, &target, settings)?;
    let differences = Arc::new(Differences::new(settings.differences.clone())?);
    let targets = Arc::new(Targets::new(Arc::clone(&differences), Arc::clone(progress)));
    let mut indices = Indices { settings, targets: &targets, scatters: false };
    let (documents, excluded_indices) = indices.open(source, &target).await?;
    let transforms = settings
        .transforms
        .clone()
        .map(|chain| Transforms::new(chain, Arc::clone(&targets), indices.scatters, target.dialect.typed));
    let context = context(source, target, transforms, settings)?;

    count(&context, &targets).await?;
    if context.target.dialect.server_made_ids {
        let count_only = |batch: Batch| {
            batch.index.add_seen(batch.documents.len() as u64);
            std::future::ready(Ok(batch))
        };
        documents.read(&context, Purpose::Compare, None, count_only).await?;
        for index in targets.all() {
            without_ids::compare(&context, &documents, &index).await?;
        }
    } else {
        documents.read(&context, Purpose::Compare, None, |batch| check(&context, batch)).await?;
        for index in targets.all() {
            extras::find(&context, &documents, &index).await?;
        }
    }

    let (differences, examples) = differences.finish()?;
    Ok(Report {
        source: describe(source),
        target: context.target.client.url().to_string(),
        indices: targets.all().iter().map(|index| index.report()).collect(),
        excluded_indices,
        differences,
        examples,
        peak_reserved: context.resources.memory.peak(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

fn check_settings(source: &Source<'_, '_>, target: &Endpoint, settings: &Settings) -> Result<()> {
    let unsupported = |what: &str| Err(Error::Unsupported { what: what.to_owned() });
    if settings.live && settings.transforms.is_some() && matches!(source, Source::Cluster(_)) {
        return unsupported(
            "documents of a living source that transforms change cannot be looked at again: leave out `--live`, or the transforms",
        );
    }
    if target.dialect.server_made_ids {
        if settings.sample.is_partial() {
            return unsupported(
                "a target that makes ids itself cannot be compared by a sample: nothing says which of its documents are in it",
            );
        }
        if settings.repair.is_some() {
            return unsupported(
                "a target that makes ids itself cannot be repaired: what is sent again could be there twice",
            );
        }
    }
    Ok(())
}

fn describe(source: &Source<'_, '_>) -> String {
    match source {
        Source::Snapshot(snapshot) => format!("snapshot `{}`", snapshot.name()),
        Source::Cluster(endpoint) => endpoint.client.url().to_string(),
    }
}

/// Counts the documents of every index of the target.
async fn count(context: &Context, targets: &Targets) -> Result<()> {
    let count = |index: Arc<TargetIndex>| async move { index.count(&context.target).await };
    stream::iter(targets.all()).map(Ok).try_for_each_concurrent(INDICES_AT_ONCE, count).await
}

/// The indices of the target, made from those of the source.
struct Indices<'a> {
    settings: &'a Settings,
    targets: &'a Targets,
    /// Whether it depends on a document in which index it belongs.
    scatters: bool,
}

impl Indices<'_> {
    async fn open<'a, 's>(
        &mut self,
        source: &Source<'a, 's>,
        target: &Endpoint,
    ) -> Result<(Documents<'a, 's>, Vec<Excluded>)> {
        match source {
            Source::Snapshot(snapshot) => {
                let (selected, excluded) = select(snapshot, &self.settings.selection).await?;
                self.group(selected.iter().map(|selected| selected.name.as_str()));
                let version = self.settings.source_version.or(snapshot.version());
                let open = |selected| self.snapshot_index(selected, version, target);
                let indices = selected.into_iter().filter_map(open).collect();
                let excluded = excluded.iter().map(|(index, reason)| Excluded {
                    index: (*index).to_owned(),
                    reason: reason.to_string(),
                });
                Ok((Documents::Snapshot(snapshot, indices), excluded.collect()))
            }
            Source::Cluster(endpoint) => {
                let (names, excluded) = list(endpoint, &self.settings.selection).await?;
                self.group(names.iter().map(String::as_str));
                let open = |name: String| {
                    let index = self.target_of(&name);
                    async move {
                        let index = index.ok_or_else(|| Error::Unsupported { what: name.clone() })?;
                        LiveIndex::open(endpoint, target, &name, index).await
                    }
                };
                let open = stream::iter(names).map(open).buffered(INDICES_AT_ONCE);
                Ok((Documents::Cluster(endpoint.clone(), open.try_collect().await?), excluded))
            }
        }
    }

    /// Makes the indices of the target, each with all indices of the source that belong in it.
    fn group<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            let target = self.target_name(name);
            self.scatters |= target.is_none();
            self.targets.expect(target.unwrap_or_else(|| name.to_owned()), name);
        }
    }

    /// Where the documents of an index belong; none when it depends on the document.
    fn target_name(&self, name: &str) -> Option<String> {
        self.settings
            .transforms
            .as_ref()
            .map_or_else(|| Some(name.to_owned()), |chain| chain.rename_index(name))
    }

    fn target_of(&self, name: &str) -> Option<Arc<TargetIndex>> {
        self.targets.get(&self.target_name(name).unwrap_or_else(|| name.to_owned()))
    }

    fn snapshot_index(
        &self,
        selected: Selected,
        version: Option<Version>,
        target: &Endpoint,
    ) -> Option<SnapshotIndex> {
        let index = self.target_of(&selected.name)?;
        let (typed, default_type) = selected.types(version);
        let default_type = default_type.map(str::to_owned);
        // A transform may look at the type, whether the target has types or not.
        let typed = typed && (target.dialect.typed || self.settings.transforms.is_some());
        Some(SnapshotIndex { index, typed, default_type, selected })
    }
}

fn context(
    source: &Source<'_, '_>,
    target: Endpoint,
    transforms: Option<Transforms>,
    settings: &Settings,
) -> Result<Context> {
    let threads = settings.threads.get();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("verify-{n}"));
    let pool = pool.build().map_err(|error| EngineError::Threads { reason: error.to_string() })?;
    let is_local = match source {
        Source::Snapshot(snapshot) => snapshot.repository().store().as_fs().is_some(),
        Source::Cluster(_) => false,
    };
    Ok(Context {
        target,
        source: match source {
            Source::Snapshot(_) => None,
            Source::Cluster(endpoint) => Some(endpoint.clone()),
        },
        transforms,
        sample: settings.sample,
        live: settings.live,
        resend: settings.repair.clone(),
        resources: Resources {
            memory: MemoryBudget::new(settings.memory.saturating_sub(settings.memory / 4)).measured(),
            threads: Arc::new(pool),
        },
        memory_for_keys: settings.memory / 4,
        buffers: Arc::default(),
        // A request to S3 costs tens of milliseconds whatever its size; a read of a file costs nothing.
        unit_bytes: if is_local { 1 << 20 } else { 4 << 20 },
        in_flight: if is_local { threads.saturating_mul(4) } else { 32_usize.max(threads) },
    })
}
