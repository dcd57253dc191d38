//! Each decoder alone, over files of the bundled fixtures.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a benchmark may panic")]

#[allow(dead_code, reason = "tests of the decoders use the rest")]
#[path = "../../codecs/tests/snapshot_fixtures/archive.rs"]
mod archive;
#[allow(dead_code, reason = "tests of the decoders use the rest")]
#[path = "../../codecs/tests/snapshot_fixtures/catalog.rs"]
mod catalog;
#[path = "../../codecs/tests/segments/real.rs"]
mod real;

use archive::Archive;
use catalog::Catalog;
use codecs::document_id::decode_id;
use codecs::lucene::codec_util::verified_body;
use codecs::lucene::doc_values::{DocValuesMeta, FieldTraits};
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::live_docs;
use codecs::lucene::segment_infos::SegmentInfos;
use codecs::lucene::stored_fields::Documents;
use codecs::snapshot::blob::DEFAULT_LIMIT;
use codecs::snapshot::repository_data::RepositoryData;
use codecs::snapshot::shard_snapshot::ShardSnapshot;
use codecs::source::to_json;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use real::{Segment, open, read, segments};
use std::hint::black_box;

/// Archive, index, what it is an example of.
const STORED_FIELDS: [(&str, &str, &str); 9] = [
    ("es-1.7.6", "lz4", "Lucene 4.1, LZ4"),
    ("es-5.6.16", "lz4", "Lucene 5.0, LZ4"),
    ("es-5.6.16", "best_comp", "Lucene 5.0, DEFLATE"),
    ("es-7.10.2", "lz4", "Lucene 8.7, LZ4"),
    ("es-7.10.2", "best_comp", "Lucene 8.7, DEFLATE"),
    ("os-2.9.0", "lz4", "Lucene 9.0, LZ4"),
    ("es-9.0.2", "best_comp", "Elasticsearch zstd"),
    ("os-2.9.0", "zstd", "OpenSearch zstd"),
    ("os-2.9.0", "zstd_no_dict", "OpenSearch zstd_no_dict"),
];

/// The segment of an index that has the longest `.fdt`.
fn largest(archive: &str, index: &str) -> Segment {
    let of_index = segments(archive).into_iter().filter(|segment| segment.of.contains(&format!(" {index}/")));
    of_index.max_by_key(|segment| segment.file(".fdt").map(<[u8]>::len)).unwrap()
}

/// Chunks of stored fields, decompressed, and all of their fields.
fn stored_fields(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stored fields");
    for (archive, index, what) in STORED_FIELDS {
        let segment = largest(archive, index);
        let fdt = segment.file(".fdt").unwrap();
        let stored = open(segment.stored(), &segment.info).unwrap();
        let mut documents = Documents::default();
        let mut length = 0;
        for number in 0..stored.chunk_count() {
            let chunk = stored.chunk(number).unwrap();
            let [start, end] = [chunk.bytes.start, chunk.bytes.end].map(|at| usize::try_from(at).unwrap());
            length += stored.open_chunk(&chunk, &fdt[start..end]).unwrap().len() as u64;
        }
        group.throughput(Throughput::Bytes(length));
        group.bench_function(what, |bencher| bencher.iter(|| read(&stored, fdt, &mut documents).unwrap()));
    }
    group.finish();
    criterion.bench_function("index of chunks, Lucene 8.7", |bencher| {
        let segment = largest("es-7.10.2", "plain");
        bencher.iter(|| open(segment.stored(), &segment.info).unwrap());
    });
}

/// What is read of a segment before its documents.
fn segment_files(criterion: &mut Criterion) {
    let segments = segments("es-7.10.2");
    let mut group = criterion.benchmark_group("segment");
    let with_file = |extension: &str| {
        let found = segments.iter().find_map(|segment| {
            Some((segment, segment.files.iter().find(|(name, _)| name.ends_with(extension))?))
        });
        found.unwrap_or_else(|| panic!("no {extension}"))
    };
    let (segment, (name, bytes)) = with_file(".liv");
    let (documents, deleted) = (segment.info.doc_count, segment.commit.deleted_count);
    group.bench_function("live documents", |bencher| {
        bencher.iter(|| live_docs::decode(name, bytes, documents, deleted).unwrap());
    });
    let (_, (name, bytes)) = with_file(".fnm");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("field infos", |bencher| bencher.iter(|| FieldInfos::decode(name, bytes).unwrap()));
    let (_, (name, bytes)) = with_file(".fdt");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("checksum", |bencher| bencher.iter(|| verified_body(name, bytes).unwrap().len()));
    group.finish();
    soft_deletes(criterion, &segments);
}

