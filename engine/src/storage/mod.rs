//! Where repositories lie: folders and S3 buckets, behind one [`BlobStore`].
//!
//! A blob is addressed by its path below the location of the repository, such as `indices/abc/0/__xyz`. Paths
//! come out of the metadata of snapshots and are not trusted: one that leaves the repository is refused.

mod counters;
mod fs;
mod location;
mod ranges;
mod retry;
mod s3;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

pub use counters::{Counter, Counters};
pub use fs::FsStore;
pub use location::Location;
pub use s3::{S3Options, S3Timeouts};

use crate::error::{Access, Error, Operation, Result};
use s3::S3Store;

/// A repository, or another place, that blobs can be listed, read and written in. Cheap to clone; clones share connections, limits and counters.
#[derive(Debug, Clone)]
pub struct BlobStore(Backend);

#[derive(Debug, Clone)]
enum Backend {
    Fs(Arc<FsStore>),
    S3(Arc<S3Store>),
}

/// What is in a folder, not in the folders below it; both lists are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The blobs.
    pub blobs: Vec<BlobInfo>,
    /// The names of the folders.
    pub folders: Vec<String>,
}

/// A blob of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Name inside its folder.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
}

impl BlobStore {
    /// Opens a repository. `options` are for S3 and ignored for folders.
    ///
    /// A folder must exist. For S3 the region is found, but no request is sent to the bucket: the first listing
    /// or read shows whether credentials, bucket and permissions are right.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] or [`Error::AccessDenied`] for the folder; [`Error::NoRegion`] and
    /// [`Error::InvalidOption`] for S3.
    pub async fn open(location: &Location, options: &S3Options) -> Result<Self> {
        match location {
            Location::File(root) => {
                let root = root.clone();
                let access = Access { operation: Operation::Open, url: location.to_string(), endpoint: None };
                let store = blocking(access, move || FsStore::open(root)).await?;
                Ok(Self(Backend::Fs(Arc::new(store))))
            }
            Location::S3 { bucket, prefix } => {
                let store = S3Store::open(bucket, prefix, options).await?;
                Ok(Self(Backend::S3(Arc::new(store))))
            }
        }
    }

    /// Opens a location to write to: as [`BlobStore::open`], but a folder that does not exist is made.
    ///
    /// # Errors
    ///
    /// Those of [`BlobStore::open`], and [`Error::Io`] when the folder cannot be made.
    pub async fn create(location: &Location, options: &S3Options) -> Result<Self> {
        if let Location::File(root) = location {
            let root = root.clone();
            let access = Access { operation: Operation::Write, url: location.to_string(), endpoint: None };
            blocking(access.clone(), move || FsStore::make(&root, access)).await?;
        }
        Self::open(location, options).await
    }

