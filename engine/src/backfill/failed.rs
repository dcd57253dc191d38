//! The file of failed documents: one JSON line for each document, or for documents that failed together.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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
pub(super) struct FailedDocuments {
    path: PathBuf,
    file: Mutex<Option<BufWriter<File>>>,
}

impl FailedDocuments {
    /// Records go to `path`. A file of an earlier run would be mistaken for this run's, so it is moved aside.
    /// What is no regular file, such as a pipe or `/dev/null`, stays where it is.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        if path.is_file() {
            let mut aside = path.clone().into_os_string();
            aside.push(".old");
            std::fs::rename(&path, aside).map_err(|source| Self::error(&path, source))?;
        }
        Ok(Self { path, file: Mutex::new(None) })
    }

    pub(super) fn record(&self, index: &str, failed: &FailedDocument<'_>) -> Result<()> {
        #[derive(Serialize)]
        struct Record<'a> {
            index: &'a str,
            #[serde(flatten)]
            failed: &'a FailedDocument<'a>,
        }
        let mut line = serde_json::to_vec(&Record { index, failed })
            .map_err(|error| Self::error(&self.path, std::io::Error::from(error)))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = || -> std::io::Result<()> {
            let file = match &mut *file {
                Some(file) => file,
                none => {
                    if let Some(folder) = self.path.parent() {
                        std::fs::create_dir_all(folder)?;
                    }
                    none.insert(BufWriter::new(File::create(&self.path)?))
                }
            };
            file.write_all(&line)
        };
        write().map_err(|source| Self::error(&self.path, source))
    }

    /// Brings all records to the disk; the path, if there is a record.
    pub(super) fn finish(&self) -> Result<Option<&Path>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut file) = file.take() else { return Ok(None) };
        let finish = file.flush().and_then(|()| file.get_ref().sync_all());
        finish.map_err(|source| Self::error(&self.path, source))?;
        Ok(Some(&self.path))
    }

    fn error(path: &Path, source: std::io::Error) -> Error {
        Error::FailedDocuments { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("ferry-failed-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_of_an_earlier_run_is_moved_aside() {
        let folder = folder("aside");
        let path = folder.join("failed.ndjson");
        std::fs::write(&path, "before").unwrap();
        FailedDocuments::new(path.clone()).unwrap();
        assert!(!path.exists());
        assert_eq!(std::fs::read_to_string(folder.join("failed.ndjson.old")).unwrap(), "before");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_device_is_not_moved() {
        let folder = folder("device");
        let path = folder.join("null"); // A link: what a mistake would move is the link, not the device.
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        FailedDocuments::new(path.clone()).unwrap();
        assert!(path.is_symlink());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
