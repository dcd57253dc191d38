//! The metadata of an index: settings, mappings, and what follows from them.
#![no_main]

use codecs::snapshot::index_metadata::IndexMetadata;
use fuzz::{LIMIT, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |blob| {
    let Ok(index) = IndexMetadata::decode("meta-x.dat", blob, LIMIT) else { return };
    assert!(index.number_of_shards > 0);
    let _ = (index.uuid(), index.is_hidden(), index.is_data_stream_backing(), index.source_mode());
    let _ = index.version_created().map(|version| (version.to_string(), version.product()));
    for (child, _) in index.parent_types() {
        assert!(index.types().any(|name| name == child));
    }
}));
