//! What is in each repository, and that every file of every shard is there with its checksum.

use crate::archive::{Archive, Repository};
use crate::catalog::{Catalog, Shard};
use codecs::lucene::codec_util::{Footer, verified_body};
use codecs::snapshot::repository_data::{
    Layout, SnapshotEntry, SnapshotState, decode_incompatible_snapshots, decode_index_latest, generation,
};
use codecs::snapshot::shard_snapshot::ShardFile;
use serde_json::Value;
use std::collections::BTreeSet;

/// How the content of a metadata blob is written.
fn form(bytes: &[u8]) -> &'static str {
    let content = match bytes {
        [0x3F, 0xD7, 0x6C, 0x17, length, rest @ ..] => &rest[usize::from(*length) + 4..],
        bytes => bytes,
    };
    match content {
        [b'{', ..] => "json",
        [b'Z', b'V', ..] => "lzf",
        [b':', b')', ..] => "framed smile",
        [b'D', b'F', b'L', 0, ..] => "framed deflate",
        other => panic!("{other:02x?}"),
    }
}

/// What a repository holds, in numbers.
#[derive(Debug, PartialEq)]
struct Facts {
    layout: Layout,
    forms: String,
    shards: usize,
    files: usize,
    without_blob: usize,
    in_parts: usize,
    bytes: u64,
}

fn facts(catalog: &Catalog<'_>) -> Facts {
    let shards = catalog.all_shards();
    let files: Vec<_> = shards.iter().flat_map(|shard| &shard.files).collect();
    let is_metadata = |path: &str| {
        let name = path.rsplit('/').next().unwrap();
        ["snap-", "meta-", "snapshot-", "metadata-"].iter().any(|prefix| name.starts_with(prefix))
    };
    let metadata = catalog.repository.blobs.iter().filter(|(path, _)| is_metadata(path));
    let forms: BTreeSet<_> = metadata.map(|(_, bytes)| form(bytes)).collect();
    Facts {
        layout: catalog.data.layout,
        forms: forms.into_iter().collect::<Vec<_>>().join(", "),
        shards: shards.len(),
        files: files.len(),
        without_blob: files.iter().filter(|file| file.is_virtual()).count(),
        in_parts: files.iter().filter(|file| file.number_of_parts() > 1).count(),
        bytes: files.iter().map(|file| file.length).sum(),
    }
}

/// Layout, form of the metadata, shards of all snapshots, their files, those without a blob, those in parts, bytes.
type Row = (&'static str, Layout, &'static str, usize, usize, usize, usize, u64);

