//! Files of tuples in folders and buckets, of ferry and of Java.

use crate::error::{Error, Result};
use crate::storage::{BlobInfo, BlobStore, Location, S3Options};
use bytes::Bytes;
use std::io::{self, Read};
use tokio::runtime::Handle;

/// How deep below a location files are looked for.
const DEEPEST: usize = 8;

/// Bytes that are fetched at once.
const PART: u64 = 4 << 20;

/// Files of tuples in a folder or a bucket.
#[derive(Debug)]
pub(super) struct TupleFiles {
    store: BlobStore,
    files: Vec<BlobInfo>,
}

impl TupleFiles {
    /// Finds the files of tuples below a location, or takes the one file that it names.
    pub(super) async fn open(location: &Location, options: &S3Options) -> Result<Self> {
        if let Some((parent, name)) = parent_of(location) {
            let store = BlobStore::open(&parent, options).await?;
            let mut files = store.list("").await?.blobs;
            files.retain(|blob| blob.name == name);
            if !files.is_empty() {
                return Ok(Self { store, files });
            }
        }
        let store = BlobStore::open(location, options).await.map_err(|error| match error {
            Error::NotFound { access, .. } => Error::NoTuples { url: access.url },
            error => error,
        })?;
        let mut files = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let listing = store.list(&folder).await?;
            let below =
                |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let found = listing.blobs.iter().filter(|blob| is_tuple_file(&blob.name));
            files.extend(found.map(|blob| BlobInfo { name: below(&blob.name), length: blob.length }));
            if depth < DEEPEST {
                folders.extend(listing.folders.iter().map(|name| (below(name), depth + 1)));
            }
        }
        files.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { store, files })
    }

    pub(super) fn files(&self) -> &[BlobInfo] {
        &self.files
    }

    /// Where they are, without credentials.
    pub(super) fn url(&self) -> &str {
        self.store.url()
    }

    /// A file from its start. It is fetched in parts while it is read, by a thread that may wait.
    pub(super) fn read(&self, file: &BlobInfo) -> FileReader {
        FileReader {
            store: self.store.clone(),
            path: file.name.clone(),
            length: file.length,
            at: 0,
            part: Bytes::new(),
            runtime: Handle::current(),
        }
    }
}

/// The folder and the name of a location that may be one file: a file that exists, or a key that ends like one.
fn parent_of(location: &Location) -> Option<(Location, String)> {
    match location {
        Location::File(path) if path.is_file() => {
            Some((Location::File(path.parent()?.to_owned()), path.file_name()?.to_str()?.to_owned()))
        }
        Location::S3 { bucket, prefix } => {
            let (folder, name) = prefix.rsplit_once('/').unwrap_or(("", prefix));
            let parent = Location::S3 { bucket: bucket.clone(), prefix: folder.to_owned() };
            is_tuple_file(name).then(|| (parent, name.to_owned()))
        }
        Location::File(_) => None,
    }
}

/// Files of ferry, and those of Java, whose folders have logs of other things too.
fn is_tuple_file(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.ends_with(".ndjson")
        || name.ends_with(".jsonl")
        || (name.ends_with(".log") && name.contains("tuples"))
}

/// The bytes of one file.
#[derive(Debug)]
pub(super) struct FileReader {
    store: BlobStore,
    path: String,
    length: u64,
    at: u64,
    part: Bytes,
    runtime: Handle,
}

impl Read for FileReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if self.part.is_empty() && self.at < self.length {
            let end = self.length.min(self.at.saturating_add(PART));
            let part = self.runtime.block_on(self.store.read_range(&self.path, self.at..end));
            self.part = part.map_err(|error| io::Error::other(crate::error::chain(&error)))?;
            self.at = end;
        }
        let length = output.len().min(self.part.len());
        let part = self.part.split_to(length);
        if let Some(output) = output.get_mut(..length) {
            output.copy_from_slice(&part);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_ferry_and_of_java_are_told_from_others() {
        for (name, expected) in [
            ("topic-0-0-99.ndjson.gz", true),
            ("a.ndjson", true),
            ("tuples-2026-01-01-00-00UTC-001.log.gz", true),
            ("tuples.log", true),
            ("progress-1.log.gz", false),
            ("a.ndjson.gz.unfinished", false),
            ("a.csv", false),
        ] {
            assert_eq!(is_tuple_file(name), expected, "{name}");
        }
    }
}
