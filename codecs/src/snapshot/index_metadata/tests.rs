use super::*;
use crate::snapshot::version::Product;

fn decoded(settings: &str, mappings: &str) -> Result<IndexMetadata> {
    let json = format!(
        r#"{{"logs":{{"version":3,"state":"open","settings":{{"index.number_of_shards":"2"{settings}}},
            "mappings":{mappings},"aliases":{{"all":{{}}}},"later":[1]}}}}"#
    );
    IndexMetadata::decode("meta-x.dat", json.as_bytes(), 10_000)
}

fn mode(settings: &str, source: &str) -> SourceMode {
    decoded(settings, &format!(r#"[{{"_doc":{{"_source":{source}}}}}]"#)).unwrap().source_mode()
}

#[test]
fn settings_may_be_flat_or_not_and_lists_stay_lists() {
    let index = decoded(
        r#","index":{"uuid":"u","version":{"created":"136407927"},"hidden":true},"index.sort.field":["n"]"#,
        "[]",
    )
    .unwrap();
    assert_eq!((index.number_of_shards, index.uuid()), (2, Some("u")));
    assert_eq!(index.version_created().unwrap().product(), Product::OpenSearch);
    assert!(index.is_hidden() && !index.is_data_stream_backing());
    assert_eq!(index.settings["index.sort.field"], serde_json::json!(["n"]));
}

#[test]
fn mappings_are_a_list_an_object_or_compressed() {
    let expected = serde_json::json!({"properties": {}});
    let deflated = [b"DFL\0\x01\x1A\x00\xE5\xFF", &br#"{"_doc":{"properties":{}}}"#[..]].concat();
    let compressed = format!(r#"["{}"]"#, STANDARD.encode(deflated));
    let lzf = format!(r#"["{}"]"#, STANDARD.encode(b"ZV\x00\x00\x1A{\"_doc\":{\"properties\":{}}}"));
    let forms = [r#"[{"_doc":{"properties":{}}},{}]"#, r#"{"_doc":{"properties":{}}}"#, &compressed, &lzf];
    for form in forms {
        let index = decoded("", form).unwrap();
        assert_eq!(index.mappings["_doc"], expected, "{form}");
        assert_eq!(index.mappings.len(), 1);
    }
    assert!(decoded("", r#"["?"]"#).is_err());
    assert!(decoded("", r#"["AAAA"]"#).is_err());
}

#[test]
fn one_index_with_a_number_of_shards_is_expected() {
    let decode = |json: &str| IndexMetadata::decode("x", json.as_bytes(), 1000);
    assert!(decode("{}").is_err());
    let one = r#"{"settings":{"index.number_of_shards":"1"}}"#;
    assert!(decode(&format!(r#"{{"a":{one}}}"#)).is_ok());
    assert!(decode(&format!(r#"{{"a":{one},"b":{one}}}"#)).is_err());
    for bad in ["0", "-1", "x", "99999999999"] {
        assert!(decode(&format!(r#"{{"a":{{"settings":{{"index.number_of_shards":"{bad}"}}}}}}"#)).is_err());
    }
    assert!(decode(r#"{"a":{"settings":{}}}"#).is_err());
}

#[test]
fn the_source_is_stored_unless_mapping_or_settings_say_otherwise() {
    let partial = |includes: &[&str], excludes: &[&str]| SourceMode::Partial {
        includes: includes.iter().map(|text| (*text).to_owned()).collect(),
        excludes: excludes.iter().map(|text| (*text).to_owned()).collect(),
    };
    assert_eq!(decoded("", "[]").unwrap().source_mode(), SourceMode::Stored);
    assert_eq!(mode("", "{}"), SourceMode::Stored);
    assert_eq!(mode("", r#"{"enabled":true,"compress":true}"#), SourceMode::Stored);
    assert_eq!(mode("", r#"{"enabled":false}"#), SourceMode::Disabled);
    assert_eq!(mode("", r#"{"excludes":["a.*"]}"#), partial(&[], &["a.*"]));
    assert_eq!(mode("", r#"{"includes":"a","excludes":[]}"#), partial(&["a"], &[]));
    assert_eq!(mode("", r#"{"mode":"synthetic"}"#), SourceMode::Synthetic);
    assert_eq!(mode("", r#"{"mode":"disabled"}"#), SourceMode::Disabled);
    let setting = r#","index.mapping.source.mode":"synthetic""#;
    assert_eq!(mode(setting, "{}"), SourceMode::Synthetic);
    assert_eq!(mode(r#","index.derived_source.enabled":"true""#, "{}"), SourceMode::Synthetic);
}

#[test]
fn logs_and_time_series_are_synthetic_unless_a_setting_says_stored() {
    let created = |id: &str| format!(r#","index.version.created":"{id}""#);
    let logs = format!(r#"{},"index.mode":"logsdb""#, created("8521000"));
    assert_eq!(mode(&logs, "{}"), SourceMode::Synthetic);
    let stored = format!(r#"{logs},"index.mapping.source.mode":"stored""#);
    assert_eq!(mode(&stored, "{}"), SourceMode::Stored);
    let series = |id| format!(r#"{},"index.mode":"time_series""#, created(id));
    assert_eq!(mode(&series("8060299"), "{}"), SourceMode::Stored);
    assert_eq!(mode(&series("8070099"), "{}"), SourceMode::Synthetic);
}

#[test]
fn the_mode_of_the_index_is_that_of_the_type_which_keeps_least() {
    let index = decoded(
        "",
        r#"[{"a":{}},{"b":{"_source":{"enabled":false},"_parent":{"type":"a"}}},{"_default_":{"_source":{"mode":"synthetic"}}}]"#,
    )
    .unwrap();
    assert_eq!(index.types().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(index.source_mode_of("a"), SourceMode::Stored);
    assert_eq!(index.source_mode(), SourceMode::Disabled);
    assert_eq!(index.parent_types(), BTreeMap::from([("b", "a")]));
}
