//! The token by which an AWS identity is shown to Amazon MSK: a signed request that is never sent.
//!
//! | part | what |
//! |---|---|
//! | request | `GET https://kafka.REGION.amazonaws.com/?Action=kafka-cluster:Connect`, signed in its query for `kafka-cluster` |
//! | lifetime | 15 minutes, or as long as the credentials are valid |
//! | token | the whole URL, with `User-Agent` behind it, in base64 for URLs without padding |
//!
//! Spec: [`aws-msk-iam-sasl-signer`](https://github.com/aws/aws-msk-iam-sasl-signer-python)

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use tokio::runtime::Handle;

use crate::aws::{self, CredentialCache, LazyTls};
use crate::error::{Error, Result};

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_secs(900);
const SERVICE: &str = "kafka-cluster";
const USER_AGENT: &str = concat!("ferry%2F", env!("CARGO_PKG_VERSION"));

/// Makes tokens for the brokers of a region.
#[derive(Debug)]
pub(super) struct MskIdentity {
    region: String,
    credentials: CredentialCache,
    runtime: Handle,
}

#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("no AWS credentials")]
    Credentials(#[from] aws_credential_types::provider::error::CredentialsError),
    #[error("the token cannot be signed")]
    Signing(#[from] SigningError),
    #[error("the token cannot be made: {0}")]
    Parameters(String),
}

impl MskIdentity {
    /// Finds the region: the one that is given, that in the names of the brokers, or the one of the AWS configuration.
    /// Nothing is asked for credentials yet.
    pub(super) async fn new(given: Option<String>, brokers: &str) -> Result<Self> {
        let option = "the region of the brokers";
        let region = match given.or_else(|| region_of(brokers)) {
            Some(region) => region,
            None => match aws::configured_region(&LazyTls::new(1)).await {
                Some(region) => region.to_string(),
                None => {
                    let reason =
                        "their names do not say their AWS region: give it, or set AWS_REGION".to_owned();
                    return Err(Error::InvalidOption {
                        option: "the Kafka brokers",
                        value: brokers.to_owned(),
                        reason,
                    });
                }
            },
        };
        let region = aws::check_region(option, region)?;
        let credentials = CredentialCache::new(&region, None);
        Ok(Self { region, credentials, runtime: Handle::current() })
    }

    /// A token. Blocks until there are credentials, or their sources have failed: not for a thread of the runtime.
    pub(super) fn token(&self) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        // librdkafka shows the text of the error and not its causes; a NUL in it would end a process.
        self.make_token().map_err(|error| crate::error::chain(&error).replace('\0', "").into())
    }

    fn make_token(&self) -> Result<OAuthToken, TokenError> {
        let now = SystemTime::now();
        let credentials = self.runtime.block_on(self.credentials.get(now))?;
        let (token, expires) = token(&self.region, credentials, now)?;
        let lifetime = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        Ok(OAuthToken { token, principal_name: "ferry".to_owned(), lifetime_ms })
    }
}

/// The token, and until when it is valid.
fn token(
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<(String, SystemTime), TokenError> {
    let lifetime = match credentials.expiry().map(|expiry| expiry.duration_since(now)) {
        Some(Ok(left)) => LIFETIME.min(Duration::from_secs(left.as_secs().max(1))),
        _ => LIFETIME,
    };
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| TokenError::Parameters(error.to_string()))?
        .into();
    let url = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let headers = std::iter::empty::<(&str, &str)>();
    let signable = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(b""))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request =
        http::Request::get(&url).body(()).map_err(|error| TokenError::Parameters(error.to_string()))?;
    instructions.apply_to_request_http1x(&mut request);
    let signed = format!("{}&User-Agent={USER_AGENT}", request.uri());
    Ok((BASE64_URL_SAFE_NO_PAD.encode(signed), now + lifetime))
}

/// The region in the names of brokers of Amazon MSK: `b-1.name.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098`.
fn region_of(brokers: &str) -> Option<String> {
    let host = brokers.split(',').next()?.trim();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let labels: Vec<&str> = host.split('.').collect();
    let at = labels.iter().position(|label| matches!(*label, "kafka" | "kafka-serverless"))?;
    let region = labels.get(at.checked_add(1)?)?;
    let is_aws = labels.get(at.checked_add(2)?) == Some(&"amazonaws");
    is_aws.then(|| (*region).to_owned())
}

#[cfg(test)]
mod tests;
