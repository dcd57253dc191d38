//! A stored `_source` in any form: what is converted is JSON. JSON itself is passed on unread.
#![no_main]

use codecs::source;
use fuzz::{LIMIT, assert_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(json) = source::to_json("_source", input, LIMIT) else { return };
    match input {
        [b':', b')', b'\n', ..] | [b'-', b'-', b'-', ..] | [0xD9, 0xD9, 0xF7, ..] | [0xA0..=0xBF, ..] => {
            assert!(json.len() <= LIMIT);
            assert_json(&json);
        }
        _ => {}
    }
});
