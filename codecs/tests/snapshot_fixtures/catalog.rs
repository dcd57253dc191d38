//! A reader of repositories: from the catalog to the files of shards, as the engine does it.

use crate::archive::Repository;
use codecs::snapshot::blob::DEFAULT_LIMIT;
use codecs::snapshot::blob_path::{BlobPath, ShardFolder};
use codecs::snapshot::cluster_metadata::ClusterMetadata;
use codecs::snapshot::index_metadata::IndexMetadata;
use codecs::snapshot::repository_data::{Layout, RepositoryData, SnapshotEntry, generation};
use codecs::snapshot::shard_snapshot::{ShardFile, ShardSnapshot};
use codecs::snapshot::snapshot_info::SnapshotInfo;
use std::collections::BTreeMap;

/// A repository with its newest catalog.
pub(crate) struct Catalog<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) data: RepositoryData,
}

/// One shard in one snapshot.
pub(crate) struct Shard<'a> {
    pub(crate) of: String,
    pub(crate) repository: &'a Repository,
    pub(crate) folder: ShardFolder,
    pub(crate) files: Vec<ShardFile>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn open(repository: &'a Repository) -> Self {
        let newest = repository.blobs.keys().filter_map(|path| generation(path)).max();
        let path = newest.map_or("index".to_owned(), |generation| format!("index-{generation}"));
        let data = RepositoryData::decode(&path, repository.blob(&path), DEFAULT_LIMIT).unwrap();
        Self { repository, data }
    }

    /// The first blob that is there, as a reader would look for it.
    pub(crate) fn find(&self, folder: &str, path: &BlobPath) -> (String, &'a [u8]) {
        let mut paths = path.candidates().map(|path| format!("{folder}{path}"));
        let found = paths.find(|path| self.repository.blobs.contains_key(path));
        let path = found.unwrap_or_else(|| panic!("{}: none of {path:?}", self.repository.name));
        let bytes = self.repository.blob(&path);
        (path, bytes)
    }

    pub(crate) fn info(&self, snapshot: &SnapshotEntry) -> SnapshotInfo {
        let (path, bytes) = self.find("", &self.data.snapshot_info(snapshot).unwrap());
        SnapshotInfo::decode(&path, bytes, DEFAULT_LIMIT).unwrap()
    }

    pub(crate) fn cluster(&self, snapshot: &SnapshotEntry) -> ClusterMetadata {
        let (path, bytes) = self.find("", &self.data.cluster_metadata(snapshot).unwrap());
        ClusterMetadata::decode(&path, bytes, DEFAULT_LIMIT).unwrap()
    }

    pub(crate) fn indices(&self, snapshot: &SnapshotEntry) -> BTreeMap<String, IndexMetadata> {
        let names: Vec<_> = match self.data.layout {
            Layout::Names => self.info(snapshot).indices,
            _ => self.data.indices_in(snapshot).map(str::to_owned).collect(),
        };
        let metadata = |name: String| {
            let (path, bytes) = self.find("", &self.data.index_metadata(snapshot, &name).unwrap());
            let metadata = IndexMetadata::decode(&path, bytes, DEFAULT_LIMIT).unwrap();
            (name, metadata)
        };
        names.into_iter().map(metadata).collect()
    }

    pub(crate) fn shards(&self, snapshot: &SnapshotEntry) -> Vec<Shard<'a>> {
        let mut shards = Vec::new();
        for (index, metadata) in self.indices(snapshot) {
            for number in 0..metadata.number_of_shards {
                let folder = self.data.shard_folder(&index, number, "").unwrap();
                let path = self.data.shard_snapshot(snapshot).unwrap();
                let (path, bytes) = self.find(&folder.blob("", ""), &path);
                let shard = ShardSnapshot::decode(&path, bytes, DEFAULT_LIMIT).unwrap();
                assert_eq!(shard.snapshot, snapshot.name);
                let of = format!("{} {} {index}/{number}", self.repository.name, snapshot.name);
                shards.push(Shard { of, repository: self.repository, folder, files: shard.files });
            }
        }
        shards
    }

    pub(crate) fn all_shards(&self) -> Vec<Shard<'a>> {
        self.data.snapshots.iter().flat_map(|snapshot| self.shards(snapshot)).collect()
    }
}

impl Shard<'_> {
    pub(crate) fn blob_path(&self, name: &str) -> String {
        self.folder.blob("", name)
    }

    /// The bytes of a file, from its blobs; none if it has no blobs.
    pub(crate) fn bytes_in_blobs(&self, file: &ShardFile) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for part in file.parts() {
            let path = self.blob_path(&part.blob);
            assert_eq!(part.offset, bytes.len() as u64, "{}", self.of);
            let blob = self.repository.blob(&path);
            assert_eq!(part.length, blob.len() as u64, "{} {path}", self.of);
            bytes.extend_from_slice(blob);
        }
        (!file.is_virtual()).then_some(bytes)
    }
}
