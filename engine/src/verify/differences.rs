//! The file of differences: one JSON line for each document, or for documents that could not be read together.

use super::error::{Error, Result};
use crate::ndjson::RecordFile;
use serde::Serialize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Differences that the report itself shows.
const EXAMPLES: usize = 10;

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The target does not have it.
    Missing,
    /// The target has it with another `_source`, routing or parent.
    Different,
    /// The target has it, the source does not.
    Extra,
    /// It cannot be read from the source.
    Unreadable,
}

/// One difference. Values are excerpts of at most some 200 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// What is wrong.
    pub kind: Kind,
    /// The index in the target.
    pub index: String,
    /// The document's `_id`; none for documents whose id cannot be read.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its type, where the source has types.
    #[serde(rename = "_type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Its routing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
    /// Where it differs: a JSON pointer into `_source`, or `/_routing` or `/_parent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What the source has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What the target has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// More in words, such as why the target or the source does not give the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shard of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Segment of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Document numbers in the segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Range<u32>>,
}

impl Record {
    /// A difference of which only the kind and the index are known.
    pub(super) fn new(kind: Kind, index: &str) -> Self {
        Self {
            kind,
            index: index.to_owned(),
            id: None,
            type_name: None,
            routing: None,
            pointer: None,
            expected: None,
            found: None,
            reason: None,
            shard: None,
            segment: None,
            documents: None,
        }
    }
}

/// The file, made at the first difference, and the first differences.
#[derive(Debug)]
pub(super) struct Differences {
    file: RecordFile,
    examples: Mutex<Vec<Record>>,
}

impl Differences {
    /// Records go to `path`; a file of an earlier run is moved aside.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        let file = RecordFile::new(path.clone()).map_err(|source| Error::Differences { path, source })?;
        Ok(Self { file, examples: Mutex::default() })
    }

    pub(super) fn record(&self, record: Record) -> Result<()> {
        self.file.record(&record).map_err(|source| self.error(source))?;
        let mut examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        if examples.len() < EXAMPLES {
            examples.push(record);
        }
        Ok(())
    }

    /// Brings all records to the disk; the path, if there is a record, and the first records.
    pub(super) fn finish(&self) -> Result<(Option<PathBuf>, Vec<Record>)> {
        let examples = std::mem::take(&mut *self.examples.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((self.file.finish().map_err(|source| self.error(source))?, examples))
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Differences { path: self.file.path().to_owned(), source }
    }
}
