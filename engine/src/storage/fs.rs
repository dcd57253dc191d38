//! A repository in a folder: local disk, or a network file system that is mounted.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;

use super::counters::{Counter, Counters};
use super::ranges::{self, Merged, Merging};
use super::{BlobInfo, Listing, Location};
use crate::error::{Access, Cause, Error, Operation, Result};

/// How many files stay open for the next range of them.
const OPEN_FILES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// How the name of a file ends that is still being written.
const UNFINISHED: &str = ".unfinished";

/// A gap of a page costs less than a system call.
const MERGING: Merging = Merging { gap: 4 << 10, longest: 8 << 20 };

/// A repository in a folder. Its functions block: call them where that is allowed, such as a rayon thread.
///
/// Ranges are read with `pread` straight into a buffer of their own that is not zeroed before, from files that
/// stay open: about a microsecond and one copy out of the page cache for a range. Files are not mapped into
/// memory: a file that shrinks would kill the process.
#[derive(Debug)]
pub struct FsStore {
    root: PathBuf,
    url: String,
    files: Mutex<LruCache<String, Arc<OpenFile>>>,
    counters: Counters,
}

/// An open file and its length when it was opened.
#[derive(Debug)]
struct OpenFile {
    file: File,
    length: u64,
}

impl FsStore {
    /// Opens the folder; it must exist.
    pub(super) fn open(root: PathBuf) -> Result<Self> {
        let url = Location::File(root.clone()).to_string();
        let store =
            Self { root, url, files: Mutex::new(LruCache::new(OPEN_FILES)), counters: Counters::default() };
        let access = || store.access(Operation::Open, "");
        let metadata = std::fs::metadata(&store.root).map_err(|error| failed(access(), error))?;
        if !metadata.is_dir() {
            let cause = Box::new(Cause::Unexpected("it is not a folder".to_owned()));
            return Err(Error::NotFound { access: access(), cause });
        }
        Ok(store)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What an error says about an operation on a blob or folder.
    pub(super) fn access(&self, operation: Operation, path: &str) -> Access {
        Access { operation, url: super::join(&self.url, path), endpoint: None }
    }

    /// The files and folders in a folder, sorted by name; a folder that does not exist is empty, as in S3.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`], [`Error::AccessDenied`], [`Error::Io`].
    pub fn list(&self, folder: &str) -> Result<Listing> {
        let access = || self.access(Operation::List, folder);
        super::check_folder(folder, access)?;
        self.counters.list.add_request();
        match self.list_entries(folder) {
            Ok(listing) => Ok(listing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Listing::default()),
            Err(error) => Err(failed(access(), error)),
        }
    }

    fn list_entries(&self, folder: &str) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in std::fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                tracing::warn!(file = %entry.path().display(), "no blob has a name like this, file ignored");
                continue;
            };
            // Follows links: a repository can be put together from several disks.
            match std::fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_dir() => listing.folders.push(name),
                Ok(metadata) => listing.blobs.push(BlobInfo { name, length: metadata.len() }),
                // Deleted meanwhile, or a link to nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        listing.blobs.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        listing.folders.sort_unstable();
        Ok(listing)
    }

    /// A whole file of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`], [`Error::NotFound`], [`Error::TooLarge`], [`Error::WrongLength`] when the file
    /// shrinks meanwhile, [`Error::AccessDenied`], [`Error::Io`].
    pub fn read(&self, path: &str, limit: u64) -> Result<Bytes> {
        let access = || self.access(Operation::Read, path);
        super::check_blob(path, access)?;
        let OpenFile { file, length } = self.open_file(path, access)?;
        if length > limit {
            return Err(Error::TooLarge { access: access(), length, limit });
        }
        read_exactly(&file, 0..length, access, &self.counters.read)
    }

    /// Makes the folder of a location to write to, with those above it.
    pub(super) fn make(root: &Path, access: Access) -> Result<()> {
        std::fs::create_dir_all(root).map_err(|error| failed(access, error))
    }

    /// Writes a whole file: under another name first, which is changed when all is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`], [`Error::AccessDenied`], [`Error::Io`].
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let access = || self.access(Operation::Write, path);
        super::check_blob(path, access)?;
        self.counters.write.add_request();
        self.forget(path);
        self.put_file(path, bytes).map_err(|error| failed(access(), error))?;
        self.counters.write.add_bytes(bytes.len());
        Ok(())
    }

    fn put_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let finished = self.root.join(path);
        let folder = finished.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)?;
        let unfinished = folder.join(format!(".{:016x}{UNFINISHED}", rand::random::<u64>()));
        let mut file = File::create_new(&unfinished)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&unfinished, &finished));
        if written.is_err() {
            let _ = std::fs::remove_file(&unfinished); // The cause is reported; the name says what it is.
            return written;
        }
        // The new names too: of the file, and of folders that were made for it.
        let mut folders = folder.ancestors().take_while(|folder| folder.starts_with(&self.root));
        folders.try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Exactly these bytes of a file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`], [`Error::NotFound`], [`Error::WrongLength`] when the file ends before,
    /// [`Error::AccessDenied`], [`Error::Io`].
    pub fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let access = || self.access(Operation::ReadRange(range.clone()), path);
        super::check_blob(path, access)?;
        super::check_range(&range, access)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let open = self.kept_open(path, access)?;
        if range.end > open.length {
            let found = open.length.saturating_sub(range.start);
            return Err(Error::WrongLength {
                access: access(),
                expected: range.end - range.start,
                found,
                attempts: 1,
            });
        }
        read_exactly(&open.file, range.clone(), access, &self.counters.read_range)
            .inspect_err(|_| self.forget(path)) // A network file system may have a new file under this name.
    }

    /// Exactly the bytes of each range, in the order of the ranges. Ranges at most 4 KiB apart are read together.
    ///
    /// # Errors
    ///
    /// Those of [`FsStore::read_range`].
    pub fn read_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for range in ranges {
            super::check_range(range, || self.access(Operation::ReadRange(range.clone()), path))?;
        }
        let read_merged =
            |merged: Merged| self.read_range(path, merged.range.clone()).map(|bytes| (merged, bytes));
        let read = MERGING.merge(ranges).into_iter().map(read_merged).collect::<Result<Vec<_>>>()?;
        Ok(ranges::split(ranges, &read))
    }

    /// The open file of a blob, from the files that are kept open if it is there.
    fn kept_open(&self, path: &str, access: impl Fn() -> Access) -> Result<Arc<OpenFile>> {
        // Poison is of no concern: no code that could panic runs while the lock is held.
        if let Some(open) = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(self.open_file(path, access)?);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.put(path.to_owned(), Arc::clone(&open));
        Ok(open)
    }

    fn forget(&self, path: &str) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).pop(path);
    }

    fn open_file(&self, path: &str, access: impl Fn() -> Access) -> Result<OpenFile> {
        let open = || -> io::Result<(File, Metadata)> {
            let file = File::open(self.root.join(path))?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        let (file, metadata) = open().map_err(|error| failed(access(), error))?;
        if metadata.is_dir() {
            let cause = Box::new(Cause::Unexpected("it is a folder".to_owned()));
            return Err(Error::NotFound { access: access(), cause });
        }
        Ok(OpenFile { file, length: metadata.len() })
    }
}

/// Reads a range that was checked against the length of the file.
fn read_exactly(
    file: &File,
    range: Range<u64>,
    access: impl Fn() -> Access,
    counter: &Counter,
) -> Result<Bytes> {
    counter.add_request();
    let expected = range.end.saturating_sub(range.start);
    let out_of_memory = || failed(access(), io::ErrorKind::OutOfMemory.into());
    let length = usize::try_from(expected).map_err(|_| out_of_memory())?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).map_err(|_| out_of_memory())?;
    let mut position = range.start;
    while position < range.end {
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), position) {
            Ok(0) => {
                let found = position.saturating_sub(range.start);
                return Err(Error::WrongLength { access: access(), expected, found, attempts: 1 });
            }
            Ok(count) => position = position.saturating_add(count as u64),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(access(), error.into())),
        }
    }
    buffer.truncate(length); // The allocator may have given more, and `pread` filled it.
    counter.add_bytes(length);
    Ok(buffer.into())
}

fn failed(access: Access, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::NotFound { access, cause: Box::new(error.into()) }
        }
        io::ErrorKind::PermissionDenied => Error::AccessDenied { access, cause: Box::new(error.into()) },
        _ => Error::Io { access, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not with a file: root may read all.
    #[test]
    fn a_refusal_of_the_system_is_access_denied_and_says_what_to_check() {
        let access =
            Access { operation: Operation::Read, url: "file:///repo/index-0".to_owned(), endpoint: None };
        let error = failed(access, io::Error::from_raw_os_error(13));
        assert!(matches!(error, Error::AccessDenied { .. }));
        assert_eq!(error.to_string(), "could not read `file:///repo/index-0`: access denied");
        assert_eq!(error.hint().unwrap(), "check the permissions of the file and of the folders above it");
    }
}
