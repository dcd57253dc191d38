//! Where blobs are in a repository.

use crate::error::{Error, Result};
use crate::snapshot::blob::{corrupt, from_json};
use serde::Deserialize;

const URL_BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Name of a blob in its folder, or its path from the root of the repository.
///
/// A snapshot that is known only by its name may have been written by Elasticsearch 1 or by a later version, and
/// nothing but the blobs themselves tells which: the second name is for when there is no blob with the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPath {
    /// As Elasticsearch 2 and later and OpenSearch write it.
    pub current: String,
    /// As Elasticsearch 1 wrote it, if that can be.
    pub legacy: Option<String>,
}

impl BlobPath {
    /// The paths to try, one after the other.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.current.as_str()).chain(self.legacy.as_deref())
    }
}

/// The folder of a shard.
///
/// OpenSearch may put a hash of index and shard before the base path of the repository (the folder in the bucket
/// that all other blobs are under), to spread the load of many shards over the partitions of S3. So the path of a
/// blob is [`before_base_path`](Self::before_base_path), then the base path, then [`path`](Self::path), then its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFolder {
    /// Empty, or ends with `/`.
    pub before_base_path: String,
    /// From the root of the repository; ends with `/`.
    pub path: String,
}

impl ShardFolder {
    /// Path of a blob in the folder; `base_path` may be empty, and needs no `/` at its end.
    #[must_use]
    pub fn blob(&self, base_path: &str, name: &str) -> String {
        let base_path = base_path.trim_matches('/');
        let slash = if base_path.is_empty() { "" } else { "/" };
        format!("{}{base_path}{slash}{}{name}", self.before_base_path, self.path)
    }
}

/// How OpenSearch 2.17 and later lays out the folders of shards; `shard_path_type` of an index in `index-N`.
///
/// Source: [`RemoteStoreEnums.PathType`](https://github.com/opensearch-project/OpenSearch/blob/3.5.0/server/src/main/java/org/opensearch/index/remote/RemoteStoreEnums.java).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardPathType {
    /// `{base path}indices/{index id}/{shard}/`: every repository that has no other type.
    Fixed,
    /// `{hash}/{base path}indices/{index id}/{shard}/`: the default of OpenSearch 3.
    HashedPrefix,
    /// `{base path}{hash}/indices/{index id}/{shard}/`.
    HashedInfix,
}

impl ShardPathType {
    /// The type with this code.
    ///
    /// # Errors
    /// No type of OpenSearch up to 3.5 has the code.
    pub fn from_code(file: &str, code: u64) -> Result<Self> {
        match code {
            0 => Ok(Self::Fixed),
            1 => Ok(Self::HashedPrefix),
            2 => Ok(Self::HashedInfix),
            _ => Err(Error::Unsupported {
                file: file.to_owned(),
                what: "shard_path_type",
                found: code.to_string(),
                supported: "0 (fixed), 1 (hashed prefix) and 2 (hashed infix)".to_owned(),
            }),
        }
    }

    /// The folder of a shard; `prefix` is the cluster's `cluster.snapshot.shard.path.prefix`, empty by default.
    #[must_use]
    pub fn shard_folder(self, index_id: &str, shard: u32, prefix: &str) -> ShardFolder {
        let fixed = format!("indices/{index_id}/{shard}/");
        let hashed = || format!("{prefix}{}/", hash(index_id, shard));
        match self {
            Self::Fixed => ShardFolder { before_base_path: String::new(), path: fixed },
            Self::HashedPrefix => ShardFolder { before_base_path: hashed(), path: fixed },
            Self::HashedInfix => {
                ShardFolder { before_base_path: String::new(), path: format!("{}{fixed}", hashed()) }
            }
        }
    }
}

/// `FNV_1A_COMPOSITE_1`, the only hash that snapshots use: 64-bit FNV-1a of shard number and index id, of which the
/// highest six bits are one character and the next 14 bits are digits `0` and `1`.
fn hash(index_id: &str, shard: u32) -> String {
    let input = format!("{shard}{index_id}");
    let hash = input.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let first = usize::try_from(hash >> 58).ok().and_then(|place| URL_BASE64.get(place));
    let digits = hash >> 44 & 0x3FFF;
    format!("{}{digits:014b}", char::from(first.copied().unwrap_or_default()))
}

