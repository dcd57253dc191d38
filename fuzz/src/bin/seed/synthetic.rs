//! Seeds that are in no fixture: single compressed blocks, packed values, and metadata of a few bytes.

use crate::{Seeds, part};
use flate2::{Compress, Compression, FlushCompress};

const TEXT: &[u8] = b"one two three one two three four one two three four five, and two three four";

/// In a short text a change more often hits what matters than in one of a server.
const SHORT: [(&str, &str); 5] = [
    (
        "shard_snapshot",
        r#"{"name":"s","files":[{"name":"__0","physical_name":"_0.si","length":9,"part_size":4},
{"name":"v__1","physical_name":"segments_1","length":3,"meta_hash":"AQID"}]}"#,
    ),
    ("blob", r#"{"snapshot":{"name":"s","version_id":7100299,"state":"SUCCESS","indices":["i"]}}"#),
    (
        "repository_data",
        r#"{"snapshots":[{"name":"s","uuid":"u","state":1,"index_metadata_lookup":{"i":"k"}}],
"indices":{"n":{"id":"i","snapshots":["u"],"shard_generations":["g"],"shard_path_type":1}},
"index_metadata_identifiers":{"k":"x"}}"#,
    ),
    (
        "index_metadata",
        r#"{"i":{"settings":{"index.number_of_shards":"2","index.version.created":"7100299"},
"mappings":[{"t":{"_source":{"enabled":false},"_parent":{"type":"p"}}}],"aliases":{"a":{}}}}"#,
    ),
    ("cluster_metadata", r#"{"meta-data":{"templates":{"t":{}},"data_stream":{"data_stream":{"d":{}}}}}"#),
];

/// What clusters answer to a bulk request of so many operations, action lines, a document of several lines, and the body of a request.
const BULK: [(u8, &str); 7] = [
    (
        2,
        r#"{"took":7,"errors":true,"items":[{"index":{"_index":"i","_id":"1","result":"created","status":201}},
{"index":{"_index":"i","_id":"1","status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse",
"caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\""}}}}]}"#,
    ),
    (
        1,
        r#"{"items":[{"create":{"status":503,"error":"RemoteTransportException[[n][/1]]; nested: EsRejectedExecutionException[full]; "}}]}"#,
    ),
    (
        0,
        r#"{"error":{"root_cause":[],"type":"index_not_found_exception","reason":"no such index [i]"},"status":404}"#,
    ),
    (0, r#"{"error":"IndexMissingException[[i] missing]","status":404}"#),
    (0, r#"{"create":{"_index":"i","_type":"t","_id":"1","_routing":"r","parent":"p"}}"#),
    (0, "{/* a\n */\"a\":\"b\\\nc\" // d\n}"),
    (
        0,
        "{\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":1}}\n{\"a\":1}\n\n{\"delete\":{\"_id\":\"\\u0041\"}}\n{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n{\"create\":{}}\n{}",
    ),
];

pub(crate) fn add(seeds: &mut Seeds) {
    for (place, (operations, text)) in BULK.iter().enumerate() {
        seeds.add("bulk", format!("{place}"), [&[*operations], text.as_bytes()].concat());
    }
    for (target, text) in SHORT {
        seeds.add(target, "short", text.as_bytes().to_vec());
    }
    for dictionary in [&b""[..], b"three four five six"] {
        let class = format!("block{}", dictionary.len());
        for (method, block) in [(3, lz4(dictionary)), (4, deflate(dictionary)), (5, zstd(dictionary))] {
            let length = u16::try_from(TEXT.len()).unwrap_or_default().to_le_bytes();
            let dictionary = part(dictionary).unwrap_or_default();
            seeds.add(
                "compression",
                format!("{class}-{method}"),
                [&[method], &length[..], &dictionary, &block].concat(),
            );
            if method == 3 {
                seeds.add("compression", "length", [&[6], &length[..], &block].concat());
            }
        }
    }
    let numbers = [[9_u64, 4], [20, 10], [1 << 40, 1 << 30]].map(|numbers| numbers.map(u64::to_le_bytes));
    for (place, numbers) in numbers.iter().enumerate() {
        seeds.add("shard_snapshot", format!("numbers{place}"), numbers.concat());
    }
    seeds.add("compression", "zstd", [&[2], &zstd(b"")[..]].concat());
    for kind in 0..16 {
        for bits in [1, 8, 26, 50, 64] {
            let head = [kind, bits, 5, 0, 0, 0];
            seeds.add("packed", format!("{kind}-{bits}"), [&head[..], &[21, 0], &[1; 80]].concat());
        }
    }
}

fn lz4(dictionary: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_with_dict(TEXT, dictionary)
}

fn deflate(dictionary: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(6), false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary).expect("a dictionary for raw DEFLATE");
    }
    let mut output = Vec::with_capacity(200);
    compress.compress_vec(TEXT, &mut output, FlushCompress::Finish).expect("room for the output");
    output
}

fn zstd(dictionary: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(3, dictionary).expect("a raw dictionary");
    compressor.compress(TEXT).expect("memory")
}
