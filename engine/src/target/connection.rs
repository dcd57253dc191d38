//! Connections to a cluster that belong to one user each, for requests that are passed on as they are.

use super::answer::Pieces;
use super::body::RequestBody;
use super::connect::{Cause, Connector, tls_cause};
use super::tls::TlsSettings;
use super::{ClientOptions, SendError, endpoint};
use crate::error::Result;
use bytes::Bytes;
use codecs::traffic::content;
use http::Uri;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tower_service::Service;
use url::Url;

/// The most bytes of a head of an answer, and so of its read buffer.
const READ_BUFFER: usize = 1 << 20;

/// The most headers of an answer. A target can warn in many; room for all of them is made for each answer.
const MOST_HEADERS: usize = 250;

/// The most bytes that a body may have without its content coding.
const MOST_PLAIN: usize = 256 << 20;

/// Opens connections to one cluster. Clones share what they need for it.
#[derive(Debug, Clone)]
pub struct Dialer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Url,
    uri: Uri,
    timeout: Duration,
    connector: Connector,
    /// Connections that are open.
    open: AtomicUsize,
}

/// One connection: requests go over it one after the other. Closed when it is dropped.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<RequestBody>,
    driver: JoinHandle<()>,
    dialer: Dialer,
}

/// An answer as it came, whatever its status: redirects are not followed, encodings not taken off.
#[derive(Debug)]
pub struct RawResponse {
    /// Status, version, headers.
    pub head: http::response::Parts,
    /// The body, without its transfer coding.
    pub body: Bytes,
    /// Whether bytes beyond the limit were read and thrown away.
    pub is_cut: bool,
}

impl RawResponse {
    /// The body without its content coding; as it is, where that cannot be taken off.
    #[must_use]
    pub fn plain_body(&self) -> Cow<'_, [u8]> {
        let Some(codings) = self.head.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok())
        else {
            return Cow::Borrowed(&self.body);
        };
        content::decode(codings, &self.body, MOST_PLAIN).map_or(Cow::Borrowed(&self.body), Cow::Owned)
    }
}

impl Dialer {
    /// Checks the options; connects nowhere yet.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption), as for a [`Client`](super::Client).
    pub fn new(options: &ClientOptions) -> Result<Self> {
        let ClientOptions { url, timeout, auth, tls, .. } = options;
        endpoint::check(url, tls)?;
        let connector = Connector::new(TlsSettings::read(tls)?);
        endpoint::warn_of_weakness(url, auth, tls);
        let uri = url.as_str().parse().map_err(|_| crate::Error::InvalidOption {
            option: "the URL of the target",
            value: url.to_string(),
            reason: "it cannot be connected to".to_owned(),
        })?;
        let (url, open) = (url.clone(), AtomicUsize::new(0));
        Ok(Self(Arc::new(Inner { url, uri, timeout: *timeout, connector, open })))
    }

    /// The URL, safe to print.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`SendError::Connect`], [`SendError::Tls`].
    pub async fn connect(&self) -> Result<Connection, SendError> {
        let stream = self.0.connector.clone().call(self.0.uri.clone()).await;
        let stream = stream.map_err(|error| match tls_cause(&*error, true) {
            Some(cause) => SendError::Tls(Arc::new(cause)),
            None => SendError::Connect(Arc::new(Cause(crate::error::chain(&*error)))),
        })?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(READ_BUFFER).preserve_header_case(true).max_headers(MOST_HEADERS);
        let (sender, connection) = builder.handshake(stream).await.map_err(|error| lost(&error))?;
        let driver = tokio::spawn(async move {
            let _ = connection.await; // The request that is under way gets the error.
        });
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { sender, driver, dialer: self.clone() })
    }

    /// Connections that it opened, and that were not dropped yet.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How long an answer may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.timeout
    }
}

impl Connection {
    /// Whether nothing can be sent over it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.driver.is_finished()
    }

    /// Sends a request and reads the whole answer, of which `most` bytes are kept.
    ///
    /// # Errors
    ///
    /// [`SendError::Lost`], [`SendError::Timeout`]: the connection is of no more use.
    pub async fn send(
        &mut self,
        request: http::Request<RequestBody>,
        timeout: Duration,
        most: usize,
    ) -> Result<RawResponse, SendError> {
        let answer = tokio::time::timeout(timeout, async {
            self.sender.ready().await.map_err(|error| lost(&error))?;
            let answer = self.sender.send_request(request).await.map_err(|error| lost(&error))?;
            let (head, body) = answer.into_parts();
            let (body, is_cut) = collect(body, most).await?;
            Ok(RawResponse { head, body, is_cut })
        });
        answer.await.unwrap_or(Err(SendError::Timeout(timeout)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
        self.dialer.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lost(error: &hyper::Error) -> SendError {
    match tls_cause(error, false) {
        Some(cause) => SendError::Tls(Arc::new(cause)),
        None => SendError::Lost(Arc::new(Cause(crate::error::chain(error)))),
    }
}

/// The body up to `most` bytes, and whether it has more.
async fn collect(mut body: Incoming, most: usize) -> Result<(Bytes, bool), SendError> {
    let mut pieces = Pieces::default();
    let mut is_cut = false;
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|error| lost(&error))?.into_data() else { continue };
        let room = most.saturating_sub(pieces.len());
        is_cut |= data.len() > room;
        data.truncate(room);
        pieces.push(data);
    }
    Ok((pieces.join(), is_cut))
}
