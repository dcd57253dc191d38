//! What is asked of a cluster: how many documents an index has, and documents by their ids.

use super::documents::{Asked, Batch};
use super::error::{Error, Result};
use super::index::Presence;
use crate::target::{Client, Flavor, Request, Response, SendError, detect};
use bytes::Bytes;
use http::Method;
use serde::Deserialize;

/// An answer to one document alone may be this long, or four times its expected source, in bytes.
const LARGE_ANSWER: usize = 16 << 20;

/// Bytes that a document takes in an answer beside its source: names, ids, routing.
const ANSWER_FRAME: usize = 2048;

/// What differs between clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Documents have types: Elasticsearch before 7.
    pub typed: bool,
    /// The first part of the version.
    pub major: u32,
    /// How all documents of an index are gone through.
    pub scan: ScanMethod,
    /// The cluster makes all ids itself: OpenSearch Serverless collections of time series and vectors.
    pub server_made_ids: bool,
}

/// How all documents of an index are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanMethod {
    /// A scroll for each shard: anywhere, but a page that is lost cannot be asked for again.
    Scroll,
    /// A point in time for each shard, as OpenSearch has it since 2.4.
    OpenSearchPointInTime,
    /// A point in time for each shard, as Elasticsearch has it since 7.10 (not in its open-source edition).
    ElasticsearchPointInTime,
    /// A point in time of the whole index in order of `_id`: OpenSearch Serverless.
    PointInTimeById,
}

impl Dialect {
    /// That of a version of OpenSearch or Elasticsearch.
    #[must_use]
    pub const fn new(is_opensearch: bool, version: (u32, u32, u32)) -> Self {
        let scan = match (is_opensearch, version) {
            (true, (3.., ..) | (2, 4.., _)) => ScanMethod::OpenSearchPointInTime,
            (false, (8.., ..) | (7, 10.., _)) => ScanMethod::ElasticsearchPointInTime,
            _ => ScanMethod::Scroll,
        };
        Self { typed: !is_opensearch && version.0 < 7, major: version.0, scan, server_made_ids: false }
    }

    /// That of OpenSearch Serverless.
    #[must_use]
    pub const fn serverless(server_made_ids: bool) -> Self {
        Self { typed: false, major: 2, scan: ScanMethod::PointInTimeById, server_made_ids }
    }
}

/// A cluster that is compared.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its client.
    pub client: Client,
    /// What is particular to it.
    pub dialect: Dialect,
}

/// Asks a cluster what it is.
///
/// # Errors
///
/// The cluster does not answer, or not as one.
pub async fn probe(client: Client) -> Result<Endpoint> {
    let cluster = detect(&client).await?;
    let dialect = match cluster.flavor {
        Flavor::Serverless(_) => Dialect::serverless(!cluster.takes_ids()),
        flavor => Dialect::new(flavor == Flavor::OpenSearch, cluster.version),
    };
    Ok(Endpoint { client, dialect })
}

/// The answer to a request for some documents.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Which documents of the batch were asked for.
    pub(super) numbers: Vec<usize>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// The answer.
    Answer(Bytes),
    /// The one document that was asked for makes an answer of more bytes than this.
    TooLarge(usize),
    /// There is no such index.
    NoIndex,
}

impl Endpoint {
    /// Sends a request that may be sent twice; the answer may have any status but 401.
    pub(super) async fn send(&self, what: &str, request: &Request) -> Result<Response> {
        let url = self.client.url();
        let response = self.client.send_retrying(request).await.map_err(|source| Error::NoAnswer {
            what: what.to_owned(),
            url: url.to_string(),
            source,
        })?;
        if response.status == 401 {
            return Err(Error::refused(what, url, &response));
        }
        Ok(response)
    }

    /// Refreshes an index and counts its documents. A refresh that is refused leaves a remark, and the count may be
    /// some seconds old.
    pub(super) async fn count(&self, index: &str) -> Result<(Presence, Option<String>)> {
        let path = path_segment(index);
        let what = format!("refresh index `{index}`");
        let refreshed = self.send(&what, &Request::new(Method::POST, format!("/{path}/_refresh"))).await?;
        let note = (!refreshed.is_success() && refreshed.status != 404).then(|| {
            format!("the target refused a refresh ({}): counts may be some seconds old", refreshed.status)
        });
        let what = format!("count the documents of index `{index}`");
        let response = self.send(&what, &Request::new(Method::GET, format!("/{path}/_count"))).await?;
        if response.status == 404 {
            return Ok((Presence::Absent, note));
        }
        let url = self.client.url();
        if !response.is_success() {
            return Err(Error::refused(&what, url, &response));
        }
        #[derive(Deserialize)]
        struct Count {
            count: u64,
            #[serde(rename = "_shards")]
            shards: Option<Shards>,
        }
        #[derive(Deserialize, Clone, Copy)]
        struct Shards {
            total: u32,
            failed: u32,
        }
        let count: Count = response
            .json()
            .map_err(|_| Error::unexpected(&what, url, format!("it answered {}", response.excerpt())))?;
        match count.shards {
            Some(Shards { failed: 1.., .. }) => {
                Err(Error::unexpected(&what, url, format!("some shards failed: {}", response.excerpt())))
            }
            shards => {
                let shards = shards.map_or(1, |shards| shards.total);
                Ok((Presence::Present { documents: count.count, shards }, note))
            }
        }
    }

