//! The frame of a metadata blob, for each kind of it, and the blob that describes a snapshot.
#![no_main]

use codecs::snapshot::blob::{Kind, to_json};
use codecs::snapshot::snapshot_info::SnapshotInfo;
use fuzz::{LIMIT, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |blob| {
    for kind in [Kind::Metadata, Kind::IndexMetadata, Kind::Snapshot, Kind::Snapshots] {
        if let Ok(json) = to_json("blob", blob, kind, LIMIT) {
            assert!(json.len() <= LIMIT.max(blob.len()));
        }
    }
    let _ = SnapshotInfo::decode("snap-x.dat", blob, LIMIT);
}));
