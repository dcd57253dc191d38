//! The client.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http_body_util::Full;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::auth::{Auth, Authorization, Authorizer};
use super::connect::{Cause, Connector, classify};
use super::tls::{TlsOptions, TlsSettings};
use super::{ContentType, Request, Response, SendError, answer, endpoint};
use crate::error::Result;
use crate::flow::Backoff;

/// Shorter bodies are not compressed: it saves nothing.
const WORTH_COMPRESSING: usize = 1 << 10;
/// Bodies of more bytes are compressed and signed on a thread that does not wait for the network.
const INLINE: usize = 64 << 10;
/// An idle connection is kept for less time than load balancers keep it (60 s).
const IDLE: Duration = Duration::from_secs(45);
/// Idle connections that are kept.
const MOST_IDLE: usize = 256;

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Its URL: `http` or `https`, host, port, maybe a path; without user and password.
    pub url: Url,
    /// How long an answer may take, from the first byte of the request to the last one of the answer.
    pub timeout: Duration,
    /// How requests are authorized.
    pub auth: Auth,
    /// Whose certificate is accepted, and which one is shown.
    pub tls: TlsOptions,
    /// Compress the bodies of requests of more than 1 KiB, and ask for compressed answers.
    pub gzip: bool,
}

impl ClientOptions {
    /// Default of `timeout`: 60 s.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// No authorization, the certificates of the system, no compression.
    #[must_use]
    pub fn new(url: Url) -> Self {
        let (auth, tls) = (Auth::default(), TlsOptions::default());
        Self { url, timeout: Self::TIMEOUT, auth, tls, gzip: false }
    }
}

/// A client of one cluster. Clones share its connections.
///
/// It speaks HTTP/1.1, keeps connections open, uses no proxy, follows no redirect and keeps no cookies.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
    gzip: bool,
}

struct Inner {
    url: Url,
    timeout: Duration,
    authorizer: Authorizer,
    pool: Pool<Connector, Full<Bytes>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, timeout, authorizer, .. } = self;
        let mut shown = f.debug_struct("Inner");
        shown.field("url", &url.as_str()).field("timeout", timeout).field("authorizer", authorizer);
        shown.finish_non_exhaustive()
    }
}

impl Client {
    /// A client; connects when the first request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption): a URL that is not one of a cluster or has credentials in it, options that
    /// contradict each other, certificates that cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let ClientOptions { url, timeout, auth, tls, gzip } = options;
        endpoint::check(&url, &tls)?;
        let connector = Connector::new(TlsSettings::read(&tls)?);
        let authorizer = Authorizer::new(&auth)?;
        endpoint::warn_of_weakness(&url, &auth, &tls);
        let mut builder = Pool::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(MOST_IDLE);
        let pool = builder.build(connector);
        Ok(Self { inner: Arc::new(Inner { url, timeout, authorizer, pool }), gzip })
    }

    /// The same client, with its connections, that compresses or does not.
    #[must_use]
    pub fn with_gzip(&self, gzip: bool) -> Self {
        Self { inner: Arc::clone(&self.inner), gzip }
    }

    /// The URL, safe to print.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// Sends a request once, whatever comes of it.
    ///
    /// # Errors
    ///
    /// When there is no whole answer.
    pub async fn send(&self, request: &Request) -> Result<Response, SendError> {
        let prepared = self.prepare(request).await?;
        let Inner { url, timeout, pool, .. } = &*self.inner;
        let answer = tokio::time::timeout(*timeout, async {
            let sent = prepared.map(Full::new);
            let answer = pool.request(sent).await.map_err(|error| classify(&error))?;
            answer::read(answer, url, request.max_response).await
        });
        answer.await.unwrap_or(Err(SendError::Timeout(*timeout)))
    }

    /// Sends a request that may be sent twice without harm, again and again (8 times at most, with backoff) while it has no
    /// answer or one of the statuses 429, 502, 503, 504.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub async fn send_retrying(&self, request: &Request) -> Result<Response, SendError> {
        const ATTEMPTS: u32 = 8;
        let mut retry = 0;
        loop {
            let answer = self.send(request).await;
            let (again, wait) = match &answer {
                Ok(response) => (matches!(response.status, 429 | 502..=504), response.retry_after),
                Err(error) => (error.is_retryable(), None),
            };
            if !again || retry + 1 >= ATTEMPTS {
                return answer;
            }
            tokio::time::sleep(Backoff::default().delay(retry, wait)).await;
            retry += 1;
        }
    }

    /// The request as it goes out: whole, compressed, authorized.
    async fn prepare(&self, request: &Request) -> Result<http::Request<Bytes>, SendError> {
        let authorization = self.inner.authorizer.ready().await?;
        let mut prepared = self.head(request)?;
        let compress = self.gzip && request.body.len() > WORTH_COMPRESSING;
        let computes = compress || matches!(authorization, Authorization::SigV4 { .. });
        let finish = move || {
            if compress {
                compress_body(&mut prepared)?;
            }
            authorization.apply(&mut prepared)?;
            Ok(prepared)
        };
        if computes && request.body.len() > INLINE {
            let finished = tokio::task::spawn_blocking(finish).await;
            finished.unwrap_or_else(|error| Err(invalid(error)))
        } else {
            finish()
        }
    }

    fn head(&self, request: &Request) -> Result<http::Request<Bytes>, SendError> {
        if !request.path.starts_with('/') {
            return Err(invalid(Cause("its path does not start with `/`".to_owned())));
        }
        let base = self.inner.url.as_str().trim_end_matches('/');
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(format!("{base}{}", request.path))
            .header(USER_AGENT, concat!("ferry/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json");
        if self.gzip {
            builder = builder.header(ACCEPT_ENCODING, "gzip");
        }
        if !request.body.is_empty() {
            builder = builder.header(
                CONTENT_TYPE,
                match request.content {
                    ContentType::Json => "application/json",
                    ContentType::Ndjson => "application/x-ndjson",
                },
            );
        }
        builder.body(request.body.clone()).map_err(invalid)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> SendError {
    SendError::Invalid(Arc::new(error))
}

fn compress_body(request: &mut http::Request<Bytes>) -> Result<(), SendError> {
    let body = std::mem::take(request.body_mut());
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(&body).map_err(invalid)?;
    *request.body_mut() = encoder.finish().map_err(invalid)?.into();
    request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(())
}
