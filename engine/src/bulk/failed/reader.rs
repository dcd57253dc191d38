//! Reads records back, those of the Java migrator too.

use super::record::FailedRecord;
use crate::error::Result;
use crate::storage::{BlobStore, Location, S3Options};
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader};

/// A line is no longer, in bytes.
const LONGEST_LINE: usize = 128 << 20;

/// A file is no longer, in bytes as stored.
const LONGEST_FILE: u64 = 1 << 30;

/// How deep below the location files are looked for.
const DEEPEST: usize = 8;

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("`{file}` line {line}: {reason}")]
pub struct BadRecord {
    /// The file, below the location.
    pub file: String,
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// The files of failed documents in a folder or a bucket.
#[derive(Debug)]
pub struct FailedFiles {
    store: BlobStore,
    paths: Vec<String>,
}

impl FailedFiles {
    /// Finds all files `*.ndjson.gz` and `*.ndjson` below a location; a location in a folder can be one file too.
    ///
    /// # Errors
    ///
    /// Those of [`BlobStore::open`] and [`BlobStore::list`].
    pub async fn open(location: &Location, options: &S3Options) -> Result<Self> {
        if let Location::File(path) = location
            && path.is_file()
            && let (Some(folder), Some(name)) =
                (path.parent(), path.file_name().and_then(|name| name.to_str()))
        {
            let store = BlobStore::open(&Location::File(folder.to_owned()), options).await?;
            return Ok(Self { store, paths: vec![name.to_owned()] });
        }
        let store = BlobStore::open(location, options).await?;
        let mut paths = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let listing = store.list(&folder).await?;
            let below =
                |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let files = listing.blobs.iter().map(|blob| blob.name.as_str());
            paths.extend(files.filter(|name| is_record_file(name)).map(below));
            if depth < DEEPEST {
                folders.extend(listing.folders.iter().map(|name| (below(name), depth.saturating_add(1))));
            }
        }
        paths.sort_unstable();
        Ok(Self { store, paths })
    }

    /// The files, below the location.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Where they are, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        self.store.url()
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Those of [`BlobStore::read`].
    pub async fn read(&self, path: &str) -> Result<FailedFile> {
        let bytes = self.store.read(path, LONGEST_FILE).await?;
        Ok(FailedFile::new(path, bytes, LONGEST_LINE))
    }
}

fn is_record_file(name: &str) -> bool {
    name.ends_with(".ndjson.gz") || name.ends_with(".ndjson")
}

/// One file of records.
pub struct FailedFile {
    path: String,
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
    longest: usize,
}

impl FailedFile {
    fn new(path: &str, bytes: Bytes, longest: usize) -> Self {
        let reader: Box<dyn BufRead + Send> = if bytes.starts_with(b"\x1F\x8B") {
            Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(bytes.reader())))
        } else {
            Box::new(bytes.reader())
        };
        Self { path: path.to_owned(), reader, line: Vec::new(), number: 0, longest }
    }

    /// The next record; one line of memory is held.
    pub fn next_record(&mut self) -> Option<Result<FailedRecord<'_>, BadRecord>> {
        loop {
            self.number = self.number.saturating_add(1);
            match self.read_line() {
                Ok(false) => return None,
                Ok(true) if self.line.trim_ascii().is_empty() => {}
                Ok(true) => break,
                Err(error) => {
                    self.reader = Box::new(io::empty()); // Nothing behind it can be trusted.
                    return Some(Err(self.bad(error.to_string())));
                }
            }
        }
        if self.line.len() > self.longest {
            self.line = Vec::new();
            return Some(Err(self.bad(format!("the line has more than {} bytes", self.longest))));
        }
        let parsed = std::str::from_utf8(&self.line)
            .map_err(|error| error.to_string())
            .and_then(|line| FailedRecord::parse(line).map_err(|error| error.to_string()));
        Some(parsed.map_err(|reason| self.bad(reason)))
    }

    fn bad(&self, reason: String) -> BadRecord {
        BadRecord { file: self.path.clone(), line: self.number, reason }
    }

    /// Reads a line into `line`, a byte more than allowed of one that is too long; whether there is one.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut is_any = false;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Ok(is_any);
            }
            is_any = true;
            let newline = memchr::memchr(b'\n', available);
            let part = available.get(..newline.unwrap_or(available.len())).unwrap_or_default();
            let room = self.longest.saturating_add(1).saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = newline.map_or(available.len(), |newline| newline.saturating_add(1));
            self.reader.consume(used);
            if newline.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: Vec<u8>, longest: usize) -> Vec<Result<String, BadRecord>> {
        let mut file = FailedFile::new("f.ndjson.gz", Bytes::from(bytes), longest);
        let mut records = Vec::new();
        while let Some(record) = file.next_record() {
            records.push(record.map(|record| record.index.into_owned()));
        }
        records
    }

    fn bad(line: u64, reason: &str) -> Result<String, BadRecord> {
        Err(BadRecord { file: "f.ndjson.gz".to_owned(), line, reason: reason.to_owned() })
    }

    const A: &str = "{\"index\":\"a\",\"class\":\"refused\"}\n";
    const B: &str = "{\"index\":\"b\",\"class\":\"refused\"}";

    #[test]
    fn a_bad_line_is_named_and_the_next_ones_are_read() {
        let text = format!("{A}\nnonsense\n{{\"class\":\"refused\"}}\n{B}");
        let expected = [
            Ok("a".to_owned()),
            bad(3, "expected ident at line 1 column 2"),
            bad(4, "missing field `index` at line 1 column 19"),
            Ok("b".to_owned()),
        ];
        assert_eq!(all(text.clone().into_bytes(), 1000), expected);
        assert_eq!(all(gzip(&text), 1000), expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let text = format!("{A}{}\n{B}\n", "x".repeat(100_000));
        let expected = [Ok("a".to_owned()), bad(2, "the line has more than 40 bytes"), Ok("b".to_owned())];
        assert_eq!(all(gzip(&text), 40), expected);
    }

    #[test]
    fn members_of_gzip_that_follow_each_other_are_one_file_and_a_cut_is_reported() {
        let whole = [gzip(A), gzip(B)].concat();
        assert_eq!(all(whole.clone(), 1000), [Ok("a".to_owned()), Ok("b".to_owned())]);
        let cut = all(whole[..whole.len() - 12].to_vec(), 1000);
        assert_eq!(cut.len(), 2);
        assert!(matches!(&cut[1], Err(BadRecord { line: 2, .. })), "{cut:?}");
    }
}
