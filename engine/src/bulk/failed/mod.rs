//! Documents that failed: recorded before the run goes on, listed, and sent again.
//!
//! One line of JSON a document, in files `session=<s>/worker=<w>/failed-documents-<run>-<number>.ndjson.gz` of a folder or a
//! bucket. A run that is repeated after a crash may record a document again: what is the same document counts once.

mod java;
mod reader;
mod record;
mod retry;
mod summary;
mod writer;

pub use reader::{BadRecord, FailedFile, FailedFiles};
pub use record::{FailedError, FailedRecord};
pub use retry::{Failure, RetryError, RetryReport, RetrySettings, retry};
pub use summary::{FailedRow, FailedSummary, Filter, Selection, select, summarize};
pub use writer::{FailedDocuments, FailedOptions};
