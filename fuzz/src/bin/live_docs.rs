//! Live documents: `.liv` and `.del`.
//!
//! Input: number of documents (4), number of deleted documents (4), the file.
#![no_main]

use codecs::lucene::live_docs;
use fuzz::{MOST_DOCUMENTS, Parts, generation, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let (max_doc, deleted) = (parts.int() % MOST_DOCUMENTS, parts.int());
    raw_and_sealed(parts.last(), |file| {
        for extension in ["liv", "del"] {
            let name = format!("_0_{}.{extension}", generation(file));
            if let Ok(live) = live_docs::decode(&name, file, max_doc, deleted) {
                assert_eq!((live.max_doc(), max_doc - live.len()), (max_doc, deleted));
            }
        }
    });
});
