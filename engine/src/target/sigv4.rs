//! AWS Signature Version 4 of a request as it is sent.
//!
//! Paths are encoded once more and normalized before they are signed, as every service but S3 expects. Of the headers,
//! `Host`, those about the body and those of AWS are signed; those that something in between may change are not.
//!
//! Spec: [Create a signed AWS API request](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningError, SigningSettings, sign as signature_of,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};

/// Headers that something in between may change.
const UNSIGNED: [http::HeaderName; 3] = [ACCEPT, ACCEPT_ENCODING, USER_AGENT];

/// What a signature is for.
pub(super) struct Scope<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// Whether the hash of the body becomes a header too (`x-amz-content-sha256`); `aoss` insists on it.
    pub(super) body_header: bool,
}

/// Why a request cannot be signed. Nothing of it contains credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("a header is not ASCII")]
    Header(#[source] http::header::ToStrError),
    #[error("the request cannot be signed")]
    Signing(#[source] SigningError),
    #[error("the signature cannot be made: {0}")]
    Parameters(String),
}

/// Signs: puts `authorization`, `x-amz-date` and, as needed, `x-amz-content-sha256` and `x-amz-security-token` into the
/// request. Its URI must be absolute.
pub(super) fn sign(
    request: &mut http::Request<Bytes>,
    scope: &Scope<'_>,
    credentials: Credentials,
    time: SystemTime,
) -> Result<(), Error> {
    let mut settings = SigningSettings::default();
    if scope.body_header {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| Error::Parameters(error.to_string()))?
        .into();
    let headers = request.headers().iter().filter(|(name, _)| !UNSIGNED.contains(name));
    let headers: Result<Vec<_>, _> =
        headers.map(|(name, value)| Ok((name.as_str(), value.to_str()?))).collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.map_err(Error::Header)?.into_iter(),
        SignableBody::Bytes(request.body()),
    );
    let signable = signable.map_err(Error::Signing)?;
    let (instructions, _) = signature_of(signable, &parameters).map_err(Error::Signing)?.into_parts();
    instructions.apply_to_request_http1x(request);
    for name in ["authorization", "x-amz-security-token"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            value.set_sensitive(true);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
