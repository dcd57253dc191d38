//! The last changes before a request is sent: where it goes, how its body is framed, who sends it.

use super::headers::{Headers, is_name};
use super::request::Outgoing;
use super::transform::user_agent;
use crate::error::Result;
use crate::target::{Auth, Authorization, Authorizer, SendError};
use bytes::Bytes;
use codecs::traffic::http::Version;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;
use url::Url;

/// Headers that are about the client's connection, not about the request. `Expect` is one in effect: the body is at hand.
const OF_CONNECTION: [&str; 10] = [
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];
/// Headers of a signature.
const OF_SIGNATURE: [&str; 4] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
/// Headers that are signed.
const SIGNED: [&str; 2] = ["host", "content-type"];
/// Bodies of more bytes are signed on a thread that does not wait for the network.
const INLINE: usize = 64 << 10;

/// What `Host` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The host of the target, with its port unless it is the scheme's own.
    #[default]
    Target,
    /// What the client said to the source; as `Target` where it said nothing.
    Source,
    /// This.
    Fixed(String),
}

impl FromStr for HostHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "target" => Ok(Self::Target),
            "source" => Ok(Self::Source),
            host if !host.is_empty() && host.bytes().all(is_of_host) => Ok(Self::Fixed(host.to_owned())),
            _ => Err("expected `target`, `source`, or a host such as `search.example:9200`".to_owned()),
        }
    }
}

/// Who requests are from.
#[derive(Debug, Clone, Default)]
pub enum ReplayAuth {
    /// Who they were from: `Authorization` stays.
    #[default]
    Source,
    /// Nobody: `Authorization` is removed.
    Removed,
    /// Somebody else.
    As(Auth),
}

/// How requests are finished.
#[derive(Debug, Clone)]
pub struct FinishSettings {
    /// The target: `http` or `https`, host, port, maybe a path that goes before that of each request.
    pub url: Url,
    /// What `Host` says.
    pub host: HostHeader,
    /// Who requests are from.
    pub auth: ReplayAuth,
    /// What is added to the user agent of the client, after `; `.
    pub user_agent: Option<String>,
}

/// Finishes requests.
#[derive(Debug, Clone)]
pub struct Finisher {
    /// Scheme, host and port.
    origin: String,
    /// Path of the target, without a slash at the end.
    prefix: String,
    /// Value of `Host`.
    host: Bytes,
    /// Whether the client's `Host` stays, where there is one.
    keeps_host: bool,
    user_agent: Option<String>,
    removed: &'static [&'static str],
    authorizer: Authorizer,
}

