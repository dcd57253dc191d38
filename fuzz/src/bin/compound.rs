//! Which files are in a compound file: `.cfe`.
#![no_main]

use codecs::lucene::compound::CompoundEntries;
use fuzz::raw_and_sealed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |file| {
    let Ok(entries) = CompoundEntries::decode("_0.cfe", file) else { return };
    let end = entries.iter().map(|(_, range)| range.end).max().unwrap_or(0);
    let fits = |length| entries.check_length("_0.cfe", length).is_ok();
    assert!(end == 0 || fits(end) != fits(end + 16));
    for (name, range) in entries.iter() {
        assert!(range.start <= range.end);
        assert_eq!(entries.get(name).as_ref(), Some(range));
    }
}));
