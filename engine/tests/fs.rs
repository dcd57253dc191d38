//! Repositories in a folder.
#![expect(clippy::unwrap_used, reason = "a wrong assumption of a test fails that test")]

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use engine::Error;
use engine::storage::{BlobInfo, BlobStore, Listing, Location, S3Options};

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";

/// A folder that is deleted at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ferry-fs-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, name: &str, content: &str) -> Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    async fn open(&self) -> BlobStore {
        open(&self.0).await.unwrap()
    }

    /// An error with its cause, without the path of this folder.
    fn shown(&self, error: &Error) -> (String, String) {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        (error.to_string().replace(self.0.to_str().unwrap(), "/repo"), cause)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn open(path: &Path) -> engine::Result<BlobStore> {
    BlobStore::open(&Location::File(path.to_owned()), &S3Options::default()).await
}

fn blob(name: &str, length: u64) -> BlobInfo {
    BlobInfo { name: name.to_owned(), length }
}

#[tokio::test]
async fn blobs_and_ranges_of_them_are_read() {
    let folder = Folder::new("read").with("indices/a/__b", ALPHABET).with("empty", "");
    let store = folder.open().await;
    assert_eq!(store.read("indices/a/__b", 26).await.unwrap(), ALPHABET);
    assert_eq!(store.read("empty", 0).await.unwrap(), "");
    assert_eq!(store.read_range("indices/a/__b", 10..26).await.unwrap(), "klmnopqrstuvwxyz");
    assert_eq!(store.read_range("indices/a/__b", 7..7).await.unwrap(), "");
    let parts = store.read_ranges("indices/a/__b", &[20..26, 0..3, 2..5, 9..9]).await.unwrap();
    assert_eq!(parts, ["uvwxyz", "abc", "cde", ""]);
}

#[tokio::test]
async fn counters_say_how_much_was_read() {
    let folder = Folder::new("counters").with("blob", &ALPHABET.repeat(1000));
    let store = folder.open().await;
    store.read("blob", 26_000).await.unwrap();
    store.read_range("blob", 0..10).await.unwrap();
    store.read_ranges("blob", &[0..10, 1000..1010, 20_000..20_010]).await.unwrap(); // 0..1010 is one
    store.list("").await.unwrap();
    let counters = store.counters();
    assert_eq!((counters.read.requests(), counters.read.bytes()), (1, 26_000));
    assert_eq!((counters.read_range.requests(), counters.read_range.bytes()), (3, 10 + 1010 + 10));
    assert_eq!((counters.list.requests(), counters.list.bytes()), (1, 0));
    assert_eq!(counters.read_range.retries(), 0);
}

#[tokio::test]
async fn a_folder_is_listed_without_what_is_below() {
    let folder = Folder::new("list").with("index-10", "12").with("index-9", "1").with("indices/a/0/__b", "x");
    let store = folder.open().await;
    let listing = store.list("").await.unwrap();
    assert_eq!(listing.blobs, [blob("index-10", 2), blob("index-9", 1)]);
    assert_eq!(listing.folders, ["indices"]);
    assert_eq!(store.list("indices/a/0").await.unwrap().blobs, [blob("__b", 1)]);
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_empty() {
    let folder = Folder::new("list-missing").with("blob", "x");
    let store = folder.open().await;
    assert_eq!(store.list("nowhere").await.unwrap(), Listing::default());
}

#[tokio::test]
async fn a_blob_that_is_too_short_is_an_error_with_both_lengths() {
    let folder = Folder::new("short").with("blob", ALPHABET);
    let store = folder.open().await;
    let error = store.read_range("blob", 20..30).await.unwrap_err();
    assert!(matches!(error, Error::WrongLength { expected: 10, found: 6, attempts: 1, .. }));
    assert_eq!(
        folder.shown(&error).0,
        "could not read bytes 20..30 of `file:///repo/blob`: expected 10 bytes, found 6"
    );
    let error = store.read_range("blob", 100..u64::MAX).await.unwrap_err();
    assert!(matches!(error, Error::WrongLength { found: 0, .. }), "{error}");
}

#[tokio::test]
async fn a_blob_that_shrinks_while_it_is_open_is_an_error_and_is_opened_anew() {
    let folder = Folder::new("shrinks").with("blob", ALPHABET);
    let store = folder.open().await;
    assert_eq!(store.read_range("blob", 0..3).await.unwrap(), "abc");
    let file = fs::OpenOptions::new().write(true).open(folder.0.join("blob")).unwrap();
    file.set_len(10).unwrap();
    let error = store.read_range("blob", 5..15).await.unwrap_err();
    assert!(matches!(error, Error::WrongLength { expected: 10, found: 5, .. }), "{error}");
    file.set_len(20).unwrap();
    assert_eq!(store.read_range("blob", 5..15).await.unwrap(), "fghij\0\0\0\0\0");
}

#[tokio::test]
async fn a_blob_larger_than_the_limit_is_not_read() {
    let folder = Folder::new("limit").with("blob", ALPHABET);
    let store = folder.open().await;
    let error = store.read("blob", 25).await.unwrap_err();
    assert_eq!(
        folder.shown(&error).0,
        "could not read `file:///repo/blob`: it has 26 bytes or more, the limit is 25"
    );
    assert_eq!(store.counters().read.bytes(), 0);
}

#[tokio::test]
async fn what_is_missing_or_a_folder_is_not_found() {
    let folder = Folder::new("missing").with("indices/a", "x");
    let store = folder.open().await;
    let not_found = |error: Error, path: &str, cause: &str| {
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        let message = format!("could not read `file:///repo/{path}`: not found");
        assert_eq!(folder.shown(&error), (message, cause.to_owned()));
    };
    let missing = "No such file or directory (os error 2)";
    not_found(store.read("index-0", 9).await.unwrap_err(), "index-0", missing);
    not_found(store.read("indices", 9).await.unwrap_err(), "indices", "it is a folder");
    not_found(
        store.read("indices/a/b", 9).await.unwrap_err(),
        "indices/a/b",
        "Not a directory (os error 20)",
    );
}

#[tokio::test]
async fn a_repository_must_be_a_folder() {
    let folder = Folder::new("open").with("file", "x");
    let error = open(&folder.0.join("nowhere")).await.unwrap_err();
    let missing = "No such file or directory (os error 2)".to_owned();
    assert_eq!(
        folder.shown(&error),
        ("could not open `file:///repo/nowhere`: not found".to_owned(), missing)
    );
    let error = open(&folder.0.join("file")).await.unwrap_err();
    let message = "could not open `file:///repo/file`: not found".to_owned();
    assert_eq!(folder.shown(&error), (message, "it is not a folder".to_owned()));
}

#[tokio::test]
async fn paths_that_leave_the_repository_are_refused() {
    let folder = Folder::new("escape").with("repo/blob", "x").with("secret", "secret");
    let store = open(&folder.0.join("repo")).await.unwrap();
    let absolute = folder.0.join("secret");
    for path in
        ["../secret", "a/../../secret", absolute.to_str().unwrap(), "..", ".", "", "a//b", "blob/", "a\0b"]
    {
        assert!(matches!(store.read(path, 100).await, Err(Error::InvalidPath { .. })), "{path}");
        assert!(matches!(store.read_range(path, 0..1).await, Err(Error::InvalidPath { .. })), "{path}");
        let ranges = store.read_ranges(path, &[0..1, 1..2]).await;
        assert!(matches!(ranges, Err(Error::InvalidPath { .. })), "{path}");
        assert!(
            path.is_empty() || matches!(store.list(path).await, Err(Error::InvalidPath { .. })),
            "{path}"
        );
    }
    assert_eq!(
        store.read("../secret", 100).await.unwrap_err().to_string().replace(folder.0.to_str().unwrap(), ""),
        "could not read `file:///repo/../secret`: a path in a repository is made of names with one `/` between them, \
         without `.` and `..`"
    );
}

#[tokio::test]
async fn a_blob_is_written_whole_and_replaced_whole() {
    let folder = Folder::new("put");
    let location = Location::File(folder.0.join("new/place"));
    let store = BlobStore::create(&location, &S3Options::default()).await.unwrap();
    store.put("a/b/blob", "first".into()).await.unwrap();
    assert_eq!(store.read_range("a/b/blob", 0..5).await.unwrap(), "first");
    store.put("a/b/blob", "second".into()).await.unwrap();
    assert_eq!(store.read_range("a/b/blob", 0..6).await.unwrap(), "second");
    let blobs = vec![BlobInfo { name: "blob".to_owned(), length: 6 }];
    assert_eq!(store.list("a/b").await.unwrap(), Listing { blobs, folders: Vec::new() });
    assert_eq!((store.counters().write.requests(), store.counters().write.bytes()), (2, 11));
}

#[tokio::test]
async fn a_blob_that_cannot_be_written_leaves_nothing() {
    let folder = Folder::new("put-fails").with("folder/blob", ALPHABET);
    let store = folder.open().await;
    let error = store.put("folder", "x".into()).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    assert_eq!(folder.shown(&error).0, "could not write `file:///repo/folder`");
    assert!(matches!(store.put("../outside", "x".into()).await, Err(Error::InvalidPath { .. })));
    let names: Vec<String> = store.list("").await.unwrap().blobs.into_iter().map(|blob| blob.name).collect();
    assert_eq!(names, [""; 0]);
}
