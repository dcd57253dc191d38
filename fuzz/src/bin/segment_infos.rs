//! The commit of an index: `segments_N`.
#![no_main]

use codecs::lucene::segment_infos::SegmentInfos;
use fuzz::{generation, raw_and_sealed};
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;

fuzz_target!(|input: &[u8]| {
    raw_and_sealed(input, check);
    // Before Lucene 4.8 a checksum stands alone at the end.
    let mut summed = input.to_vec();
    summed.extend_from_slice(&u64::from(crc32fast::hash(input)).to_be_bytes());
    check(&summed);
});

fn check(file: &[u8]) {
    let name = format!("segments_{}", generation(file));
    let Ok(commit) = SegmentInfos::decode(&name, file) else { return };
    let names: HashSet<_> = commit.segments.iter().map(|segment| &segment.name).collect();
    assert_eq!(names.len(), commit.segments.len());
    for segment in &commit.segments {
        let name = segment.name.strip_prefix('_').expect("the name of a segment starts with `_`");
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
