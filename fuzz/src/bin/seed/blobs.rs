//! Seeds from the metadata of repositories, and from documents in the forms of `_source`.

use crate::Seeds;
use crate::archive::Repository;
use codecs::snapshot::blob::{DEFAULT_LIMIT, Kind, to_json};
use codecs::snapshot::shard_snapshot::ShardSnapshot;
use flate2::read::DeflateDecoder;
use std::collections::BTreeMap;
use std::io::{Read, Result};
use std::path::Path;

/// The files of a shard, by their names in the Lucene index.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Adds the metadata of a repository; gives back the files of its shards.
pub(crate) fn add_blobs(repository: &Repository, seeds: &mut Seeds) -> Vec<Files> {
    let mut shards = Vec::new();
    for (path, bytes) in &repository.blobs {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let server = &repository.server;
        if folder == "snapshot_shard_paths" || (folder.is_empty() && name.starts_with("in")) {
            let class = name.split(['-', '_']).next().unwrap_or(name);
            seeds.add("repository_data", format!("{server}-{class}"), bytes.clone());
            continue;
        }
        let is_shard = folder.rsplit('/').next().is_some_and(|name| name.parse::<u32>().is_ok());
        let (target, kind) = match name {
            _ if is_shard && name.starts_with("index-") => ("blob", Kind::Snapshots),
            _ if is_shard && name.starts_with("snap") => ("shard_snapshot", Kind::Snapshot),
            _ if folder.is_empty() && name.starts_with("snap") => ("blob", Kind::Snapshot),
            _ if folder.is_empty() && name.starts_with("meta") => ("cluster_metadata", Kind::Metadata),
            _ if name.starts_with("meta") || name.starts_with("snap") => {
                ("index_metadata", Kind::IndexMetadata)
            }
            _ => continue,
        };
        add_blob(target, &format!("{server}-{}", kind.codec()), kind, bytes, seeds);
        if target == "shard_snapshot" {
            shards.extend(files(repository, folder, bytes));
        }
    }
    shards
}

/// A blob as it is, its content without frame and compression, and its content as JSON.
fn add_blob(target: &'static str, class: &str, kind: Kind, bytes: &[u8], seeds: &mut Seeds) {
    for target in [target, "blob"] {
        seeds.add(target, class, bytes.to_vec());
    }
    if let Ok(json) = to_json("blob", bytes, kind, DEFAULT_LIMIT) {
        seeds.add(target, format!("{class}-json"), json.into_owned());
    }
    let content = match bytes {
        [0x3F, 0xD7, 0x6C, 0x17, length, rest @ ..] => &rest[usize::from(*length) + 4..rest.len() - 16],
        bytes => bytes,
    };
    let mut smile = content.to_vec();
    if let Some(stream) = content.strip_prefix(b"DFL\0") {
        seeds.add("compression", "deflate", [&[0], stream].concat());
        smile.clear();
        DeflateDecoder::new(stream).read_to_end(&mut smile).expect("a stream of a server");
    }
    if content.starts_with(b"ZV") {
        seeds.add("compression", "lzf", [&[1], content].concat());
    }
    if smile.starts_with(b":)\n") {
        seeds.add(target, format!("{class}-smile"), smile.clone());
        seeds.add("smile", class, smile);
    }
}

fn files(repository: &Repository, folder: &str, bytes: &[u8]) -> Option<Files> {
    let shard = ShardSnapshot::decode("snap", bytes, DEFAULT_LIMIT).ok()?;
    let content = |file: &codecs::snapshot::shard_snapshot::ShardFile| {
        let mut content = Vec::new();
        for part in file.parts() {
            content.extend_from_slice(repository.blobs.get(&format!("{folder}/{}", part.blob))?);
        }
        Some(if file.is_virtual() { file.content()?.to_vec() } else { content })
    };
    shard.files.iter().map(|file| Some((file.physical_name.clone(), content(file)?))).collect()
}

/// Adds documents in SMILE, CBOR and YAML.
pub(crate) fn add_vectors(folder: &Path, seeds: &mut Seeds) -> Result<()> {
    for form in ["smile", "cbor", "yaml"] {
        let lines = std::fs::read_to_string(folder.join(format!("{form}.ndjson")))?;
        for (number, line) in lines.lines().enumerate() {
            let vector: serde_json::Value = serde_json::from_str(line)?;
            let hex = vector["bytes"].as_str().unwrap_or_default();
            let digits = hex.as_bytes().chunks(2).filter_map(|digits| std::str::from_utf8(digits).ok());
            let bytes: Vec<u8> = digits.filter_map(|digits| u8::from_str_radix(digits, 16).ok()).collect();
            if form == "smile" {
                seeds.add("smile", format!("vector{number}"), bytes.clone());
            }
            seeds.add("source", format!("{form}{number}"), bytes);
        }
    }
    Ok(())
}
