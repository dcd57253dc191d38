//! What a cluster is, by its answers.

use crate::server::{Received, Reply, Server};
use engine::target::{Cluster, CollectionKind, Flavor, detect};

/// A cluster with this answer to `GET /` and, if it is asked, these versions of its nodes.
fn cluster(main: &'static str, nodes: &'static str) -> impl Fn(&Received) -> Reply {
    move |request| match request.path.split('?').next().unwrap() {
        "/" => Reply::new(200, main),
        "/_nodes/http" if nodes.is_empty() => Reply::new(403, "no permissions"),
        "/_nodes/http" => Reply::new(200, nodes),
        "/_cluster/settings" => Reply::new(200, r#"{"defaults":{"http.compression":"true"}}"#),
        path => panic!("{path}"),
    }
}

async fn detected(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Cluster {
    detect(&Server::http(script).await.client()).await.unwrap()
}

/// Error with causes, and hint.
async fn refused(server: &Server) -> (String, String) {
    let error = detect(&server.client()).await.unwrap_err();
    let told = engine::error::chain(&error).replace(&server.port.to_string(), "PORT");
    (told, error.hint().unwrap_or_default())
}

#[tokio::test]
async fn an_opensearch_says_what_it_is() {
    let main =
        r#"{"cluster_name":"blue","version":{"distribution":"opensearch","number":"2.19.1"},"tagline":""}"#;
    let found = detected(cluster(main, "")).await;
    let expected = Cluster {
        flavor: Flavor::OpenSearch,
        version: (2, 19, 1),
        name: "blue".to_owned(),
        accepts_gzip: true,
    };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn without_a_distribution_it_is_elasticsearch() {
    let old = r#"{"status":200,"name":"node","version":{"number":"1.7.6"},"tagline":"You Know, for Search"}"#;
    let found = detected(cluster(old, "")).await;
    assert_eq!((found.to_string().as_str(), found.has_types()), ("Elasticsearch 1.7.6", true));
    let main = r#"{"cluster_name":"x","version":{"number":"8.17.4"},"tagline":"You Know, for Search"}"#;
    assert_eq!(detected(cluster(main, "")).await.to_string(), "Elasticsearch 8.17.4");
}

const CLAIM: &str =
    r#"{"cluster_name":"x","version":{"number":"7.10.2"},"tagline":"The OpenSearch Project"}"#;

#[tokio::test]
async fn an_opensearch_that_claims_to_be_elasticsearch_is_found_out() {
    let nodes = r#"{"nodes":{"a":{"version":"2.19.1"},"b":{"version":"2.11.0"}}}"#;
    assert_eq!(detected(cluster(CLAIM, nodes)).await.to_string(), "OpenSearch 2.11.0");
}

#[tokio::test]
async fn a_real_elasticsearch_7_10_2_stays_one() {
    let main = r#"{"version":{"number":"7.10.2"},"tagline":"You Know, for Search"}"#;
    let nodes = r#"{"nodes":{"a":{"version":"7.10.2"}}}"#;
    assert_eq!(detected(cluster(main, nodes)).await.to_string(), "Elasticsearch 7.10.2");
    assert_eq!(detected(cluster(main, "")).await.to_string(), "Elasticsearch 7.10.2");
}

#[tokio::test]
async fn a_claim_that_cannot_be_checked_is_an_error() {
    let (told, hint) = refused(&Server::http(cluster(CLAIM, "")).await).await;
    assert_eq!(
        told,
        "could not find out the version of the cluster `http://127.0.0.1:PORT/`: it claims to be version 7.10.2, as an \
         OpenSearch with `compatibility.override_main_response_version` does, but `GET /_nodes/http` answered 403: no \
         permissions"
    );
    assert_eq!(
        hint,
        "allow `cluster:monitor/nodes/info`, or set `compatibility.override_main_response_version` to false"
    );
}

#[tokio::test]
async fn compression_is_off_when_the_settings_cannot_be_read() {
    let main = r#"{"version":{"distribution":"opensearch","number":"3.5.0"}}"#;
    let found = detected(move |request| match request.path.as_str() {
        "/" => Reply::new(200, main),
        _ => Reply::new(403, ""),
    });
    assert!(!found.await.accepts_gzip);
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_check() {
    let (told, hint) = refused(&Server::http(|_| Reply::new(401, "Unauthorized")).await).await;
    assert_eq!(
        told,
        "could not find out the version of the cluster `http://127.0.0.1:PORT/`: `GET /` answered 401: Unauthorized"
    );
    assert_eq!(hint, "check user and password, or give some; with AWS, give region and service");
    let (told, hint) = refused(&Server::http(|_| Reply::new(403, "Forbidden")).await).await;
    assert!(told.ends_with("`GET /` answered 403: Forbidden"), "{told}");
    assert!(hint.starts_with("the user may not do it: `cluster:monitor/main` is needed"), "{hint}");
}

#[tokio::test]
async fn what_is_no_cluster_is_refused() {
    for main in [
        "<html>Welcome",
        "{}",
        r#"{"version":{"number":"x"}}"#,
        r#"{"version":{"number":"1.0.0","distribution":"x"}}"#,
    ] {
        let (told, _) = refused(&Server::http(move |_| Reply::new(200, main)).await).await;
        assert!(told.contains("what answers is neither Elasticsearch nor OpenSearch: "), "{told}");
    }
}

/// A collection that answers to the probe in these words.
async fn collection(status: u16, words: &'static str) -> Server {
    Server::http(move |request| match request.method.as_str() {
        "PUT" => Reply::new(status, words),
        "DELETE" => Reply::new(200, "{}"),
        _ => Reply::new(404, ""),
    })
    .await
}

#[tokio::test]
async fn a_collection_tells_its_kind_by_how_it_refuses_an_impossible_index() {
    let kinds = [
        ("KNN features not supported on TIMESERIES collection type", CollectionKind::TimeSeries),
        ("KNN features not supported on SEARCH collection type", CollectionKind::Search),
        (
            "Failed to parse mapping: Dimension value must be greater than 0 for vector: v",
            CollectionKind::Vector,
        ),
    ];
    let mut probes = Vec::new();
    for (words, kind) in kinds {
        let server = collection(400, words).await;
        let found = detect(&server.client()).await.unwrap();
        assert_eq!(
            (found.flavor, found.version, found.accepts_gzip),
            (Flavor::Serverless(kind), (2, 0, 0), true)
        );
        let received = server.received();
        let calls: Vec<&str> = received.iter().map(|request| request.method.as_str()).collect();
        assert_eq!(calls, ["GET", "PUT"]);
        let probe = received[1].path.clone();
        assert!(probe.starts_with("/ferry-probe-") && probe.len() == 29, "{probe}");
        probes.push(probe);
    }
    probes.dedup();
    assert_eq!(probes.len(), 3); // Another name each time.
}

#[tokio::test]
async fn a_probe_that_succeeds_is_deleted_and_told() {
    let server = collection(200, r#"{"acknowledged":true}"#).await;
    let (told, _) = refused(&server).await;
    let received = server.received();
    assert_eq!((received[2].method.as_str(), &received[2].path), ("DELETE", &received[1].path));
    let name = received[1].path.trim_start_matches('/');
    let expected = format!(
        "the index `{name}`, whose mapping no collection accepts, was answered with 200; it has been deleted"
    );
    assert!(told.ends_with(&expected), "{told}");
}

#[tokio::test]
async fn a_404_of_something_else_is_not_taken_for_a_collection() {
    let server = collection(404, "not found").await;
    let (told, hint) = refused(&server).await;
    assert!(told.ends_with("its collection type is not known: the answer is 404: not found"), "{told}");
    assert!(
        hint.starts_with("a 404 for `GET /` means OpenSearch Serverless: if it is none, check the URL"),
        "{hint}"
    );
    let forbidden = collection(403, "Forbidden").await;
    let (told, _) = refused(&forbidden).await;
    assert!(
        told.ends_with("the request that asks for the collection type answered 403: Forbidden"),
        "{told}"
    );
}
