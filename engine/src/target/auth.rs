//! Who this client is to a cluster: nobody, a user with a password, or an AWS identity that signs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};

use super::SendError;
use super::connect::Cause;
use super::sigv4::{self, Scope};
use crate::aws::{self, CredentialCache};
use crate::error::{Error, Result};

/// How requests are authorized.
#[derive(Clone, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// Name of the user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// Each request is signed with AWS credentials (Signature Version 4).
    SigV4 {
        /// The service that checks the signature.
        service: AwsService,
        /// Its region.
        region: String,
        /// Where credentials come from, instead of the AWS credential chain.
        credentials: Option<SharedCredentialsProvider>,
    },
}

/// A service of AWS that runs clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsService {
    /// `es`: Amazon OpenSearch Service.
    Managed,
    /// `aoss`: Amazon OpenSearch Serverless.
    Serverless,
}

impl AwsService {
    /// The name of the service in signatures.
    #[must_use]
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::Managed => "es",
            Self::Serverless => "aoss",
        }
    }
}

impl fmt::Display for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signing_name())
    }
}

impl FromStr for AwsService {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "es" => Ok(Self::Managed),
            "aoss" => Ok(Self::Serverless),
            _ => Err("expected `es` (OpenSearch Service) or `aoss` (OpenSearch Serverless)".to_owned()),
        }
    }
}

/// Nothing of passwords and credentials.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Self::SigV4 { service, region, .. } => {
                let mut shown = f.debug_struct("SigV4");
                shown.field("service", service).field("region", region).finish_non_exhaustive()
            }
        }
    }
}

/// What [`Auth`] says, made ready.
#[derive(Debug, Clone)]
pub(crate) enum Authorizer {
    None,
    /// The whole header; its `Debug` says no more than that it is sensitive.
    Basic(HeaderValue),
    SigV4 {
        service: AwsService,
        region: Arc<str>,
        credentials: Arc<CredentialCache>,
    },
}

/// What it takes to authorize one request.
#[derive(Debug)]
pub(crate) enum Authorization {
    None,
    Basic(HeaderValue),
    SigV4 { service: AwsService, region: Arc<str>, credentials: Credentials, time: SystemTime },
}

impl Authorizer {
    pub(crate) fn new(auth: &Auth) -> Result<Self> {
        match auth {
            Auth::None => Ok(Self::None),
            Auth::Basic { user, password } => basic(user, password).map(Self::Basic),
            Auth::SigV4 { service, region, credentials } => {
                let region = aws::check_region("the AWS region of the cluster", region.clone())?;
                let credentials = Arc::new(CredentialCache::new(&region, credentials.clone()));
                Ok(Self::SigV4 { service: *service, region: region.into(), credentials })
            }
        }
    }

    /// Gets the credentials.
    pub(crate) async fn ready(&self) -> Result<Authorization, SendError> {
        match self {
            Self::None => Ok(Authorization::None),
            Self::Basic(header) => Ok(Authorization::Basic(header.clone())),
            Self::SigV4 { service, region, credentials } => {
                let time = SystemTime::now();
                let got = credentials.get(time).await;
                let credentials = got
                    .map_err(|error| SendError::Credentials(Arc::new(Cause(crate::error::chain(&error)))))?;
                let (service, region) = (*service, Arc::clone(region));
                Ok(Authorization::SigV4 { service, region, credentials, time })
            }
        }
    }
}

impl Authorization {
    /// Puts the headers into a request that is whole otherwise: a signature covers its headers and its body.
    pub(crate) fn apply(self, request: &mut http::Request<Bytes>) -> Result<(), SendError> {
        match self {
            Self::None => Ok(()),
            Self::Basic(header) => {
                request.headers_mut().insert(AUTHORIZATION, header);
                Ok(())
            }
            Self::SigV4 { service, region, credentials, time } => {
                let scope = Scope { service: service.signing_name(), region: &region, body_header: true };
                let signed = sigv4::sign(request, &scope, credentials, time);
                signed.map_err(|error| SendError::Invalid(Arc::new(Cause(crate::error::chain(&error)))))
            }
        }
    }
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue> {
    let refused = |reason: &str| {
        let (option, value) = ("the user", user.to_owned());
        Err(Error::InvalidOption { option, value, reason: reason.to_owned() })
    };
    if user.contains(':') {
        return refused("HTTP allows no `:` in the name of a user");
    }
    let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
    let header = SecretString::from(format!("Basic {}", BASE64_STANDARD.encode(pair.expose_secret())));
    let Ok(mut header) = HeaderValue::from_str(header.expose_secret()) else {
        return refused("it cannot be part of a header");
    };
    header.set_sensitive(true);
    Ok(header)
}
