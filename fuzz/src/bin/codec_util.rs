//! Headers and footers of Lucene files, and the values that all of them are made of.
#![no_main]

use codecs::lucene::codec_util::{Footer, Header, IndexHeader, verified_body};
use codecs::lucene::primitives::{string, string_map, string_map_be, string_set, vint, vlong};
use fuzz::{raw_and_sealed, sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = (Header::decode(input), IndexHeader::decode(input), Footer::decode(input));
    let _ = IndexHeader::expect(input, "Lucene90FieldInfos", 0..=3);
    let _ = (
        vint(input),
        vlong(input),
        string(input),
        string_map(input),
        string_map_be(input),
        string_set(input),
    );
    raw_and_sealed(input, |file| {
        if let Ok(body) = verified_body("_0.si", file) {
            assert_eq!(body.len() + 16, file.len());
        }
    });
    assert!(verified_body("_0.si", &sealed(input)).is_ok());
});
