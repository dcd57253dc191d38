//! The client.

use super::{ContentType, Request, Response, SendError};
use crate::error::Result;
use crate::flow::Backoff;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Its URL: `http` or `https`, host, port, maybe a path; without user and password.
    pub url: Url,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A client of one cluster. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client; connects when the first request is sent.
    ///
    /// # Errors
    ///
    /// Options that contradict each other, certificates that cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Ok(Self(Arc::new(Inner { options, pool })))
    }

    /// The URL, safe to print.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.options.url
    }

    /// Sends a request once, whatever comes of it.
    ///
    /// # Errors
    ///
    /// When there is no whole answer.
    pub async fn send(&self, request: &Request) -> Result<Response, SendError> {
        let inner = &self.0;
        let base = inner.options.url.as_str().trim_end_matches('/');
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(format!("{base}{}", request.path))
            .header(ACCEPT, "application/json");
        if !request.body.is_empty() {
            builder = builder.header(
                CONTENT_TYPE,
                match request.content {
                    ContentType::Json => "application/json",
                    ContentType::Ndjson => "application/x-ndjson",
                },
            );
        }
        let sent = builder
            .body(Full::new(request.body.clone()))
            .map_err(|error| SendError::Connect(Arc::new(error)))?;
        let answer = tokio::time::timeout(inner.options.timeout, async {
            let answer = inner.pool.request(sent).await.map_err(|error| {
                if error.is_connect() {
                    SendError::Connect(Arc::new(error))
                } else {
                    SendError::Lost(Arc::new(error))
                }
            })?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.and_then(Backoff::requested);
            let body = http_body_util::Limited::new(answer.into_body(), request.max_response);
            let body = body.collect().await.map_err(|error| SendError::Lost(Arc::from(error)))?.to_bytes();
            Ok(Response { status, retry_after, body })
        });
        answer.await.unwrap_or(Err(SendError::Timeout(inner.options.timeout)))
    }

    /// Sends a request that may be sent twice without harm, again and again (8 times at most, with backoff) while it has no
    /// answer or one of the statuses 429, 502, 503, 504.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub async fn send_retrying(&self, request: &Request) -> Result<Response, SendError> {
        const ATTEMPTS: u32 = 8;
        let mut attempt = 0;
        loop {
            let answer = self.send(request).await;
            attempt += 1;
            let (again, wait) = match &answer {
                Ok(response) => (matches!(response.status, 429 | 502..=504), response.retry_after),
                Err(error) => (error.is_retryable(), None),
            };
            if !again || attempt >= ATTEMPTS {
                return answer;
            }
            tokio::time::sleep(Backoff::default().delay(attempt, wait)).await;
        }
    }
}
