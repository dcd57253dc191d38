//! The indices of a fixture in a target, made before the documents come: shards as they were, mappings where it takes them.

use crate::http;
use crate::server::Server;
use serde_json::{Map, Value, json};
use std::path::Path;

/// How many indices a target took with their mappings as they were, translated, and not at all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub same: usize,
    pub translated: usize,
    pub dynamic: usize,
}

/// What the source server said about its indices.
pub fn manifest(fixture: &Path) -> Value {
    let text = std::fs::read_to_string(fixture.join("manifest.json")).expect("a manifest");
    serde_json::from_str(&text).expect("JSON")
}

/// Makes the indices that are in a snapshot.
pub fn make(server: &Server, fixture: &Path, snapshot: &str) -> Made {
    let manifest = manifest(fixture);
    let mut made = Made::default();
    for name in manifest["counts"][snapshot].as_object().expect("counts").keys() {
        let index = &manifest["indices"][name];
        let settings = settings(&index["settings"]["index"]);
        let mappings = of_target(server, index);
        let mut tries = mappings.iter().map(|mappings| json!({"settings": settings, "mappings": mappings}));
        let path = format!("/{}", http::encoded(name));
        let is_taken = |body: Option<Value>| {
            body.is_some_and(|body| http::send(&server.url, "PUT", &path, &body.to_string()).status == 200)
        };
        if is_taken(tries.next()) {
            made.same += 1;
        } else if is_taken(tries.next()) {
            made.translated += 1;
        } else {
            http::json(&server.url, "PUT", &path, &json!({"settings": settings}));
            made.dynamic += 1;
        }
    }
    made
}

/// Whether Elasticsearch 6 or an older one made an index; those of OpenSearch have larger numbers.
fn is_before_7(settings: &Value) -> bool {
    settings["version"]["created"].as_str().expect("a version").parse::<u32>().expect("a number") < 7_000_000
}

/// As many shards as there were, and each document on the same one: those with equal ids must not meet.
///
/// Elasticsearch 7 and OpenSearch spread documents over the shards that an index could be split into.
fn settings(index: &Value) -> Value {
    let number = |key: &str| index[key].as_str().map(|number| number.parse::<u32>().expect("a number"));
    let shards = number("number_of_shards").expect("shards");
    let usual = || {
        let doublings = shards.next_power_of_two().trailing_zeros();
        if is_before_7(index) { shards } else { shards << 10_u32.saturating_sub(doublings).max(1) }
    };
    let routing = number("number_of_routing_shards").unwrap_or_else(usual);
    json!({"number_of_shards": shards, "number_of_routing_shards": routing, "number_of_replicas": 0})
}

/// Mappings in the form of the target, as they were and translated; none where several types cannot become one.
fn of_target(server: &Server, index: &Value) -> Vec<Value> {
    let all = index["mappings"].as_object().cloned().unwrap_or_default();
    // Since Elasticsearch 7 there is no level of types.
    let is_typed = !all.is_empty() && all.keys().all(|key| !is_of_mapping(key));
    let (type_name, mapping) = match (is_typed, all.len()) {
        (true, 1) => all.into_iter().next().expect("one"),
        (true, _) => return Vec::new(),
        // The type that all documents of the fixtures had in Elasticsearch 6, whose name the server of the manifest hides.
        (false, _) if is_before_7(&index["settings"]["index"]) => ("doc".to_owned(), Value::Object(all)),
        (false, _) => ("_doc".to_owned(), Value::Object(all)),
    };
    let has_types = server.version.starts_with("es-6");
    let form = |mapping: Value| if has_types { json!({ &type_name: mapping }) } else { mapping };
    vec![form(mapping.clone()), form(translated(&mapping))]
}

fn is_of_mapping(key: &str) -> bool {
    ["properties", "dynamic", "_meta", "_data_stream_timestamp", "date_detection", "dynamic_templates"]
        .contains(&key)
        || ["_source", "_routing", "_size"].contains(&key)
}

/// A mapping of an old server in the words of a new one.
fn translated(mapping: &Value) -> Value {
    let Value::Object(mapping) = mapping else { return mapping.clone() };
    let mut new = Map::new();
    for (key, value) in mapping {
        match key.as_str() {
            "properties" | "fields" => {
                let fields = value.as_object().into_iter().flatten();
                let fields = fields.map(|(name, field)| (name.clone(), of_field(field)));
                new.insert(key.clone(), Value::Object(fields.collect()));
            }
            "_source" => {
                let mut source = value.clone();
                source.as_object_mut().map(|source| source.remove("compress"));
                new.insert(key.clone(), source);
            }
            "_timestamp" | "_all" | "_parent" | "_ttl" | "_data_stream_timestamp" => {}
            _ => drop(new.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(new)
}

fn of_field(field: &Value) -> Value {
    let mut new = translated(field);
    let Some(fields) = new.as_object_mut() else { return new };
    let index = fields.remove("index");
    let word = index.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    if fields.get("type") == Some(&json!("string")) {
        let is_keyword = word == "not_analyzed";
        fields.insert("type".to_owned(), json!(if is_keyword { "keyword" } else { "text" }));
        if !is_keyword {
            fields.remove("doc_values");
        }
    }
    if fields.get("format") == Some(&json!("dateOptionalTime")) {
        fields.remove("format");
    }
    match index {
        Some(index) if index.is_boolean() => drop(fields.insert("index".to_owned(), index)),
        _ if word == "no" => drop(fields.insert("index".to_owned(), json!(false))),
        _ => {}
    }
    new
}
