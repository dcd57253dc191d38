//! Why one attempt at a storage failed.

use super::{Access, Operation};
use std::fmt;
use std::time::Duration;

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The server answered with an error.
    #[error("{0}")]
    Answer(Answer),
    /// The server sent nothing for this long, or too little in all.
    #[error("the server sent nothing for {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The whole answer took longer than its length explains.
    #[error("no complete answer within {} s", .0.as_secs_f32())]
    Slow(Duration),
    /// The server could not be reached, or the connection ended before an answer.
    #[error("{0}")]
    Connection(String),
    /// The connection ended inside the body.
    #[error("the connection ended after {found} bytes of the body: {reason}")]
    Cut {
        /// How many bytes of the body had come.
        found: u64,
        /// What the HTTP client said.
        reason: String,
    },
    /// The body has another length than it must have.
    #[error("the body has {found} bytes instead of {expected}")]
    WrongLength {
        /// How many bytes there should be.
        expected: u64,
        /// How many bytes there are, or had come when the body was cut off.
        found: u64,
    },
    /// The server sent other bytes than those that were asked for.
    #[error("the server sent `{found}`")]
    WrongRange {
        /// The `Content-Range` header of the answer.
        found: String,
    },
    /// The answer makes no sense.
    #[error("{0}")]
    Unexpected(String),
    /// What the AWS credential chain said.
    #[error("{0}")]
    Credentials(String),
    /// What the operating system said.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Cause {
    pub(super) fn access_denied_hint(&self, access: &Access) -> &'static str {
        let code = match self {
            Self::Answer(answer) => answer.code.as_deref().unwrap_or_default(),
            _ => return "check the permissions of the file and of the folders above it",
        };
        match code {
            "ExpiredToken" | "TokenRefreshRequired" => "the credentials have expired: renew them",
            "InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch" => {
                "the server does not know these credentials: check which ones the AWS credential chain finds"
            }
            "RequestTimeTooSkewed" => "the clock of this machine is wrong: set it",
            _ if access.operation == Operation::Write => {
                "the credentials need `s3:PutObject` on the objects (and `kms:GenerateDataKey` when they are encrypted \
                 with KMS)"
            }
            _ if access.operation == Operation::List => {
                "the credentials need `s3:ListBucket` on the bucket; check bucket policy and endpoint policy too"
            }
            _ => {
                "the credentials need `s3:GetObject` on the objects (and `kms:Decrypt` when they are encrypted with \
                 KMS); without `s3:ListBucket` a missing object looks like this too"
            }
        }
    }

    pub(super) fn unavailable_hint(&self) -> &'static str {
        match self {
            Self::Answer(Answer { status: 429 | 503, .. }) => {
                "the storage is overloaded: allow fewer requests in flight, or try again later"
            }
            Self::Answer(_) => "the storage has a problem of its own: try again later",
            Self::Credentials(_) => {
                "the source of the AWS credentials does not answer: check it, then start again"
            }
            Self::Silent(_) | Self::Slow(_) => {
                "check the network between this machine and the storage; for a slow link allow a longer request timeout"
            }
            _ => "check the endpoint, name resolution, proxies and certificates, and the network in between",
        }
    }
}

/// An error that a server answered with, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Error code of the service, such as `SlowDown`.
    pub code: Option<String>,
    /// Words of the service.
    pub message: Option<String>,
    /// Identity of the request in the logs of the service.
    pub request_id: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " `{code}`")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", message.trim_end_matches('.'))?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}
