//! The commit of a shard: which segments it has.

use super::open::SegmentSource;
use crate::error::{Error, Result};
use crate::snapshot::ShardFiles;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::SegmentInfos;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many `.si` are read at once, where they are not in the metadata of the shard.
const READ_AHEAD: usize = 8;

/// Reads the commit of a shard and the `.si` of each of its segments.
///
/// # Errors
///
/// [`Error::Shard`] and [`Error::Codec`] for files that are missing or damaged, and all that concern access to the
/// storage.
pub async fn segments(
    shard: &Arc<ShardFiles>,
    parent_types: &Arc<BTreeMap<String, String>>,
) -> Result<Vec<SegmentSource>> {
    let Some(name) = shard.iter().map(|file| &file.physical_name).find(|name| name.starts_with("segments_"))
    else {
        let problem = "the shard's metadata does not list it".to_owned();
        return Err(Error::Shard { what: shard.what().to_owned(), file: "segments_N".to_owned(), problem });
    };
    let bytes = shard.read(name).await?;
    let infos = SegmentInfos::decode(name, &bytes).map_err(|error| shard.undecodable(error))?;
    let open = infos.segments.into_iter().map(async |commit| {
        let file = format!("{}.si", commit.name);
        let bytes = shard.read(&file).await?;
        let info = SegmentInfo::decode(&file, &bytes).map_err(|error| shard.undecodable(error))?;
        Ok(SegmentSource {
            shard: Arc::clone(shard),
            commit,
            info: Arc::new(info),
            parent_types: Arc::clone(parent_types),
        })
    });
    stream::iter(open).buffered(READ_AHEAD).try_collect().await
}
