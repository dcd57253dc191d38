//! Which kind of collection an OpenSearch Serverless is.
//!
//! No API that a data access policy opens says it. But a collection refuses to create an index with a vector field of an
//! impossible dimension, and each kind in its own words:
//!
//! | words in the refusal | kind |
//! |---|---|
//! | `KNN features not supported on TIMESERIES collection` | time series |
//! | `KNN features not supported on SEARCH collection` | search |
//! | `Dimension value must be greater than 0` | vector search |
//!
//! The index has a random name. Should it exist after all, it is deleted.

use http::Method;
use rand::Rng;
use serde_json::json;
use tracing::warn;

use super::version::{CollectionKind, Problem};
use super::{Client, Request};

/// The kind of the collection.
pub(super) async fn collection_kind(client: &Client) -> Result<CollectionKind, Problem> {
    let index = format!("ferry-probe-{:016x}", rand::rng().random::<u64>());
    let body = json!({
        "settings": {"index.knn": true},
        "mappings": {"properties": {"v": {"type": "knn_vector", "dimension": -1}}},
    });
    let request = Request::new(Method::PUT, format!("/{index}")).json(&body);
    let response = match client.send_retrying(&request).await {
        Ok(response) => response,
        Err(error) if error.is_retryable() => {
            // It may have come through all the same.
            let fate = delete(client, &index).await;
            warn!(index, "no answer to the request that asks for the collection type; {fate}");
            return Err(Problem::Send(error));
        }
        Err(error) => return Err(Problem::Send(error)),
    };
    match response.status {
        401 | 403 => Err(Problem::status("the request that asks for the collection type", &response)),
        400..=499 => {
            let text = String::from_utf8_lossy(&response.body);
            kind_in(&text).ok_or_else(|| {
                Problem::Collection(format!("the answer is {}: {}", response.status, response.excerpt()))
            })
        }
        status => {
            let fate = delete(client, &index).await;
            Err(Problem::Collection(format!(
                "the index `{index}`, whose mapping no collection accepts, was answered with {status}; {fate}"
            )))
        }
    }
}

fn kind_in(text: &str) -> Option<CollectionKind> {
    let kinds = [
        ("KNN features not supported on TIMESERIES", CollectionKind::TimeSeries),
        ("KNN features not supported on SEARCH", CollectionKind::Search),
        ("Dimension value must be greater than 0", CollectionKind::Vector),
    ];
    kinds.into_iter().find_map(|(words, kind)| text.contains(words).then_some(kind))
}

/// Deletes an index that may be there, and says what became of it.
async fn delete(client: &Client, index: &str) -> String {
    let request = Request::new(Method::DELETE, format!("/{index}"));
    match client.send_retrying(&request).await {
        Ok(response) if response.is_success() => "it has been deleted".to_owned(),
        Ok(response) if response.status == 404 => "it does not exist".to_owned(),
        Ok(response) => format!("delete `{index}`: this was tried and answered with {}", response.status),
        Err(error) => format!("delete `{index}`: this was tried, but {error}"),
    }
}
