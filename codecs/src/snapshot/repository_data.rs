//! The catalog of a repository: `index` (Elasticsearch 1 and 2), `index-N` and `index.latest` (5 and later).
//!
//! It is JSON, never framed; Elasticsearch 1 may compress it with LZF. What a snapshot and an index have:
//!
//! | versions            | `snapshots[]`                                       | `indices.NAME`                        |
//! |---------------------|-----------------------------------------------------|---------------------------------------|
//! | 1, 2                | the name                                            | –                                     |
//! | 5.0 to 5.4          | `name`, `uuid`                                      | `id`, `snapshots[]` of `name`, `uuid` |
//! | 5.5 to 7.5          | and `state`                                         | `id`, `snapshots[]` of uuids          |
//! | 7.6 to 7.8          | and `version`                                       | and `shard_generations[]`             |
//! | 7.9 and later, OpenSearch | and `index_metadata_lookup`, which maps the id of an index to a key in `index_metadata_identifiers` | and `shard_path_type` (OpenSearch 2.17 and later) |
//!
//! Source: [`RepositoryData`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/repositories/RepositoryData.java).

use crate::error::Result;
use crate::input::{be_i64, decode};
use crate::snapshot::blob::{corrupt, from_json};
use crate::snapshot::blob_path::{BlobPath, ShardFolder, ShardPathType, checked_name};
use crate::source::decompress;
use nom::Parser;
use nom::combinator::all_consuming;
use serde::Deserialize;
use std::collections::BTreeMap;

mod raw;

/// How the blobs of a repository are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// By the names of snapshots and indices: Elasticsearch 1 and 2. Which indices there are says each snapshot.
    Names,
    /// By ids that the catalog gives to snapshots and indices: Elasticsearch 5.0 to 7.8.
    Ids,
    /// The same, and the metadata of an index is shared by snapshots: Elasticsearch 7.9 and later, OpenSearch.
    SharedIndexMetadata,
}

/// How a snapshot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// It is not finished.
    InProgress,
    /// All shards are in it.
    Success,
    /// It is of no use.
    Failed,
    /// Some shards are not in it.
    Partial,
    /// Made by a version that the server could not read.
    Incompatible,
    /// A state that ferry does not know.
    Other,
}

impl SnapshotState {
    const fn from_code(code: u64) -> Self {
        match code {
            0 => Self::InProgress,
            1 => Self::Success,
            2 => Self::Failed,
            3 => Self::Partial,
            4 => Self::Incompatible,
            _ => Self::Other,
        }
    }

    /// The state by its name in a snapshot, such as `SUCCESS`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "IN_PROGRESS" => Self::InProgress,
            "SUCCESS" => Self::Success,
            "FAILED" => Self::Failed,
            "PARTIAL" => Self::Partial,
            "INCOMPATIBLE" => Self::Incompatible,
            _ => Self::Other,
        }
    }
}

/// A snapshot in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The name that an operator gave it.
    pub name: String,
    /// Its id, by which blobs are named; the name itself before Elasticsearch 5.
    pub uuid: String,
    /// How it ended (5.5 and later).
    pub state: Option<SnapshotState>,
    /// The version of the server that made it (7.6 and later).
    pub version: Option<String>,
    /// Start and end in milliseconds since 1970 (8.14 and later).
    pub time_millis: Option<(i64, i64)>,
    /// Id of an index to the key of its metadata (7.9 and later).
    index_metadata_lookup: BTreeMap<String, String>,
}

impl SnapshotEntry {
    /// Whether the catalog knows only the name, so that Elasticsearch 1 may have written the blobs.
    fn is_known_by_name(&self) -> bool {
        self.name == self.uuid
    }
}

/// An index in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its id in this repository, which is not the index's own uuid.
    pub id: String,
    /// The uuids of the snapshots that it is in.
    pub snapshots: Vec<String>,
    /// For each shard, the suffix of its `index-…` blob (7.6 and later); `None` for a shard without one.
    pub shard_generations: Vec<Option<String>>,
    /// Code of the [`ShardPathType`]; 0 before OpenSearch 2.17.
    pub shard_path_type: u64,
}

/// The catalog of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryData {
    /// How blobs are named.
    pub layout: Layout,
    /// The snapshots, in the order of the file.
    pub snapshots: Vec<SnapshotEntry>,
    /// The indices by name; empty in the layout [`Layout::Names`].
    pub indices: BTreeMap<String, IndexEntry>,
    /// The lowest version that can read the repository (7.6 and later).
    pub min_version: Option<String>,
    /// Key of the metadata of an index to the suffix of its blob.
    index_metadata_identifiers: BTreeMap<String, String>,
    file: String,
}

impl RepositoryData {
    /// Decodes `index` or `index-N`; `limit` is for the content when it is compressed.
    ///
    /// # Errors
    /// The bytes are not such a catalog, or two of its parts contradict each other.
    pub fn decode(file: &str, bytes: &[u8], limit: usize) -> Result<Self> {
        let json = decompress(file, bytes, limit)?;
        let raw: raw::RepositoryData = from_json(file, &json)?;
        raw.into_repository_data(file)
    }

