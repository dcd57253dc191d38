//! The file of failed documents: one JSON line for each document, or for documents that failed together.

use crate::error::{Error, Result};
use crate::ndjson::RecordFile;
use serde::Serialize;
use std::ops::Range;
use std::path::PathBuf;

/// Documents that were selected and could not be written, with the reason.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FailedDocument<'a> {
    pub(super) shard: &'a str,
    pub(super) segment: &'a str,
    /// Document numbers in the segment.
    pub(super) documents: Range<u32>,
    /// How many of them live; none where that cannot be known.
    pub(super) live: Option<u64>,
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) class: &'static str,
    pub(super) reason: String,
}

/// The file; made at the first failure.
#[derive(Debug)]
pub(super) struct FailedDocuments(RecordFile);

impl FailedDocuments {
    /// Records go to `path`; a file of an earlier run is moved aside.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        let file = RecordFile::new(path.clone()).map_err(|source| Error::FailedDocuments { path, source })?;
        Ok(Self(file))
    }

    pub(super) fn record(&self, index: &str, failed: &FailedDocument<'_>) -> Result<()> {
        #[derive(Serialize)]
        struct Record<'a> {
            index: &'a str,
            #[serde(flatten)]
            failed: &'a FailedDocument<'a>,
        }
        self.0.record(&Record { index, failed }).map_err(|source| self.error(source))
    }

    /// Brings all records to the disk; the path, if there is a record.
    pub(super) fn finish(&self) -> Result<Option<PathBuf>> {
        self.0.finish().map_err(|source| self.error(source))
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::FailedDocuments { path: self.0.path().to_owned(), source }
    }
}
