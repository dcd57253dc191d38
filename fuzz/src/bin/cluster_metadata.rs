//! The metadata of a cluster: templates and data streams.
#![no_main]

use codecs::snapshot::cluster_metadata::ClusterMetadata;
use fuzz::{LIMIT, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |blob| {
    let Ok(cluster) = ClusterMetadata::decode("meta-x.dat", blob, LIMIT) else { return };
    for name in cluster.section_names() {
        assert!(cluster.section(name).is_some());
    }
    let _ = cluster.templates().count()
        + cluster.index_templates().count()
        + cluster.component_templates().count();
    let _ = cluster.data_streams().count() + cluster.data_stream_aliases().count();
}));
