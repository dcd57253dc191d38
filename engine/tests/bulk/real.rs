//! The sink against a real cluster: `FERRY_TEST_CLUSTER=http://127.0.0.1:19200 cargo test -p engine --test bulk -- --ignored real`,
//! after `tests/servers/searchlab/searchlab start os-2.19.1 --data DIR --port 19200 -E http.max_content_length=2mb`.

use super::server::{batch_of, send};
use codecs::bulk::OpType;
use engine::bulk::{BulkSink, FailedDocuments, FailedOptions, SinkError, SinkSettings, request_limit};
use engine::flow::ConcurrencyLimit;
use engine::storage::Location;
use engine::target::{Client, ClientOptions, Request};
use http::Method;
use std::time::Duration;

fn client() -> Client {
    let url = std::env::var("FERRY_TEST_CLUSTER").unwrap().parse().unwrap();
    Client::new(ClientOptions { timeout: Duration::from_secs(60), ..ClientOptions::new(url) }).unwrap()
}

async fn call(client: &Client, method: Method, path: &str, body: &str) -> serde_json::Value {
    let mut request = Request::new(method, path);
    request.body = body.to_owned().into();
    client.send(&request).await.unwrap().json().unwrap_or_default()
}

/// A fresh index with one number, strict.
async fn index(client: &Client) {
    call(client, Method::DELETE, "/i", "").await;
    let body = r#"{"settings":{"number_of_shards":2,"number_of_replicas":0},
        "mappings":{"dynamic":"strict","properties":{"n":{"type":"long"},"t":{"type":"text","index":false}}}}"#;
    let made = call(client, Method::PUT, "/i", body).await;
    assert_eq!(made["acknowledged"], true, "{made}");
}

async fn count(client: &Client) -> u64 {
    call(client, Method::POST, "/i/_refresh", "").await;
    call(client, Method::GET, "/i/_count", "").await["count"].as_u64().unwrap()
}

#[tokio::test]
#[ignore = "needs a cluster: see the head of the file"]
async fn real_refusals_split_requests_and_what_is_left_is_all_there() {
    let client = client();
    index(&client).await;
    assert_eq!(request_limit(&client).await.unwrap(), Some(2 << 20));
    let sink = BulkSink::new(client.clone(), SinkSettings::default(), ConcurrencyLimit::new(1, 4));
    let text = format!("{{\"t\":\"{}\"}}", "x".repeat(400 << 10));
    let huge = format!("{{\"t\":\"{}\"}}", "x".repeat(3 << 20));
    let long_id = "i".repeat(513);
    let documents: Vec<(&str, &str)> = vec![
        ("1", "{\"n\":1}"),
        ("2", "{\"n\":\"word\"}"),
        ("3", "{\"n\":1e400}"),
        ("4", "{\"other\":1}"),
        ("5", &text),
        ("6", &text),
        ("7", &text),
        ("8", &text),
        ("9", &text),
        ("10", &text),
        ("huge", &huge),
        (&long_id, "{\"n\":2}"),
        ("1", "{\"n\":2}"),
        ("n\n\"ü", "{\n\"n\":\n3}"),
        ("broken", "{\"n\":"),
    ];
    let outcome = sink.send(batch_of(OpType::Index, &documents)).await.unwrap();
    let location = Location::File(std::env::temp_dir().join("ferry-real-failed"));
    let failed = FailedDocuments::new(FailedOptions::new(location, "real", "w"));
    for operation in &outcome.failed {
        println!(
            "{} `{}` {} {:?} {:?}: {}",
            operation.position,
            operation.id.as_deref().unwrap_or_default().chars().take(10).collect::<String>(),
            operation.class,
            operation.status,
            operation.error_type,
            operation.reason
        );
        failed.record("item", "i", operation).await.unwrap();
    }
    failed.flush().await.unwrap();
    println!("{:?}", sink.counters());
    let positions: Vec<u32> = outcome.failed.iter().map(|failed| failed.position).collect();
    assert_eq!(positions, [1, 2, 3, 10, 11, 14]);
    assert_eq!((outcome.indexed, count(&client).await), (9, 8)); // `1` is there once
    let found = call(&client, Method::GET, "/i/_doc/n%0A%22%C3%BC", "").await;
    assert_eq!(found["_source"]["n"], 3, "{found}");
}

#[tokio::test]
#[ignore = "needs a cluster: see the head of the file"]
async fn real_conflicts_blocks_and_missing_indices() {
    let client = client();
    index(&client).await;
    let settings = SinkSettings { retry_budget: Duration::from_secs(2), ..SinkSettings::default() };
    let sink = BulkSink::new(client.clone(), settings, ConcurrencyLimit::new(1, 4));
    let create = || batch_of(OpType::Create, &[("1", "{\"n\":1}"), ("1", "{\"n\":2}"), ("2", "{\"n\":3}")]);
    assert_eq!(send(&sink, create()).await.unwrap(), (2, 0, vec!["1 refused".to_owned()]));
    call(&client, Method::PUT, "/i/_settings", r#"{"index.blocks.write":true}"#).await;
    let error = send(&sink, create()).await.unwrap_err();
    println!("{error}\n{}", error.hint().unwrap());
    assert!(matches!(error, SinkError::Unavailable { operations: 3, .. }));
    call(&client, Method::PUT, "/i/_settings", r#"{"index.blocks.write":false}"#).await;
    call(&client, Method::POST, "/i/_close", "").await;
    let outcome = sink.send(create()).await.unwrap();
    println!("closed: {:?} {}", outcome.failed[0].error_type, outcome.failed[0].reason);
    assert_eq!(outcome.failed.len(), 3);
    let settings = r#"{"persistent":{"action.auto_create_index":"false"}}"#;
    call(&client, Method::PUT, "/_cluster/settings", settings).await;
    call(&client, Method::DELETE, "/i", "").await;
    let outcome = sink.send(create()).await.unwrap();
    println!("missing: {:?} {}", outcome.failed[0].error_type, outcome.failed[0].reason);
    assert_eq!(outcome.failed.len(), 3);
    let settings = r#"{"persistent":{"action.auto_create_index":null}}"#;
    call(&client, Method::PUT, "/_cluster/settings", settings).await;
}
