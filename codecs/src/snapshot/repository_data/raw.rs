//! The catalog as it stands in the file, in the forms of all versions. Unknown fields are passed over.

use super::{IndexEntry, Layout, SnapshotEntry, SnapshotState};
use crate::error::Result;
use crate::snapshot::blob::corrupt;
use crate::snapshot::version::Version;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

#[derive(Deserialize)]
pub(super) struct RepositoryData {
    snapshots: Vec<Snapshot>,
    indices: Option<BTreeMap<String, Index>>,
    #[serde(default)]
    min_version: Option<String>,
    index_metadata_identifiers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Snapshot {
    Name(String),
    Entry(Box<SnapshotFields>),
}

impl Snapshot {
    pub(super) fn into_name(self) -> String {
        match self {
            Self::Name(name) => name,
            Self::Entry(fields) => fields.name,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct SnapshotFields {
    name: String,
    uuid: Option<String>,
    state: Option<u64>,
    #[serde(default)]
    index_metadata_lookup: BTreeMap<String, String>,
    version: Option<VersionField>,
    /// Since 8.11; then `version` says `8.11.0`, whatever the version.
    index_version: Option<u64>,
    start_time_millis: Option<i64>,
    end_time_millis: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum VersionField {
    Text(String),
    Id(u64),
}

impl VersionField {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Id(id) => Version::from_id(id).to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Index {
    id: String,
    #[serde(default)]
    snapshots: Vec<SnapshotReference>,
    #[serde(default)]
    shard_generations: Vec<Option<Generation>>,
    #[serde(default)]
    shard_path_type: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SnapshotReference {
    Uuid(String),
    /// Before 5.5.
    Entry {
        uuid: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Generation {
    Text(String),
    Number(u64),
}

impl RepositoryData {
    pub(super) fn into_repository_data(self, file: &str) -> Result<super::RepositoryData> {
        let layout = match (&self.indices, &self.index_metadata_identifiers) {
            (None, _) => Layout::Names,
            (Some(_), None) => Layout::Ids,
            (Some(_), Some(_)) => Layout::SharedIndexMetadata,
        };
        let snapshots: Vec<_> = self.snapshots.into_iter().map(SnapshotEntry::from).collect();
        let uuids: HashSet<_> = snapshots.iter().map(|snapshot| snapshot.uuid.as_str()).collect();
        let mut indices = BTreeMap::new();
        for (name, index) in self.indices.unwrap_or_default() {
            let index = IndexEntry::from(index);
            if let Some(unknown) = index.snapshots.iter().find(|uuid| !uuids.contains(uuid.as_str())) {
                let what = format!("index `{name}` is in snapshot `{unknown}`, which is not in the catalog");
                return Err(corrupt(file, what));
            }
            indices.insert(name, index);
        }
        Ok(super::RepositoryData {
            layout,
            snapshots,
            indices,
            min_version: self.min_version,
            index_metadata_identifiers: self.index_metadata_identifiers.unwrap_or_default(),
            file: file.to_owned(),
        })
    }
}

impl From<Snapshot> for SnapshotEntry {
    fn from(snapshot: Snapshot) -> Self {
        let fields = match snapshot {
            Snapshot::Entry(fields) => *fields,
            Snapshot::Name(name) => {
                return Self {
                    uuid: name.clone(),
                    name,
                    state: None,
                    version: None,
                    time_millis: None,
                    index_metadata_lookup: BTreeMap::new(),
                };
            }
        };
        let index_version = fields.index_version.map(|id| Version::from_id(id).to_string());
        Self {
            uuid: fields.uuid.unwrap_or_else(|| fields.name.clone()),
            name: fields.name,
            state: fields.state.map(SnapshotState::from_code),
            version: index_version.or_else(|| fields.version.map(VersionField::into_text)),
            time_millis: fields.start_time_millis.zip(fields.end_time_millis),
            index_metadata_lookup: fields.index_metadata_lookup,
        }
    }
}

impl From<Index> for IndexEntry {
    fn from(index: Index) -> Self {
        let uuid = |reference| match reference {
            SnapshotReference::Uuid(uuid) | SnapshotReference::Entry { uuid } => uuid,
        };
        let generation = |generation: Option<Generation>| {
            generation.map(|generation| match generation {
                Generation::Text(text) => text,
                Generation::Number(number) => number.to_string(),
            })
        };
        Self {
            id: index.id,
            snapshots: index.snapshots.into_iter().map(uuid).collect(),
            shard_generations: index.shard_generations.into_iter().map(generation).collect(),
            shard_path_type: index.shard_path_type,
        }
    }
}