/// The blob in `snapshot_shard_paths/` in which OpenSearch 2.17 and later notes the folders of an index.
///
/// Only needed where the cluster had a prefix that is not known; else the folders follow from `index-N`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnapshotShardPaths {
    /// Id of the index in the repository.
    #[serde(rename = "indexId")]
    pub index_id: String,
    /// Name of the index.
    #[serde(rename = "indexName")]
    pub index_name: String,
    /// Number of shards.
    pub number_of_shards: u32,
    /// Code of the [`ShardPathType`].
    pub shard_path_type: u64,
    /// Code of the hash.
    pub shard_path_hash_algorithm: u64,
    /// The folder of each shard, in order: with the base path, ends with `/`.
    pub paths: Vec<String>,
}

impl SnapshotShardPaths {
    /// Decodes the blob, which is JSON.
    ///
    /// # Errors
    /// It is not, the number of folders is not the number of shards, or a folder would be outside the repository.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Self> {
        let paths: Self = from_json(file, bytes)?;
        if usize::try_from(paths.number_of_shards) != Ok(paths.paths.len()) {
            let (shards, folders) = (paths.number_of_shards, paths.paths.len());
            return Err(corrupt(file, format!("{folders} folders for {shards} shards")));
        }
        for folder in &paths.paths {
            for name in folder.strip_suffix('/').unwrap_or_default().split('/') {
                checked_name(file, name)?;
            }
        }
        Ok(paths)
    }

    /// Path of the blob from the root of the repository.
    #[must_use]
    pub fn path(index_id: &str, index_name: &str, shards: u32, path_type: u64) -> String {
        format!("snapshot_shard_paths/snapshot_path_{index_id}.{index_name}.{shards}.{path_type}.1")
    }
}

/// Refuses a name that would leave its folder as part of a path.
pub(crate) fn checked_name<'a>(file: &str, name: &'a str) -> Result<&'a str> {
    let is_bad = matches!(name, "" | "." | "..") || name.contains(['/', '\\', '\0']);
    if is_bad {
        return Err(corrupt(file, format!("`{}`, which cannot name a blob", name.escape_debug())));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_each_path_type() {
        // As a server of OpenSearch 3.5.0 wrote them.
        let id = "-L7OPfk0Sq2USWJVNIlhBQ";
        let folder = ShardPathType::HashedPrefix.shard_folder(id, 0, "");
        assert_eq!(
            folder.blob("", "snap-x.dat"),
            "_00001101001011/indices/-L7OPfk0Sq2USWJVNIlhBQ/0/snap-x.dat"
        );
        let folder = ShardPathType::HashedPrefix.shard_folder(id, 1, "");
        assert_eq!(
            folder.blob("/team/backups/", "snap-x.dat"),
            "111001000110000/team/backups/indices/-L7OPfk0Sq2USWJVNIlhBQ/1/snap-x.dat"
        );
        let folder = ShardPathType::HashedInfix.shard_folder(id, 1, "p");
        assert_eq!(folder.blob("team", "x"), "team/p111001000110000/indices/-L7OPfk0Sq2USWJVNIlhBQ/1/x");
        let folder = ShardPathType::Fixed.shard_folder(id, 1, "p");
        assert_eq!(folder.blob("team", "x"), "team/indices/-L7OPfk0Sq2USWJVNIlhBQ/1/x");
    }

    #[test]
    fn noted_folders_stay_in_the_repository() {
        let noted = |folder: &str| {
            let json = format!(
                r#"{{"indexId":"i","indexName":"n","number_of_shards":1,"shard_path_type":1,
                    "shard_path_hash_algorithm":1,"paths":["{folder}"]}}"#
            );
            SnapshotShardPaths::decode("x", json.as_bytes())
        };
        assert_eq!(noted("p0/team/indices/i/0/").unwrap().paths, ["p0/team/indices/i/0/"]);
        for folder in ["", "i/0", "i/0//", "/etc/", "../i/0/", "p0/../../i/0/"] {
            assert!(noted(folder).is_err(), "{folder}");
        }
    }

    #[test]
    fn a_name_with_a_slash_is_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\0"] {
            assert!(checked_name("index-0", name).is_err(), "{name}");
        }
        assert_eq!(checked_name("index-0", "..a-名前").unwrap(), "..a-名前");
    }
}
