//! Index metadata, cluster metadata and folders of shards, compared with what the live servers said.

use crate::archive::Archive;
use crate::catalog::Catalog;
use codecs::snapshot::blob_path::{ShardPathType, SnapshotShardPaths};
use codecs::snapshot::index_metadata::{IndexMetadata, SourceMode};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn index_metadata_is_what_the_live_server_said() {
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let catalog = Catalog::open(repository);
            for snapshot in &catalog.data.snapshots {
                for (name, index) in catalog.indices(snapshot) {
                    // The manifest has the indices as they were at `snap1`; `late` is younger.
                    if let Some(said) = archive.manifest["indices"].get(&name) {
                        let of = format!("{} {} {name}", repository.name, snapshot.name);
                        check_index(&of, &index, &with_types(said, &index));
                    }
                    assert_eq!(index.name, name);
                }
            }
        }
    }
}

fn check_index(of: &str, index: &IndexMetadata, said: &Value) {
    let mut settings = BTreeMap::new();
    flatten("", &said["settings"], &mut settings);
    assert_eq!(index.settings, settings, "{of}");
    assert_eq!(Some(index.uuid().unwrap()), settings["index.uuid"].as_str(), "{of}");
    assert_eq!(
        index.number_of_shards.to_string(),
        settings["index.number_of_shards"].as_str().unwrap(),
        "{of}"
    );
    assert!(index.is_open && !index.is_system, "{of}");
    assert_eq!(index.is_hidden(), index.name.starts_with(".ds-"), "{of}");
    assert_eq!(index.is_data_stream_backing(), said.get("data_stream").is_some(), "{of}");
    let aliases: Vec<_> = index.aliases.keys().collect();
    assert_eq!(aliases, said["aliases"].as_object().unwrap().keys().collect::<Vec<_>>(), "{of}");
    let mut mappings: Value =
        index.mappings.iter().map(|(name, mapping)| (name.clone(), as_text(mapping))).collect();
    if of.ends_with("snap2 updates") {
        // A field that came after `snap1`.
        let properties =
            mappings.as_object_mut().unwrap().values_mut().next().unwrap()["properties"].as_object_mut();
        assert_eq!(properties.unwrap().remove("snap"), Some(serde_json::json!({"type": "long"})), "{of}");
    }
    assert_eq!(mappings, said["mappings"], "{of}");
}

/// A server since 7 says no type; the metadata has `_doc`, or the type that an older server gave the index.
fn with_types(said: &Value, index: &IndexMetadata) -> Value {
    let mut said = as_text(said);
    if let Some(kind) = index.types().next()
        && said["mappings"].get(kind).is_none()
    {
        let only = said["mappings"].take();
        said["mappings"] = serde_json::json!({ kind: only });
    }
    said
}

/// Numbers and booleans as text, as the manifest has them in places.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        Value::Array(values) => values.iter().map(as_text).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), as_text(value))).collect(),
        other => other.clone(),
    }
}

fn flatten(prefix: &str, settings: &Value, out: &mut BTreeMap<String, Value>) {
    for (name, value) in settings.as_object().unwrap() {
        if value.is_object() {
            flatten(&format!("{prefix}{name}."), value, out);
        } else {
            out.insert(format!("{prefix}{name}"), value.clone());
        }
    }
}

