//! A request to a cluster, its answer, and why there is none.

use bytes::Bytes;
use http::Method;
use std::time::Duration;

/// What the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentType {
    /// `application/json`
    #[default]
    Json,
    /// `application/x-ndjson`
    Ndjson,
}

/// One request to a cluster.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded, with a slash at the start; a prefix in the URL of the cluster is put before it.
    pub path: String,
    /// What the body is.
    pub content: ContentType,
    /// The body; empty for none.
    pub body: Bytes,
    /// Bytes that the answer may have, decompressed.
    pub max_response: usize,
}

/// The answer of a cluster, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The wait that the cluster asks for (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The body, decompressed.
    pub body: Bytes,
}

/// Why a request has no answer. No message contains credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection: nothing was sent.
    #[error("could not connect")]
    Connect(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// The connection was lost before the answer was whole; the cluster may have done the work.
    #[error("the connection was lost")]
    Lost(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// Nothing came for this long.
    #[error("no answer for {} s", .0.as_secs())]
    Timeout(Duration),
    /// The answer is longer than allowed.
    #[error("the answer has more than {limit} bytes")]
    ResponseTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// TLS: the certificate or the name is not accepted; trying again does not help.
    #[error("no trusted connection")]
    Tls(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// No credentials to sign with.
    #[error("no credentials to sign with")]
    Credentials(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// The cluster sends this client elsewhere, and it does not go: credentials and documents belong to one cluster.
    #[error("the answer is {status}, a redirect to {}", to.as_deref().map_or("nowhere".to_owned(), |to| format!("`{to}`")))]
    Redirect {
        /// HTTP status.
        status: u16,
        /// Scheme, host and port that it leads to, where the answer says it.
        to: Option<String>,
    },
    /// The answer is whole, but in an encoding that was not asked for.
    #[error("the answer is encoded as `{encoding}`, which was not asked for")]
    Encoding {
        /// The `Content-Encoding` of the answer.
        encoding: String,
    },
    /// Not tried, because none before it succeeded.
    #[error("{0}")]
    GivenUp(std::sync::Arc<str>),
    /// The request cannot be sent: its path or one of its headers is not allowed in HTTP.
    #[error("the request cannot be sent")]
    Invalid(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
}

impl Request {
    /// Default of `max_response`: 64 MiB.
    pub const MAX_RESPONSE: usize = 64 << 20;

    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let (content, max_response) = (ContentType::Json, Self::MAX_RESPONSE);
        Self { method, path: path.into(), content, body: Bytes::new(), max_response }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self
    }

    /// With a body of lines.
    #[must_use]
    pub fn ndjson(mut self, body: Bytes) -> Self {
        (self.content, self.body) = (ContentType::Ndjson, body);
        self
    }
}

impl Response {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// That of `serde_json` when it is none.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The start of the body as text, for messages.
    #[must_use]
    pub fn excerpt(&self) -> String {
        const LONGEST: usize = 400;
        let text = String::from_utf8_lossy(self.body.get(..LONGEST).unwrap_or(&self.body)).into_owned();
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl SendError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Lost(_) | Self::Timeout(_))
    }

    /// What to check, in words.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connect(_) => "check the URL, name resolution, firewalls, and that the cluster runs",
            Self::Timeout(_) => "check the health of the cluster, or allow it more time",
            Self::Credentials(_) => {
                "looked in the environment, the AWS profile, web identity, and the ECS and EC2 metadata services: \
                 configure one of them"
            }
            Self::Redirect { .. } => "give the URL that really is the cluster's",
            _ => return None,
        })
    }
}
