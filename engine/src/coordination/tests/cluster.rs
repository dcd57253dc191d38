//! What only an index of a cluster does.

use super::fake_cluster::{Behaviour, FakeCluster};
use super::world::*;
use crate::coordination::*;
use serde_json::json;

async fn open(fake: &FakeCluster) -> Result<WorkStore, StoreError> {
    let place = Place::OpenSearch(client(fake.url.clone()));
    WorkStore::open(place, "test".parse().unwrap(), Worker::new("a"), Settings::default()).await
}

#[tokio::test]
async fn clusters_that_are_too_old_are_refused_with_what_to_do() {
    let behaviour = Behaviour { version: "6.8.23", distribution: None, ..Behaviour::default() };
    let fake = FakeCluster::start(behaviour).await;
    let error = open(&fake).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}` cannot coordinate workers: it is Elasticsearch 6.8.23", fake.url)
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("`--coordinator URL`") && hint.contains("`--state DIR`"), "{hint}");
    assert_eq!(fake.requests(), ["GET /"]);
}

#[tokio::test]
async fn elasticsearch_7_and_opensearch_that_says_so_are_taken() {
    for (version, distribution) in [("7.0.0", None), ("9.0.2", None), ("1.3.13", Some("opensearch"))] {
        let fake = FakeCluster::start(Behaviour { version, distribution, ..Behaviour::default() }).await;
        assert!(open(&fake).await.is_ok(), "{version}");
    }
}

#[tokio::test]
async fn an_index_that_ferry_did_not_make_is_left_alone() {
    let fake = FakeCluster::start(Behaviour::default()).await;
    fake.put_index("ferry-test", json!({ "mappings": {} }));
    let error = open(&fake).await.unwrap_err().to_string();
    let expected = format!("`{}ferry-test` cannot keep a session: the index was not made by ferry", fake.url);
    assert_eq!(error, expected);
    assert_eq!(fake.requests(), ["GET /", "PUT /ferry-test", "GET /ferry-test/_mapping"]);
}

#[tokio::test]
async fn an_index_of_another_format_is_left_alone() {
    let fake = FakeCluster::start(Behaviour::default()).await;
    fake.put_index("ferry-test", json!({ "mappings": { "_meta": { "ferry_format": 1 } } }));
    let error = open(&fake).await.unwrap_err().to_string();
    assert!(error.ends_with("it has format 1, this version of ferry knows 2"), "{error}");
}

#[tokio::test]
async fn looking_makes_no_index() {
    let fake = FakeCluster::start(Behaviour::default()).await;
    let place = Place::OpenSearch(client(fake.url.clone()));
    let error = WorkStore::look(place, "test".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no session `test` in `{}ferry-test`", fake.url));
    assert_eq!(fake.requests(), ["GET /", "GET /ferry-test/_mapping"]);
}

#[tokio::test]
async fn items_that_the_cluster_is_too_busy_for_are_sent_again() {
    let world = World::fake(Behaviour { busy: 9, ..Behaviour::default() }).await;
    world.planned("a", &items(20, 10)).await;
    assert_eq!(world.status().await.totals.items.open, 20);
}

#[tokio::test]
async fn a_cluster_that_stays_too_busy_is_an_error() {
    let world = World::fake(Behaviour { busy: 1, ..Behaviour::default() }).await;
    let store = world.join("a", PATIENT).await;
    tokio::time::pause(); // from here on only waits between attempts
    let error = store.plan(&items(2, 10)).await.unwrap_err().to_string();
    assert!(error.starts_with("could not create items of `http://127.0.0.1:"), "{error}");
    assert!(error.contains("the cluster answered 429: {\"type\":\"es_rejected_execution"), "{error}");
}

#[tokio::test]
async fn an_index_with_many_source_indices_is_summed_up_in_pages() {
    let world = World::fake(Behaviour::default()).await;
    let item = |number: u32| {
        let pieces = vec![Piece { segment: "_0".to_owned(), documents: 0..2 }];
        WorkItem::new(format!("index-{number:04}"), 0, pieces, 20, 2).unwrap()
    };
    world.planned("a", &(0..2500).map(item).collect::<Vec<_>>()).await;
    let status = world.status().await;
    assert_eq!((status.indices.len(), status.totals.items.open, status.totals.documents), (2500, 2500, 5000));
    assert_eq!(status.indices[2499].index, "index-2499");
}

#[tokio::test]
async fn a_search_for_items_does_not_fetch_them_all() {
    let world = World::fake(Behaviour::default()).await;
    let store = world.planned("a", &items(300, 10)).await;
    let before = world.fake.as_ref().unwrap().requests().len();
    assert_eq!(store.acquire(4).await.unwrap().len(), 4);
    let requests = world.fake.as_ref().unwrap().requests().split_off(before);
    let searches = requests.iter().filter(|request| request.ends_with("/_search")).count();
    assert!(searches <= 2 && requests.len() <= 6, "{requests:?}");
}

#[tokio::test]
async fn a_session_that_somebody_deleted_is_not_complete() {
    let world = World::fake(Behaviour::default()).await;
    let store = world.planned("a", &items(1, 10)).await;
    world.fake.as_ref().unwrap().delete("ferry-test", "session");
    let error = store.finish().await.unwrap_err();
    assert!(matches!(error, StoreError::NoSession { .. }), "{error}");
}

#[tokio::test]
async fn an_item_that_somebody_deleted_is_lost_to_its_holder_and_noticed_at_the_end() {
    let world = World::fake(Behaviour::default()).await;
    let store = world.planned("a", &items(2, 10)).await;
    let fake = world.fake.as_ref().unwrap();
    for lease in acquire(&store, 5).await {
        if lease.item().shard == 1 {
            fake.delete("ferry-test", &lease.item().id);
            assert_eq!(store.complete(lease, &written(10)).await.unwrap(), Ended::Lost);
        } else {
            store.complete(lease, &written(10)).await.unwrap();
        }
    }
    let error = store.finish().await.unwrap_err().to_string();
    assert!(error.ends_with("planned were 2 items with 20 documents, done are 1 with 10"), "{error}");
}
