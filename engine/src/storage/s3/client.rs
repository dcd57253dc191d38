//! Makes the client of the AWS SDK: region, endpoint, credentials, and everything off that this crate does itself.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::{Client, Config};

use super::super::location::without_userinfo;
use super::options::{S3Options, check_endpoint};
use crate::aws::{self, LazyTls};
use crate::error::{Error, Result};

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
    let shared = aws::load(&region, http, options.credentials.clone()).await;
    let shown = endpoint.as_deref().or(shared.endpoint_url()).map(|url| Arc::from(without_userinfo(url)));
    let client = Client::from_conf(config(&shared, endpoint, options));
    Ok(Connected { client, region, endpoint: shown })
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
    let credentials = shared.credentials_provider().map(aws::bounded);
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
    let check = |region| aws::check_region("the S3 region", region);
    if let Some(region) = options.region.clone() {
        return check(region);
    }
    if let Some(region) = aws::configured_region(http).await {
        return check(region.to_string());
    }
    if has_endpoint {
        return Ok("us-east-1".to_owned()); // Such servers accept it, or say which one they expect.
    }
    match aws::ec2_region(http).await {
        Some(region) => check(region.to_string()),
        None => Err(Error::NoRegion { url: url.to_owned() }),
    }
}
