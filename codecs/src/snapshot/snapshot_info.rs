//! What a snapshot says of itself: the blob `snap-…` in the root of the repository.
//!
//! Source: [`SnapshotInfo`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/snapshots/SnapshotInfo.java).

use crate::error::Result;
use crate::snapshot::blob::{Kind, read};
use crate::snapshot::repository_data::SnapshotState;
use crate::snapshot::version::Version;
use serde::{Deserialize, Deserializer};

/// A snapshot as a whole; all versions since Elasticsearch 1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SnapshotInfo {
    /// The name that an operator gave it.
    pub name: String,
    /// Its id (Elasticsearch 5 and later).
    pub uuid: Option<String>,
    /// The version of the server that made it.
    #[serde(rename = "version_id", default, deserialize_with = "version")]
    pub version: Option<Version>,
    /// The names of the indices in it.
    #[serde(default)]
    pub indices: Vec<String>,
    /// The names of the data streams in it (7.9 and later).
    #[serde(default)]
    pub data_streams: Vec<String>,
    /// How it ended.
    #[serde(deserialize_with = "state")]
    pub state: SnapshotState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether the cluster's own settings and templates are in it (6.2 and later).
    pub include_global_state: Option<bool>,
    /// When it started, in milliseconds since 1970.
    #[serde(default)]
    pub start_time: i64,
    /// When it ended, in milliseconds since 1970.
    #[serde(default)]
    pub end_time: i64,
    /// Number of shards of all indices.
    #[serde(default)]
    pub total_shards: u64,
    /// Number of shards that are in the snapshot.
    #[serde(default)]
    pub successful_shards: u64,
    /// The shards that are not in it.
    #[serde(default)]
    pub failures: Vec<ShardFailure>,
    /// Whether shards are only references to a remote store, which ferry cannot read (OpenSearch 2.9 and later).
    #[serde(rename = "remote_store_index_shallow_copy", default)]
    pub is_shallow_copy: bool,
    /// Greater than 0 if the snapshot only pins a time in a remote store (OpenSearch 2.17 and later).
    #[serde(default)]
    pub pinned_timestamp: i64,
    /// What the operator noted (7.3 and later).
    pub metadata: Option<serde_json::Value>,
}

/// A shard that is not in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShardFailure {
    /// Name of the index.
    pub index: String,
    /// Number of the shard.
    pub shard_id: u64,
    /// What the server said.
    pub reason: Option<String>,
}

impl SnapshotInfo {
    /// Decodes the blob; `limit` is for its content as JSON text, in bytes.
    ///
    /// # Errors
    /// See [`blob::to_json`](crate::snapshot::blob::to_json); or the content is not a snapshot.
    pub fn decode(file: &str, bytes: &[u8], limit: usize) -> Result<Self> {
        #[derive(Deserialize)]
        struct Root {
            snapshot: SnapshotInfo,
        }
        let root: Root = read(file, bytes, Kind::Snapshot, limit)?;
        Ok(root.snapshot)
    }
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Version>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(Version::from_id))
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SnapshotState, D::Error> {
    Ok(SnapshotState::from_name(&String::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_unknown_fields_are_read_or_passed_over() {
        let json = br#"{"snapshot":{"name":"s","uuid":"u","version_id":136407927,"indices":["a"],"state":"PARTIAL",
            "reason":"Indices don't have primary shards [a]","start_time":1,"end_time":2,"total_shards":2,
            "successful_shards":1,"metadata":{"by":"me"},"feature_states":[{"x":1}],"pinned_timestamp":7,
            "failures":[{"index":"a","index_uuid":"a","shard_id":1,"reason":"no node","node_id":null,"status":"X"}]}}"#;
        let info = SnapshotInfo::decode("snap-u.dat", json, 10_000).unwrap();
        assert_eq!(info.state, SnapshotState::Partial);
        assert_eq!(info.version.unwrap().to_string(), "2.19.1");
        assert_eq!((info.total_shards, info.successful_shards, info.pinned_timestamp), (2, 1, 7));
        assert_eq!((info.failures[0].index.as_str(), info.failures[0].shard_id), ("a", 1));
        assert!(SnapshotInfo::decode("x", br#"{"snapshot":{"name":"s"}}"#, 100).is_err());
    }
}
