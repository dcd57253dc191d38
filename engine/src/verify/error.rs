//! Why a comparison could not be made.

use crate::target::{Response, SendError};
use std::path::PathBuf;

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a comparison stopped before its end. What differs is no error: it is in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source could not be read, or a cluster is not what it should be.
    #[error(transparent)]
    Source(#[from] crate::error::Error),
    /// Documents could not be sent again.
    #[error(transparent)]
    Sink(#[from] crate::bulk::SinkError),
    /// A cluster gave no answer, however often it was asked.
    #[error("could not {what} at `{url}`")]
    NoAnswer {
        /// What was attempted, on which thing.
        what: String,
        /// The cluster, without credentials.
        url: String,
        /// Why.
        #[source]
        source: SendError,
    },
    /// A cluster answered with an error.
    #[error("could not {what} at `{url}`: it answered {status}: {answer}")]
    Refused {
        /// What was attempted, on which thing.
        what: String,
        /// The cluster, without credentials.
        url: String,
        /// HTTP status.
        status: u16,
        /// The start of the answer.
        answer: String,
    },
    /// A cluster answered something that makes no sense, or is not whole.
    #[error("could not {what} at `{url}`: {problem}")]
    Unexpected {
        /// What was attempted, on which thing.
        what: String,
        /// The cluster, without credentials.
        url: String,
        /// Expected and found.
        problem: String,
    },
    /// The file of differences cannot be written: without it, a difference would be known as a number only.
    #[error("could not write the differences to `{}`", path.display())]
    Differences {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// What was asked for cannot be done.
    #[error("{what}")]
    Unsupported {
        /// What, and why not.
        what: String,
    },
}

impl Error {
    /// What to check, in words; `None` when the message says all there is.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Source(error) => return error.hint(),
            Self::Sink(error) => return error.hint().map(str::to_owned),
            Self::NoAnswer { source: SendError::Connect(_), .. } => {
                "check the URL, name resolution, proxies and firewalls, and that the cluster runs"
            }
            Self::NoAnswer { source: SendError::Tls(_), .. } => {
                "check that the name in the URL is in the certificate, and who issued it"
            }
            Self::NoAnswer { .. } => {
                "check the load of the cluster and the network in between, then start again"
            }
            Self::Refused { status: 401, .. } => {
                "the cluster does not know these credentials: check user and password"
            }
            Self::Refused { status: 403, .. } => {
                "these credentials may not do this: comparing needs `read` and `indices:monitor/*` on the indices, \
                 `--repair` needs `write`"
            }
            Self::Refused { status: 429 | 503, .. } => "the cluster is overloaded: try again later",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    pub(super) fn refused(what: &str, url: &url::Url, response: &Response) -> Self {
        let (what, url) = (what.to_owned(), url.to_string());
        Self::Refused { what, url, status: response.status, answer: response.excerpt() }
    }

    pub(super) fn unexpected(what: &str, url: &url::Url, problem: impl Into<String>) -> Self {
        Self::Unexpected { what: what.to_owned(), url: url.to_string(), problem: problem.into() }
    }
}
