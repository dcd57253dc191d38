//! What is written where, and committed when it is stored.

use super::blocks::Compressor;
use super::counts::Counts;
use super::tuples::{ClosedFile, PartitionTuples, Rotation};
use crate::error::{Access, Error, Operation, Result};
use crate::storage::BlobStore;
use crate::traffic::Ledger;
use codecs::traffic::tuple::TupleSettings;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often what is done with is committed, where no tuples have to be written before.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// Where tuples go.
#[derive(Debug, Clone)]
pub(super) struct TupleFiles {
    pub(super) store: BlobStore,
    pub(super) settings: TupleSettings,
    pub(super) rotation: Rotation,
}

/// Commits the offset of a partition, where there is something to commit to.
pub(super) type Commit = Arc<dyn Fn(Ledger, i64) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What is written where, and counted.
#[derive(Clone)]
pub(super) struct Books {
    pub(super) files: Option<TupleFiles>,
    pub(super) counts: Arc<Counts>,
    pub(super) commit: Commit,
    pub(super) compressor: Compressor,
}

/// A partition that is ours.
pub(super) struct Partition {
    pub(super) tuples: PartitionTuples,
    /// The file that is stored while the next one is filled, if there is one: the tuples in it.
    storing: JoinSet<Result<Option<u64>>>,
    /// The offset that may be committed then.
    next: i64,
    committed: i64,
    asked: Instant,
    /// When the record at `committed` was read, if it was.
    uncommitted: Option<Instant>,
}

impl Books {
    /// Takes what is done up to `done` into the file; stores and commits what is due, or all of it.
    pub(super) async fn advance(&self, partition: &mut Partition, done: i64, all: bool) -> Result<()> {
        if partition.tuples.ledger().is_revoked() {
            partition.give_up();
            return Ok(());
        }
        partition.tuples.advance(done, &self.compressor).await;
        self.settle(partition, false).await?;
        let is_due = match &self.files {
            Some(files) if !partition.tuples.is_clean() => partition.tuples.is_due(&files.rotation),
            _ => done > partition.committed && partition.asked.elapsed() >= COMMIT_EVERY,
        };
        if !is_due && !all {
            return Ok(());
        }
        // One file at a time: the next one waits until this one is stored.
        self.settle(partition, true).await?;
        let (file, next) = partition.tuples.close(&self.compressor).await;
        partition.next = next;
        let (Some(file), Some(files)) = (file, &self.files) else {
            self.commit(partition).await;
            return Ok(());
        };
        partition.storing.spawn(store(file, files.store.clone(), partition.tuples.ledger().clone()));
        if all { self.settle(partition, true).await } else { Ok(()) }
    }

    /// Commits what is stored. Waits until it is, if `all`.
    async fn settle(&self, partition: &mut Partition, all: bool) -> Result<()> {
        let stored =
            if all { partition.storing.join_next().await } else { partition.storing.try_join_next() };
        let Some(stored) = stored else { return Ok(()) };
        let tuples = stored.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        if let Some(tuples) = tuples {
            self.counts.stored(tuples);
            self.commit(partition).await;
        }
        Ok(())
    }

    async fn commit(&self, partition: &mut Partition) {
        let next = partition.next;
        let ledger = partition.tuples.ledger();
        if next > partition.committed && !ledger.is_revoked() {
            let committed = (self.commit)(ledger.clone(), next).await;
            self.counts.committed(committed.is_ok());
            match committed {
                Ok(()) => (partition.committed, partition.uncommitted) = (next, None),
                // What is not committed is replayed again: nothing is lost, and the next commit has it too.
                Err(error) => {
                    let (topic, partition, error) =
                        (ledger.topic(), ledger.partition(), crate::error::chain(&error));
                    tracing::warn!(%topic, partition, offset = next, error, "could not commit");
                }
            }
        }
        partition.asked = Instant::now();
    }
}

impl Partition {
    pub(super) fn new(ledger: Ledger) -> Self {
        let committed = ledger.done();
        let (tuples, asked) = (PartitionTuples::new(ledger), Instant::now());
        Self { tuples, storing: JoinSet::new(), next: committed, committed, asked, uncommitted: None }
    }

    /// Drops all that is not stored: it belongs to another process. Whoever reads may wait for the room that it takes.
    fn give_up(&mut self) {
        self.tuples.give_up();
        self.storing = JoinSet::new();
    }

    /// When the first record that is not committed was read, if there is any. A record that was done before this was asked counts as
    /// read now.
    pub(super) fn uncommitted(&mut self) -> Option<Instant> {
        let ledger = self.tuples.ledger();
        if ledger.is_revoked() || ledger.next() <= self.committed {
            self.uncommitted = None;
        } else if self.uncommitted.is_none() {
            self.uncommitted = ledger.oldest().or_else(|| Some(Instant::now()));
        }
        self.uncommitted
    }
}

/// Stores a file: the tuples in it. None, and no file, if its partition went to another process while it was compressed, which
/// replays them itself.
async fn store(file: ClosedFile, store: BlobStore, ledger: Ledger) -> Result<Option<u64>> {
    let ClosedFile { path, members, tuples } = file;
    let bytes = super::blocks::join(members).await.map_err(|error| unwritable(&error))?;
    if ledger.is_revoked() {
        return Ok(None);
    }
    store.put(&path, bytes).await?;
    Ok(Some(tuples))
}

fn unwritable(error: &std::io::Error) -> Error {
    let access = Access { operation: Operation::Write, url: "tuples".to_owned(), endpoint: None };
    Error::Io { access, source: std::io::Error::new(error.kind(), error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Location, S3Options};

    #[tokio::test]
    async fn a_file_of_a_partition_that_goes_while_it_is_compressed_is_not_stored() {
        let folder = std::env::temp_dir().join(format!("ferry-books-{}", std::process::id()));
        let blobs = BlobStore::create(&Location::File(folder.clone()), &S3Options::default()).await.unwrap();
        let ledger = Ledger::new("t".into(), 0, 0);
        let revoked = ledger.clone();
        let member = tokio::task::spawn_blocking(move || {
            revoked.revoke();
            Ok(Vec::new())
        });
        let file = ClosedFile { path: "t-0/file".to_owned(), members: vec![member], tuples: 3 };
        assert_eq!(store(file, blobs.clone(), ledger).await.unwrap(), None);
        assert!(blobs.list("t-0").await.unwrap().blobs.is_empty());
        let file = ClosedFile { path: "t-0/file".to_owned(), members: Vec::new(), tuples: 3 };
        assert_eq!(store(file, blobs, Ledger::new("t".into(), 0, 0)).await.unwrap(), Some(3));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
