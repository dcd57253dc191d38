//! The metadata of a snapshot repository: what there is, and where its blobs are.
//!
//! | blob (relative to the root of the repository)                                      | decoder                                         |
//! |------------------------------------------------------------------------------------|-------------------------------------------------|
//! | `index` (Elasticsearch 1, 2), `index-N`, `index.latest`, `incompatible-snapshots`  | [`repository_data`]                             |
//! | `snapshot-NAME` (1), `snap-NAME.dat` (2), `snap-UUID.dat`                          | [`snapshot_info`]                               |
//! | `metadata-NAME` (1), `meta-NAME.dat` (2), `meta-UUID.dat`                          | [`cluster_metadata`]                            |
//! | `indices/NAME/snapshot-NAME` (1), `indices/NAME/meta-NAME.dat` (2), `indices/ID/meta-X.dat` | [`index_metadata`]                     |
//! | `snapshot-NAME` (1), `snap-NAME.dat` (2), `snap-UUID.dat` in the folder of a shard | [`shard_snapshot`]                              |
//!
//! All but the first row are framed as [`blob`] says, and all become JSON text, which one set of structs reads.
//!
//! Source: [package `repositories.blobstore`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/repositories/blobstore/package-info.java).

pub mod blob;
pub mod blob_path;
pub mod cluster_metadata;
pub mod index_metadata;
pub mod repository_data;
pub mod shard_snapshot;
pub mod snapshot_info;
pub mod version;
