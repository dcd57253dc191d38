//! What a segment is: `.si`.
#![no_main]

use codecs::lucene::segment_info::SegmentInfo;
use fuzz::raw_and_sealed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |file| {
    if let Ok(info) = SegmentInfo::decode("_0.si", file) {
        assert!(i32::try_from(info.doc_count).is_ok());
    }
}));
