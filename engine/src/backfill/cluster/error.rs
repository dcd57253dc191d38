//! Why a backfill into a cluster stopped.

use crate::bulk::SinkError;
use crate::coordination::StoreError;
use crate::error::Error as EngineError;

/// Why a backfill into a cluster stopped before its end. What was written stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository, or this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Documents that failed, and a place for their records that does not take them.
    #[error("could not record failed documents")]
    FailedDocuments(#[source] EngineError),
    /// The target.
    #[error(transparent)]
    Sink(SinkError),
    /// The store of the session.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was told to stop.
    #[error("stopped before the end: what was written stays, and the same command goes on from there")]
    Stopped,
    /// Another worker has taken the item: for this worker no more than a reason to take another one.
    #[error("another worker has taken the work item")]
    LeaseLost,
    /// A task of the run ended without a result.
    #[error("a part of the run ended without a result: this is a defect of ferry, please report it")]
    Task(#[source] tokio::task::JoinError),
}

/// Result of a backfill into a cluster.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<SinkError> for Error {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::LeaseLost => Self::LeaseLost,
            error => Self::Sink(error),
        }
    }
}

impl Error {
    /// Whether this is only the consequence of being told to stop.
    pub(super) const fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped | Self::Sink(SinkError::Cancelled))
    }

    /// What to check, in words.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Engine(error) | Self::FailedDocuments(error) => error.hint(),
            Self::Sink(error) => error.hint().map(str::to_owned),
            Self::Store(StoreError::OtherJob { .. }) => Some(
                "give the same repository, snapshot, indices, target and transforms as before, or another `--session`"
                    .to_owned(),
            ),
            Self::Store(StoreError::OtherPlan { .. }) => {
                Some("give all workers of a session the same `--item-bytes`, or take another `--session`".to_owned())
            }
            Self::Store(_) | Self::Stopped | Self::LeaseLost | Self::Task(_) => None,
        }
    }
}
