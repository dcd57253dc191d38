use super::*;
use crate::flow::MemoryBudget;
use crate::replay::blocks::Compressor;
use crate::replay::books::TupleFiles;
use crate::replay::counts::Counts;
use crate::replay::tuples::Rotation;
use crate::replay::workers::Workers;
use crate::storage::{BlobStore, Location, S3Options};
use crate::traffic::{Connection, ResponseEnd, SourceRequest, SourceResponse};
use codecs::traffic::tuple::TupleSettings;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;
use tokio::task::JoinHandle;

/// A writer that runs, and what comes out of it.
struct Running {
    folder: PathBuf,
    memory: MemoryBudget,
    backlog: Arc<AtomicU64>,
    workers: Workers,
    committed: Arc<Mutex<Vec<i64>>>,
    finished: mpsc::Sender<Finished>,
    orders: mpsc::Sender<Order>,
    writer: JoinHandle<Result<()>>,
}

impl Running {
    async fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ferry-writer-{name}-{}", std::process::id()));
        let store = BlobStore::create(&Location::File(folder.clone()), &S3Options::default()).await.unwrap();
        let settings = TupleSettings::default();
        let (backlog, workers) = (Arc::<AtomicU64>::default(), Workers::new());
        let committed = Arc::<Mutex<Vec<i64>>>::default();
        let commits = Arc::clone(&committed);
        let books = Books {
            files: Some(TupleFiles { store, settings, rotation: Rotation::default() }),
            counts: Arc::new(Counts::default()),
            commit: Arc::new(move |_, next| {
                commits.lock().unwrap().push(next);
                Box::pin(async { Ok(()) })
            }),
            compressor: Compressor::new(workers.clone(), 64 << 20),
        };
        let lines =
            LineMaker { settings: Some(settings), backlog: Arc::clone(&backlog), workers: workers.clone() };
        let ((finished, finished_end), (orders, orders_end)) = (mpsc::channel(64), mpsc::channel(4));
        let writer =
            Writer::new(books, lines, Arc::new(watch::Sender::new(false))).run(finished_end, orders_end);
        let (writer, memory) = (tokio::spawn(writer), MemoryBudget::new(64 << 20));
        Self { folder, memory, backlog, workers, committed, finished, orders, writer }
    }

    async fn assign(&self, ledger: &Ledger) {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Assigned(ledger.clone(), answer)).await.unwrap();
        answered.await.unwrap().unwrap();
    }

    async fn revoke(&self, ledger: &Ledger) {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Revoked(ledger.clone(), answer)).await.unwrap();
        answered.await.unwrap();
    }

    /// A request with a body of so many bytes, and what sends the source's response.
    async fn exchange(
        &self,
        ledger: &Ledger,
        offset: i64,
        length: usize,
    ) -> (Finished, oneshot::Sender<SourceResponse>) {
        let (response, receiver) = oneshot::channel();
        let message =
            format!("PUT /{offset} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length));
        let permit = self.memory.reserve(message.len() as u64).await;
        let request = SourceRequest {
            connection: Arc::new(Connection { node: "n".into(), id: "c".into(), session: 0 }),
            index: 0,
            message: message.into(),
            first_byte: UNIX_EPOCH,
            last_byte: UNIX_EPOCH,
            resumed: false,
            tokens: vec![ledger.track(offset)],
            before: Vec::new(),
            memory: vec![Arc::new(permit)],
            response: receiver,
        };
        let (sent, attempts, transform) = (None, Vec::new(), "failed");
        (Finished { request, response: None, sent, attempts, transform, error: None, text: None }, response)
    }

    /// As conversations send it: with its line.
    async fn written(&self, mut finished: Finished) -> Finished {
        finished.response = Some(answer());
        let (settings, backlog) = (Some(TupleSettings::default()), Arc::clone(&self.backlog));
        LineMaker { settings, backlog, workers: self.workers.clone() }.write(finished).await
    }

    async fn send(&self, ledger: &Ledger, offset: i64, length: usize) {
        let (mut finished, _) = self.exchange(ledger, offset, length).await;
        finished.response = Some(answer());
        self.finished.send(finished).await.unwrap();
    }

    /// Ends it: what its end was, what was committed, and the offsets of the tuples in each file.
    async fn end(self) -> (Result<()>, Vec<i64>, Vec<(String, Vec<i64>)>) {
        drop((self.finished, self.orders));
        let ended = self.writer.await.unwrap();
        self.workers.idle().await;
        let mut files = Vec::new();
        if let Ok(entries) = std::fs::read_dir(self.folder.join("t-0")) {
            for entry in entries.map(|entry| entry.unwrap()) {
                let mut text = String::new();
                let bytes = std::fs::read(entry.path()).unwrap();
                MultiGzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
                let tuples =
                    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
                let offsets = tuples.map(|tuple| tuple["offset"].as_i64().unwrap()).collect();
                files.push((entry.file_name().into_string().unwrap(), offsets));
            }
        }
        files.sort();
        let _ = std::fs::remove_dir_all(&self.folder);
        assert_eq!((self.backlog.load(Ordering::Relaxed), self.memory.held()), (0, 0));
        let committed = self.committed.lock().unwrap().clone();
        (ended, committed, files)
    }
}

