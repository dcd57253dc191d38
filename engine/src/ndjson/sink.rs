//! Where lines go.

use super::batch::LineBatch;
use super::files::{Encoded, FileOptions, IndexFiles, LineCompression};
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines shall go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineTarget {
    /// Files under `DIR/<index>/`.
    Directory(PathBuf),
    /// Standard output, in one stream.
    Stdout,
    /// Nowhere: every line is built and thrown away, for measuring.
    Null,
}

impl FromStr for LineTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "-" => Ok(Self::Stdout),
            "null:" => Ok(Self::Null),
            _ => match text.strip_prefix("ndjson:") {
                Some("") => Err("`ndjson:` needs a directory after it".to_owned()),
                Some("-") => Ok(Self::Stdout),
                Some(directory) => Ok(Self::Directory(PathBuf::from(directory))),
                None => Err("expected `ndjson:DIR`, `-` for standard output, or `null:`".to_owned()),
            },
        }
    }
}

/// Takes batches of lines, from several threads at once.
#[derive(Debug)]
pub struct LineSink {
    target: LineTarget,
    options: FileOptions,
    stdout: Mutex<io::Stdout>,
}

/// The part of a sink that takes the lines of one index.
#[derive(Debug)]
pub struct IndexSink {
    sink: Arc<LineSink>,
    files: Option<Mutex<IndexFiles>>,
}

impl LineSink {
    /// A sink for this target.
    #[must_use]
    pub fn new(target: LineTarget, options: FileOptions) -> Arc<Self> {
        Arc::new(Self { target, options, stdout: Mutex::new(io::stdout()) })
    }

    /// The directory of the files, where there is one.
    #[must_use]
    pub fn directory(&self) -> Option<&PathBuf> {
        match &self.target {
            LineTarget::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Opens the part for one index.
    ///
    /// Fails when the folder cannot be made, or has lines of an earlier run.
    pub fn index(self: &Arc<Self>, index: &str) -> io::Result<IndexSink> {
        let files = match &self.target {
            LineTarget::Directory(directory) => {
                Some(Mutex::new(IndexFiles::create(directory, index, self.options)?))
            }
            LineTarget::Stdout | LineTarget::Null => None,
        };
        Ok(IndexSink { sink: Arc::clone(self), files })
    }
}

impl IndexSink {
    /// Whether writing may wait for a disk or a pipe.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.sink.target != LineTarget::Null
    }

    /// Writes a batch and waits until the operating system has it. Blocks; compression runs on the caller's thread.
    pub fn write(&self, batch: &LineBatch) -> io::Result<()> {
        match (&self.sink.target, &self.files) {
            (LineTarget::Null, _) => Ok(()),
            (_, Some(files)) => {
                let encoded = Encoded::new(batch, self.sink.options.compression)?;
                files.lock().unwrap_or_else(PoisonError::into_inner).append(&encoded)
            }
            (_, None) => {
                let encoded = Encoded::new(batch, self.sink.options.compression)?;
                let mut stdout = self.sink.stdout.lock().unwrap_or_else(PoisonError::into_inner);
                encoded.write_to(&mut *stdout)?;
                stdout.flush()
            }
        }
    }

    /// Closes the files of the index.
    pub fn finish(&self) -> io::Result<()> {
        match &self.files {
            Some(files) => files.lock().unwrap_or_else(PoisonError::into_inner).finish(),
            None => Ok(()),
        }
    }
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { compression: LineCompression::None, rotate_bytes: 1 << 30, overwrite: false }
    }
}
