//! Which files are meant.

use super::super::quarantine::Quarantine;
use super::super::stream::{RecordStream, record_stream};
use super::read::read_all;
use crate::error::{Access, Error, Operation, Result};
use crate::flow::MemoryBudget;
use std::cmp::Ordering;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// How deep below a folder files are looked for.
const DEEPEST: usize = 8;

/// What a file with one raw record is called.
const RAW: &str = "protocap";

/// A file, a folder, or standard input (`-`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileInput {
    /// Standard input.
    Stdin,
    /// A file, or a folder: then all files below it, by name, but for those that begin with a dot.
    Path(PathBuf),
}

impl FromStr for FileInput {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::Path(text.into()) })
    }
}

/// Files that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSource {
    pub(super) captures: Vec<Capture>,
}

/// What has one ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Capture {
    Stdin,
    File(PathBuf),
    /// Raw records of one folder.
    Raw(PathBuf, Vec<PathBuf>),
}

impl FileSource {
    /// Looks for files; those of a folder come in the order of their names, numbers in names by their value.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: a file or folder that is not there, or cannot be listed.
    pub fn find(inputs: &[FileInput]) -> Result<Self> {
        let mut captures = Vec::new();
        for input in inputs {
            match input {
                FileInput::Stdin => captures.push(Capture::Stdin),
                FileInput::Path(path) => {
                    let mut files = Vec::new();
                    list(path, 0, &mut files)?;
                    files.into_iter().for_each(|file| add(&mut captures, file));
                }
            }
        }
        Ok(Self { captures })
    }

    /// Begins to read, on a thread of its own, as long as there is memory and the stream is there. A file that cannot be read
    /// to its end is an error in the stream; the next file follows. What is no record goes into quarantine.
    ///
    /// To be called in a runtime of Tokio.
    #[must_use]
    pub fn read(self, memory: MemoryBudget, quarantine: Quarantine) -> RecordStream {
        let (sender, stream) = record_stream();
        let runtime = tokio::runtime::Handle::current();
        // It ends when the stream is dropped; what it waits for longest is standard input.
        tokio::task::spawn_blocking(move || read_all(&self, &memory, &quarantine, sender, &runtime));
        stream
    }

    /// The names of the ledgers that there will be.
    pub fn names(&self) -> impl Iterator<Item = Arc<str>> {
        self.captures.iter().map(Capture::name)
    }
}

impl Capture {
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "stdin".into(),
            Self::File(path) | Self::Raw(path, _) => path.to_string_lossy().into(),
        }
    }
}

/// Adds a file: one with a raw record to those of the same folder before it.
fn add(captures: &mut Vec<Capture>, file: PathBuf) {
    if file.extension().is_none_or(|extension| extension != RAW) {
        return captures.push(Capture::File(file));
    }
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    match captures.last_mut() {
        Some(Capture::Raw(last, files)) if *last == folder => files.push(file),
        _ => captures.push(Capture::Raw(folder, vec![file])),
    }
}

fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if !fs::metadata(path).map_err(|source| io_error(path, Operation::Read, source))?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth >= DEEPEST {
        return Ok(());
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| io_error(path, Operation::List, source))?;
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort_by(|a, b| by_name(a.as_encoded_bytes(), b.as_encoded_bytes()));
    names.into_iter().try_for_each(|name| list(&path.join(name), depth.saturating_add(1), files))
}

pub(super) fn io_error(path: &Path, operation: Operation, source: io::Error) -> Error {
    let url = path.to_string_lossy().into_owned();
    Error::Io { access: Access { operation, url, endpoint: None }, source }
}

/// Compares names; runs of digits in them as numbers.
pub(super) fn by_name(a: &[u8], b: &[u8]) -> Ordering {
    let mut parts = (parts(a), parts(b));
    loop {
        let order = match (parts.0.next(), parts.1.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) if is_digits(a) && is_digits(b) => {
                let (a, b) = (without_zeros(a), without_zeros(b));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Runs of digits, and what is between them.
fn parts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
}

fn is_digits(part: &[u8]) -> bool {
    part.first().is_some_and(u8::is_ascii_digit)
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let mut names =
            ["c-1_10.protocap", "c-1_9.protocap", "b", "c-1_09.protocap", "c-10_1.protocap", "c-1"];
        names.sort_by(|a, b| by_name(a.as_bytes(), b.as_bytes()));
        assert_eq!(
            names,
            ["b", "c-1", "c-1_09.protocap", "c-1_9.protocap", "c-1_10.protocap", "c-10_1.protocap"]
        );
    }

    #[test]
    fn raw_records_of_one_folder_are_one_capture() {
        let mut captures = Vec::new();
        for file in ["a/x_1.protocap", "a/x_2.protocap", "a/lines", "a/x_3.protocap", "b/x_1.protocap"] {
            add(&mut captures, file.into());
        }
        let raw = |folder: &str, files: &[&str]| {
            Capture::Raw(folder.into(), files.iter().map(PathBuf::from).collect())
        };
        let expected = [
            raw("a", &["a/x_1.protocap", "a/x_2.protocap"]),
            Capture::File("a/lines".into()),
            raw("a", &["a/x_3.protocap"]),
            raw("b", &["b/x_1.protocap"]),
        ];
        assert_eq!(captures, expected);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_at_once() {
        let error = FileSource::find(&["no/such/file".parse().unwrap()]).unwrap_err();
        assert_eq!(error.to_string(), "could not read `no/such/file`");
    }
}
