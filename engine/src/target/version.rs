//! What a cluster is: Elasticsearch or OpenSearch, and which version.
//!
//! | answer to `GET /` | it is |
//! |---|---|
//! | `version.distribution` is `opensearch` | OpenSearch, `version.number` |
//! | no `distribution`, the number is 7.10.2 | what its nodes say: an OpenSearch with the setting `compatibility.override_main_response_version` claims this number |
//! | no `distribution`, another number | Elasticsearch |
//! | status 404 | OpenSearch Serverless, see `serverless` |

use std::collections::BTreeMap;
use std::fmt;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use tracing::debug;

use super::{Client, Request, Response, SendError, path_segment, serverless};
use crate::error::{Error, Result};

/// The number that an OpenSearch claims for clients that know no other.
const CLAIMED: Version = (7, 10, 2);
/// Answers about versions are short; those about settings have some 100 KiB.
const LONGEST_ANSWER: usize = 4 << 20;

/// Major, minor, patch.
type Version = (u32, u32, u32);

/// Which software a cluster runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Elasticsearch
    Elasticsearch,
    /// OpenSearch, by whomever it is run
    OpenSearch,
    /// Amazon OpenSearch Serverless, which has collections instead of clusters
    Serverless(CollectionKind),
}

/// What a collection of OpenSearch Serverless is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionKind {
    /// Full-text search
    Search,
    /// Logs and metrics; it makes all document ids itself
    TimeSeries,
    /// Vector search; it makes all document ids itself
    Vector,
}

/// What is known about a cluster. Shown as `OpenSearch 2.19.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Which software it runs.
    pub flavor: Flavor,
    /// Major, minor, patch; when nodes differ, the lowest. Serverless has none and counts as 2.0.0, whose API it has.
    pub version: (u32, u32, u32),
    /// Its name; the host for Serverless.
    pub name: String,
    /// Whether it takes compressed requests, and sends compressed answers.
    pub accepts_gzip: bool,
}

impl fmt::Display for CollectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Search => "search collection",
            Self::TimeSeries => "time series collection",
            Self::Vector => "vector search collection",
        })
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version;
        match self.flavor {
            Flavor::Elasticsearch => write!(f, "Elasticsearch {major}.{minor}.{patch}"),
            Flavor::OpenSearch => write!(f, "OpenSearch {major}.{minor}.{patch}"),
            Flavor::Serverless(kind) => write!(f, "OpenSearch Serverless ({kind})"),
        }
    }
}

impl Cluster {
    /// As [`detect`].
    ///
    /// # Errors
    ///
    /// As [`detect`].
    pub async fn detect(client: &Client) -> Result<Self> {
        detect(client).await
    }

    /// Whether documents have a mapping type (`_type`): Elasticsearch before 7.
    #[must_use]
    pub const fn has_types(&self) -> bool {
        matches!(self.flavor, Flavor::Elasticsearch) && self.version.0 < 7
    }

    /// Whether it takes the ids of documents from the client.
    #[must_use]
    pub const fn takes_ids(&self) -> bool {
        !matches!(self.flavor, Flavor::Serverless(CollectionKind::TimeSeries | CollectionKind::Vector))
    }

    /// Path of the bulk requests of an index; where there are types, with the default type of the version.
    #[must_use]
    pub fn bulk_path(&self, index: &str) -> String {
        let index = path_segment(index);
        match (self.has_types(), self.version.0) {
            (false, _) => format!("/{index}/_bulk"),
            (true, 6) => format!("/{index}/_doc/_bulk"),
            (true, _) => format!("/{index}/doc/_bulk"),
        }
    }
}

/// Finds out what the cluster is.
///
/// # Errors
///
/// [`Error::Cluster`] when it does not answer, refuses, or is something else; the hint says what to check.
pub async fn detect(client: &Client) -> Result<Cluster> {
    let response = get(client, "/").await.map_err(|error| failed(client, Problem::Send(error)))?;
    // A collection is all of its host: with a path in the URL, it is the path that is not found.
    if response.status == 404 && client.url().path() == "/" {
        let kind = serverless::collection_kind(client).await.map_err(|error| failed(client, error))?;
        let name = client.url().host_str().unwrap_or_default().to_owned();
        return Ok(Cluster {
            flavor: Flavor::Serverless(kind),
            version: (2, 0, 0),
            name,
            accepts_gzip: true,
        });
    }
    let main = main_response(&response).map_err(|error| failed(client, error))?;
    let (flavor, version) = truth(client, &main).await.map_err(|error| failed(client, error))?;
    let accepts_gzip = accepts_gzip(client).await.map_err(|error| failed(client, error))?;
    Ok(Cluster { flavor, version, name: main.cluster_name, accepts_gzip })
}

