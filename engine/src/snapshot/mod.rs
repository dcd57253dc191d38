//! Snapshots in a repository: which there are, which indices and shards they have, and the files of each shard.

mod catalog;
mod repository;
mod selection;
mod shard_files;

pub(crate) use catalog::check_matched;
pub use catalog::{Index, SelectedNames, Snapshot};
pub use repository::Repository;
pub use selection::{Exclusion, IndexPattern, IndexSelection, InvalidPattern};
pub use shard_files::ShardFiles;
pub(crate) use shard_files::checksum_offset;
