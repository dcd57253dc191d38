//! A place for sessions, and shorthands.

use super::fake_cluster::{Behaviour, FakeCluster};
use crate::coordination::backend::{ORDERS, Query};
use crate::coordination::record::Record;
use crate::coordination::*;
use crate::target::{Client, ClientOptions};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A lease time in which nothing expires.
pub(super) const PATIENT: Duration = Duration::from_secs(3600);
/// A lease time after which whatever is seen has expired.
pub(super) const IMPATIENT: Duration = Duration::ZERO;

/// A place for one session.
pub(super) struct World {
    pub(super) place: Place,
    pub(super) session: SessionName,
    pub(super) folder: Option<Folder>,
    pub(super) fake: Option<FakeCluster>,
}

/// A folder that is deleted when dropped.
pub(super) struct Folder(pub(super) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    pub(super) fn new() -> Self {
        let name = format!("ferry-coordination-{:016x}", rand::random::<u64>());
        Self(std::env::temp_dir().join(name))
    }
}

impl World {
    pub(super) fn local() -> Self {
        let folder = Folder::new();
        let place = Place::Local(folder.0.clone());
        Self { place, session: "test".parse().unwrap(), folder: Some(folder), fake: None }
    }

    pub(super) async fn fake(behaviour: Behaviour) -> Self {
        let fake = FakeCluster::start(behaviour).await;
        let place = Place::OpenSearch(client(fake.url.clone()));
        Self { place, session: "test".parse().unwrap(), folder: None, fake: Some(fake) }
    }

    /// The cluster of `FERRY_TEST_CLUSTER`, with a session that nobody had before.
    pub(super) fn real() -> Self {
        let url = std::env::var("FERRY_TEST_CLUSTER").unwrap().parse().unwrap();
        let place = Place::OpenSearch(client(url));
        let session = format!("test-{:016x}", rand::random::<u64>()).parse().unwrap();
        Self { place, session, folder: None, fake: None }
    }

    pub(super) async fn open(&self, worker: &str, settings: Settings) -> WorkStore {
        let (place, session) = (self.place.clone(), self.session.clone());
        WorkStore::open(place, session, Worker::new(worker), settings).await.unwrap()
    }

    /// A worker that has joined the session.
    pub(super) async fn join(&self, worker: &str, lease: Duration) -> WorkStore {
        let store = self.open(worker, Settings { lease, min_split_bytes: 100, ..Settings::default() }).await;
        store.join(&job()).await.unwrap();
        store
    }

    /// A worker that has joined the session and planned these items.
    pub(super) async fn planned(&self, worker: &str, items: &[WorkItem]) -> WorkStore {
        let store = self.join(worker, PATIENT).await;
        store.plan(items).await.unwrap();
        store
    }

    pub(super) async fn status(&self) -> Status {
        WorkStore::look(self.place.clone(), self.session.clone()).await.unwrap()
    }
}

pub(super) fn client(url: url::Url) -> Client {
    Client::new(ClientOptions { timeout: Duration::from_secs(30), ..ClientOptions::new(url) }).unwrap()
}

pub(super) fn job() -> Fingerprint {
    Fingerprint {
        repository: "s3://bucket/backups".to_owned(),
        snapshot: "nightly".to_owned(),
        snapshot_uuid: "u-1".to_owned(),
        selection: "*".to_owned(),
        target: "https://target:9200/".to_owned(),
        transform: String::new(),
    }
}

/// Items of one segment each, with 10 bytes a document.
pub(super) fn items(count: u32, documents: u32) -> Vec<WorkItem> {
    let item = |shard| {
        let pieces = vec![Piece { segment: "_0".to_owned(), documents: 0..documents }];
        WorkItem::new("orders", shard, pieces, u64::from(documents) * 10, documents.into()).unwrap()
    };
    (0..count).map(item).collect()
}

pub(super) fn at(document: u32) -> Cursor {
    Cursor { segment: "_0".to_owned(), document }
}

pub(super) fn written(written: u64) -> Counts {
    Counts { written, bytes: written * 100, ..Counts::default() }
}

/// Items, as of now and not as of a moment ago.
pub(super) async fn acquire(store: &WorkStore, most: usize) -> Vec<Lease> {
    store.backend().refresh().await.unwrap();
    store.acquire(most).await.unwrap()
}

/// The only item that there is to have.
pub(super) async fn acquire_one(store: &WorkStore) -> Lease {
    let mut leases = acquire(store, 5).await;
    assert_eq!(leases.len(), 1);
    leases.pop().unwrap()
}

pub(super) async fn finish(store: &WorkStore) -> Completion {
    store.backend().refresh().await.unwrap();
    store.finish().await.unwrap()
}

/// All items in a state.
pub(super) async fn records(store: &WorkStore, state: ItemState) -> Vec<Record> {
    store.backend().refresh().await.unwrap();
    let (mut from, mut records) = (0, Vec::new());
    loop {
        let found = store.backend().find(Query::Ring { state, from, before: ORDERS }, 50).await.unwrap();
        let Some(last) = found.last() else { break };
        from = last.document.order + 1;
        records.extend(found.into_iter().map(|found| found.document));
    }
    records.sort_by(|a, b| a.item.id.cmp(&b.item.id));
    records
}

/// From now on so many writes succeed; then the process is dead.
pub(super) fn dies_after(store: &WorkStore, writes: u64) {
    store.backend().fuse.store(writes, Ordering::SeqCst);
}

/// Does everything that is left, taking it from whoever has it.
pub(super) async fn do_all(world: &World) -> WorkStore {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let worker = format!("last-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let store = world.join(&worker, IMPATIENT).await;
    for _ in 0..100 {
        for lease in acquire(&store, 50).await {
            let done = lease.cursor().map_or(0, |cursor| lease.item().position(cursor).unwrap());
            let counts = written(lease.counts().written + lease.item().span() - done);
            assert_eq!(store.complete(lease, &counts).await.unwrap(), Ended::As(ItemState::Done));
        }
        if finish(&store).await == (Completion::Complete { quarantined: 0 }) {
            return store;
        }
    }
    panic!("not complete: {:?}", world.status().await);
}

/// All items are done, and they are the planned documents: none missing, none twice, each counted once.
pub(super) async fn assert_covered(store: &WorkStore, planned: &[WorkItem]) {
    let documents = |item: &WorkItem| {
        let shard = item.shard;
        let of = |piece: &Piece| {
            let segment = piece.segment.clone();
            piece
                .documents
                .clone()
                .map(move |document| (shard, segment.clone(), document))
                .collect::<Vec<_>>()
        };
        item.pieces.iter().flat_map(of).collect::<Vec<_>>()
    };
    let done = records(store, ItemState::Done).await;
    let mut covered: Vec<_> = done.iter().flat_map(|record| documents(&record.item)).collect();
    let mut expected: Vec<_> = planned.iter().flat_map(documents).collect();
    covered.sort();
    expected.sort();
    assert!(covered == expected, "{} documents instead of {}", covered.len(), expected.len());
    for record in &done {
        assert_eq!(record.counts.written, record.span, "{}", record.item.id);
    }
    let unsettled = records(store, ItemState::PendingSplit).await;
    assert!(unsettled.is_empty(), "{unsettled:?}");
}