#[rustfmt::skip]
const FACTS: [Row; 32] = [
    ("es-1.7.6/repo", Layout::Names, "json, lzf", 54, 433, 0, 0, 855_087),
    ("es-1.7.6/repo_chunked", Layout::Names, "json", 4, 61, 0, 10, 225_718),
    ("es-1.7.6_to_es-2.4.6/repo", Layout::Names, "framed deflate", 17, 152, 0, 0, 184_692),
    ("es-2.4.6/repo", Layout::Names, "framed deflate", 54, 429, 0, 0, 1_029_476),
    ("es-2.4.6/repo_chunked", Layout::Names, "framed smile", 4, 61, 0, 13, 251_011),
    ("es-2.4.6_to_es-5.6.16/repo", Layout::Ids, "framed deflate, framed smile", 17, 148, 0, 0, 211_850),
    ("es-5.6.16/repo", Layout::Ids, "framed deflate, framed smile", 54, 421, 0, 0, 994_837),
    ("es-5.6.16/repo_chunked", Layout::Ids, "framed smile", 4, 55, 0, 12, 238_241),
    ("es-5.6.16_to_es-6.8.23/repo", Layout::Ids, "framed deflate, framed smile", 17, 146, 0, 0, 196_664),
    ("es-6.8.23/repo", Layout::Ids, "framed deflate, framed smile", 64, 565, 0, 0, 917_812),
    ("es-6.8.23/repo_chunked", Layout::Ids, "framed smile", 4, 58, 0, 7, 213_995),
    ("es-6.8.23_to_es-7.10.2/repo", Layout::SharedIndexMetadata, "framed deflate", 14, 154, 44, 0, 178_931),
    ("es-6.8.23_to_os-1.3.13/repo", Layout::SharedIndexMetadata, "framed deflate", 14, 151, 43, 0, 174_201),
    ("es-7.10.2/repo", Layout::SharedIndexMetadata, "framed deflate", 62, 798, 203, 0, 1_161_033),
    ("es-7.10.2/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 72, 19, 8, 225_960),
    ("es-7.10.2_to_es-8.17.4/repo", Layout::SharedIndexMetadata, "framed deflate", 13, 155, 39, 0, 201_081),
    ("es-7.10.2_to_os-2.19.1/repo", Layout::SharedIndexMetadata, "framed deflate", 13, 198, 41, 0, 204_947),
    ("es-7.17.28/repo", Layout::SharedIndexMetadata, "framed deflate", 62, 776, 201, 0, 1_180_584),
    ("es-7.17.28/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 70, 23, 13, 249_798),
    ("es-8.17.4/repo", Layout::SharedIndexMetadata, "framed deflate", 56, 590, 185, 0, 1_181_658),
    ("es-8.17.4/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 70, 23, 13, 265_159),
    ("es-9.0.2/repo", Layout::SharedIndexMetadata, "framed deflate", 56, 587, 184, 0, 1_166_257),
    ("es-9.0.2/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 70, 23, 12, 258_651),
    ("os-1.3.13/repo", Layout::SharedIndexMetadata, "framed deflate", 68, 796, 212, 0, 1_184_466),
    ("os-1.3.13/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 79, 26, 13, 276_074),
    ("os-2.19.1/repo", Layout::SharedIndexMetadata, "framed deflate", 66, 750, 201, 0, 1_167_623),
    ("os-2.19.1/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 70, 23, 12, 252_995),
    ("os-2.19.1_to_os-3.5.0/repo", Layout::SharedIndexMetadata, "framed deflate", 12, 159, 36, 0, 176_840),
    ("os-2.9.0/repo", Layout::SharedIndexMetadata, "framed deflate", 70, 801, 221, 0, 1_269_344),
    ("os-2.9.0/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 73, 24, 12, 250_967),
    ("os-3.5.0/repo", Layout::SharedIndexMetadata, "framed deflate", 66, 753, 203, 0, 1_162_475),
    ("os-3.5.0/repo_chunked", Layout::SharedIndexMetadata, "framed smile", 4, 70, 23, 12, 245_977),
];

#[test]
fn each_repository_holds_what_its_version_writes() {
    let mut expected = FACTS.iter();
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let found = facts(&Catalog::open(repository));
            let (name, layout, forms, shards, files, without_blob, in_parts, bytes) =
                *expected.next().unwrap();
            let forms = forms.to_owned();
            let facts = Facts { layout, forms, shards, files, without_blob, in_parts, bytes };
            assert_eq!((repository.name.as_str(), found), (name, facts));
        }
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn catalogs_list_the_snapshots_and_indices_that_the_server_said() {
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let catalog = Catalog::open(repository);
            let mut names = BTreeSet::new();
            for snapshot in &catalog.data.snapshots {
                let said = &archive.manifest["snapshots"][&snapshot.name];
                let of = format!("{} {}", repository.name, snapshot.name);
                assert!(
                    repository.name.ends_with(&format!("/{}", said["repository"].as_str().unwrap())),
                    "{of}"
                );
                assert_eq!(snapshot.uuid, said["uuid"].as_str().unwrap_or(&snapshot.name), "{of}");
                let indices: Vec<_> = catalog.indices(snapshot).into_keys().collect();
                assert_eq!(serde_json::json!(indices), said["indices"], "{of}");
                check_info(&archive, &catalog, snapshot, &indices);
                names.insert(snapshot.name.as_str());
            }
            assert_eq!(names, snapshots_of(&archive, repository), "{}", repository.name);
        }
    }
}

fn snapshots_of<'a>(archive: &'a Archive, repository: &Repository) -> BTreeSet<&'a str> {
    let snapshots = archive.manifest["snapshots"].as_object().unwrap().iter();
    let is_here =
        |said: &Value| repository.name.ends_with(&format!("/{}", said["repository"].as_str().unwrap()));
    snapshots.filter(|(_, said)| is_here(said)).map(|(name, _)| name.as_str()).collect()
}

/// What the snapshot says of itself agrees with the catalog, and with the name of the archive.
fn check_info(archive: &Archive, catalog: &Catalog<'_>, snapshot: &SnapshotEntry, indices: &[String]) {
    let info = catalog.info(snapshot);
    let of = format!("{} {}", catalog.repository.name, snapshot.name);
    assert_eq!(info.name, snapshot.name, "{of}");
    assert!(info.uuid.is_none_or(|uuid| uuid == snapshot.uuid), "{of}");
    assert_eq!(BTreeSet::from_iter(&info.indices), BTreeSet::from_iter(indices), "{of}");
    assert_eq!(info.state, SnapshotState::Success, "{of}");
    assert!(snapshot.state.is_none_or(|state| state == SnapshotState::Success), "{of}");
    let shards = catalog.shards(snapshot).len() as u64;
    assert_eq!((info.total_shards, info.successful_shards, info.failures.len()), (shards, shards, 0), "{of}");
    let (product, release) = archive.manifest["version"].as_str().unwrap().split_once('-').unwrap();
    let version = match release {
        "8.17.4" => "8 (index version 8521000)",
        "9.0.2" => "9 (index version 9009000)",
        release => release,
    };
    assert_eq!(info.version.unwrap().to_string(), version, "{of}");
    let in_catalog = matches!(product, "os") || !matches!(&release[..1], "1" | "2" | "5" | "6");
    assert_eq!(snapshot.version.as_deref(), in_catalog.then_some(version), "{of}");
}

#[test]
fn index_latest_is_the_newest_catalog_and_no_snapshot_is_incompatible() {
    let mut incompatible = 0;
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let newest = repository.blobs.keys().filter_map(|path| generation(path)).max();
            let latest = repository.blobs.get("index.latest");
            let latest = latest.map(|bytes| decode_index_latest("index.latest", bytes).unwrap());
            assert_eq!(latest, newest, "{}", repository.name);
            if let Some(bytes) = repository.blobs.get("incompatible-snapshots") {
                let names = decode_incompatible_snapshots("incompatible-snapshots", bytes).unwrap();
                assert_eq!(names, [""; 0], "{}", repository.name);
                incompatible += 1;
            }
        }
    }
    assert_eq!(incompatible, 2);
}

#[test]
fn files_of_shards_are_all_blobs_and_each_has_its_length_and_checksum() {
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let mut used = BTreeSet::new();
            for shard in Catalog::open(repository).all_shards() {
                for file in &shard.files {
                    used.extend(file.parts().map(|part| shard.blob_path(&part.blob)));
                    check_file(&shard, file);
                }
            }
            let is_data = |path: &&String| path.rsplit('/').next().is_some_and(|name| name.starts_with("__"));
            let present: BTreeSet<_> = repository.blobs.keys().filter(is_data).cloned().collect();
            assert_eq!(used, present, "{}", repository.name);
        }
    }
}

fn check_file(shard: &Shard<'_>, file: &ShardFile) {
    let of = format!("{} {}", shard.of, file.physical_name);
    let in_blobs = shard.bytes_in_blobs(file);
    let inline = file.content();
    if let (Some(bytes), Some(inline)) = (&in_blobs, inline) {
        assert_eq!(bytes, inline, "{of}");
    }
    // The servers have segments and their descriptions in the metadata, and nothing else of the kind.
    let is_inline = file.physical_name.starts_with("segments_") || file.physical_name.ends_with(".si");
    assert_eq!(inline.is_some(), is_inline, "{of}");
    let bytes = in_blobs.as_deref().or(inline).unwrap();
    assert_eq!(bytes.len() as u64, file.length, "{of}");
    let Some(checksum) = &file.checksum else {
        // Elasticsearch 1 and 2 have none for a commit without segments.
        assert!(file.physical_name.starts_with("segments_") && bytes.len() < 200, "{of}");
        return;
    };
    let body = verified_body(&file.physical_name, bytes).unwrap();
    let (_, footer) = Footer::decode(&bytes[body.len()..]).unwrap();
    let checksum = u32::from_str_radix(checksum, 36).unwrap();
    assert_eq!(checksum, footer.checksum, "{of}");
}
