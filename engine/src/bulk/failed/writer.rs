//! Writes records, and makes them durable.

use super::super::FailedOperation;
use super::super::settings::encoded;
use super::record::{FailedRecord, now};
use crate::error::{Error, Result};
use crate::storage::{BlobStore, Location, S3Options};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Longer documents are compressed away from the threads that wait.
const LONG: usize = 256 << 10;

/// Where and how failed documents are recorded.
#[derive(Debug, Clone)]
pub struct FailedOptions {
    /// A folder or a bucket with a prefix.
    pub location: Location,
    /// For buckets.
    pub s3: S3Options,
    /// Name of the session: of the job that all workers share.
    pub session: String,
    /// Name of the worker.
    pub worker: String,
    /// A file is closed when it has so many bytes, compressed. It is in memory until then.
    pub rotate_bytes: usize,
    /// A file is closed at the first record after this time.
    pub rotate_after: Duration,
}

impl FailedOptions {
    /// Files of 16 MiB or a minute.
    #[must_use]
    pub fn new(location: Location, session: &str, worker: &str) -> Self {
        Self {
            location,
            s3: S3Options::default(),
            session: session.to_owned(),
            worker: worker.to_owned(),
            rotate_bytes: 16 << 20,
            rotate_after: Duration::from_secs(60),
        }
    }
}

/// Records failed documents of one worker.
///
/// Records are compressed in memory and become a file when there are enough of them, or by [`FailedDocuments::flush`]. A
/// file is there whole or not at all. Names are never used twice: each writer has a random part in its names. Nothing
/// is written, and no folder is made, as long as nothing has failed.
#[derive(Debug)]
pub struct FailedDocuments {
    options: FailedOptions,
    store: tokio::sync::OnceCell<BlobStore>,
    shared: Arc<Shared>,
    /// Held while files are stored, so that each is stored once, in order.
    storing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    session: String,
    worker: String,
    rotate_bytes: usize,
    rotate_after: Duration,
    /// Path of the files, without their number.
    path: String,
    buffer: Mutex<Buffer>,
}

#[derive(Debug, Default)]
struct Buffer {
    open: Option<Open>,
    /// Files that are closed and not yet stored.
    closed: VecDeque<Closed>,
    files: u32,
    records: u64,
}

#[derive(Debug)]
struct Open {
    encoder: GzEncoder<Vec<u8>>,
    since: Instant,
}

#[derive(Debug, Clone)]
struct Closed {
    path: String,
    bytes: Bytes,
}

impl FailedDocuments {
    /// A writer; touches the location at the first file.
    #[must_use]
    pub fn new(options: FailedOptions) -> Self {
        let FailedOptions { session, worker, rotate_bytes, rotate_after, .. } = options.clone();
        let run = rand::random::<u64>();
        let path =
            format!("session={}/worker={}/failed-documents-{run:016x}-", encoded(&session), encoded(&worker));
        let buffer = Mutex::default();
        let shared = Shared { session, worker, rotate_bytes, rotate_after, path, buffer };
        Self {
            options,
            store: tokio::sync::OnceCell::new(),
            shared: Arc::new(shared),
            storing: tokio::sync::Mutex::default(),
        }
    }

    /// Checks that the location can be written to, before anything is moved that could fail.
    ///
    /// # Errors
    ///
    /// Those of [`BlobStore::create`].
    pub async fn check(&self) -> Result<()> {
        self.store().await.map(|_| ())
    }

    /// Records an operation of an item. It is durable after the next [`FailedDocuments::flush`].
    ///
    /// # Errors
    ///
    /// The location cannot be written to: the record is kept, and the next flush tries again.
    pub async fn record(&self, item: &str, index: &str, failed: &FailedOperation) -> Result<()> {
        if failed.source.len() < LONG {
            self.shared.append(FailedRecord::of(item, index, failed)).map_err(|error| self.failed(error))?;
        } else {
            let (shared, failed) = (Arc::clone(&self.shared), failed.clone());
            let (item, index) = (item.to_owned(), index.to_owned());
            let append = move || shared.append(FailedRecord::of(&item, &index, &failed));
            let appended = tokio::task::spawn_blocking(append).await;
            appended
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| self.failed(error))?;
        }
        self.store_closed().await
    }

    /// Records a document that never became an operation. Session, worker and time are filled in.
    ///
    /// # Errors
    ///
    /// As [`FailedDocuments::record`].
    pub async fn record_document(&self, record: FailedRecord<'_>) -> Result<()> {
        self.shared.append(record).map_err(|error| self.failed(error))?;
        self.store_closed().await
    }

    /// Makes every record durable that was recorded before. The cursor may pass their documents afterwards, not before.
    ///
    /// # Errors
    ///
    /// The location cannot be written to: records are kept, and the next flush tries again.
    pub async fn flush(&self) -> Result<()> {
        {
            let mut buffer = self.shared.buffer();
            self.shared.close(&mut buffer).map_err(|error| self.failed(error))?;
        }
        self.store_closed().await
    }

    /// How many records there are, durable or not.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.shared.buffer().records
    }

    /// Where they go, without credentials.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.options.location
    }

    /// Stores what is closed. A file leaves the queue when it is stored: an error or a caller that gives up loses none.
    async fn store_closed(&self) -> Result<()> {
        if self.shared.buffer().closed.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.storing.lock().await;
        loop {
            let Some(file) = self.shared.buffer().closed.front().cloned() else { return Ok(()) };
            self.store().await?.put(&file.path, file.bytes).await?;
            self.shared.buffer().closed.pop_front();
        }
    }

    async fn store(&self) -> Result<&BlobStore> {
        self.store.get_or_try_init(|| BlobStore::create(&self.options.location, &self.options.s3)).await
    }

    fn failed(&self, source: io::Error) -> Error {
        let path = format!("{}/{}", self.options.location, self.shared.path);
        Error::FailedDocuments { path: path.into(), source }
    }
}

impl Shared {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        // Poison is of no concern: no code that could panic runs while the lock is held.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, record: FailedRecord<'_>) -> io::Result<()> {
        let (session, worker) = (Cow::Borrowed(&*self.session), Cow::Borrowed(&*self.worker));
        let record = FailedRecord { session, worker, timestamp: Cow::Owned(now()), ..record };
        let mut buffer = self.buffer();
        let open = buffer.open.get_or_insert_with(|| Open {
            encoder: GzEncoder::new(Vec::new(), Compression::fast()),
            since: Instant::now(),
        });
        serde_json::to_writer(&mut open.encoder, &record).map_err(io::Error::from)?;
        open.encoder.write_all(b"\n")?;
        let is_full =
            open.encoder.get_ref().len() >= self.rotate_bytes || open.since.elapsed() >= self.rotate_after;
        buffer.records = buffer.records.saturating_add(1);
        if is_full { self.close(&mut buffer) } else { Ok(()) }
    }

    fn close(&self, buffer: &mut Buffer) -> io::Result<()> {
        let Some(open) = buffer.open.take() else { return Ok(()) };
        let bytes = Bytes::from(open.encoder.finish()?);
        buffer.files = buffer.files.saturating_add(1);
        let path = format!("{}{:06}.ndjson.gz", self.path, buffer.files);
        buffer.closed.push_back(Closed { path, bytes });
        Ok(())
    }
}
