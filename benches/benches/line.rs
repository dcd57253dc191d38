//! The whole line into a null sink, over the bundled fixtures of each stored-fields format.

#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::backfill::{self, Progress, Settings};
use engine::ndjson::{FileOptions, LineFormat, LineTarget};
use engine::snapshot::{IndexSelection, Repository};
use engine::storage::{Location, S3Options};
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fixture, index, what it is an example of.
const CASES: [(&str, &str, &str); 8] = [
    ("es-1.7.6", "lz4", "Lucene 4.1, LZ4"),
    ("es-5.6.16", "best_comp", "Lucene 5.0, DEFLATE"),
    ("es-7.10.2", "lz4", "Lucene 8.7, LZ4"),
    ("es-7.10.2", "best_comp", "Lucene 8.7, DEFLATE"),
    ("es-9.0.2", "lz4", "Lucene 9.0, LZ4"),
    ("es-9.0.2", "best_comp", "Elasticsearch zstd"),
    ("os-2.9.0", "zstd", "OpenSearch zstd"),
    ("os-2.9.0", "zstd_no_dict", "OpenSearch zstd_no_dict"),
];

fn unpacked(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !folder.exists() {
        let archive =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/fixtures/snapshots/{name}.tar.gz"));
        let archive = flate2::read::GzDecoder::new(File::open(archive).expect("the archive"));
        tar::Archive::new(archive).unpack(env!("CARGO_TARGET_TMPDIR")).expect("it unpacks");
    }
    folder.join("repo")
}

fn line(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("line");
    for (fixture, index, what) in CASES {
        let location = Location::File(unpacked(fixture));
        let repository =
            runtime.block_on(Repository::open(location, S3Options::default())).expect("a repository");
        let snapshot = runtime.block_on(repository.snapshot("snap1")).expect("a snapshot");
        let settings = Settings {
            selection: IndexSelection::new(vec![index.parse().expect("a name")]),
            target: LineTarget::Null,
            format: LineFormat::Document,
            files: FileOptions::default(),
            failed_documents: std::env::temp_dir().join("ferry-bench-failed.ndjson"),
            memory: 512 << 20,
            threads: NonZeroUsize::MIN,
            source_version: None,
        };
        let run = || runtime.block_on(backfill::run(&snapshot, &settings, &Arc::new(Progress::default())));
        let total = run().expect("a run").total();
        assert_eq!(total.missing(), 0);
        group.throughput(Throughput::Bytes(total.bytes));
        group.bench_function(what, |bencher| bencher.iter(run));
    }
}

criterion_group!(benches, line);
criterion_main!(benches);
