//! The file of differences: one JSON line for each document, or for documents that could not be read together.

use super::error::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
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

/// The file; made at the first difference.
#[derive(Debug)]
pub(super) struct Differences {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<BufWriter<File>>,
    examples: Vec<Record>,
}

impl Differences {
    /// Records go to `path`. A file of an earlier run would be mistaken for this run's, so it is moved aside.
    /// What is no regular file, such as a pipe or `/dev/null`, stays where it is.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        if path.is_file() {
            let mut aside = path.clone().into_os_string();
            aside.push(".old");
            std::fs::rename(&path, aside)
                .map_err(|source| Error::Differences { path: path.clone(), source })?;
        }
        Ok(Self { path, state: Mutex::default() })
    }

    pub(super) fn record(&self, record: Record) -> Result<()> {
        let error = |source| Error::Differences { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&record).map_err(|source| error(source.into()))?;
        line.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.examples.len() < EXAMPLES {
            state.examples.push(record);
        }
        let file = match &mut state.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(File::create(&self.path).map_err(error)?)),
        };
        file.write_all(&line).map_err(error)
    }

    /// Brings all records to the disk; the path, if there is a record, and the first records.
    pub(super) fn finish(&self) -> Result<(Option<PathBuf>, Vec<Record>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let examples = std::mem::take(&mut state.examples);
        let Some(mut file) = state.file.take() else { return Ok((None, examples)) };
        let is_regular = self.path.is_file();
        file.flush()
            .and_then(|()| if is_regular { file.get_ref().sync_all() } else { Ok(()) })
            .map_err(|source| Error::Differences { path: self.path.clone(), source })?;
        Ok((Some(self.path.clone()), examples))
    }
}
