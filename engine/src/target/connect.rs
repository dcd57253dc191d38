//! Connections: TCP and TLS, within a time limit; and what it means when there is none.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tower_service::Service;

use super::SendError;
use super::tls::TlsSettings;

/// How long it may take until there is a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// After this silence, TCP asks whether the other side is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

type BoxError = Box<dyn StdError + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Makes connections. Clones share the settings of TLS, which are made when the first connection needs them.
#[derive(Debug, Clone)]
pub(super) struct Connector(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    http: HttpConnector,
    tls: TlsSettings,
    https: OnceCell<HttpsConnector<HttpConnector>>,
}

impl Connector {
    pub(super) fn new(tls: TlsSettings) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(TCP_KEEPALIVE));
        http.set_connect_timeout(Some(CONNECT)); // Shared out among the addresses of a name.
        Self(Arc::new(Shared { http, tls, https: OnceCell::new() }))
    }
}

impl Shared {
    async fn connect(&self, uri: Uri) -> Result<Stream, BoxError> {
        if uri.scheme_str() == Some("http") {
            return Ok(MaybeHttpsStream::Http(self.http.clone().call(uri).await?));
        }
        let mut https = self.https.get_or_try_init(|| self.https()).await?.clone();
        https.call(uri).await
    }

    async fn https(&self) -> Result<HttpsConnector<HttpConnector>, BoxError> {
        let tls = self.tls.clone();
        let config = tokio::task::spawn_blocking(move || tls.config()).await??;
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1();
        Ok(builder.wrap_connector(self.http.clone()))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let connected = tokio::time::timeout(CONNECT, shared.connect(uri)).await;
            connected.unwrap_or_else(|_| {
                let text = format!("no connection within {} s", CONNECT.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
            })
        })
    }
}

/// What a failed request means: was something sent, and does it help to try again?
pub(super) fn classify(error: &hyper_util::client::legacy::Error) -> SendError {
    let connecting = error.is_connect();
    if let Some(cause) = tls_cause(error, connecting) {
        return SendError::Tls(Arc::new(cause));
    }
    // The outermost text says no more than the kind does.
    let cause = Cause(error.source().map_or_else(|| error.to_string(), crate::error::chain));
    if connecting { SendError::Connect(Arc::new(cause)) } else { SendError::Lost(Arc::new(cause)) }
}

/// What is wrong with TLS, if that is why there is no connection and trying again does not help. A server of TLS 1.3 says only after
/// the handshake that it wants another certificate, or one at all.
pub(super) fn tls_cause(error: &(dyn StdError + 'static), connecting: bool) -> Option<Cause> {
    tls_error(error).and_then(|tls| tls_problem(tls, connecting)).map(Cause)
}

/// Why, in words. The errors of the libraries are not kept: their `Debug` is not known to be free of secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Cause(pub(super) String);

/// The error of rustls inside of an error. An `io::Error` hides the error that it was made from from `source`.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// What is wrong, when trying again does not help.
fn tls_problem(error: &rustls::Error, connecting: bool) -> Option<String> {
    use rustls::Error as Tls;
    let advice = match error {
        Tls::InvalidCertificate(problem) => certificate_advice(problem),
        Tls::AlertReceived(alert) => alert_advice(*alert)?,
        Tls::InvalidMessage(_) if connecting => {
            "what answers does not speak TLS: should the URL start with `http://`?"
        }
        Tls::PeerIncompatible(_) | Tls::NoCertificatesPresented | Tls::UnsupportedNameType => {
            "TLS 1.2 or 1.3 with a certificate is needed"
        }
        Tls::General(_) if connecting => return Some(error.to_string()), // It is one of our own.
        _ => return None,
    };
    Some(format!("{error}: {advice}"))
}

const fn certificate_advice(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the CA of the certificate is not trusted: give its certificate as the CA file"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use one of the names that the certificate has in the URL"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "check the certificate and the clock of this machine"
        }
        CertificateError::Other(_) => "the certificate cannot be used for a server",
        _ => "the certificate is not accepted",
    }
}

/// What to do about an alert of the server; `None` for those that may pass.
const fn alert_advice(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            Some("the server wants a client certificate: give one, with its key")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            Some("the server does not accept the client certificate, or wants one")
        }
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => Some(
            "the server and this client have no version or cipher of TLS in common, or it wants a client certificate",
        ),
        AlertDescription::UnrecognisedName => Some("the server does not know the name in the URL"),
        _ => None,
    }
}
