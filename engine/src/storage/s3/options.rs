//! What can be set for repositories in S3, and what can be refused before the first request.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::sync::Semaphore;
use url::Url;

use super::super::location::without_userinfo;
use crate::error::{Error, Result};
use crate::flow::Backoff;

/// How repositories in S3 are reached.
///
/// What is `None` here is taken from where the AWS command line takes it: environment, then AWS profile.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Region of the bucket. Without one here, in the environment, in the profile and in the metadata of EC2, a
    /// repository at an [`endpoint`](Self::endpoint) uses `us-east-1`, and one of AWS cannot be opened.
    pub region: Option<String>,
    /// URL of an S3-compatible server, such as `http://127.0.0.1:9000`; without user, password and query.
    pub endpoint: Option<String>,
    /// Address the bucket in the path, not in the host name. It is always so when the endpoint is an IP address.
    pub force_path_style: bool,
    /// Requests in flight, at most. At least 1; 64 unless set.
    pub max_requests: usize,
    /// Attempts for a request, the first one included. 0 counts as 1; 8 unless set.
    pub max_attempts: u32,
    /// Waits between the attempts.
    pub backoff: Backoff,
    /// How long to wait for a server.
    pub timeouts: S3Timeouts,
    /// Where credentials come from, instead of the AWS credential chain.
    pub credentials: Option<SharedCredentialsProvider>,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            force_path_style: false,
            max_requests: 64,
            max_attempts: 8,
            backoff: Backoff::default(),
            timeouts: S3Timeouts::default(),
            credentials: None,
        }
    }
}

/// How long to wait for a server; an attempt that takes longer has failed and is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S3Timeouts {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// Without a byte from the server.
    pub silence: Duration,
    /// For a complete answer; for each [`SLOWEST`](Self::SLOWEST) bytes that the body has, a second is added.
    pub request: Duration,
}

impl S3Timeouts {
    /// The slowest rate at which a body can come for long, in bytes a second.
    pub const SLOWEST: u64 = 64 << 10;

    /// How long a complete answer with a body of this many bytes may take.
    pub(super) fn total(&self, length: u64) -> Duration {
        self.request.saturating_add(Duration::from_secs(length / Self::SLOWEST))
    }
}

impl Default for S3Timeouts {
    /// 5 s, 20 s and 60 s.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(5), silence: seconds(20), request: seconds(60) }
    }
}

/// The limit on requests in flight.
pub(super) fn in_flight(max_requests: usize) -> Result<Semaphore> {
    if max_requests == 0 {
        let (option, value) = ("the limit of requests at once", "0".to_owned());
        return Err(Error::InvalidOption { option, value, reason: "it must be at least 1".to_owned() });
    }
    Ok(Semaphore::new(max_requests.min(Semaphore::MAX_PERMITS)))
}

/// The endpoint without slash at the end. One with credentials is refused: it would be in logs and messages.
pub(super) fn check_endpoint(endpoint: &str) -> Result<String> {
    let invalid = |reason: &str| {
        let (option, value) = ("the S3 endpoint", without_userinfo(endpoint));
        Err(Error::InvalidOption { option, value, reason: reason.to_owned() })
    };
    let Ok(url) = Url::parse(endpoint) else {
        return invalid("it is not a URL such as `http://127.0.0.1:9000`");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return invalid("it must start with `http://` or `https://` and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() || endpoint.contains('@') {
        return invalid("credentials do not belong into a URL; they are found by the AWS credential chain");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return invalid("it cannot have a query or a fragment");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn endpoints_are_urls_of_http_servers() {
        assert_eq!(check_endpoint("http://127.0.0.1:9000/").unwrap(), "http://127.0.0.1:9000");
        assert_eq!(check_endpoint("https://minio.example/s3/").unwrap(), "https://minio.example/s3");
        assert_eq!(
            message(check_endpoint("localhost:9000")),
            "cannot use the S3 endpoint `localhost:9000`: it must start with `http://` or `https://` and name a host"
        );
        assert_eq!(
            message(check_endpoint("127.0.0.1:9000")),
            "cannot use the S3 endpoint `127.0.0.1:9000`: it is not a URL such as `http://127.0.0.1:9000`"
        );
    }

    #[test]
    fn an_endpoint_with_credentials_is_refused_without_repeating_them() {
        for endpoint in ["http://AKIA:secret@host", "https://host/?key=secret", "http://host/AKIA:secret@x"] {
            assert!(!message(check_endpoint(endpoint)).contains("secret"), "{endpoint}");
        }
        assert_eq!(
            message(check_endpoint("http://AKIA:secret@host:9000")),
            "cannot use the S3 endpoint `http://***@host:9000`: credentials do not belong into a URL; they are found \
             by the AWS credential chain"
        );
    }

    #[test]
    fn a_limit_of_no_requests_is_refused() {
        assert_eq!(
            message(in_flight(0)),
            "cannot use the limit of requests at once `0`: it must be at least 1"
        );
        assert_eq!(in_flight(usize::MAX).unwrap().available_permits(), Semaphore::MAX_PERMITS);
    }

    #[test]
    fn the_time_for_an_answer_grows_with_its_length() {
        let timeouts = S3Timeouts::default();
        assert_eq!(timeouts.total(0), Duration::from_secs(60));
        assert_eq!(timeouts.total(8 << 20), Duration::from_secs(60 + 128));
    }
}