async fn get(client: &Client, path: &str) -> Result<Response, SendError> {
    let mut request = Request::new(Method::GET, path);
    request.max_response = LONGEST_ANSWER;
    client.send_retrying(&request).await
}

/// Why it cannot be found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error(transparent)]
    Send(SendError),
    #[error("{what} answered {status}: {excerpt}")]
    Status { what: &'static str, status: u16, excerpt: String },
    #[error("what answers is neither Elasticsearch nor OpenSearch: {0}")]
    Stranger(String),
    #[error(
        "it claims to be version 7.10.2, as an OpenSearch with `compatibility.override_main_response_version` does, but `GET /_nodes/http` answered {status}: {excerpt}"
    )]
    Claim { status: u16, excerpt: String },
    #[error("its collection type is not known: {0}")]
    Collection(String),
}

impl Problem {
    pub(super) fn status(what: &'static str, response: &Response) -> Self {
        Self::Status { what, status: response.status, excerpt: response.excerpt() }
    }

    const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Send(error) => error.hint(),
            Self::Status { status: 401, .. } => {
                Some("check user and password, or give some; with AWS, give region and service")
            }
            Self::Status { status: 404, .. } => Some("check the path in the URL"),
            Self::Status { status: 403, .. } => Some(
                "the user may not do it: `cluster:monitor/main` is needed; with AWS, check the access policy, region and \
                 service of the signature, the credentials, and the clock of this machine",
            ),
            Self::Claim { .. } => Some(
                "allow `cluster:monitor/nodes/info`, or set `compatibility.override_main_response_version` to false",
            ),
            Self::Collection(_) => Some(
                "a 404 for `GET /` means OpenSearch Serverless: if it is none, check the URL; the data access policy must \
                 allow `aoss:CreateIndex`",
            ),
            _ => None,
        }
    }
}

fn failed(client: &Client, problem: Problem) -> Error {
    let (url, hint) = (client.url().to_string(), problem.hint());
    let source: Box<dyn std::error::Error + Send + Sync> = match problem {
        Problem::Send(error) => Box::new(error),
        problem => Box::new(problem),
    };
    Error::Cluster { attempt: "find out the version", url, source, hint }
}

/// The answer to `GET /`.
#[derive(Debug, Deserialize)]
struct MainResponse {
    #[serde(default)]
    cluster_name: String,
    version: MainVersion,
    #[serde(default)]
    tagline: String,
}

#[derive(Debug, Deserialize)]
struct MainVersion {
    number: String,
    distribution: Option<String>,
}

fn main_response(response: &Response) -> Result<MainResponse, Problem> {
    if response.status != 200 {
        return Err(Problem::status("`GET /`", response));
    }
    response.json().map_err(|_| Problem::Stranger(response.excerpt()))
}

/// What the cluster really is.
async fn truth(client: &Client, main: &MainResponse) -> Result<(Flavor, Version), Problem> {
    let number = parse_version(&main.version.number)
        .ok_or_else(|| Problem::Stranger(format!("version `{}`", excerpt(&main.version.number))))?;
    match main.version.distribution.as_deref() {
        Some("opensearch") => return Ok((Flavor::OpenSearch, number)),
        Some(other) => return Err(Problem::Stranger(format!("distribution `{}`", excerpt(other)))),
        None if number == CLAIMED => {}
        None => return Ok((Flavor::Elasticsearch, number)),
    }
    let response = get(client, "/_nodes/http?filter_path=nodes.%2A.version").await.map_err(Problem::Send)?;
    let versions = if response.is_success() { node_versions(&response) } else { Vec::new() };
    // No Elasticsearch that is older than 7 has nodes in a cluster that answers with 7.10.2.
    match versions.iter().filter(|version| version.0 < CLAIMED.0).min() {
        Some(version) => Ok((Flavor::OpenSearch, *version)),
        None if main.tagline.contains("OpenSearch") => {
            Err(Problem::Claim { status: response.status, excerpt: response.excerpt() })
        }
        None => Ok((Flavor::Elasticsearch, CLAIMED)),
    }
}

fn node_versions(response: &Response) -> Vec<Version> {
    #[derive(Deserialize)]
    struct Nodes {
        nodes: BTreeMap<String, Node>,
    }
    #[derive(Deserialize)]
    struct Node {
        version: String,
    }
    let nodes = response.json::<Nodes>().map(|answer| answer.nodes).unwrap_or_default();
    nodes.values().filter_map(|node| parse_version(&node.version)).collect()
}

