//! Why something that waits could not be done.
//!
//! Every kind is something a caller can act on. The message says what was attempted and on which thing; the
//! [`source`](std::error::Error::source) is the cause and is not repeated in the message; [`Error::hint`] says
//! what to check. No message contains credentials: URLs are made without user and password.

mod cause;

pub use cause::{Answer, Cause};

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text does not say where a repository is.
    #[error(
        "`{location}` is not a repository location: {reason}; \
         accepted are `file:///path`, a path, and `s3://bucket/prefix`"
    )]
    InvalidLocation {
        /// The text, without user and password.
        location: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An option of a storage cannot be used.
    #[error("cannot use {option} `{value}`: {reason}")]
    InvalidOption {
        /// The option, in words.
        option: &'static str,
        /// Its value, without user and password.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name of a blob or folder, or the range, cannot be one of this repository: it is never sent.
    #[error("could not {access}: {reason}")]
    InvalidPath {
        /// What was attempted.
        access: Access,
        /// What is wrong with the path or the range.
        reason: &'static str,
    },
    /// No AWS region is configured.
    #[error("could not open `{url}`: no AWS region is configured")]
    NoRegion {
        /// The repository.
        url: String,
    },
    /// No AWS credentials were found.
    #[error("could not {access}: no AWS credentials")]
    NoCredentials {
        /// What was attempted.
        access: Access,
        /// What the credential chain said.
        #[source]
        cause: Box<Cause>,
    },
    /// The bucket is in another region than the one that requests are signed for.
    #[error(
        "could not {access}: the bucket is in region `{}`, not in `{configured}`",
        actual.as_deref().unwrap_or("unknown")
    )]
    WrongRegion {
        /// What was attempted.
        access: Access,
        /// The region of the bucket, when the server says it.
        actual: Option<String>,
        /// The region that is configured.
        configured: String,
        /// The answer of the server.
        #[source]
        cause: Box<Cause>,
    },
    /// The blob, folder or bucket does not exist.
    #[error("could not {access}: not found")]
    NotFound {
        /// What was attempted.
        access: Access,
        /// The answer of the storage.
        #[source]
        cause: Box<Cause>,
    },
    /// The credentials or the file permissions do not allow it.
    #[error("could not {access}: access denied")]
    AccessDenied {
        /// What was attempted.
        access: Access,
        /// The answer of the storage.
        #[source]
        cause: Box<Cause>,
    },
    /// The blob is shorter or longer than its metadata says, or the storage did not send all of it.
    #[error("could not {access}: expected {expected} bytes, found {found}{}", Attempts(*attempts))]
    WrongLength {
        /// What was attempted.
        access: Access,
        /// How many bytes there should be.
        expected: u64,
        /// How many bytes there are; for a body that is too long, how many had come when it was cut off.
        found: u64,
        /// How often it was tried.
        attempts: u32,
    },
    /// The blob is larger than the caller allows.
    #[error("could not {access}: it has {length} bytes or more, the limit is {limit}")]
    TooLarge {
        /// What was attempted.
        access: Access,
        /// Length in bytes as far as it is known.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The blob was replaced after a first part of it had been read.
    #[error("could not {access}: the blob was replaced while it was being read")]
    Changed {
        /// What was attempted.
        access: Access,
        /// The answer of the storage.
        #[source]
        cause: Box<Cause>,
    },
    /// The storage did not give a usable answer, however often it was asked.
    #[error("could not {access}: gave up{}", Attempts(*attempts))]
    Unavailable {
        /// What was attempted.
        access: Access,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        #[source]
        cause: Box<Cause>,
    },
    /// The storage refused the request for good, for a reason that has no kind of its own.
    #[error("could not {access}: the request was refused")]
    Refused {
        /// What was attempted.
        access: Access,
        /// The answer of the storage.
        #[source]
        cause: Box<Cause>,
    },
    /// The file system failed.
    #[error("could not {access}")]
    Io {
        /// What was attempted.
        access: Access,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no repository at the location.
    #[error("`{url}` is not a snapshot repository: there is no `index-N` and no `index` in it")]
    NoRepository {
        /// The location.
        url: String,
    },
    /// The repository has no snapshot of this name.
    #[error("there is no snapshot `{name}` in `{url}`; there are: {known}")]
    NoSnapshot {
        /// The name that was asked for.
        name: String,
        /// The repository.
        url: String,
        /// The names that there are.
        known: String,
    },
    /// A place that should have tuples of a replay has none.
    #[error(
        "there is no file of tuples in `{url}`: none ends with `.ndjson`, `.jsonl` or `.log`, with or without `.gz`"
    )]
    NoTuples {
        /// The place.
        url: String,
    },
    /// The snapshot is of a kind, or in a state, that has no documents to read.
    #[error("snapshot `{name}` cannot be read: {reason}")]
    UnreadableSnapshot {
        /// Name of the snapshot.
        name: String,
        /// Why.
        reason: String,
    },
    /// Patterns that select nothing: likely mistakes, and then documents would be missing.
    #[error("no index of {place} matches {patterns}; there are: {known}")]
    NothingSelected {
        /// Which snapshot or snapshots, in words.
        place: String,
        /// The patterns.
        patterns: String,
        /// The indices that there are.
        known: String,
    },
    /// A shard's files contradict each other.
    #[error("could not read {what}: `{file}`: {problem}")]
    Shard {
        /// Which shard.
        what: String,
        /// The file, by its name in Lucene's directory.
        file: String,
        /// Expected and found.
        problem: String,
    },
    /// A file of a shard has another checksum than the shard's metadata says: it may be another file, and whole.
    #[error(
        "could not read {what}: `{file}`: its footer has checksum {found:08x}, the shard's metadata says {expected:08x}"
    )]
    OtherFile {
        /// Which shard.
        what: String,
        /// The file, by its name in Lucene's directory.
        file: String,
        /// Where in the file its checksum stands, in bytes.
        offset: u64,
        /// The checksum that the metadata has.
        expected: u64,
        /// The checksum in the file.
        found: u32,
    },
    /// The target did not take the lines of an index.
    #[error("could not write the documents of index `{index}`")]
    Sink {
        /// Name of the index.
        index: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file of failed documents cannot be written: without it, a failed document would be lost.
    #[error("could not write the file of failed documents `{}`", path.display())]
    FailedDocuments {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The threads that decode could not be started.
    #[error("could not start the threads that decode: {reason}")]
    Threads {
        /// What the operating system said.
        reason: String,
    },
    /// The bytes are there, but are not what they should be.
    #[error("could not decode {what}")]
    Codec {
        /// Which thing, as this crate knows it: URL, index, shard, snapshot.
        what: String,
        /// File, offset, expected and found.
        #[source]
        source: Box<codecs::Error>,
    },
    /// A cluster does not answer, or not as it must for the work to begin.
    #[error("could not {attempt} of the cluster `{url}`")]
    Cluster {
        /// What was attempted.
        attempt: &'static str,
        /// The cluster.
        url: String,
        /// Why there is no answer, or what is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to check.
        hint: Option<&'static str>,
    },
    /// Kafka does not give, or does not take, what it must.
    #[error("could not {attempt} at the Kafka brokers `{brokers}`")]
    Kafka {
        /// What was attempted, on which topic.
        attempt: String,
        /// The brokers, as they are given.
        brokers: String,
        /// What Kafka or its client says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to check.
        hint: Option<&'static str>,
    },
}

impl Error {
    /// Whether the repository answered, and what it has is missing or damaged: other blobs may still be read.
    ///
    /// Everything else concerns the repository or the target as a whole, and stops a run.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::WrongLength { .. }
                | Self::TooLarge { .. }
                | Self::Changed { .. }
                | Self::InvalidPath { .. }
                | Self::Shard { .. }
                | Self::OtherFile { .. }
                | Self::Codec { .. }
        )
    }

    /// The blob, folder or repository that it is about, where it is about the storage.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::InvalidPath { access, .. }
            | Self::NoCredentials { access, .. }
            | Self::WrongRegion { access, .. }
            | Self::NotFound { access, .. }
            | Self::AccessDenied { access, .. }
            | Self::WrongLength { access, .. }
            | Self::TooLarge { access, .. }
            | Self::Changed { access, .. }
            | Self::Unavailable { access, .. }
            | Self::Refused { access, .. }
            | Self::Io { access, .. } => Some(&access.url),
            _ => None,
        }
    }

    /// What to check, in words; `None` when the message says all there is.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRegion { .. } => {
                "give the region as an option, in `AWS_REGION`, or as `region` of the AWS profile"
            }
            Self::NoCredentials { .. } => {
                "looked in the environment, the AWS profile, web identity, and the ECS and EC2 metadata services: \
                 configure one of them"
            }
            Self::WrongRegion { actual: Some(region), .. } => {
                return Some(format!("configure the region `{region}`"));
            }
            Self::WrongRegion { .. } => "configure the region of the bucket",
            Self::NotFound { .. } => {
                "check the location of the repository; when other blobs of it can be read, this one is missing from \
                 the repository"
            }
            Self::AccessDenied { access, cause } => cause.access_denied_hint(access),
            Self::WrongLength { .. } => {
                "the blob is cut or damaged: check its length in the repository, or take a new snapshot"
            }
            Self::NoRepository { .. } => {
                "give the location that the repository was registered with, `base_path` included"
            }
            Self::Codec { source, .. }
                if !source.file().contains('/') && source.file().starts_with("index") =>
            {
                "every snapshot needs this blob, and an older one may lack snapshots: put it back from a copy of the \
                 repository"
            }
            Self::Codec { source, .. }
                if !source.file().contains('/') && source.file().starts_with("snap") =>
            {
                "other snapshots are not affected; put this blob back from a copy of the repository, or take a new \
                 snapshot"
            }
            Self::Codec { .. } | Self::Shard { .. } | Self::OtherFile { .. } => {
                "other shards and indices are not affected; check this file in the repository with `ferry snapshot \
                 check`, or take a new snapshot of the index"
            }
            Self::Changed { .. } => "something writes to the repository: let it end, then start again",
            Self::Unavailable { cause, .. } => cause.unavailable_hint(),
            Self::Cluster { hint: Some(hint), .. } | Self::Kafka { hint: Some(hint), .. } => hint,
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// An error and its causes, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// ` after 3 attempts`; nothing for the first.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(f, " after {} attempts", self.0) } else { Ok(()) }
    }
}

/// What was attempted on which blob; shown as `read bytes 0..16 of `s3://bucket/index-3``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What was to be done.
    pub operation: Operation,
    /// The blob, folder or repository, without credentials.
    pub url: String,
    /// The server, when it is not the one of AWS; without credentials.
    pub endpoint: Option<Arc<str>>,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, url, endpoint } = self;
        match operation {
            Operation::Open => write!(f, "open `{url}`")?,
            Operation::List => write!(f, "list `{url}`")?,
            Operation::Read => write!(f, "read `{url}`")?,
            Operation::ReadRange(Range { start, end }) => write!(f, "read bytes {start}..{end} of `{url}`")?,
            Operation::Write => write!(f, "write `{url}`")?,
        }
        match endpoint {
            Some(endpoint) => write!(f, " at `{endpoint}`"),
            None => Ok(()),
        }
    }
}

/// What was to be done with a blob or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Open the repository.
    Open,
    /// List a folder.
    List,
    /// Read a whole blob.
    Read,
    /// Read these bytes of a blob; the end is exclusive.
    ReadRange(Range<u64>),
    /// Write a blob.
    Write,
}
