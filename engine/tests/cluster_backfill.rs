//! The line into a cluster, without a cluster: batches end where they would be sent.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../tests/support/mod.rs"]
mod support;

use engine::backfill::cluster::{self, Destination, Error, IndexRow, Report, Settings};
use engine::backfill::{Outcome, Progress};
use engine::bulk::{BatchLimits, FailedDocuments, FailedOptions, OperationWriter};
use engine::coordination::{self, Fingerprint, Place, WorkStore, Worker};
use engine::flow::Cancel;
use engine::segment::{Segment, segments};
use engine::snapshot::{IndexSelection, Repository};
use engine::storage::{Location, S3Options};
use engine::transform::Chain;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{copy_folder, scratch};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/demo");

/// A run over a copy of the demo repository.
struct Run {
    folder: PathBuf,
    indices: Vec<&'static str>,
    transform: Option<&'static str>,
    item_bytes: u64,
    retry_quarantined: bool,
    cancel: Cancel,
}

impl Run {
    fn new(name: &str, indices: &[&'static str]) -> Self {
        let folder = scratch(&format!("cluster-{name}"));
        copy_folder(Path::new(DEMO), &folder.join("repo"));
        Self {
            folder,
            indices: indices.to_vec(),
            transform: None,
            item_bytes: 128 << 20,
            retry_quarantined: false,
            cancel: Cancel::default(),
        }
    }

    async fn repository(&self) -> Repository {
        Repository::open(Location::File(self.folder.join("repo")), S3Options::default()).await.unwrap()
    }

    async fn run(&self) -> cluster::Result<Report> {
        let repository = self.repository().await;
        let snapshot = repository.snapshot("snap1").await.unwrap();
        let chain = self.transform.map(|text| Chain::from_text("test", text).unwrap());
        let place = Place::Local(self.folder.join("state"));
        let session = "test".parse().unwrap();
        let store = WorkStore::open(place, session, Worker::new("w"), coordination::Settings::default());
        let store = store.await?;
        let job = Fingerprint {
            repository: "demo".to_owned(),
            snapshot: "snap1".to_owned(),
            snapshot_uuid: snapshot.uuid().to_owned(),
            selection: self.indices.join(","),
            target: "null-bulk:".to_owned(),
            transform: chain.as_ref().map(|chain| chain.digest().to_owned()).unwrap_or_default(),
        };
        let patterns = self.indices.iter().map(|index| index.parse().unwrap()).collect();
        let settings = Settings {
            selection: IndexSelection::new(patterns),
            job,
            item_bytes: self.item_bytes,
            items_at_once: NonZeroUsize::new(3).unwrap(),
            memory: 64 << 20,
            threads: NonZeroUsize::new(2).unwrap(),
            retry_quarantined: self.retry_quarantined,
            source_version: None,
        };
        let failed = Location::File(self.folder.join("failed"));
        let destination = Destination {
            sink: None,
            most_requests: 4,
            writer: OperationWriter::default(),
            limits: BatchLimits { bytes: 1 << 20, operations: 50 },
            chain,
            failed: FailedDocuments::new(FailedOptions::new(failed, "test", "w")),
            cancel: self.cancel.clone(),
        };
        cluster::run(&snapshot, &store, &settings, destination, &Arc::new(Progress::default())).await
    }

    /// Where chunk `number` of a segment of an index is: the blob, and the bytes in it.
    async fn chunk(&self, index: &str, number: u64) -> (PathBuf, std::ops::Range<usize>) {
        let repository = self.repository().await;
        let snapshot = repository.snapshot("snap1").await.unwrap();
        let index = snapshot.index(index).await.unwrap();
        for shard in 0..index.metadata.number_of_shards {
            let shard = snapshot.shard(&index, shard).await.unwrap();
            for source in segments(&shard, &Arc::new(BTreeMap::new())).await.unwrap() {
                let segment = Segment::open(&source).await.unwrap();
                let Ok(chunk) = segment.chunk(number) else { continue };
                let (file, start) = segment.place(segment.data_file(), chunk.bytes.start);
                let (blob, at) = shard.locate(&file, start).unwrap();
                let at = usize::try_from(at).unwrap();
                let length = usize::try_from(chunk.bytes.end - chunk.bytes.start).unwrap();
                return (self.folder.join("repo").join(blob), at..at + length);
            }
        }
        panic!("no segment of `{}` has a chunk {number}", index.name)
    }
}

/// Selected, written, excluded, failed, quarantined.
fn numbers(row: &IndexRow) -> [u64; 5] {
    [row.selected, row.written, row.excluded, row.failed, row.quarantined]
}

#[tokio::test]
async fn every_document_is_written_left_out_or_failed_and_a_second_run_has_nothing_to_do() {
    let run = Run::new("all", &["*"]);
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    assert_eq!(numbers(&report.total()), [1865, 1654, 182, 29, 0]);
    let row = |name: &str| numbers(report.indices.iter().find(|row| row.index == name).unwrap());
    assert_eq!(row("nosource"), [29, 0, 0, 29, 0]);
    assert_eq!(row("nested"), [217, 35, 182, 0, 0]);
    assert_eq!(row("alldeleted"), [0; 5]);
    let again = run.run().await.unwrap();
    assert_eq!((again.indices, again.worker.items), (report.indices, 0));
}

#[tokio::test]
async fn a_wrong_checksum_is_told_again_by_a_run_that_has_nothing_to_do() {
    let run = Run::new("checksum", &["merged"]);
    let blob = run.folder.join("repo/indices/ynIPQuzeSwubNv4OO3B6Iw/0/__eH7MmAJ9QDS97bkBeFmcQw");
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 0x10;
    fs::write(&blob, bytes).unwrap();
    let report = run.run().await.unwrap();
    assert_eq!((numbers(&report.total()), report.untrusted_segments.len()), ([119, 119, 0, 0, 0], 1));
    let again = run.run().await.unwrap();
    assert_eq!((again.worker.items, again.untrusted_segments.len()), (0, 0));
    for report in [report, again] {
        assert_eq!((report.total().untrusted, report.outcome()), (1, Outcome::CompleteWithFailures));
    }
}

#[tokio::test]
async fn small_items_come_to_the_same_as_large_ones() {
    let mut run = Run::new("small", &["lz4", "best_comp", "plain"]);
    run.item_bytes = 20_000;
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::Complete);
    assert_eq!(numbers(&report.total()), [838, 838, 0, 0, 0]);
    assert!(report.worker.items > 10, "{}", report.worker.items);
}

