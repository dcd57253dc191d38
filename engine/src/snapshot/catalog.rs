//! What one snapshot has: indices, their metadata, their shards.

use super::repository::{DECODED_LIMIT, Repository, read_first};
use super::selection::{Exclusion, IndexSelection};
use super::shard_files::ShardFiles;
use crate::error::{Error, Result};
use crate::storage::BlobStore;
use codecs::snapshot::blob_path::SnapshotShardPaths;
use codecs::snapshot::index_metadata::IndexMetadata;
use codecs::snapshot::repository_data::{Layout, SnapshotEntry, SnapshotState};
use codecs::snapshot::shard_snapshot::ShardSnapshot;
use codecs::snapshot::snapshot_info::SnapshotInfo;
use codecs::snapshot::version::Version;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One snapshot of a repository.
#[derive(Debug)]
pub struct Snapshot<'a> {
    repository: &'a Repository,
    entry: &'a SnapshotEntry,
    info: SnapshotInfo,
    indices: BTreeSet<String>,
}

/// The names of the indices that are meant, and those that are not, with the reason.
pub type SelectedNames<'a> = (Vec<&'a str>, Vec<(&'a str, Exclusion)>);

/// One index in a snapshot.
#[derive(Debug, Clone)]
pub struct Index {
    /// Settings, mappings, number of shards.
    pub metadata: Arc<IndexMetadata>,
    /// Its name in the snapshot.
    pub name: String,
}

impl Repository {
    /// Opens the snapshot with this name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSnapshot`] where there is none, [`Error::UnreadableSnapshot`] for one that is not finished, has
    /// failed, or only refers to a remote store; [`Error::Codec`] and all that concern access to the storage.
    pub async fn snapshot(&self, name: &str) -> Result<Snapshot<'_>> {
        let snapshot = self.describe(name).await?;
        if let Some(reason) = unreadable(&snapshot.info) {
            return Err(Error::UnreadableSnapshot { name: name.to_owned(), reason: reason.to_owned() });
        }
        Ok(snapshot)
    }

    /// As [`Repository::snapshot`], also for snapshots whose documents cannot be read.
    ///
    /// # Errors
    ///
    /// [`Error::NoSnapshot`], [`Error::Codec`] and all that concern access to the storage.
    pub async fn describe(&self, name: &str) -> Result<Snapshot<'_>> {
        let Some(entry) = self.data().snapshot(name) else {
            let names: Vec<&str> = self.snapshots().iter().map(|snapshot| snapshot.name.as_str()).collect();
            let url = self.store().url().to_owned();
            return Err(Error::NoSnapshot { name: name.to_owned(), url, known: list(&names) });
        };
        let path = self.data().snapshot_info(entry).map_err(|error| self.undecodable(error))?;
        let (file, bytes) = self.read_metadata(&path).await?;
        let info =
            SnapshotInfo::decode(&file, &bytes, DECODED_LIMIT).map_err(|error| self.undecodable(error))?;
        // The catalog knows where an index is; the snapshot says which it has. One that only either names must show.
        let mut indices: BTreeSet<String> = info.indices.iter().cloned().collect();
        if self.data().layout != Layout::Names {
            indices.extend(self.data().indices_in(entry).map(str::to_owned));
        }
        Ok(Snapshot { repository: self, entry, info, indices })
    }
}

fn unreadable(info: &SnapshotInfo) -> Option<&'static str> {
    match info.state {
        _ if info.is_shallow_copy || info.pinned_timestamp > 0 => Some(
            "it only refers to segments in a remote store; take a full snapshot, with `shallow copy` off",
        ),
        SnapshotState::InProgress => Some("it is still being made"),
        SnapshotState::Failed => Some("it failed when it was made"),
        SnapshotState::Incompatible => Some("it is marked as incompatible with the cluster that listed it"),
        SnapshotState::Success | SnapshotState::Partial | SnapshotState::Other => None,
    }
}