#[test]
fn types_and_the_form_of_the_source_follow_from_the_mappings() {
    for archive in Archive::all() {
        let catalog = Catalog::open(archive.repository("repo"));
        for (name, index) in catalog.indices(catalog.data.snapshot("snap1").unwrap()) {
            let of = format!("{} {name}", archive.name);
            let types: Vec<_> = index.types().collect();
            let (types_expected, parents): (&[&str], &[(&str, &str)]) =
                match (archive.name.as_str(), name.as_str()) {
                    (_, "parent_child") => (&["blog", "comment"], &[("comment", "blog")]),
                    (archive, "types") if archive.starts_with("es-6.8.23") => (&["record"], &[]),
                    (_, "types") => (&["order", "user"], &[]),
                    (archive, _) if ["es-1", "es-2", "es-5", "es-6"].contains(&&archive[..4]) => {
                        (&["doc"], &[])
                    }
                    _ => (&["_doc"], &[]),
                };
            assert_eq!(
                (types.as_slice(), index.parent_types()),
                (types_expected, parents.iter().copied().collect()),
                "{of}"
            );
            let mode = match name.as_str() {
                "nosource" => SourceMode::Disabled,
                "source_excludes" => {
                    SourceMode::Partial { includes: vec![], excludes: vec!["secret*".to_owned()] }
                }
                _ => SourceMode::Stored,
            };
            assert_eq!(index.source_mode(), mode, "{of}");
        }
    }
}

#[test]
fn templates_and_data_streams_are_in_the_cluster_metadata() {
    for archive in Archive::all().filter(|archive| !archive.name.contains("_to_")) {
        let catalog = Catalog::open(archive.repository("repo"));
        let cluster = catalog.cluster(catalog.data.snapshot("snap1").unwrap());
        let names = |entries: &mut dyn Iterator<Item = (&str, &Value)>| -> Vec<String> {
            entries.map(|(name, _)| name.to_owned()).collect()
        };
        let has_composable = !matches!(&archive.name[..4], "es-1" | "es-2" | "es-5" | "es-6");
        let (index_templates, parts, streams): (&[&str], &[&str], &[&str]) =
            match archive.name.split_once('-') {
                Some(("os", _)) => (&["composed", "logs"], &["part"], &["logs-app"]),
                _ if has_composable => (&["composed"], &["part"], &[]),
                _ => (&[], &[], &[]),
            };
        let of = &archive.name;
        assert_eq!(names(&mut cluster.templates()), ["tmpl"], "{of}");
        assert_eq!(names(&mut cluster.index_templates()), index_templates, "{of}");
        assert_eq!(names(&mut cluster.component_templates()), parts, "{of}");
        assert_eq!(names(&mut cluster.data_streams()), streams, "{of}");
        assert_eq!(cluster.data_stream_aliases().count(), 0, "{of}");
    }
}

#[test]
fn folders_of_shards_follow_from_the_catalog_as_opensearch_noted_them() {
    let mut folders = Vec::new();
    for archive in Archive::all() {
        for repository in &archive.repositories {
            let catalog = Catalog::open(repository);
            let blobs = repository.blobs.iter().filter(|(path, _)| path.starts_with("snapshot_shard_paths/"));
            let mut noted = 0;
            for (path, bytes) in blobs {
                let paths = SnapshotShardPaths::decode(path, bytes).unwrap();
                let SnapshotShardPaths { index_id, index_name, number_of_shards, shard_path_type, .. } =
                    &paths;
                let expected =
                    SnapshotShardPaths::path(index_id, index_name, *number_of_shards, *shard_path_type);
                assert_eq!((path, paths.shard_path_hash_algorithm), (&expected, 1));
                assert_eq!(ShardPathType::from_code(path, *shard_path_type), Ok(ShardPathType::HashedPrefix));
                assert_eq!(&catalog.data.indices[index_name].id, index_id);
                for (shard, folder) in (0..*number_of_shards).zip(&paths.paths) {
                    let computed = catalog.data.shard_folder(index_name, shard, "").unwrap();
                    assert_eq!(&computed.blob("", ""), folder);
                    noted += 1;
                }
            }
            folders.push((repository.name.clone(), noted));
        }
    }
    folders.retain(|(_, noted)| *noted > 0);
    let folders: Vec<_> = folders.iter().map(|(name, noted)| (name.as_str(), *noted)).collect();
    assert_eq!(
        folders,
        [("os-2.19.1_to_os-3.5.0/repo", 12), ("os-3.5.0/repo", 34), ("os-3.5.0/repo_chunked", 4)]
    );
}
