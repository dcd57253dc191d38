//! Why the store of a session could not be used.

use crate::target::SendError;
use std::path::PathBuf;

/// Why the store of a session could not be used. None is about a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The text cannot be the name of a session.
    #[error("`{name}` is not a name of a session: {reason}")]
    InvalidSession {
        /// The text.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The session is that of another job.
    #[error("session `{session}` in `{store}` belongs to another job: {differences}")]
    OtherJob {
        /// Name of the session.
        session: String,
        /// Where it is.
        store: String,
        /// What differs, with both values.
        differences: String,
    },
    /// Another worker has planned the same job in another way.
    #[error(
        "session `{session}` in `{store}` was planned in another way: {there} there, {here} here, \
         and the two cannot be mixed"
    )]
    OtherPlan {
        /// Name of the session.
        session: String,
        /// Where it is.
        store: String,
        /// The plan in the session.
        there: String,
        /// The plan that was refused.
        here: String,
    },
    /// There is no such session.
    #[error("there is no session `{session}` in `{store}`")]
    NoSession {
        /// Name of the session.
        session: String,
        /// Where it was looked for.
        store: String,
    },
    /// Work was asked for before it was planned.
    #[error("session `{session}` in `{store}` is not planned yet")]
    NotPlanned {
        /// Name of the session.
        session: String,
        /// Where it is.
        store: String,
    },
    /// The plan cannot be kept.
    #[error("cannot keep work item `{item}`: {reason}")]
    InvalidItem {
        /// Id of the item.
        item: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A place that is not in the item, or before what is done already.
    #[error("cannot save work item `{item}` at `{cursor}`: {reason}")]
    InvalidCursor {
        /// Id of the item.
        item: String,
        /// The place.
        cursor: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What is stored contradicts itself: somebody else has written or deleted.
    #[error("`{store}` cannot be right: {what}: {problem}")]
    Inconsistent {
        /// Where it is.
        store: String,
        /// Which thing.
        what: String,
        /// Expected and found.
        problem: String,
    },
    /// What is at this place was not made by ferry, or by another version of it.
    #[error("`{store}` cannot keep a session: {reason}")]
    Foreign {
        /// The file or index.
        store: String,
        /// What was expected and found.
        reason: String,
    },
    /// The cluster cannot coordinate.
    #[error("`{url}` cannot coordinate workers: it is {found}")]
    Unsupported {
        /// The cluster.
        url: String,
        /// What it is.
        found: String,
    },
    /// The cluster did not answer.
    #[error("could not {what} of `{store}`: no answer")]
    NoAnswer {
        /// What was attempted.
        what: &'static str,
        /// The index.
        store: String,
        /// Why the last attempt failed.
        #[source]
        source: SendError,
    },
    /// The cluster does not know or not allow the user.
    #[error("could not {what} of `{store}`: access denied: the cluster answered {status}: {answer}")]
    Denied {
        /// What was attempted.
        what: &'static str,
        /// The index.
        store: String,
        /// HTTP status.
        status: u16,
        /// The start of the answer.
        answer: String,
    },
    /// The cluster answered with an error, or with something else than expected.
    #[error("could not {what} of `{store}`: the cluster answered {status}: {answer}")]
    Refused {
        /// What was attempted.
        what: &'static str,
        /// The index.
        store: String,
        /// HTTP status.
        status: u16,
        /// The start of the answer.
        answer: String,
    },
    /// The database failed.
    #[error("could not {what} of `{}`", path.display())]
    Database {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Others wrote the same document each time.
    #[error("could not {what} of `{store}`: others changed it {attempts} times in between")]
    Contended {
        /// What was attempted.
        what: &'static str,
        /// Where it is.
        store: String,
        /// How often it was tried.
        attempts: u32,
    },
}

impl StoreError {
    /// What to check, in words; `None` when the message says all there is.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::OtherJob { .. } => "give this job a session of its own with `--session NAME`",
            Self::OtherPlan { .. } => {
                "start all workers of a session with the same version and options; to plan anew, take another session"
            }
            Self::NoSession { .. } => {
                "check `--session`, and `--state` or `--coordinator`; a session starts with `ferry backfill`"
            }
            Self::Unsupported { .. } => {
                "give a cluster of OpenSearch 1 to 3 or Elasticsearch 7 to 9 with `--coordinator URL`, or keep the \
                 session on this machine with `--state DIR`"
            }
            Self::Foreign { .. } | Self::Inconsistent { .. } => {
                "do not go on with it: take another session, or another directory with `--state`; where ids of \
                 documents are kept, copying again writes the same documents"
            }
            Self::Denied { .. } => {
                "check the credentials; the user needs to create, read, write and refresh the index `ferry-<session>`"
            }
            Self::NoAnswer { .. } => {
                "check the cluster and the network in between, then start again: it resumes"
            }
            Self::Database { .. } | Self::Io { .. } => {
                "check that the directory of `--state` is on a local disk, has space left, and can be written"
            }
            _ => return None,
        })
    }
}
