//! The region and the credentials, from where the AWS command line takes them.

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

use super::http::LazyTls;
use crate::error::{Error, Result};

/// How long the metadata service of EC2 may take to say the region: most machines have none.
const EC2_REGION: Duration = Duration::from_secs(3);

/// How long one source of credentials after the other may take in all.
const CREDENTIALS: Duration = Duration::from_secs(8);

/// What the environment and the AWS profile say, with the credential chain, or with `credentials` in its place.
pub(crate) async fn load(
    region: &str,
    http: LazyTls,
    credentials: Option<SharedCredentialsProvider>,
) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS.saturating_mul(2)).build());
    match credentials {
        Some(credentials) => loader.credentials_provider(credentials).load().await,
        None => loader.load().await,
    }
}

/// The region in the environment, or in the AWS profile.
pub(crate) async fn configured_region(http: &LazyTls) -> Option<Region> {
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region);
    }
    let providers = ProviderConfig::without_region().with_http_client(http.clone());
    ProfileFileRegionProvider::builder().configure(&providers).build().region().await
}

/// The region that this machine is in, when it is one of EC2.
pub(crate) async fn ec2_region(http: &LazyTls) -> Option<Region> {
    let providers = ProviderConfig::without_region().with_http_client(http.clone());
    let ec2 = ImdsRegionProvider::builder().configure(&providers).build();
    tokio::time::timeout(EC2_REGION, ProvideRegion::region(&ec2)).await.unwrap_or_default()
}

/// Refuses a region that cannot be part of a host name. `option` says in words whose region it is.
pub(crate) fn check_region(option: &'static str, region: String) -> Result<String> {
    let is_region = |char: char| char.is_ascii_alphanumeric() || char == '-';
    if !region.is_empty() && region.chars().all(is_region) {
        return Ok(region);
    }
    let reason = "a region is made of letters, digits and `-`, such as `eu-central-1`".to_owned();
    Err(Error::InvalidOption { option, value: region, reason })
}

/// Makes a source of credentials answer in time or fail.
pub(crate) fn bounded(credentials: SharedCredentialsProvider) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Bounded(credentials))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_parts_of_host_names() {
        let check = |region: &str| check_region("the S3 region", region.to_owned());
        assert_eq!(check("us-gov-east-1").unwrap(), "us-gov-east-1");
        assert_eq!(
            check("evil.example/").unwrap_err().to_string(),
            "cannot use the S3 region `evil.example/`: a region is made of letters, digits and `-`, such as \
             `eu-central-1`"
        );
    }
}
