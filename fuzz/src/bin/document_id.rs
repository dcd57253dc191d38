//! A stored `_id` and a stored `_uid`.
#![no_main]

use codecs::document_id::{decode_id, split_uid};
use fuzz as _; // its allocator
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut out = b"before ".to_vec();
    let decoded = decode_id(input, &mut out);
    let id = std::str::from_utf8(&out).expect("an id is UTF-8").strip_prefix("before ");
    assert_eq!(decoded.is_ok(), id.is_some_and(|id| !id.is_empty()));
    if let Ok((kind, id)) = split_uid(input) {
        assert_eq!([kind.as_bytes(), b"#", id.as_bytes()].concat(), input);
    }
});
