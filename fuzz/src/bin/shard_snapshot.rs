//! The files of a shard: `snap-X.dat` in the folder of a shard.
//!
//! The input is the blob; and it is also numbers (8 bytes each) that are put into a blob, because a change of
//! the text of a blob seldom hits the few digits that decide into how many parts a file is cut.
#![no_main]

use codecs::snapshot::shard_snapshot::ShardSnapshot;
use fuzz::{LIMIT, Parts, assert_path, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    raw_and_sealed(input, check);
    let mut numbers = Parts::new(input);
    check(blob_of(numbers.long(), numbers.long()).as_bytes());
});

fn blob_of(length: u64, part_size: u64) -> String {
    format!(
        r#"{{"name":"s","files":[
            {{"name":"__0","physical_name":"_0.si","length":{length},"part_size":{part_size}}},
            {{"name":"v__1","physical_name":"segments_1","length":3,"meta_hash":"AQID"}}]}}"#
    )
}

fn check(blob: &[u8]) {
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
}
