//! Everything that is compressed: a byte says which method, then what it needs.
#![no_main]

use codecs::compression::{self, decompress_lzf, decompress_zstd, inflate, lz4_block_length};
use fuzz::{LIMIT, Parts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    match parts.byte() % 7 {
        0 => check(inflate("stream", parts.last(), LIMIT)),
        1 => check(decompress_lzf("chunks", parts.last(), LIMIT)),
        2 => check(decompress_zstd("frames", parts.last(), LIMIT)),
        3 => block(parts, compression::lz4),
        4 => block(parts, compression::deflate),
        5 => block(parts, compression::zstd),
        _ => {
            let length = usize::from(parts.short());
            let input = parts.last();
            if let Ok(end) = lz4_block_length(input, length) {
                let _ = compression::lz4(&input[..end], &[], &mut vec![0; length]);
            }
        }
    }
});

fn check(output: codecs::Result<Vec<u8>>) {
    assert!(output.map_or(0, |output| output.len()) <= LIMIT);
}

type Decompress = fn(&[u8], &[u8], &mut [u8]) -> Result<(), compression::Reason>;

/// A block that must fill its output exactly, with a dictionary.
fn block(mut parts: Parts<'_>, decompress: Decompress) {
    let mut output = vec![0; usize::from(parts.short())];
    let dictionary = parts.file();
    let _ = decompress(parts.last(), dictionary, &mut output);
}