/// The numbers of `8.17.4`, `2.0.0-rc1` or `7.10.2-SNAPSHOT`.
fn parse_version(text: &str) -> Option<Version> {
    let numbers = text.split(['-', '+']).next()?;
    let mut numbers = numbers.split('.').map(str::parse);
    let mut number = || numbers.next()?.ok();
    Some((number()?, number()?, number().unwrap_or(0)))
}

fn excerpt(text: &str) -> String {
    text.escape_debug().take(40).collect()
}

/// Whether it takes gzip. Without an answer it does not: that is slower, but never wrong.
async fn accepts_gzip(client: &Client) -> Result<bool, Problem> {
    let path = "/_cluster/settings?include_defaults=true&flat_settings=true";
    let response = match get(client, path).await {
        Ok(response) if response.is_success() => response,
        Ok(response) => {
            debug!(status = response.status, "the settings of the cluster cannot be read: no compression");
            return Ok(false);
        }
        Err(SendError::ResponseTooLarge { .. }) => return Ok(false),
        Err(error) => return Err(Problem::Send(error)),
    };
    Ok(response.json().is_ok_and(|settings| gzip_setting(&settings)))
}

/// `http_compression.enabled` is a setting of Amazon OpenSearch Service, and overrules the one of the server.
fn gzip_setting(settings: &Value) -> bool {
    let setting = |name: &str| {
        let places = ["transient", "persistent", "defaults"];
        let value = places.iter().find_map(|place| settings.get(place)?.get(name))?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    };
    setting("http_compression.enabled").or_else(|| setting("http.compression")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster(flavor: Flavor, version: Version) -> Cluster {
        Cluster { flavor, version, name: "test".to_owned(), accepts_gzip: false }
    }

    #[test]
    fn versions_are_numbers_before_a_qualifier() {
        assert_eq!(parse_version("8.17.4"), Some((8, 17, 4)));
        assert_eq!(parse_version("7.10.2-SNAPSHOT"), Some((7, 10, 2)));
        assert_eq!(parse_version("6.0"), Some((6, 0, 0)));
        for text in ["", "8", "x.1", "99999999999.1.1", "-1.0.0"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }

    #[test]
    fn bulk_requests_name_a_type_before_elasticsearch_7_only() {
        let path = |flavor, version| cluster(flavor, version).bulk_path("a/b");
        assert_eq!(path(Flavor::Elasticsearch, (5, 6, 16)), "/a%2Fb/doc/_bulk");
        assert_eq!(path(Flavor::Elasticsearch, (6, 8, 23)), "/a%2Fb/_doc/_bulk");
        assert_eq!(path(Flavor::Elasticsearch, (7, 0, 0)), "/a%2Fb/_bulk");
        assert_eq!(path(Flavor::OpenSearch, (1, 3, 13)), "/a%2Fb/_bulk");
        assert!(!cluster(Flavor::OpenSearch, (1, 3, 13)).has_types());
    }

    #[test]
    fn time_series_and_vector_collections_make_ids_themselves() {
        let takes_ids = |flavor| cluster(flavor, (2, 0, 0)).takes_ids();
        assert!(takes_ids(Flavor::OpenSearch));
        assert!(takes_ids(Flavor::Serverless(CollectionKind::Search)));
        assert!(!takes_ids(Flavor::Serverless(CollectionKind::TimeSeries)));
        assert!(!takes_ids(Flavor::Serverless(CollectionKind::Vector)));
    }

    #[test]
    fn a_cluster_is_shown_as_software_and_version() {
        assert_eq!(cluster(Flavor::OpenSearch, (2, 19, 1)).to_string(), "OpenSearch 2.19.1");
        assert_eq!(cluster(Flavor::Elasticsearch, (6, 8, 23)).to_string(), "Elasticsearch 6.8.23");
        let serverless = Flavor::Serverless(CollectionKind::TimeSeries);
        assert_eq!(
            cluster(serverless, (2, 0, 0)).to_string(),
            "OpenSearch Serverless (time series collection)"
        );
    }

    #[test]
    fn compression_is_what_the_most_specific_setting_says() {
        let off = json!({"defaults": {"http.compression": "false"}});
        let on = json!({"persistent": {}, "transient": {}, "defaults": {"http.compression": "true"}});
        let aws = json!({"persistent": {"http_compression.enabled": "false"}, "defaults": {"http.compression": true}});
        let set = json!({"transient": {"http_compression.enabled": "true"}, "defaults": {"http_compression.enabled": "false"}});
        assert_eq!(
            [off, on, aws, set, json!([])].map(|settings| gzip_setting(&settings)),
            [false, true, false, true, false]
        );
    }
}
