//! Which files are in a compound file: `.cfe`.
#![no_main]

use codecs::lucene::compound::CompoundEntries;
use fuzz::raw_and_sealed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |file| {
    let Ok(entries) = CompoundEntries::decode("_0.cfe", file) else { return };
    let fits = entries.check_length("_0.cfe", 10_000).is_ok();
    assert_eq!(fits, entries.iter().all(|(_, range)| range.end <= 10_000));
    for (name, range) in entries.iter() {
        assert!(range.start <= range.end);
        assert_eq!(entries.get(name).as_ref(), Some(range));
    }
}));