    /// Writes a whole blob, so that it is there with all its bytes, also after a loss of power, or not at all. One of
    /// this name is replaced; two that write one name at once leave one of both.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`], and all that concern access to the storage.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        match &self.0 {
            Backend::Fs(store) => {
                let (store, path) = (Arc::clone(store), path.to_owned());
                blocking(store.access(Operation::Write, &path), move || store.put(&path, &bytes)).await
            }
            Backend::S3(store) => store.put(path, bytes).await,
        }
    }

    /// The blobs and folders in a folder; the empty name is the repository itself.
    ///
    /// A folder that does not exist is empty: object stores have no folders.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a bucket that does not exist, and all that concern access to the storage.
    pub async fn list(&self, folder: &str) -> Result<Listing> {
        match &self.0 {
            Backend::Fs(store) => {
                let (store, folder) = (Arc::clone(store), folder.to_owned());
                blocking(store.access(Operation::List, &folder), move || store.list(&folder)).await
            }
            Backend::S3(store) => store.list(folder).await,
        }
    }

    /// A whole blob of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for a longer one, [`Error::NotFound`], and all that concern access to the storage.
    pub async fn read(&self, path: &str, limit: u64) -> Result<Bytes> {
        match &self.0 {
            Backend::Fs(store) => {
                let (store, path) = (Arc::clone(store), path.to_owned());
                blocking(store.access(Operation::Read, &path), move || store.read(&path, limit)).await
            }
            Backend::S3(store) => store.read(path, limit).await,
        }
    }

    /// Exactly these bytes of a blob.
    ///
    /// Memory is used for what the blob has, not for what the range says.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`] when the blob ends before the range does, [`Error::Changed`] when the blob is not
    /// the one that an earlier range came from, [`Error::NotFound`], and all that concern access to the storage.
    pub async fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        match &self.0 {
            Backend::Fs(store) => {
                let (store, path) = (Arc::clone(store), path.to_owned());
                let access = store.access(Operation::ReadRange(range.clone()), &path);
                blocking(access, move || store.read_range(&path, range)).await
            }
            Backend::S3(store) => store.read_range(path, range).await,
        }
    }

    /// Exactly the bytes of each range, in the order of the ranges, which may be any.
    ///
    /// Ranges that lie close together are read by one request: at most 4 KiB apart in a folder, 512 KiB in S3, up
    /// to 8 MiB a request. The bytes of such ranges share memory, which holds the bytes between them too. The
    /// requests of one call run side by side.
    ///
    /// # Errors
    ///
    /// Those of [`BlobStore::read_range`]; they name the range of the request.
    pub async fn read_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match &self.0 {
            Backend::Fs(store) => {
                let (store, path, ranges) = (Arc::clone(store), path.to_owned(), ranges.to_vec());
                blocking(store.access(Operation::Read, &path), move || store.read_ranges(&path, &ranges))
                    .await
            }
            Backend::S3(store) => store.read_ranges(path, ranges).await,
        }
    }

    /// The folder behind this storage, when it is one: its functions block, but save the way to another thread and
    /// back, and leave the bytes in the cache of the core that decodes them. S3 has nothing alike: it waits.
    #[must_use]
    pub fn as_fs(&self) -> Option<&FsStore> {
        match &self.0 {
            Backend::Fs(store) => Some(store),
            Backend::S3(_) => None,
        }
    }

    /// The location as URL without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        match &self.0 {
            Backend::Fs(store) => store.url(),
            Backend::S3(store) => store.url(),
        }
    }

    /// How much was read since this storage was opened, by all clones.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        match &self.0 {
            Backend::Fs(store) => store.counters(),
            Backend::S3(store) => store.counters(),
        }
    }
}

/// Runs code that blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    access: Access,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The runtime is shutting down.
        Err(error) => Err(Error::Io { access, source: std::io::Error::other(error) }),
    }
}

/// Refuses a path that is not below the repository or not that of a blob.
fn check_blob(path: &str, access: impl Fn() -> Access) -> Result<()> {
    let is_name = |name: &str| !matches!(name, "" | "." | "..");
    if path.split('/').all(is_name) && !path.contains('\0') {
        return Ok(());
    }
    let reason = "a path in a repository is made of names with one `/` between them, without `.` and `..`";
    Err(Error::InvalidPath { access: access(), reason })
}

/// Refuses a folder that is not below the repository; the empty path is the repository itself.
fn check_folder(folder: &str, access: impl Fn() -> Access) -> Result<()> {
    if folder.is_empty() { Ok(()) } else { check_blob(folder, access) }
}

fn check_range(range: &Range<u64>, access: impl Fn() -> Access) -> Result<()> {
    if range.start <= range.end {
        return Ok(());
    }
    Err(Error::InvalidPath { access: access(), reason: "the range ends before it starts" })
}

/// The URL or key of a path below a location.
fn join(location: &str, path: &str) -> String {
    match (location, path) {
        ("", path) => path.to_owned(),
        (location, "") => location.to_owned(),
        (location, path) => format!("{location}/{path}"),
    }
}
