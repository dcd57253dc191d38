//! The commit of an index: `segments_N`.
#![no_main]

use codecs::lucene::segment_infos::SegmentInfos;
use fuzz::raw_and_sealed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    raw_and_sealed(input, check);
    // Before Lucene 4.8 a checksum stands alone at the end.
    let mut summed = input.to_vec();
    summed.extend_from_slice(&u64::from(crc32fast::hash(input)).to_be_bytes());
    check(&summed);
});

fn check(file: &[u8]) {
    let Ok(commit) = SegmentInfos::decode("segments_1", file) else { return };
    for segment in &commit.segments {
        let name = segment.name.strip_prefix('_').expect("the name of a segment starts with `_`");
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
