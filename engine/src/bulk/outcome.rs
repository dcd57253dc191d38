//! What became of a batch.

use super::Origin;
use crate::flow::{LeaseLost, MemoryPermit};
use crate::target::SendError;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// Every operation of a batch, counted: `indexed + allowed + failed.len()` is the number of its operations.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    /// Operations that are done.
    pub indexed: u64,
    /// Operations with an error that counts as success.
    pub allowed: u64,
    /// Operations that failed for good, in the order of the batch.
    pub failed: Vec<FailedOperation>,
    /// Bytes of the batch.
    pub bytes: u64,
    /// Operations without id that were sent again though the cluster may have done them: they may be there twice.
    pub possible_duplicates: u64,
    /// The empty buffer of the batch, for [`BatchBuilder::reuse`](super::BatchBuilder::reuse).
    pub buffer: Vec<u8>,
    /// Memory of the batch, as long as failed operations hold its bytes.
    pub memory: Option<MemoryPermit>,
}

/// An operation that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedOperation {
    /// Position in the batch.
    pub position: u32,
    /// Where the document comes from.
    pub origin: Option<Origin>,
    /// `_id`, also of one that was sent without.
    pub id: Option<String>,
    /// What kind of failure it is.
    pub class: FailureClass,
    /// Status of the operation or of the request, where there was an answer.
    pub status: Option<u16>,
    /// Type of the error in the words of the cluster, such as `mapper_parsing_exception`.
    pub error_type: Option<String>,
    /// Why, in the words of the cluster where it has some.
    pub reason: String,
    /// The action line.
    pub action: Bytes,
    /// The document on one line.
    pub source: Bytes,
}

/// Kinds of failures of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The cluster does not take it: mapping, version conflict, no such index.
    Refused,
    /// It is longer than the cluster takes.
    TooLarge,
    /// The cluster failed at it each time it was sent.
    RetriesExhausted,
    /// A transform failed.
    Transform,
    /// Its bytes in the snapshot are damaged.
    Unreadable,
    /// The index keeps no `_source`.
    NoSource,
    /// Its bytes could not be fetched.
    NotFetched,
    /// A class of a later version of ferry, or of another tool.
    #[serde(other)]
    Other,
}

impl FailureClass {
    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Transform => "transform",
            Self::Unreadable => "unreadable",
            Self::NoSource => "no_source",
            Self::NotFetched => "not_fetched",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a batch could not be brought to its end: what has no verdict must be sent by a later run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// 401, 403: the credentials are not good for it, and will not become so by waiting.
    #[error("`{url}` does not allow writing to index `{index}`: {answer}")]
    Denied {
        /// The cluster.
        url: String,
        /// The index.
        index: String,
        /// Status and words of the cluster.
        answer: String,
    },
    /// The cluster, or something before it, does not take bulk requests of this form.
    #[error("`{url}` does not take bulk requests for index `{index}`: {answer}")]
    Refused {
        /// The cluster.
        url: String,
        /// The index.
        index: String,
        /// Status and words of the answer.
        answer: String,
    },
    /// The cluster took no operation of a batch for as long as is allowed.
    #[error(
        "`{url}` took none of {operations} operations on index `{index}` for {} s ({attempts} attempts): {last}",
        .waited.as_secs()
    )]
    Unavailable {
        /// The cluster.
        url: String,
        /// The index.
        index: String,
        /// Operations without verdict.
        operations: u64,
        /// Since when there was no progress.
        waited: Duration,
        /// How often the batch was sent since then.
        attempts: u32,
        /// What came of the last attempt.
        last: String,
    },
    /// The request cannot be sent, and trying again does not help.
    #[error("could not send a bulk request to `{url}`")]
    Send {
        /// The cluster.
        url: String,
        /// Why.
        #[source]
        source: SendError,
    },
    /// It was told to stop.
    #[error("stopped before the target had taken all documents that were read")]
    Cancelled,
    /// Another worker has taken the work item of the documents.
    #[error("another worker has taken the work item")]
    LeaseLost,
    /// An operation has no verdict: a defect of ferry.
    #[error(
        "{operations} operations on index `{index}` have {verdicts} verdicts: this is a defect of ferry, please report it"
    )]
    Unbalanced {
        /// The index.
        index: String,
        /// Operations of the batch.
        operations: u64,
        /// Verdicts of the batch.
        verdicts: u64,
    },
}

impl From<LeaseLost> for SinkError {
    fn from(LeaseLost: LeaseLost) -> Self {
        Self::LeaseLost
    }
}

impl SinkError {
    /// What to check, in words; `None` when the message says all there is.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Denied { .. } => Some(
                "check user and password (or the AWS credentials, region and service name), and that they may write: \
                 `indices:data/write/bulk*` and `indices:data/write/index` on this index, or the data access policy of the \
                 collection; then start again, what was written stays",
            ),
            Self::Refused { .. } => Some(
                "check the URL of the target (path, port, a proxy before it) and whether its version takes types; then \
                 start again, what was written stays",
            ),
            Self::Unavailable { .. } => Some(
                "check the health of the target (`_cluster/health`, free disk space, write blocks) and the network; then \
                 start again, what was written stays",
            ),
            Self::Send { .. } | Self::Cancelled | Self::LeaseLost | Self::Unbalanced { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::FailedClass;

    #[test]
    fn every_class_of_failures_is_one_of_the_metrics() {
        let classes = [
            FailureClass::Refused,
            FailureClass::TooLarge,
            FailureClass::RetriesExhausted,
            FailureClass::Transform,
            FailureClass::Unreadable,
            FailureClass::NoSource,
            FailureClass::NotFetched,
        ];
        for class in classes {
            assert_ne!(FailedClass::of(class.name()), FailedClass::Other, "{class}");
        }
        assert_eq!(FailedClass::of(FailureClass::Other.name()), FailedClass::Other);
    }
}
