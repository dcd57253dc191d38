//! The snapshots of a repository.

use crate::error::chain;
use crate::snapshot::Repository;
use codecs::snapshot::repository_data::{SnapshotEntry, SnapshotState};
use codecs::snapshot::version::Product;
use futures::{StreamExt, stream};
use serde::Serialize;

const READ_AHEAD: usize = 16;

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotRow {
    /// Its name.
    pub name: String,
    /// Its id, as blobs are named by it.
    pub uuid: String,
    /// How it ended, as the servers write it.
    pub state: Option<&'static str>,
    /// Product and version of the server that made it.
    pub version: Option<String>,
    /// When it started, in milliseconds since 1970.
    pub start_millis: i64,
    /// When it ended, in milliseconds since 1970.
    pub end_millis: i64,
    /// How many indices it has.
    pub indices: usize,
    /// How many shards its indices have.
    pub shards: u64,
    /// How many of them are not in it.
    pub missing_shards: u64,
    /// Why its metadata cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The snapshots of a repository, in the order of the catalog.
pub async fn list(repository: &Repository) -> Vec<SnapshotRow> {
    let rows = repository.snapshots().iter().map(|entry| row(repository, entry));
    stream::iter(rows).buffered(READ_AHEAD).collect().await
}

async fn row(repository: &Repository, entry: &SnapshotEntry) -> SnapshotRow {
    let mut row = SnapshotRow {
        name: entry.name.clone(),
        uuid: entry.uuid.clone(),
        state: entry.state.map(state_name),
        version: entry.version.clone(),
        start_millis: 0,
        end_millis: 0,
        indices: repository.data().indices_in(entry).count(),
        shards: 0,
        missing_shards: 0,
        fault: None,
    };
    match repository.describe(&entry.name).await {
        Ok(snapshot) => {
            let info = snapshot.info();
            row.state = Some(state_name(info.state));
            row.version =
                info.version.map(|version| format!("{} {version}", product_name(version.product())));
            (row.start_millis, row.end_millis) = (info.start_time, info.end_time);
            row.indices = snapshot.indices().len();
            row.shards = info.total_shards;
            row.missing_shards = info.total_shards.saturating_sub(info.successful_shards);
        }
        Err(error) => row.fault = Some(chain(&error)),
    }
    row
}

/// Name of a product in reports.
pub(super) const fn product_name(product: Product) -> &'static str {
    match product {
        Product::Elasticsearch => "Elasticsearch",
        Product::OpenSearch => "OpenSearch",
    }
}

const fn state_name(state: SnapshotState) -> &'static str {
    match state {
        SnapshotState::InProgress => "IN_PROGRESS",
        SnapshotState::Success => "SUCCESS",
        SnapshotState::Failed => "FAILED",
        SnapshotState::Partial => "PARTIAL",
        SnapshotState::Incompatible => "INCOMPATIBLE",
        SnapshotState::Other => "UNKNOWN",
    }
}
