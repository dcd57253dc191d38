//! The files of a shard: `snap-X.dat` in the folder of a shard.
#![no_main]

use codecs::snapshot::shard_snapshot::ShardSnapshot;
use fuzz::{LIMIT, assert_path, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |blob| {
    let Ok(shard) = ShardSnapshot::decode("snap-x.dat", blob, LIMIT) else { return };
    assert!(shard.commit().is_some_and(|commit| shard.file(&commit.physical_name).is_some()));
    for file in &shard.files {
        assert_path(&file.physical_name);
        if file.is_virtual() {
            assert_eq!(file.content().map(|content| content.len() as u64), Some(file.length));
            assert_eq!(file.number_of_parts(), 0);
        } else if file.number_of_parts() <= 1000 {
            let parts = file.parts().inspect(|part| assert_path(&part.blob));
            assert_eq!(parts.map(|part| part.length).sum::<u64>(), file.length);
        }
    }
}));
