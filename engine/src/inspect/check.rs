//! Reads and verifies what a backfill needs of a snapshot, or every blob of it.

use super::check_file::check_file;
use super::check_segment::check_segment;
use crate::error::{Error, Operation, Result, chain};
use crate::flow::MemoryBudget;
use crate::segment::segments;
use crate::snapshot::{Index, IndexSelection, Repository, ShardFiles, Snapshot, check_matched};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Shards that are checked side by side.
const SHARDS_AT_ONCE: usize = 4;

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Which indices.
    pub selection: IndexSelection,
    /// Whether blobs that a backfill does not need are read too.
    pub all_blobs: bool,
    /// Bytes of memory for the data in flight.
    pub memory: u64,
    /// Threads that decode.
    pub threads: NonZeroUsize,
}

/// Something that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The index; `-` for a fault of the whole snapshot.
    pub index: String,
    /// Number of the shard.
    pub shard: Option<u32>,
    /// The blob, by its path in the repository.
    pub blob: String,
    /// Where in the blob, in bytes, as far as that can be said; for a checksum that is wrong where the bytes end that
    /// it is over.
    pub offset: Option<u64>,
    /// File, expected and found.
    pub problem: String,
}

/// What a check came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Name of the snapshot.
    pub snapshot: String,
    /// Indices that were looked at.
    pub indices: u64,
    /// Shards that were looked at.
    pub shards: u64,
    /// Files whose checksum was computed.
    pub files: u64,
    /// Bytes that went into checksums.
    pub bytes: u64,
    /// Live documents that were read.
    pub documents: u64,
    /// What is wrong, by index, shard and blob.
    pub faults: Vec<Fault>,
}

/// The check of one shard.
pub(super) struct Context<'a> {
    pub(super) index: &'a str,
    pub(super) shard: u32,
    pub(super) memory: &'a MemoryBudget,
    pub(super) threads: &'a rayon::ThreadPool,
    pub(super) report: &'a Mutex<CheckReport>,
    /// Blobs that are known to be damaged.
    pub(super) damaged: Mutex<BTreeSet<String>>,
}

/// Checks the selected indices of every snapshot of a repository; one that cannot be read is a fault.
///
/// # Errors
///
/// Those of [`check`]; [`Error::NothingSelected`] only when a pattern matches no index of any snapshot.
pub async fn check_all(repository: &Repository, settings: &CheckSettings) -> Result<Vec<CheckReport>> {
    let mut snapshots = Vec::new();
    for entry in repository.snapshots() {
        snapshots.push(match repository.snapshot(&entry.name).await {
            Ok(snapshot) => Ok(snapshot),
            Err(error) if error.is_damage() || matches!(error, Error::UnreadableSnapshot { .. }) => {
                let faults = vec![Fault::of_error("-", None, repository, &error)];
                Err(CheckReport { snapshot: entry.name.clone(), faults, ..CheckReport::default() })
            }
            Err(error) => return Err(error),
        });
    }
    if snapshots.iter().all(Result::is_ok) {
        let indices: BTreeSet<&str> = snapshots.iter().flatten().flat_map(Snapshot::indices).collect();
        let indices: Vec<&str> = indices.into_iter().collect();
        check_matched(&settings.selection, &indices, || {
            format!("any snapshot of `{}`", repository.store().url())
        })?;
    }
    let mut reports = Vec::new();
    for snapshot in snapshots {
        reports.push(match snapshot {
            Ok(snapshot) => {
                let (names, _) = snapshot.select_leniently(&settings.selection);
                check_indices(&snapshot, names, settings).await?
            }
            Err(report) => report,
        });
    }
    Ok(reports)
}

/// Checks the selected indices of a snapshot.
///
/// # Errors
///
/// [`Error::NothingSelected`] and all that concern access to the storage. What is missing or damaged is a fault.
pub async fn check(snapshot: &Snapshot<'_>, settings: &CheckSettings) -> Result<CheckReport> {
    let (names, _) = snapshot.select(&settings.selection)?;
    check_indices(snapshot, names, settings).await
}