    /// Asks for documents of a batch by their ids; in halves where the answer would be too long: longer than twice the
    /// sources of the batch, and than `at_least`.
    pub(super) async fn get(
        &self,
        index: &str,
        batch: &Batch,
        numbers: Vec<usize>,
        at_least: usize,
    ) -> Result<Vec<Fetched>> {
        let what = format!("get {} documents of index `{index}`", numbers.len());
        let path = format!("/{}/_mget", path_segment(index));
        let mut fetched = Vec::new();
        let mut parts = vec![numbers];
        while let Some(numbers) = parts.pop() {
            let mut request = Request::new(Method::POST, path.clone());
            request.body = question(batch, &numbers);
            request.max_response = answer_limit(batch, &numbers).max(at_least);
            let response = match self.send(&what, &request).await {
                Ok(response) => response,
                Err(Error::NoAnswer { source: SendError::ResponseTooLarge { limit }, .. }) => {
                    match numbers.split_at_checked(numbers.len() / 2) {
                        Some((left, right)) if !left.is_empty() => {
                            parts.extend([right.to_vec(), left.to_vec()])
                        }
                        _ => fetched.push(Fetched { numbers, body: Body::TooLarge(limit) }),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let body = match response.status {
                404 if response.excerpt().contains("index_not_found") => Body::NoIndex,
                200..300 => Body::Answer(response.body),
                _ => return Err(Error::refused(&what, self.client.url(), &response)),
            };
            fetched.push(Fetched { numbers, body });
        }
        Ok(fetched)
    }
}

/// The body of `_mget`.
fn question(batch: &Batch, numbers: &[usize]) -> Bytes {
    let mut body = b"{\"docs\":[".to_vec();
    for document in numbers.iter().filter_map(|number| batch.documents.get(*number)) {
        if !body.ends_with(b"[") {
            body.push(b',');
        }
        let identity = &document.identity;
        let asked = Asked {
            id: &identity.id,
            type_name: identity.type_name.as_deref(),
            routing: identity.routing.as_deref(),
            parent: identity.parent.as_deref().filter(|_| identity.type_name.is_some()),
        };
        // Strings and nothing else: this cannot fail.
        body.extend_from_slice(&serde_json::to_vec(&asked).unwrap_or_default());
    }
    body.extend_from_slice(b"]}");
    Bytes::from(body)
}

/// How many bytes the answer may have: twice what is expected, or more for one document alone.
fn answer_limit(batch: &Batch, numbers: &[usize]) -> usize {
    let documents = numbers.iter().filter_map(|number| batch.documents.get(*number));
    let bytes = documents.map(|document| batch.source(document).len()).fold(0, usize::saturating_add);
    if numbers.len() == 1 {
        return bytes.saturating_mul(4).max(LARGE_ANSWER);
    }
    let frames = numbers.len().saturating_mul(ANSWER_FRAME);
    bytes.saturating_mul(2).saturating_add(frames).saturating_add(1 << 16)
}

/// A name as part of a path.
pub(super) fn path_segment(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_gone_through_in_its_own_way() {
        let dialect = |is_opensearch, major, minor| Dialect::new(is_opensearch, (major, minor, 0));
        assert_eq!(dialect(true, 1, 3).scan, ScanMethod::Scroll);
        assert_eq!(dialect(true, 2, 3).scan, ScanMethod::Scroll);
        assert_eq!(dialect(true, 2, 4).scan, ScanMethod::OpenSearchPointInTime);
        assert_eq!(dialect(true, 3, 0).scan, ScanMethod::OpenSearchPointInTime);
        assert_eq!(dialect(false, 7, 9).scan, ScanMethod::Scroll);
        assert_eq!(dialect(false, 7, 10).scan, ScanMethod::ElasticsearchPointInTime);
        assert_eq!(
            (dialect(false, 6, 8).typed, dialect(false, 7, 0).typed, dialect(true, 1, 0).typed),
            (true, false, false)
        );
    }

    #[test]
    fn a_name_is_encoded_as_part_of_a_path() {
        assert_eq!(path_segment("logs-2024.01_x"), "logs-2024.01_x");
        assert_eq!(path_segment("a+b/ü%"), "a%2Bb%2F%C3%BC%25");
    }
}
