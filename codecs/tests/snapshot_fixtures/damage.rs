//! Every cut and every changed byte of real metadata blobs: an error where there is a checksum, never a panic.

use crate::archive::{Archive, Repository};
use codecs::Result;
use codecs::snapshot::blob::{DEFAULT_LIMIT, Kind, to_json};
use codecs::snapshot::blob_path::SnapshotShardPaths;
use codecs::snapshot::cluster_metadata::ClusterMetadata;
use codecs::snapshot::index_metadata::IndexMetadata;
use codecs::snapshot::repository_data::{RepositoryData, decode_index_latest};
use codecs::snapshot::shard_snapshot::ShardSnapshot;
use codecs::snapshot::snapshot_info::SnapshotInfo;
use std::collections::BTreeMap;

type Decoder = fn(&str, &[u8]) -> Result<()>;

/// What a blob is, by its path: in `indices/NAME/` is an index, in `indices/NAME/N/` a shard.
fn decoder(path: &str) -> Option<(&'static str, Decoder)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_shard = folder.rsplit('/').next()?.parse::<u32>().is_ok();
    let is_root = folder.is_empty();
    Some(match name {
        _ if folder == "snapshot_shard_paths" => {
            ("paths", |file, bytes| SnapshotShardPaths::decode(file, bytes).map(drop))
        }
        "index.latest" => ("latest", |file, bytes| decode_index_latest(file, bytes).map(drop)),
        _ if is_root && name.starts_with("index") => {
            ("catalog", |file, bytes| RepositoryData::decode(file, bytes, DEFAULT_LIMIT).map(drop))
        }
        _ if is_shard && name.starts_with("index-") => ("snapshots of shard", |file, bytes| {
            to_json(file, bytes, Kind::Snapshots, DEFAULT_LIMIT).map(drop)
        }),
        _ if is_shard && name.starts_with("snap") => {
            ("shard", |file, bytes| ShardSnapshot::decode(file, bytes, DEFAULT_LIMIT).map(drop))
        }
        _ if is_root && name.starts_with("snap") => {
            ("info", |file, bytes| SnapshotInfo::decode(file, bytes, DEFAULT_LIMIT).map(drop))
        }
        _ if is_root && name.starts_with("meta") => {
            ("cluster", |file, bytes| ClusterMetadata::decode(file, bytes, DEFAULT_LIMIT).map(drop))
        }
        _ if name.starts_with("meta") || name.starts_with("snap") => {
            ("index", |file, bytes| IndexMetadata::decode(file, bytes, DEFAULT_LIMIT).map(drop))
        }
        _ => return None,
    })
}

/// The smallest blob of each kind.
fn blobs(repository: &Repository) -> BTreeMap<&'static str, (&str, &[u8], Decoder)> {
    let mut blobs: BTreeMap<&'static str, (&str, &[u8], Decoder)> = BTreeMap::new();
    for (path, bytes) in &repository.blobs {
        if let Some((kind, decoder)) = decoder(path) {
            let smallest = blobs.get(kind).map_or(usize::MAX, |(_, bytes, _)| bytes.len());
            if bytes.len() < smallest {
                blobs.insert(kind, (path, bytes, decoder));
            }
        }
    }
    blobs
}

/// Damages the smallest blob of each kind; gives back the kinds.
fn damage(archive: &str, repository: &str) -> String {
    let archive = Archive::open(archive);
    let blobs = blobs(archive.repository(repository));
    for (path, bytes, decode) in blobs.values() {
        assert_eq!(decode(path, bytes), Ok(()));
        for length in 0..bytes.len() {
            assert!(decode(path, &bytes[..length]).is_err(), "{path} cut at {length}");
        }
        let has_checksum = bytes.starts_with(&[0x3F, 0xD7, 0x6C, 0x17]);
        let mut damaged = bytes.to_vec();
        for place in 0..bytes.len() {
            for change in [0x01, 0x20, 0x80, 0xFF] {
                damaged[place] ^= change;
                let result = decode(path, &damaged);
                assert!(result.is_err() || !has_checksum, "{path} with {change:02x} at {place}");
                damaged[place] ^= change;
            }
        }
    }
    blobs.into_keys().collect::<Vec<_>>().join(", ")
}

#[test]
fn damaged_json_of_elasticsearch_1_does_not_panic() {
    assert_eq!(damage("es-1.7.6", "repo_chunked"), "catalog, cluster, index, info, shard");
}

#[test]
fn damaged_lzf_of_elasticsearch_1_does_not_panic() {
    assert_eq!(damage("es-1.7.6", "repo"), "catalog, cluster, index, info, shard");
}

#[test]
fn damaged_smile_of_elasticsearch_2_is_an_error() {
    assert_eq!(
        damage("es-2.4.6", "repo_chunked"),
        "catalog, cluster, index, info, shard, snapshots of shard"
    );
}

#[test]
fn damaged_deflate_of_elasticsearch_5_is_an_error() {
    let kinds = "catalog, cluster, index, info, latest, shard, snapshots of shard";
    assert_eq!(damage("es-2.4.6_to_es-5.6.16", "repo"), kinds);
}

#[test]
fn damaged_smile_of_elasticsearch_7_is_an_error() {
    let kinds = "catalog, cluster, index, info, latest, shard, snapshots of shard";
    assert_eq!(damage("es-7.10.2", "repo_chunked"), kinds);
}

#[test]
fn damaged_smile_of_elasticsearch_9_is_an_error() {
    let kinds = "catalog, cluster, index, info, latest, shard, snapshots of shard";
    assert_eq!(damage("es-9.0.2", "repo_chunked"), kinds);
}

#[test]
fn damaged_deflate_of_opensearch_3_is_an_error() {
    let kinds = "catalog, cluster, index, info, latest, paths, shard, snapshots of shard";
    assert_eq!(damage("os-2.19.1_to_os-3.5.0", "repo"), kinds);
}
