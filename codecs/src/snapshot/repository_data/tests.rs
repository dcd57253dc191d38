use super::*;

fn decoded(json: &str) -> RepositoryData {
    RepositoryData::decode("index-0", json.as_bytes(), 0).unwrap()
}

#[test]
fn a_catalog_of_names_leaves_two_names_for_each_blob() {
    let data = decoded(r#"{"snapshots":["old"]}"#);
    assert_eq!(data.layout, Layout::Names);
    let snapshot = data.snapshot("old").unwrap();
    let paths =
        |path: Result<BlobPath>| -> Vec<String> { path.unwrap().candidates().map(str::to_owned).collect() };
    assert_eq!(paths(data.snapshot_info(snapshot)), ["snap-old.dat", "snapshot-old"]);
    assert_eq!(paths(data.cluster_metadata(snapshot)), ["meta-old.dat", "metadata-old"]);
    assert_eq!(
        paths(data.index_metadata(snapshot, "logs")),
        ["indices/logs/meta-old.dat", "indices/logs/snapshot-old"]
    );
    assert_eq!(paths(data.shard_snapshot(snapshot)), ["snap-old.dat", "snapshot-old"]);
    assert_eq!(data.shard_folder("logs", 3, "").unwrap().blob("", "x"), "indices/logs/3/x");
}

#[test]
fn snapshots_of_an_index_may_be_objects_as_before_5_5() {
    let data = decoded(
        r#"{"snapshots":[{"name":"a","uuid":"u1"},{"name":"b","uuid":"b"}],
            "indices":{"logs":{"id":"i1","name":"logs","snapshots":[{"name":"a","uuid":"u1"}]}}}"#,
    );
    assert_eq!(data.layout, Layout::Ids);
    let snapshot = data.snapshot("a").unwrap();
    assert_eq!(snapshot.state, None);
    assert_eq!(data.indices_in(snapshot).collect::<Vec<_>>(), ["logs"]);
    let path = data.index_metadata(snapshot, "logs").unwrap();
    assert_eq!(path.current, "indices/i1/meta-u1.dat");
    assert_eq!(path.legacy, None);
    // A snapshot that Elasticsearch 5 found in a repository of 1 or 2.
    let old = data.snapshot_info(data.snapshot("b").unwrap()).unwrap();
    assert_eq!(old.legacy.as_deref(), Some("snapshot-b"));
}

#[test]
fn index_metadata_is_found_by_its_identifier_and_without_one_by_the_snapshot() {
    let data = decoded(
        r#"{"min_version":"7.9.0","future":{"a":[1]},
            "snapshots":[{"name":"new","uuid":"u2","state":3,"index_metadata_lookup":{"i1":"k"},"version":"7.10.2"},
                         {"name":"old","uuid":"u1","state":1}],
            "indices":{"logs":{"id":"i1","snapshots":["u1","u2"],"shard_generations":["g",null,"0",1],"later":1}},
            "index_metadata_identifiers":{"k":"X"}}"#,
    );
    assert_eq!(data.layout, Layout::SharedIndexMetadata);
    let new = data.snapshot("new").unwrap();
    assert_eq!(new.state, Some(SnapshotState::Partial));
    assert_eq!(new.version.as_deref(), Some("7.10.2"));
    assert_eq!(data.index_metadata(new, "logs").unwrap().current, "indices/i1/meta-X.dat");
    let old = data.snapshot("old").unwrap();
    assert_eq!(data.index_metadata(old, "logs").unwrap().current, "indices/i1/meta-u1.dat");
    let generations = &data.indices["logs"].shard_generations;
    assert_eq!(generations[..2], [Some("g".to_owned()), None]);
    let error = data.index_metadata(new, "other").unwrap_err().to_string();
    assert_eq!(error, "`index-0`: corrupt at byte 0: there is no index `other`");
}

#[test]
fn a_version_may_be_text_a_number_or_an_index_version() {
    let data = decoded(
        r#"{"snapshots":[{"name":"a","uuid":"a","version":8100499},
                         {"name":"b","uuid":"b","version":"8.11.0","index_version":9009000}],"indices":{}}"#,
    );
    let version = |name| data.snapshot(name).unwrap().version.clone().unwrap();
    assert_eq!(version("a"), "8.10.4");
    assert_eq!(version("b"), "9 (index version 9009000)");
}

#[test]
fn contradictions_and_names_that_leave_a_folder_are_refused() {
    let unknown = r#"{"snapshots":[],"indices":{"a":{"id":"i","snapshots":["u"]}}}"#;
    assert!(RepositoryData::decode("index-0", unknown.as_bytes(), 0).is_err());
    let data = decoded(
        r#"{"snapshots":[{"name":"a","uuid":"../u"}],"indices":{"a":{"id":"../i","snapshots":["../u"]},
            "b":{"id":"i","snapshots":[],"shard_path_type":9}}}"#,
    );
    let snapshot = data.snapshot("a").unwrap();
    assert!(data.snapshot_info(snapshot).is_err());
    assert!(data.index_metadata(snapshot, "a").is_err());
    assert!(data.shard_folder("a", 0, "").is_err());
    let error = data.shard_folder("b", 0, "").unwrap_err().to_string();
    assert!(error.starts_with("`index-0`: unsupported shard_path_type `9`"), "{error}");
}

#[test]
fn the_newest_generation_is_eight_bytes() {
    assert_eq!(decode_index_latest("index.latest", &[0, 0, 0, 0, 0, 0, 1, 2]).unwrap(), 258);
    for bytes in [&[0; 7][..], &[0; 9], &[0xFF; 8]] {
        assert!(decode_index_latest("index.latest", bytes).is_err());
    }
    assert_eq!(generation("index-12"), Some(12));
    for name in ["index", "index-", "index-x", "index-+1", "index.latest", "index-99999999999999999999"] {
        assert_eq!(generation(name), None, "{name}");
    }
}

#[test]
fn incompatible_snapshots_are_a_list() {
    let json = br#"{"incompatible-snapshots":["a",{"name":"b","uuid":"u"}]}"#;
    assert_eq!(decode_incompatible_snapshots("x", json).unwrap(), ["a", "b"]);
}
