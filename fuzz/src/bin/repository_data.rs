//! `index`, `index-N`, `index.latest`, `incompatible-snapshots`, and the paths that follow from them.
#![no_main]

use codecs::snapshot::blob_path::SnapshotShardPaths;
use codecs::snapshot::repository_data::{RepositoryData, decode_incompatible_snapshots, decode_index_latest};
use fuzz::{LIMIT, assert_path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = decode_index_latest("index.latest", input);
    let _ = decode_incompatible_snapshots("incompatible-snapshots", input);
    if let Ok(noted) = SnapshotShardPaths::decode("snapshot_path", input) {
        noted.paths.iter().for_each(|path| assert_path(path));
    }
    let Ok(data) = RepositoryData::decode("index-0", input, LIMIT) else { return };
    for snapshot in data.snapshots.iter().take(8) {
        assert!(data.snapshot(&snapshot.name).is_some());
        let mut paths = vec![
            data.snapshot_info(snapshot),
            data.cluster_metadata(snapshot),
            data.shard_snapshot(snapshot),
        ];
        for index in data.indices_in(snapshot).take(8) {
            paths.push(data.index_metadata(snapshot, index));
            if let Ok(folder) = data.shard_folder(index, 1, "") {
                assert_path(&folder.blob("base", "__0"));
            }
        }
        for path in paths.into_iter().flatten() {
            path.candidates().for_each(assert_path);
        }
    }
});