async fn check_indices(
    snapshot: &Snapshot<'_>,
    names: Vec<&str>,
    settings: &CheckSettings,
) -> Result<CheckReport> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads.get()).build();
    let pool = pool.map_err(|error| Error::Threads { reason: error.to_string() })?;
    let memory = MemoryBudget::new(settings.memory);
    let report = Mutex::new(CheckReport { snapshot: snapshot.name().to_owned(), ..CheckReport::default() });
    for name in names {
        count(&report, |report| report.indices = report.indices.saturating_add(1));
        let index = match snapshot.index(name).await {
            Ok(index) => index,
            Err(error) if error.is_damage() => {
                count(&report, |report| {
                    report.faults.push(Fault::of_error(name, None, snapshot.repository(), &error))
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        let shards = (0..index.metadata.number_of_shards).map(|shard| {
            let context = Context {
                index: name,
                shard,
                memory: &memory,
                threads: &pool,
                report: &report,
                damaged: Mutex::default(),
            };
            check_shard(snapshot, &index, context, settings.all_blobs)
        });
        stream::iter(shards).map(Ok).try_for_each_concurrent(SHARDS_AT_ONCE, |shard| shard).await?;
    }
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.faults.sort();
    Ok(report)
}

async fn check_shard(
    snapshot: &Snapshot<'_>,
    index: &Index,
    context: Context<'_>,
    all_blobs: bool,
) -> Result<()> {
    context.count(|report| report.shards = report.shards.saturating_add(1));
    let files = match snapshot.shard(index, context.shard).await {
        Ok(files) => files,
        Err(error) => return context.fault_or_stop(snapshot, error),
    };
    let parent_types = index.metadata.parent_types();
    let parent_types = parent_types.into_iter().map(|(child, parent)| (child.to_owned(), parent.to_owned()));
    let mut needed = BTreeSet::new();
    match segments(&files, &Arc::new(parent_types.collect())).await {
        Ok(sources) => {
            for source in sources {
                needed.insert(format!("{}.si", source.commit.name));
                needed.append(&mut check_segment(&context, snapshot, &files, &source).await?);
            }
        }
        Err(error) => context.fault_in(snapshot, &files, error)?,
    }
    let lengths = blob_lengths(&files).await?;
    let damaged = context.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut names: Vec<&str> = files.iter().map(|file| file.physical_name.as_str()).collect();
    names.sort_unstable();
    for name in names {
        let is_needed = needed.contains(name) || name.starts_with("segments_");
        if is_needed || all_blobs {
            let known = files.parts(name).any(|part| damaged.contains(&files.path(&part.blob)));
            check_file(&context, snapshot, &files, name, known).await?;
            context.check_lengths(&files, name, &lengths);
        }
    }
    Ok(())
}

/// The blobs in the folder of a shard and their lengths; none where folders must not be listed.
async fn blob_lengths(files: &ShardFiles) -> Result<BTreeMap<String, u64>> {
    match files.list().await {
        Ok(listing) => Ok(listing.blobs.into_iter().map(|blob| (blob.name, blob.length)).collect()),
        Err(Error::AccessDenied { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

impl Context<'_> {
    /// Notes blobs that are longer than they should be: reading a file does not show it.
    fn check_lengths(&self, files: &ShardFiles, name: &str, lengths: &BTreeMap<String, u64>) {
        for part in files.parts(name) {
            if let Some(length) = lengths.get(&part.blob).filter(|length| **length > part.length) {
                let problem = format!(
                    "`{name}`: the blob has {length} bytes, the metadata of the shard says {}",
                    part.length
                );
                self.fault(files.path(&part.blob), Some(part.length), problem);
            }
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut CheckReport)) {
        count(self.report, change);
    }

    fn fault(&self, blob: String, offset: Option<u64>, problem: String) {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.clone());
        let fault = Fault { index: self.index.to_owned(), shard: Some(self.shard), blob, offset, problem };
        self.count(|report| report.faults.push(fault));
    }

    /// Notes an error about a blob of the repository; one that concerns all of it ends the check.
    fn fault_or_stop(&self, snapshot: &Snapshot<'_>, error: Error) -> Result<()> {
        if !error.is_damage() {
            return Err(error);
        }
        let Fault { blob, offset, problem, .. } =
            Fault::of_error(self.index, Some(self.shard), snapshot.repository(), &error);
        self.fault(blob, offset, problem);
        Ok(())
    }

    /// Notes an error about a file of the shard, with the blob that it is in.
    pub(super) fn fault_in(&self, snapshot: &Snapshot<'_>, files: &ShardFiles, error: Error) -> Result<()> {
        match &error {
            Error::Codec { source, .. } => {
                self.fault_of_codec(files, source, None);
                Ok(())
            }
            Error::Shard { file, problem, .. } => {
                self.fault_at(files, file, None, format!("`{file}`: {problem}"));
                Ok(())
            }
            Error::OtherFile { file, offset, expected, found, .. } => {
                let problem = format!(
                    "`{file}`: its footer has checksum {found:08x}, the shard's metadata says {expected:08x}"
                );
                self.fault_at(files, file, Some(*offset), problem);
                Ok(())
            }
            _ => self.fault_or_stop(snapshot, error),
        }
    }

    /// Notes an error of a decoder; `place` is the file of the shard and the offset in it, for a file in a compound file.
    pub(super) fn fault_of_codec(
        &self,
        files: &ShardFiles,
        error: &codecs::Error,
        place: Option<(String, u64)>,
    ) {
        let (file, offset) = place.unwrap_or_else(|| (error.file().to_owned(), error.offset()));
        self.fault_at(files, &file, Some(offset), error.to_string());
        if matches!(error, codecs::Error::Unsupported { .. })
            && let Some((blob, _)) = files.locate(&file, offset)
        {
            // A name that is not known may be a damaged one: the checksum tells.
            self.damaged.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob);
        }
    }

    /// Notes what is wrong with a file, and where in it, if that is known.
    pub(super) fn fault_at(&self, files: &ShardFiles, file: &str, offset: Option<u64>, problem: String) {
        match files.locate(file, offset.unwrap_or_default()) {
            Some((blob, at)) => self.fault(blob, offset.map(|_| at), problem),
            None => self.fault(files.list_blob().to_owned(), None, problem),
        }
    }
}

impl Fault {
    fn of_error(index: &str, shard: Option<u32>, repository: &Repository, error: &Error) -> Self {
        let url = repository.store().url();
        let (blob, offset, problem) = match error {
            Error::Codec { source, .. } => {
                (source.file().to_owned(), Some(source.offset()), source.to_string())
            }
            _ => (error.url().unwrap_or(url).to_owned(), end_of_blob(error), chain(error)),
        };
        let blob =
            blob.strip_prefix(url).map_or(blob.as_str(), |path| path.trim_start_matches('/')).to_owned();
        Self { index: index.to_owned(), shard, blob, offset, problem }
    }
}

/// Where a blob ends that is too short.
const fn end_of_blob(error: &Error) -> Option<u64> {
    let Error::WrongLength { access, found, .. } = error else { return None };
    match &access.operation {
        Operation::Read => Some(*found),
        Operation::ReadRange(range) => Some(range.start.saturating_add(*found)),
        _ => None,
    }
}

fn count(report: &Mutex<CheckReport>, change: impl FnOnce(&mut CheckReport)) {
    change(&mut report.lock().unwrap_or_else(PoisonError::into_inner));
}
