//! Makes the client of the AWS SDK: region, endpoint, credentials, and everything off that this crate does itself.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::{Client, Config};

use super::super::location::without_userinfo;
use super::http::LazyTls;
use super::options::{S3Options, check_endpoint, check_region};
use crate::error::{Error, Result};

/// How long the metadata service of EC2 may take to say the region: most machines have none.
const EC2_REGION: Duration = Duration::from_secs(3);

/// How long one source of credentials after the other may take in all.
const CREDENTIALS: Duration = Duration::from_secs(8);

/// A client and what errors say about it.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    /// The region that requests are signed for.
    pub(super) region: String,
    /// The server, when it is not the one of AWS; without credentials.
    pub(super) endpoint: Option<Arc<str>>,
}

/// Makes the client; sends no request but, if nothing else says the region, one to the metadata service of EC2.
pub(super) async fn connect(url: &str, options: &S3Options) -> Result<Connected> {
    let endpoint = options.endpoint.clone().or_else(endpoint_in_environment);
    let endpoint = endpoint.as_deref().map(check_endpoint).transpose()?;
    let http = LazyTls::new(options.max_requests);
    let region = region(url, options, endpoint.is_some(), &http).await?;
    let shared = load(options, &region, http).await;
    let shown = endpoint.as_deref().or(shared.endpoint_url()).map(|url| Arc::from(without_userinfo(url)));
    let client = Client::from_conf(config(&shared, endpoint, options));
    Ok(Connected { client, region, endpoint: shown })
}

/// What the environment and the AWS profile say, with the credential chain.
async fn load(options: &S3Options, region: &str, http: LazyTls) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS.saturating_mul(2)).build());
    match options.credentials.clone() {
        Some(credentials) => loader.credentials_provider(credentials).load().await,
        None => loader.load().await,
    }
}

fn config(shared: &SdkConfig, endpoint: Option<String>, options: &S3Options) -> Config {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.silence);
    let mut config = aws_sdk_s3::config::Builder::from(shared)
        .timeout_config(timeouts.build())
        // `storage::retry` does it: it counts, it limits requests in flight, and it repeats bodies too.
        .retry_config(RetryConfig::disabled())
        // The time limits of `S3Timeouts` do it.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Checksums are those of whole objects or of their parts: of no use for ranges, and not known to all
        // servers. Each Lucene file ends with a checksum of its own.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    if endpoint.is_some() {
        config.set_endpoint_url(endpoint);
    }
    if options.force_path_style {
        config.set_force_path_style(Some(true));
    }
    let credentials =
        shared.credentials_provider().map(|chain| SharedCredentialsProvider::new(Bounded(chain)));
    config.set_credentials_provider(credentials);
    config.build()
}

/// The endpoint in the variables that the AWS command line reads.
fn endpoint_in_environment() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return None;
    }
    variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"))
}

/// The region: option, environment, profile; then a default for other servers, and for AWS that of the machine.
async fn region(url: &str, options: &S3Options, has_endpoint: bool, http: &LazyTls) -> Result<String> {
    if let Some(region) = options.region.clone() {
        return check_region(region);
    }
    let providers = ProviderConfig::without_region().with_http_client(http.clone());
    let profile = ProfileFileRegionProvider::builder().configure(&providers).build();
    let configured = match EnvironmentVariableRegionProvider::new().region().await {
        Some(region) => Some(region),
        None => profile.region().await,
    };
    if let Some(region) = configured {
        return check_region(region.to_string());
    }
    if has_endpoint {
        return Ok("us-east-1".to_owned()); // Such servers accept it, or say which one they expect.
    }
    let ec2 = ImdsRegionProvider::builder().configure(&providers).build();
    match tokio::time::timeout(EC2_REGION, ProvideRegion::region(&ec2)).await {
        Ok(Some(region)) => check_region(region.to_string()),
        _ => Err(Error::NoRegion { url: url.to_owned() }),
    }
}

/// A source of credentials that answers in time or fails.
#[derive(Debug)]
struct Bounded(SharedCredentialsProvider);

impl ProvideCredentials for Bounded {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let timed_out = |_| Err(CredentialsError::provider_timed_out(CREDENTIALS));
            tokio::time::timeout(CREDENTIALS, self.0.provide_credentials()).await.unwrap_or_else(timed_out)
        })
    }
}