impl<'a> Snapshot<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Its id, by which blobs are named; the name itself before Elasticsearch 5.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.entry.uuid
    }

    /// The repository that it is in.
    #[must_use]
    pub const fn repository(&self) -> &'a Repository {
        self.repository
    }

    /// What it says of itself.
    #[must_use]
    pub const fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    /// The version of the server that made it, where it is noted.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.info.version
    }

    /// The names of its indices, sorted.
    pub fn indices(&self) -> impl ExactSizeIterator<Item = &str> {
        self.indices.iter().map(String::as_str)
    }

    /// The indices that are meant, and those that are not, with the reason.
    ///
    /// # Errors
    ///
    /// [`Error::NothingSelected`] when a pattern matches no index.
    pub fn select(&self, selection: &IndexSelection) -> Result<SelectedNames<'_>> {
        let names: Vec<&str> = self.indices().collect();
        check_matched(selection, &names, || format!("snapshot `{}`", self.name()))?;
        Ok(self.select_leniently(selection))
    }

    /// As [`Snapshot::select`], where patterns may match no index.
    #[must_use]
    pub fn select_leniently(&self, selection: &IndexSelection) -> SelectedNames<'_> {
        let mut selected = Vec::new();
        let mut excluded = Vec::new();
        for name in self.indices() {
            match selection.check(name) {
                Ok(()) => selected.push(name),
                Err(reason) => excluded.push((name, reason)),
            }
        }
        (selected, excluded)
    }

    /// Reads the metadata of an index.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`] where it is damaged or the catalog does not have the index, and all that concern access to
    /// the storage.
    pub async fn index(&self, name: &str) -> Result<Index> {
        let repository = self.repository;
        let path = repository
            .data()
            .index_metadata(self.entry, name)
            .map_err(|error| self.undecodable(name, error))?;
        let (file, bytes) = repository.read_metadata(&path).await?;
        let metadata = IndexMetadata::decode(&file, &bytes, DECODED_LIMIT)
            .map_err(|error| self.undecodable(name, error))?;
        let index = Index { metadata: Arc::new(metadata), name: name.to_owned() };
        if repository.data().layout == Layout::Names {
            self.check_number_of_shards(&index, file).await?;
        }
        Ok(index)
    }

    /// Looks for one shard more than the metadata says: that of Elasticsearch 1 has no checksum, and a shard that
    /// is not counted would be lost without a word.
    async fn check_number_of_shards(&self, index: &Index, file: String) -> Result<()> {
        let shards = index.metadata.number_of_shards;
        match self.shard(index, shards).await {
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) if !error.is_damage() => Err(error),
            _ => {
                let what = format!(
                    "`index.number_of_shards` is {shards}, and the snapshot has a shard {shards} of the index"
                );
                Err(self.undecodable(&index.name, codecs::Error::Corrupt { file, offset: 0, what }))
            }
        }
    }

    /// Why the server left a shard out of the snapshot.
    #[must_use]
    pub fn shard_failure(&self, index: &str, shard: u32) -> Option<&str> {
        let failure = self
            .info
            .failures
            .iter()
            .find(|failure| failure.index == index && failure.shard_id == u64::from(shard))?;
        Some(failure.reason.as_deref().unwrap_or("no reason is noted"))
    }

    /// Reads the list of files of a shard.
    ///
    /// # Errors
    ///
    /// [`Error::Shard`] for one that the server left out of the snapshot; [`Error::Codec`] and all that concern
    /// access to the storage.
    pub async fn shard(&self, index: &Index, shard: u32) -> Result<Arc<ShardFiles>> {
        let what = format!("shard {shard} of index `{}`", index.name);
        let path = self
            .repository
            .data()
            .shard_snapshot(self.entry)
            .map_err(|error| self.undecodable(&index.name, error))?;
        let names: Vec<&str> = path.candidates().collect();
        let (store, mut folder) = self.shard_folder(index, shard).await?;
        let mut read = read_shard(&store, &folder, &names).await;
        if matches!(read, Err(Error::NotFound { .. }))
            && let Some(noted) = self.noted_folder(index, shard).await?
        {
            read = read_shard(&store, &noted, &names).await;
            folder = noted;
        }
        let (file, bytes) = match (read, self.shard_failure(&index.name, shard)) {
            (Ok(read), _) => read,
            (Err(Error::NotFound { .. }), Some(reason)) => {
                let problem = format!("the server left this shard out of the snapshot: {reason}");
                return Err(Error::Shard { what, file: path.current, problem });
            }
            (Err(error), _) => return Err(error),
        };
        let files = ShardSnapshot::decode(&file, &bytes, DECODED_LIMIT)
            .map_err(|source| Error::Codec { what: what.clone(), source: Box::new(source) })?;
        Ok(Arc::new(ShardFiles::new(store, folder, file, what, files)))
    }

    /// Where the files of a shard are: a storage, and a folder in it that ends with `/`.
    async fn shard_folder(&self, index: &Index, shard: u32) -> Result<(BlobStore, String)> {
        let repository = self.repository;
        let folder = repository
            .data()
            .shard_folder(&index.name, shard, "")
            .map_err(|error| self.undecodable(&index.name, error))?;
        if folder.before_base_path.is_empty() {
            return Ok((repository.store.clone(), folder.blob("", "")));
        }
        let (store, base_path) = repository.root().await?;
        Ok((store, folder.blob(&base_path, "")))
    }

    /// The folder of a shard as the repository notes it, for clusters that had a prefix of their own for hashed folders.
    async fn noted_folder(&self, index: &Index, shard: u32) -> Result<Option<String>> {
        let Some(entry) = self.repository.data().indices.get(&index.name) else { return Ok(None) };
        let shards = index.metadata.number_of_shards;
        let path = SnapshotShardPaths::path(&entry.id, &index.name, shards, entry.shard_path_type);
        let (file, bytes) = match read_first(self.repository.store(), [path]).await {
            Ok(read) => read,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let noted = SnapshotShardPaths::decode(&file, &bytes)
            .map_err(|error| self.undecodable(&index.name, error))?;
        Ok(usize::try_from(shard).ok().and_then(|shard| noted.paths.into_iter().nth(shard)))
    }

    fn undecodable(&self, index: &str, source: codecs::Error) -> Error {
        Error::Codec { what: format!("the metadata of index `{index}`"), source: Box::new(source) }
    }
}

async fn read_shard(store: &BlobStore, folder: &str, names: &[&str]) -> Result<(String, bytes::Bytes)> {
    read_first(store, names.iter().map(|name| format!("{folder}{name}"))).await
}

/// Names for a message; not more than a person would read.
/// Refuses patterns that match none of these indices: each is likely a mistake.
pub(crate) fn check_matched(
    selection: &IndexSelection,
    indices: &[&str],
    place: impl FnOnce() -> String,
) -> Result<()> {
    let unmatched = selection.unmatched(indices);
    if unmatched.is_empty() {
        return Ok(());
    }
    let patterns: Vec<_> = unmatched.iter().map(|pattern| format!("`{pattern}`")).collect();
    Err(Error::NothingSelected { place: place(), patterns: patterns.join(", "), known: list(indices) })
}

fn list(names: &[&str]) -> String {
    const MOST: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
