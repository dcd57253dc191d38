//! Requests with mapping types, sent to Elasticsearch 6.8 as they are and to OpenSearch 2.19 as `types` makes them: both must answer with the
//! same status, and hold the same documents afterwards.

use crate::http::{self, Answer};
use crate::server::Server;
use bytes::Bytes;
use engine::replay::{Outgoing, RequestTransforms, Route, lacks_ids, with_ids};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What clients of Elasticsearch 6 send, in order.
const REQUESTS: &[(&str, &str, &str)] = &[
    (
        "PUT",
        "/shop",
        r#"{"mappings":{"item":{"_all":{"enabled":false},"properties":{"name":{"type":"keyword"},"n":{"type":"long"}}}}}"#,
    ),
    ("PUT", "/shop/_mapping/item", r#"{"item":{"properties":{"extra":{"type":"keyword"}}}}"#),
    ("PUT", "/shop/item/_mapping", r#"{"properties":{"more":{"type":"date"}}}"#),
    (
        "PUT",
        "/_template/logs",
        r#"{"index_patterns":["logs-*"],"mappings":{"event":{"properties":{"m":{"type":"keyword"}}}}}"#,
    ),
    ("PUT", "/typed?include_type_name=true", r#"{"mappings":{"_doc":{"properties":{"a":{"type":"long"}}}}}"#),
    ("PUT", "/untyped?include_type_name=false", r#"{"mappings":{"properties":{"a":{"type":"long"}}}}"#),
    ("GET", "/shop/_mapping/item", ""),
    ("PUT", "/shop/item/1?refresh=true", r#"{"name":"a","n":1}"#),
    ("PUT", "/shop/item/2/_create", r#"{"name":"b","n":2}"#),
    ("PUT", "/shop/item/2/_create", r#"{"name":"again"}"#),
    ("POST", "/shop/item", r#"{"name":"auto"}"#),
    ("POST", "/shop/item/1/_update", r#"{"doc":{"n":12345678901234567}}"#),
    ("POST", "/shop/item/404/_update", r#"{"doc":{}}"#),
    ("GET", "/shop/item/1", ""),
    ("HEAD", "/shop/item/1", ""),
    ("HEAD", "/shop/item/404", ""),
    ("GET", "/shop/item/1/_source", ""),
    ("POST", "/shop/item/1/_explain", r#"{"query":{"match_all":{}}}"#),
    ("GET", "/shop/item/1/_termvectors?fields=name", ""),
    (
        "POST",
        "/_bulk",
        "{\"index\":{\"_index\":\"shop\",\"_type\":\"item\",\"_id\":\"b1\",\"_routing\":\"r\"}}\n{\"name\":\"bulk1\"}\n\
         {\"update\":{\"_index\":\"shop\",\"_type\":\"item\",\"_id\":\"1\",\"_retry_on_conflict\":2}}\n{\"doc\":{\"bulk\":true}}\n\
         {\"index\":{\"_index\":\"shop\",\"_type\":\"item\"}}\n{\"name\":\"bulk auto\"}\n\
         {\"delete\":{\"_index\":\"shop\",\"_type\":\"item\",\"_id\":\"none\"}}\n",
    ),
    (
        "POST",
        "/shop/item/_bulk?refresh",
        "{\"index\":{\"_id\":\"b2\"}}\n{\"name\":\"bulk2\"}\n{\"index\":{}}\n{\"name\":\"auto2\"}\n",
    ),
    ("POST", "/shop/_refresh", ""),
    ("GET", "/shop/item/_search?q=name:a", ""),
    ("POST", "/shop/item/_search", r#"{"size":3,"query":{"term":{"name":"bulk1"}}}"#),
    ("POST", "/shop/item/_count", r#"{"query":{"match_all":{}}}"#),
    (
        "POST",
        "/_mget",
        r#"{"docs":[{"_index":"shop","_type":"item","_id":"1"},{"_index":"shop","_type":"item","_id":"b1","routing":"r"}]}"#,
    ),
    ("POST", "/shop/item/_mget", r#"{"ids":["1","2"]}"#),
    (
        "POST",
        "/_msearch",
        "{\"index\":\"shop\",\"type\":\"item\"}\n{\"size\":1}\n{\"index\":[\"shop\"],\"type\":[\"item\"]}\n{\"size\":0}\n",
    ),
    ("POST", "/shop/item/_msearch", "{}\n{\"size\":1}\n"),
    (
        "POST",
        "/shop/item/_search/template",
        r#"{"source":{"query":{"term":{"name":"{{n}}"}}},"params":{"n":"a"}}"#,
    ),
    ("GET", "/shop/item/_validate/query?q=name:a", ""),
    ("POST", "/shop/item/_update_by_query?refresh", r#"{"query":{"term":{"name":"b"}}}"#),
    ("POST", "/shop/item/_delete_by_query?refresh", r#"{"query":{"term":{"name":"bulk2"}}}"#),
    (
        "POST",
        "/_reindex?refresh",
        r#"{"source":{"index":"shop","type":"item"},"dest":{"index":"copy","type":"item"}}"#,
    ),
    ("PUT", "/logs-1/event/1?refresh", r#"{"m":"x"}"#),
    ("POST", "/_aliases", r#"{"actions":[{"add":{"index":"shop","alias":"store"}}]}"#),
    ("PUT", "/store/item/3", r#"{"name":"by its alias"}"#),
    ("DELETE", "/shop/item/2", ""),
    ("GET", "/shop/item/2", ""),
];

/// The request as a client sends it.
fn captured(method: &str, path: &str, body: &str) -> Outgoing {
    let length = body.len();
    let message = format!(
        "{method} {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    Outgoing::parse(&Bytes::from(message)).unwrap()
}

/// The request for the target, with the ids that the source's answer says.
fn for_target(transforms: &RequestTransforms, request: Outgoing, answer: &Answer) -> Outgoing {
    let request = if lacks_ids(&request, &Route::of(&request)) {
        let response = format!("HTTP/1.1 {} X\r\n\r\n{}", answer.status, answer.body);
        let with_ids = with_ids(&request, response.as_bytes()).unwrap();
        assert!(with_ids.given > 0 && with_ids.missing == 0, "{with_ids:?}");
        with_ids.request
    } else {
        request
    };
    transforms.apply(request).request
}

fn documents(url: &str, index: &str) -> BTreeMap<String, Value> {
    let hits = http::hits(url, index, true).into_iter();
    hits.map(|hit| (hit["_id"].as_str().unwrap().to_owned(), json!([hit["_source"], hit["_routing"]])))
        .collect()
}

/// What a mapping says of fields, however it is nested under names.
fn properties(mapping: &Value) -> Value {
    let mappings = &mapping.as_object().unwrap().values().next().unwrap()["mappings"];
    match mappings.get("properties") {
        Some(properties) => properties.clone(),
        None => mappings.as_object().unwrap().values().next().unwrap()["properties"].clone(),
    }
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_typed_requests_do_in_os_2_19_what_they_did_in_es_6_8() {
    let source = Server::start("es-6.8.23");
    let target = Server::usual();
    target.clear();
    let steps = "- types: {source_properties: {version: {major: 6, minor: 8}}}";
    let transforms = RequestTransforms::from_text("types.yaml", steps).unwrap();
    let mut refused = 0;
    for (method, path, body) in REQUESTS {
        let answer = http::send(&source.url, method, path, body);
        let request = for_target(&transforms, captured(method, path, body), &answer);
        let body = std::str::from_utf8(&request.body).unwrap();
        let replayed = http::send(&target.url, &request.method, &request.target, body);
        println!(
            "{} {method} {path} → {} {} {}",
            answer.status, request.method, request.target, replayed.status
        );
        assert_eq!(
            replayed.status, answer.status,
            "{method} {path}: {}\n{} {} {body}: {}",
            answer.body, request.method, request.target, replayed.body
        );
        if path.contains("_bulk") {
            let statuses = |answer: &Answer| -> Vec<Value> {
                let items = answer.json()["items"].as_array().unwrap().clone();
                items
                    .iter()
                    .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].clone())
                    .collect()
            };
            assert_eq!(statuses(&replayed), statuses(&answer), "{}", replayed.body);
        }
        refused += u32::from(replayed.status >= 300);
    }
    assert_eq!(refused, 4); // the create of what is there, and three about what is not
    for index in ["shop", "copy", "logs-1"] {
        let [old, new] = [&source.url, &target.url].map(|url| documents(url, index));
        assert!(!old.is_empty());
        assert_eq!(new, old, "{index}");
        let [old, new] = [&source.url, &target.url].map(|url| http::get(url, &format!("/{index}/_mapping")));
        assert_eq!(properties(&new), properties(&old), "{index}");
    }
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_os_2_19_refuses_typed_requests_as_they_are() {
    let target = Server::usual();
    for (method, path, body) in [
        ("POST", "/i/t/1/_update", r#"{"doc":{}}"#),
        ("PUT", "/i/t/1", "{}"),
        ("POST", "/i/t/_search", "{}"),
        ("POST", "/_bulk", "{\"index\":{\"_index\":\"i\",\"_type\":\"t\"}}\n{}\n"),
    ] {
        let answer = http::send(&target.url, method, path, body);
        assert!(answer.status >= 400, "{method} {path}: {answer:?}");
    }
}