#[tokio::test]
async fn a_damaged_chunk_is_quarantined_alone_and_copied_when_it_is_repaired() {
    let mut run = Run::new("damaged", &["plain", "lz4"]);
    let (blob, bytes) = run.chunk("plain", 0).await;
    let whole = fs::read(&blob).unwrap();
    let mut damaged = whole.clone();
    damaged[bytes].fill(0xFF);
    fs::write(&blob, damaged).unwrap();

    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    let [selected, written, excluded, failed, quarantined] = numbers(&report.total());
    assert_eq!((selected, excluded, failed), (569, 0, 0));
    assert!((1..200).contains(&quarantined), "{quarantined}");
    assert_eq!(written + quarantined, 569);
    let item = &report.quarantined[0];
    assert_eq!((report.quarantined.len(), item.index.as_str(), item.attempts), (1, "plain", 5));
    assert!(item.reason.contains(".fdt") || item.reason.contains(".cfs"), "{}", item.reason);

    fs::write(&blob, whole).unwrap();
    run.retry_quarantined = true;
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::Complete);
    assert_eq!(numbers(&report.total()), [569, 569, 0, 0, 0]);
}

#[tokio::test]
async fn a_blob_that_is_missing_costs_its_segment() {
    let mut run = Run::new("missing", &["lz4", "plain"]);
    let (blob, _) = run.chunk("lz4", 0).await;
    let aside = run.folder.join("aside");
    fs::rename(&blob, &aside).unwrap();
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    assert_eq!(numbers(&report.total()), [569, 321, 0, 0, 248]);
    fs::rename(&aside, &blob).unwrap();
    run.retry_quarantined = true;
    assert_eq!(numbers(&run.run().await.unwrap().total()), [569, 569, 0, 0, 0]);
}

#[tokio::test]
async fn a_shard_that_cannot_be_opened_is_quarantined_as_a_whole() {
    let mut run = Run::new("shard", &["lz4", "updates"]);
    let repository = run.repository().await;
    let snapshot = repository.snapshot("snap1").await.unwrap();
    let index = snapshot.index("lz4").await.unwrap();
    let shard = snapshot.shard(&index, 0).await.unwrap();
    let blob = run.folder.join("repo").join(shard.list_blob());
    let whole = fs::read(&blob).unwrap();
    fs::write(&blob, &whole[..whole.len() / 2]).unwrap();
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    assert_eq!(report.quarantined[0].item, "lz4:0:*:0");
    assert_eq!(numbers(&report.total()), [119, 119, 0, 0, 0], "what is in the shard is not known");

    fs::write(&blob, whole).unwrap();
    run.retry_quarantined = true;
    let report = run.run().await.unwrap();
    assert_eq!((report.outcome(), numbers(&report.total())), (Outcome::Complete, [388, 388, 0, 0, 0]));
}

#[tokio::test]
async fn transforms_move_leave_out_and_fail_documents() {
    let mut run = Run::new("transforms", &["plain", "lz4"]);
    run.transform = Some(
        "- rename_index: {from: plain, to: moved}
- when: {index: lz4, steps: [{jq: 'error(\"no\")'}]}
",
    );
    let report = run.run().await.unwrap();
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    assert_eq!(numbers(&report.total()), [569, 300, 0, 269, 0]);
    assert_eq!(report.failures[0].class, "transform");
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_gives_its_items_back() {
    let run = Run::new("stopped", &["plain"]);
    run.cancel.cancel();
    assert!(matches!(run.run().await, Err(Error::Stopped)));
    let again = Run { cancel: Cancel::default(), ..run };
    assert_eq!(numbers(&again.run().await.unwrap().total()), [300, 300, 0, 0, 0]);
}