fn answer() -> SourceResponse {
    SourceResponse {
        message: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into(),
        first_byte: None,
        last_byte: None,
        end: ResponseEnd::Complete,
        tokens: Vec::new(),
        memory: Vec::new(),
    }
}

fn file(first: i64, next: i64) -> (String, Vec<i64>) {
    (format!("{first:020}-{next:020}.ndjson.gz"), (first..next).collect())
}

#[tokio::test]
async fn tuples_of_many_blocks_are_in_the_order_of_their_offsets_whatever_their_size() {
    let running = Running::start("order").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    for offset in 0..40 {
        // Large ones are written on other threads, and come back later.
        let length = if offset % 3 == 0 { 900_000 } else { 100 };
        running.send(&ledger, offset, length).await;
    }
    let (ended, committed, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((files, committed), (vec![file(0, 40)], vec![40]));
}

#[tokio::test]
async fn a_response_of_the_source_that_comes_late_is_waited_for() {
    let running = Running::start("late").await;
    let ledger = Ledger::new("t".into(), 0, 5);
    running.assign(&ledger).await;
    let (late, response) = running.exchange(&ledger, 5, 200_000).await;
    running.finished.send(late).await.unwrap();
    running.send(&ledger, 6, 100).await;
    response.send(answer()).unwrap();
    let (ended, committed, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((files, committed), (vec![file(5, 7)], vec![7]));
}

#[tokio::test]
async fn what_is_done_of_a_partition_that_goes_is_stored_and_committed_before_this_is_answered() {
    let running = Running::start("revoked").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    for offset in 0..3 {
        let (finished, _) = running.exchange(&ledger, offset, 2_000_000).await;
        let finished = running.written(finished).await;
        running.finished.send(finished).await.unwrap();
    }
    running.revoke(&ledger).await;
    assert_eq!(*running.committed.lock().unwrap(), [3]);
    let (ended, _, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(files, [file(0, 3)]);
}

#[tokio::test]
async fn nothing_is_stored_or_committed_of_a_partition_that_was_lost_while_blocks_were_compressed() {
    let running = Running::start("lost").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    for offset in 0..3 {
        running.send(&ledger, offset, 6_000_000).await;
    }
    while ledger.done() < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ledger.revoke();
    running.revoke(&ledger).await;
    let (ended, committed, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((committed, files), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn tuples_of_a_partition_that_was_lost_take_no_room_even_before_the_writer_is_told() {
    let running = Running::start("room").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    running.send(&ledger, 0, 100).await;
    // The others wait for this one.
    let (unfinished, _response) = running.exchange(&ledger, 1, 100).await;
    for offset in 2..5 {
        running.send(&ledger, offset, 100).await;
    }
    while ledger.under_way() > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(running.backlog.load(Ordering::Relaxed) > 0);
    ledger.revoke();
    let is_given_back = async {
        while running.backlog.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_given_back).await.expect("room in time");
    running.send(&ledger, 5, 100).await;
    drop(unfinished);
    let (ended, committed, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((committed, files), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn what_has_no_response_of_the_source_when_it_is_stopped_is_left_to_the_next_run() {
    let running = Running::start("stopped").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    running.send(&ledger, 0, 100).await;
    let (late, _response) = running.exchange(&ledger, 1, 100).await;
    running.finished.send(late).await.unwrap();
    running.send(&ledger, 2, 100).await;
    running.orders.send(Order::Stop).await.unwrap();
    let (ended, committed, files) = running.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((files, committed), (vec![file(0, 1)], vec![1]));
}

#[tokio::test]
async fn a_file_that_cannot_be_stored_ends_the_writer_and_nothing_is_committed() {
    let running = Running::start("unstorable").await;
    let ledger = Ledger::new("t".into(), 0, 0);
    running.assign(&ledger).await;
    std::fs::remove_dir_all(&running.folder).unwrap();
    std::fs::write(&running.folder, "no folder").unwrap();
    running.send(&ledger, 0, 100).await;
    let folder = running.folder.clone();
    let (ended, committed, _) = running.end().await;
    std::fs::remove_file(folder).unwrap();
    assert!(ended.is_err());
    assert_eq!(committed, Vec::<i64>::new());
}