/// The column of soft deletes of a segment, which an update wrote.
fn soft_deletes(criterion: &mut Criterion, segments: &[Segment]) {
    let column = segments.iter().find_map(|segment| {
        let (name, meta) = segment.files.iter().find(|(name, _)| name.ends_with("_1_Lucene80_0.dvm"))?;
        let (fields_name, fields) = segment.files.iter().rfind(|(name, _)| name.ends_with(".fnm"))?;
        let fields = FieldInfos::decode(fields_name, fields).ok()?;
        let number = fields.by_name("__soft_deletes")?.number;
        Some((segment, name, meta, fields, number))
    });
    let (segment, name, meta, fields, number) = column.unwrap();
    let data = &segment.files[&name.replace(".dvm", ".dvd")];
    criterion.bench_function("segment/soft deletes", |bencher| {
        bencher.iter(|| {
            let traits = |number| fields.by_number(number).map(|_| FieldTraits::default());
            let meta = DocValuesMeta::decode(name, meta, segment.info.doc_count, traits).unwrap();
            let entry = meta.numeric(number).unwrap();
            let range = entry.range().unwrap_or_default();
            let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
            entry.documents_with_value(name, &data[start..end]).unwrap().len()
        });
    });
}

/// The metadata of a repository: SMILE in a frame, also compressed; JSON.
fn metadata(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("metadata");
    let archive = Archive::open("es-7.10.2");
    for repository in ["repo", "repo_chunked"] {
        let catalog = Catalog::open(archive.repository(repository));
        let shard = catalog.shards(&catalog.data.snapshots[0]).remove(0);
        let snapshot = catalog.data.shard_snapshot(&catalog.data.snapshots[0]).unwrap();
        let (path, bytes) = catalog.find(&shard.blob_path(""), &snapshot);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("files of a shard, {repository}"), |bencher| {
            bencher.iter(|| ShardSnapshot::decode(&path, bytes, DEFAULT_LIMIT).unwrap());
        });
    }
    let blobs = &archive.repository("repo").blobs;
    let (path, bytes) = blobs.iter().rfind(|(path, _)| path.starts_with("index-")).unwrap();
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("catalog", |bencher| {
        bencher.iter(|| RepositoryData::decode(path, bytes, DEFAULT_LIMIT).unwrap());
    });
    group.finish();
    criterion.bench_function("commit", |bencher| {
        let catalog = Catalog::open(archive.repository("repo"));
        let shard = catalog.shards(&catalog.data.snapshots[0]).remove(0);
        let file = shard.files.iter().find(|file| file.physical_name.starts_with("segments_")).unwrap();
        let content = file.content().unwrap();
        bencher.iter(|| SegmentInfos::decode(&file.physical_name, content).unwrap());
    });
}

/// Parts of documents: ids in their three forms, sources that are converted.
fn documents(criterion: &mut Criterion) {
    let ids: [(&str, &[u8]); 3] = [
        ("UTF-8", b"\xFFa document"),
        ("digits", b"\xFE\x12\x34\x56\x7F"),
        ("base64", b"\x01\x4D\x3F\x66\x8E\x01\xBA\x77\x21\x6A\x78\x1E\x75\xDA\x1C"),
    ];
    for (form, id) in ids {
        let mut text = Vec::new();
        criterion.bench_function(&format!("id/{form}"), |bencher| {
            bencher.iter(|| {
                text.clear();
                decode_id(black_box(id), &mut text).unwrap();
            });
        });
    }
    let sources: [(&str, &[u8]); 3] = [
        ("SMILE", b":)\n\x01\xfa\x80n\xc4\x80sBabc\x80b\x23\xfb"),
        ("CBOR", b"\xBFan\x02asCabcab\xF5\xFF"),
        ("YAML", b"---\nn: 2\ns: \"abc\"\nb: true\n"),
    ];
    for (form, source) in sources {
        criterion.bench_function(&format!("source/{form}"), |bencher| {
            bencher.iter(|| to_json("_source", black_box(source), 1000).unwrap().len());
        });
    }
}

criterion_group!(benches, stored_fields, segment_files, metadata, documents);
criterion_main!(benches);
