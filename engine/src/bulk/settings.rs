//! How bulk requests are sent.

use super::BatchLimits;
use crate::flow::Backoff;
use crate::target::{Client, Cluster, Flavor, Request, Response, SendError};
use http::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The path of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PathForm {
    /// `/<index>/_bulk`: OpenSearch, Elasticsearch 7 and later.
    #[default]
    Untyped,
    /// `/<index>/<type>/_bulk`: Elasticsearch 6 and before; the type of operations that name none.
    Typed(String),
}

impl PathForm {
    /// The form that a cluster takes.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        match cluster.flavor {
            Flavor::Elasticsearch => Self::of_elasticsearch(cluster.version.0.into()),
            Flavor::OpenSearch | Flavor::Serverless(_) => Self::Untyped,
        }
    }

    /// The form that Elasticsearch of this major version takes; OpenSearch takes [`PathForm::Untyped`].
    #[must_use]
    pub fn of_elasticsearch(major: u64) -> Self {
        match major {
            7.. => Self::Untyped,
            6 => Self::Typed("_doc".to_owned()),
            _ => Self::Typed("doc".to_owned()), // Before 6.2, a type cannot start with `_`.
        }
    }

    /// The path for an index, with what is wanted of the response.
    pub(super) fn path(&self, index: &str, short_response: bool) -> String {
        let mut path = format!("/{}", encoded(index));
        if let Self::Typed(type_name) = self {
            path.push('/');
            path.push_str(&encoded(type_name));
        }
        path.push_str("/_bulk");
        if short_response {
            path.push_str("?filter_path=errors");
            for field in ["status", "error", "result", "failure_store"] {
                path.push_str(",items.*.");
                path.push_str(field);
            }
        }
        path
    }
}

/// How a sink sends, and what it makes of the answers.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// The path of requests.
    pub path: PathForm,
    /// Types of errors that count as success, such as `version_conflict_engine_exception`.
    pub allowed: BTreeSet<String>,
    /// How long a batch may be sent again and again without any operation of it getting a verdict.
    pub retry_budget: Duration,
    /// Waits between the attempts.
    pub backoff: Backoff,
    /// How often one operation is tried that the cluster answers with an error of its own (500) and not of overload.
    pub fault_attempts: u32,
    /// Ask for the status, the result and the error of each operation only. Turn off for servers that do not know `filter_path`.
    pub short_response: bool,
    /// The longest request that the cluster takes, if that is known: a longer document fails without being sent.
    pub max_request_bytes: Option<u64>,
    /// How large batches usually are: the latency of much smaller requests says nothing about the cluster.
    pub usual: BatchLimits,
}

impl Default for SinkSettings {
    /// Ten minutes without progress, 10 attempts for a faulty operation.
    fn default() -> Self {
        Self {
            path: PathForm::default(),
            allowed: BTreeSet::new(),
            retry_budget: Duration::from_secs(600),
            backoff: Backoff::default(),
            fault_attempts: 10,
            short_response: true,
            max_request_bytes: None,
            usual: BatchLimits::default(),
        }
    }
}

/// The longest request that a cluster takes (`http.max_content_length`), by the word of its nodes; `None` where they do
/// not say it, as in OpenSearch Serverless.
///
/// # Errors
///
/// There is no answer.
pub async fn request_limit(client: &Client) -> Result<Option<u64>, SendError> {
    #[derive(serde::Deserialize)]
    struct Nodes {
        #[serde(default)]
        nodes: BTreeMap<String, Node>,
    }
    #[derive(serde::Deserialize)]
    struct Node {
        http: Option<Http>,
    }
    #[derive(serde::Deserialize)]
    struct Http {
        max_content_length_in_bytes: Option<u64>,
    }
    let path = "/_nodes/http?filter_path=nodes.*.http.max_content_length_in_bytes";
    let response = client.send_retrying(&Request::new(Method::GET, path)).await?;
    let Some(nodes) =
        Some(response).filter(Response::is_success).and_then(|answer| answer.json::<Nodes>().ok())
    else {
        return Ok(None);
    };
    let limits = nodes.nodes.into_values().filter_map(|node| node.http?.max_content_length_in_bytes);
    Ok(limits.filter(|limit| *limit > 0).min())
}

/// A name as one segment of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_has_a_type_where_the_cluster_has_types() {
        let path = |major| PathForm::of_elasticsearch(major).path("logs-2024.01", false);
        assert_eq!(
            [5, 6, 7, 9].map(path),
            [
                "/logs-2024.01/doc/_bulk",
                "/logs-2024.01/_doc/_bulk",
                "/logs-2024.01/_bulk",
                "/logs-2024.01/_bulk"
            ]
        );
    }

    #[test]
    fn no_index_name_can_change_the_path() {
        let path = PathForm::Untyped.path("a/../_cluster?x=ü#", true);
        assert_eq!(
            path,
            "/a%2F..%2F_cluster%3Fx%3D%C3%BC%23/_bulk\
             ?filter_path=errors,items.*.status,items.*.error,items.*.result,items.*.failure_store"
        );
    }
}
