//! Documents into a cluster, in bulk requests, with one verdict an operation.
//!
//! [`BatchBuilder`] makes [`BulkBatch`]es of documents of one index; [`BulkSink::send`] brings one to the cluster and
//! returns when each of its operations is indexed or has failed for good; [`FailedDocuments`] keeps those that failed.

mod batch;
mod failed;
mod outcome;
mod sending;
mod settings;
mod sink;
mod verdict;
mod writer;

pub use batch::{BatchBuilder, BatchLimits, BulkBatch, Origin};
pub use failed::{
    BadRecord, FailedDocuments, FailedError, FailedFile, FailedFiles, FailedOptions, FailedRecord, FailedRow,
    FailedSummary, Failure, Filter, RetryError, RetryReport, RetrySettings, Selection, retry, select,
    summarize,
};
pub use outcome::{BatchOutcome, FailedOperation, FailureClass, SinkError};
pub use settings::{PathForm, SinkSettings, request_limit};
pub use sink::{BulkSink, SinkCounters};
pub use writer::OperationWriter;