impl Finisher {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption): credentials that cannot be used.
    pub fn new(settings: &FinishSettings) -> Result<Self> {
        let FinishSettings { url, host, auth, user_agent } = settings;
        let host = match host {
            HostHeader::Target | HostHeader::Source => authority(url),
            HostHeader::Fixed(host) => host.clone(),
        };
        let (removed, auth): (&[&str], _) = match auth {
            ReplayAuth::Source => (&[], &Auth::None),
            ReplayAuth::Removed => (&["authorization"], &Auth::None),
            ReplayAuth::As(auth @ Auth::SigV4 { .. }) => (&OF_SIGNATURE, auth),
            ReplayAuth::As(auth) => (&["authorization"], auth),
        };
        Ok(Self {
            origin: format!("{}://{}", url.scheme(), authority(url)),
            prefix: url.path().trim_end_matches('/').to_owned(),
            host: host.into(),
            keeps_host: settings.host == HostHeader::Source,
            user_agent: user_agent.clone(),
            removed,
            authorizer: Authorizer::new(auth)?,
        })
    }

    /// Everything but the authorization. To be done once.
    #[must_use]
    pub fn finish(&self, mut request: Outgoing) -> Outgoing {
        if !self.prefix.is_empty() || request.target.bytes().any(must_be_encoded) {
            request.target = sendable(&self.prefix, &request.target);
        }
        request.version = Version::Http11;
        let named: Vec<String> = request.headers.list("connection").map(str::to_owned).collect();
        request.headers.remove_where(|name| {
            let is = |other: &&str| name.eq_ignore_ascii_case(other.as_bytes());
            OF_CONNECTION.iter().any(is)
                || self.removed.iter().any(is)
                || named.iter().any(|other| is(&other.as_str()))
        });
        if !self.keeps_host || !request.headers.contains("Host") {
            request.headers.set("Host", self.host.clone());
        }
        if let Some(text) = &self.user_agent {
            user_agent(&mut request.headers, text);
        }
        frame(&mut request);
        request
    }

    /// Whether [`Self::authorize`] does anything.
    pub(super) const fn authorizes(&self) -> bool {
        !matches!(self.authorizer, Authorizer::None)
    }

    /// Puts the authorization into a finished request: a signature is over all of its bytes as they are sent, and of this moment, so that
    /// each attempt needs its own.
    ///
    /// # Errors
    ///
    /// No credentials, or a request that cannot be signed.
    pub async fn authorize(&self, request: &mut Outgoing) -> Result<(), SendError> {
        let authorization = match self.authorizer.ready().await? {
            Authorization::None => return Ok(()),
            authorization => authorization,
        };
        let signs = matches!(authorization, Authorization::SigV4 { .. });
        let mut signable = self.signable(request)?;
        let sign = move || authorization.apply(&mut signable).map(|()| signable);
        let signed = if signs && request.body.len() > INLINE {
            tokio::task::spawn_blocking(sign).await.unwrap_or_else(|error| Err(invalid(error)))?
        } else {
            sign()?
        };
        for (name, value) in signed.headers() {
            if !SIGNED.contains(&name.as_str()) {
                request.headers.set(name.as_str(), Bytes::copy_from_slice(value.as_bytes()));
            }
        }
        Ok(())
    }

    fn signable(&self, request: &Outgoing) -> Result<http::Request<Bytes>, SendError> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.origin, request.target));
        for name in SIGNED {
            if let Some(value) = request.headers.get(name) {
                builder = builder.header(name, value);
            }
        }
        builder.body(request.body.clone()).map_err(invalid)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> SendError {
    SendError::Invalid(Arc::new(error))
}

/// Host and port of a URL, the port left out where it is the scheme's own.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Bytes of a host and its port.
const fn is_of_host(byte: u8) -> bool {
    byte > b' ' && byte < 0x7F && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'"' | b'<' | b'>' | b'\\')
}

/// Bytes that clients send, and servers take, but that a URI does not allow.
const fn must_be_encoded(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, 0x7F | b'"' | b'#' | b'<' | b'>' | b'`')
}

/// The target with the prefix before it, and with nothing in it that a URI does not allow.
fn sendable(prefix: &str, target: &str) -> String {
    let mut sendable = String::with_capacity(prefix.len().saturating_add(target.len()));
    if target.starts_with('/') || target.starts_with('?') {
        sendable.push_str(prefix);
    }
    for character in target.chars() {
        match u8::try_from(character) {
            Ok(byte) if must_be_encoded(byte) => {
                let _ = write!(sendable, "%{byte:02X}"); // a string takes everything
            }
            _ => sendable.push(character),
        }
    }
    sendable
}

/// Makes the headers say how the body is sent.
fn frame(request: &mut Outgoing) {
    let Outgoing { headers, body, chunked, trailers, method, .. } = request;
    if *chunked {
        headers.remove("Content-Length");
        headers.set("Transfer-Encoding", "chunked");
        trailers.remove_where(|name| !is_name(std::str::from_utf8(name).unwrap_or_default()));
        announce(headers, trailers);
        return;
    }
    *trailers = Headers::default();
    headers.remove("Transfer-Encoding");
    let has_length = headers.contains("Content-Length");
    if has_length || !body.is_empty() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        headers.set("Content-Length", body.len().to_string());
    }
}

fn announce(headers: &mut Headers, trailers: &Headers) {
    if !trailers.is_empty() {
        let names: Vec<&str> = trailers.iter().map(|(name, _)| name).collect();
        headers.set("Trailer", names.join(", "));
    }
}

#[cfg(test)]
mod tests;