    /// The snapshot with this name; the last one if there are several.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> Option<&SnapshotEntry> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.name == name)
    }

    /// The names of the indices in a snapshot; none in the layout [`Layout::Names`].
    pub fn indices_in<'a>(&'a self, snapshot: &'a SnapshotEntry) -> impl Iterator<Item = &'a str> {
        let is_in = |index: &&IndexEntry| index.snapshots.contains(&snapshot.uuid);
        let indices = self.indices.iter().filter(move |(_, index)| is_in(index));
        indices.map(|(name, _)| name.as_str())
    }

    /// Path of the [`SnapshotInfo`](crate::snapshot::snapshot_info::SnapshotInfo) of a snapshot.
    ///
    /// # Errors
    /// Its uuid cannot be part of a path.
    pub fn snapshot_info(&self, snapshot: &SnapshotEntry) -> Result<BlobPath> {
        self.named_by_snapshot("", "snap", "snapshot", snapshot)
    }

    /// Path of the [`ClusterMetadata`](crate::snapshot::cluster_metadata::ClusterMetadata) of a snapshot.
    ///
    /// # Errors
    /// Its uuid cannot be part of a path.
    pub fn cluster_metadata(&self, snapshot: &SnapshotEntry) -> Result<BlobPath> {
        self.named_by_snapshot("", "meta", "metadata", snapshot)
    }

    /// Path of the [`IndexMetadata`](crate::snapshot::index_metadata::IndexMetadata) of an index in a snapshot.
    ///
    /// # Errors
    /// The index is not in the catalog, its metadata has no identifier, or an id cannot be part of a path.
    pub fn index_metadata(&self, snapshot: &SnapshotEntry, index: &str) -> Result<BlobPath> {
        let id = self.index_id(index)?;
        let folder = format!("indices/{id}/");
        let Some(key) = snapshot.index_metadata_lookup.get(id) else {
            return self.named_by_snapshot(&folder, "meta", "snapshot", snapshot);
        };
        let Some(identifier) = self.index_metadata_identifiers.get(key) else {
            let what = format!("index `{index}` has the metadata `{key}`, which has no identifier");
            return Err(corrupt(&self.file, what));
        };
        let identifier = checked_name(&self.file, identifier)?;
        Ok(BlobPath { current: format!("{folder}meta-{identifier}.dat"), legacy: None })
    }

    /// The folder of a shard; `prefix` as in [`ShardPathType::shard_folder`].
    ///
    /// # Errors
    /// The index is not in the catalog, its id cannot be part of a path, or its path type is not known.
    pub fn shard_folder(&self, index: &str, shard: u32, prefix: &str) -> Result<ShardFolder> {
        let id = self.index_id(index)?;
        let code = self.indices.get(index).map_or(0, |entry| entry.shard_path_type);
        Ok(ShardPathType::from_code(&self.file, code)?.shard_folder(id, shard, prefix))
    }

    /// Name of the [`ShardSnapshot`](crate::snapshot::shard_snapshot::ShardSnapshot) of a snapshot, in the folder
    /// of each shard.
    ///
    /// # Errors
    /// The uuid of the snapshot cannot be part of a path.
    pub fn shard_snapshot(&self, snapshot: &SnapshotEntry) -> Result<BlobPath> {
        self.named_by_snapshot("", "snap", "snapshot", snapshot)
    }

    /// The id of an index, by which its folder is named.
    fn index_id<'a>(&'a self, index: &'a str) -> Result<&'a str> {
        let id = match (self.layout, self.indices.get(index)) {
            (_, Some(entry)) => &entry.id,
            (Layout::Names, None) => index,
            (_, None) => return Err(corrupt(&self.file, format!("there is no index `{index}`"))),
        };
        checked_name(&self.file, id)
    }

    fn named_by_snapshot(
        &self,
        folder: &str,
        kind: &str,
        legacy_kind: &str,
        snapshot: &SnapshotEntry,
    ) -> Result<BlobPath> {
        let uuid = checked_name(&self.file, &snapshot.uuid)?;
        let legacy = snapshot.is_known_by_name().then(|| format!("{folder}{legacy_kind}-{uuid}"));
        Ok(BlobPath { current: format!("{folder}{kind}-{uuid}.dat"), legacy })
    }
}

/// Decodes `index.latest`: the N of the newest `index-N`, as eight bytes, big-endian.
///
/// # Errors
/// There are not eight bytes, or the number is negative.
pub fn decode_index_latest(file: &str, bytes: &[u8]) -> Result<u64> {
    let generation = decode(file, bytes, |input| all_consuming(be_i64).parse(input))?;
    u64::try_from(generation).map_err(|_| corrupt(file, format!("generation {generation}")))
}

/// The N of a blob that is named `index-N`.
#[must_use]
pub fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("index-")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Decodes `incompatible-snapshots` (Elasticsearch 5.2 to 7.5): names of snapshots that were too old for the cluster.
///
/// # Errors
/// The bytes are not such a list.
pub fn decode_incompatible_snapshots(file: &str, bytes: &[u8]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Incompatible {
        #[serde(rename = "incompatible-snapshots", default)]
        snapshots: Vec<raw::Snapshot>,
    }
    let list: Incompatible = from_json(file, bytes)?;
    Ok(list.snapshots.into_iter().map(raw::Snapshot::into_name).collect())
}

#[cfg(test)]
mod tests;
