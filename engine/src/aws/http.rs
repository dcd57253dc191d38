//! The HTTP client below the AWS SDK.
//!
//! Root certificates are read from disk when the first connection needs TLS, not at the start: that costs more time
//! than a whole command against a server on the same machine.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use url::{Host, Url};

/// S3 closes idle connections after a few seconds more; one that is used while it is closed costs a retry.
const IDLE: Duration = Duration::from_secs(15);

/// Clients of AWS services: S3 and the sources of credentials.
#[derive(Debug, Clone)]
pub(crate) struct LazyTls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Idle connections that are kept.
    idle: usize,
    /// Whether the environment names a proxy for plain HTTP.
    http_proxy: bool,
    /// The connectors made so far, each with its pool of connections.
    connectors: Mutex<HashMap<(Route, Option<Duration>), SharedHttpConnector>>,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Route {
    /// Plain HTTP, without proxy.
    Direct,
    /// TLS, or a proxy if the environment names one.
    Full,
}

/// The server sent nothing for this long.
#[derive(Debug)]
pub(crate) struct Silence(pub(crate) Duration);

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing came for {} s", self.0.as_secs_f32())
    }
}

impl std::error::Error for Silence {}

impl LazyTls {
    pub(crate) fn new(idle: usize) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let http_proxy = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().any(is_set);
        Self(Arc::new(Shared { idle, http_proxy, connectors: Mutex::default() }))
    }
}

impl HttpClient for LazyTls {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let (connect, read) = (settings.connect_timeout(), settings.read_timeout());
        SharedHttpConnector::new(Dispatch { shared: Arc::clone(&self.0), connect, read })
    }
}

/// Sends each request by its route.
#[derive(Debug)]
struct Dispatch {
    shared: Arc<Shared>,
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl HttpConnector for Dispatch {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let route = route(request.uri(), self.shared.http_proxy);
        let call = self.shared.connector(route, self.connect).call(request);
        let Some(limit) = self.read else { return call };
        HttpConnectorFuture::new(async move {
            let silent = |_| Err(ConnectorError::timeout(Box::new(Silence(limit))));
            tokio::time::timeout(limit, call).await.unwrap_or_else(silent)
        })
    }
}

impl Shared {
    fn connector(&self, route: Route, connect: Option<Duration>) -> SharedHttpConnector {
        // Poison is of no concern: an entry is whole or not there.
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = connectors
            .entry((route, connect))
            .or_insert_with(|| SharedHttpConnector::new(build(route, connect, self.idle)));
        connector.clone()
    }
}

fn build(route: Route, connect: Option<Duration>, idle: usize) -> Connector {
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(connect);
    let builder: ConnectorBuilder = Connector::builder();
    let builder = builder
        .connector_settings(settings.build())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    match route {
        Route::Full => builder.proxy_config(ProxyConfig::from_env()).build(),
        Route::Direct => {
            let no_roots = TlsContext::builder().with_trust_store(TrustStore::empty()).build();
            builder.tls_context(no_roots.unwrap_or_default()).build()
        }
    }
}

/// Servers on this machine and the metadata services of the cloud are never behind a proxy.
fn route(uri: &str, http_proxy: bool) -> Route {
    match Url::parse(uri) {
        Ok(url) if url.scheme() == "http" && (!http_proxy || is_near(&url)) => Route::Direct,
        _ => Route::Full,
    }
}

fn is_near(url: &Url) -> bool {
    /// Where EC2 and EKS have their metadata services.
    const METADATA: [u16; 2] = [0xfd00, 0x0ec2];
    let is_metadata = |ip: Ipv6Addr| ip.segments().starts_with(&METADATA);
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || is_metadata(ip),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_needs_no_certificates() {
        assert_eq!(route("http://127.0.0.1:9000/bucket/key?x", false), Route::Direct);
        assert_eq!(route("http://minio.example/bucket", false), Route::Direct);
        assert_eq!(route("https://127.0.0.1:9000/", false), Route::Full);
    }

    #[test]
    fn servers_of_this_machine_and_metadata_services_are_not_behind_a_proxy() {
        let near =
            ["127.0.0.1:1", "localhost:1", "[::1]:1", "169.254.169.254", "169.254.170.2", "[fd00:ec2::254]"];
        for host in near {
            assert_eq!(route(&format!("http://{host}/"), true), Route::Direct, "{host}");
        }
        for far in ["http://10.0.0.1/", "http://minio.example/", "https://127.0.0.1/"] {
            assert_eq!(route(far, true), Route::Full, "{far}");
        }
    }
}
