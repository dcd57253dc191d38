//! Content codings: what is decoded stays within its limit, and is the same when it is encoded and decoded again.
//!
//! Input: coding (1), the body.
#![no_main]

use codecs::traffic::content::{decode, encode};
use fuzz::{LIMIT, Parts};
use libfuzzer_sys::fuzz_target;

/// To encode more takes longer than all the rest.
const SHORT: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let coding = ["gzip", "deflate", "br", "zstd", "gzip, br", "deflate,identity,zstd"];
    let coding = coding[usize::from(parts.byte()) % coding.len()];
    let Ok(decoded) = decode(coding, parts.last(), LIMIT) else { return };
    assert!(decoded.len() <= LIMIT);
    if decoded.len() <= SHORT {
        let encoded = encode(coding, &decoded).expect("a known coding");
        assert_eq!(decode(coding, &encoded, LIMIT).as_ref(), Ok(&decoded));
    }
});
