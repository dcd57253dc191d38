//! SMILE: what is converted is JSON.
#![no_main]

use codecs::smile;
use fuzz::{LIMIT, assert_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(json) = smile::to_json("smile", input, LIMIT) {
        assert!(json.len() <= LIMIT);
        assert_json(&json);
    }
});
