//! Captured traffic, as a proxy would have written it, and a replay of it.

use crate::target::Target;
use bytes::Bytes;
use codecs::traffic::record::{
    EndOfMessage, Nothing, Observation, Observed, Payload, RecordNumber, Timestamp, TrafficStream,
};
use engine::flow::{Backoff, Cancel, MemoryBudget};
use engine::replay::{
    Destination, FinishSettings, Finisher, HostHeader, Preparation, ReplayAuth, Report, RequestTransforms,
    RetryPolicy, Rotation, Selection, SelectionSettings, Settings, Source, SourceClock, Speed, TupleSettings,
    run,
};
use engine::storage::{BlobStore, Location, S3Options};
use engine::target::{ClientOptions, Dialer};
use engine::traffic::{Input, Ledger, Record};
use flate2::read::MultiGzDecoder;
use prost::Message;
use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// One record of a connection: requests with their responses, a second apart.
pub(crate) struct Recorded {
    stream: TrafficStream,
    second: i64,
}

impl Recorded {
    pub(crate) fn new(connection: &str) -> Self {
        let stream = TrafficStream {
            connection_id: connection.to_owned(),
            node_id: "node".to_owned(),
            number: Some(RecordNumber::Last(1)),
            ..TrafficStream::default()
        };
        Self { stream, second: 1_700_000_000 }
    }

    /// What follows comes so many seconds later.
    pub(crate) fn after(mut self, seconds: i64) -> Self {
        self.second += seconds;
        self
    }

    /// The record with this number among those of the connection, more of which follow.
    pub(crate) fn number(mut self, number: i32) -> Self {
        self.stream.number = Some(RecordNumber::More(number));
        self
    }

    /// Bytes that the client sent.
    pub(crate) fn read(self, data: impl AsRef<[u8]>) -> Self {
        self.observe(Observed::Read(Payload { data: Bytes::copy_from_slice(data.as_ref()) }))
    }

    /// Bytes that the source sent.
    pub(crate) fn write(self, data: &str) -> Self {
        self.observe(Observed::Write(Payload { data: data.to_owned().into() }))
    }

    fn observe(mut self, observed: Observed) -> Self {
        let at = Some(Timestamp { seconds: self.second, nanos: 0 });
        self.stream.observations.push(Observation { at, observed: Some(observed) });
        self
    }

    /// A request, and the source's whole response to it.
    pub(crate) fn exchange(self, method: &str, target: &str, body: &str, response: &str) -> Self {
        let mut recorded = self.request(method, target, body).write(response);
        recorded.second += 1;
        recorded
    }

    /// A request without a response.
    pub(crate) fn request(self, method: &str, target: &str, body: &str) -> Self {
        let length = body.len();
        let head = if body.is_empty() { String::new() } else { format!("Content-Length: {length}\r\n") };
        let message = format!("{method} {target} HTTP/1.1\r\nHost: source\r\n{head}\r\n{body}");
        self.read(&message).observe(Observed::EndOfMessage(EndOfMessage::default()))
    }

    pub(crate) fn close(self) -> Bytes {
        self.observe(Observed::Close(Nothing {})).open()
    }

    pub(crate) fn open(self) -> Bytes {
        self.stream.encode_to_vec().into()
    }
}

/// A response of the source with a body of JSON.
pub(crate) fn answered(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A replay of some records.
pub(crate) struct Replay {
    pub(crate) settings: Settings,
    pub(crate) selection: SelectionSettings,
    pub(crate) timeout: Duration,
    pub(crate) cancel: Cancel,
    /// Whether more could follow the records.
    pub(crate) goes_on: bool,
    /// Bytes of records that may be held.
    pub(crate) memory: u64,
    /// Records that come so long after the others.
    pub(crate) late: (Duration, Vec<Bytes>),
    /// Whether the input says that it gave out all that there is.
    pub(crate) is_quiet: bool,
    /// How many records were given out.
    pub(crate) given: Arc<AtomicU64>,
    /// How long a commit takes.
    pub(crate) commit_takes: Duration,
    /// Whether the partition goes to another process before the late records, and comes back: these are then read from what was
    /// committed on.
    pub(crate) moves: bool,
    /// What the input was told: to hold the partition back, or to let it go on.
    pub(crate) holds: Arc<Mutex<Vec<bool>>>,
    folder: PathBuf,
    committed: Commits,
}

impl Replay {
    pub(crate) fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        let backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(50) };
        let policy =
            RetryPolicy { backoff, attempts: 3, budget: Duration::from_secs(2), ..RetryPolicy::default() };
        let settings = Settings { clock: SourceClock::new(Speed::Unlimited), policy, ..Settings::default() };
        Self {
            settings,
            selection: SelectionSettings::default(),
            timeout: Duration::from_secs(20),
            cancel: Cancel::default(),
            goes_on: false,
            memory: 64 << 20,
            late: (Duration::ZERO, Vec::new()),
            is_quiet: false,
            given: Arc::default(),
            commit_takes: Duration::ZERO,
            moves: false,
            holds: Arc::default(),
            folder,
            committed: Arc::default(),
        }
    }

    /// Replays records of one partition.
    pub(crate) async fn run(&self, target: &Target, records: Vec<Bytes>) -> Report {
        self.run_to(&target.url, records).await
    }

    pub(crate) async fn run_to(&self, url: &str, records: Vec<Bytes>) -> Report {
        self.try_run(url, records).await.unwrap()
    }

    pub(crate) async fn try_run(&self, url: &str, records: Vec<Bytes>) -> engine::Result<Report> {
        let memory = MemoryBudget::new(self.memory);
        let (sender, inputs) = mpsc::channel(1024);
        let records = Records {
            first: records,
            late: self.late.clone(),
            given: Arc::clone(&self.given),
            moves: self.moves.then(|| Arc::clone(&self.committed)),
        };
        let giving = tokio::spawn(give(sender, memory.clone(), records, self.goes_on));
        let report = self.read(url, inputs, memory).await;
        giving.abort();
        report
    }

    /// Replays what comes.
    pub(crate) async fn read(
        &self,
        url: &str,
        inputs: mpsc::Receiver<Input>,
        memory: MemoryBudget,
    ) -> engine::Result<Report> {
        let (committed, is_quiet, takes) = (Arc::clone(&self.committed), self.is_quiet, self.commit_takes);
        let holds = Arc::clone(&self.holds);
        let source = Source {
            inputs,
            hold: Box::new(move |_, hold| holds.lock().unwrap().push(hold)),
            commit: Arc::new(move |ledger, offset| {
                committed.lock().unwrap().push((ledger.partition(), offset));
                Box::pin(async move {
                    tokio::time::sleep(takes).await;
                    Ok(())
                })
            }),
            is_quiet: Box::new(move |_| is_quiet),
            ends: true,
            notes: None,
        };
        let options = ClientOptions { timeout: self.timeout, ..ClientOptions::new(url.parse().unwrap()) };
        let finish = FinishSettings {
            url: options.url.clone(),
            host: HostHeader::default(),
            auth: ReplayAuth::default(),
            user_agent: None,
        };
        let preparation = Preparation {
            selection: Selection::new(self.selection.clone()),
            transforms: RequestTransforms::default(),
            finisher: Finisher::new(&finish).unwrap(),
            keeps_ids: true,
            sends_untransformed: false,
        };
        let location = Location::File(self.folder.clone());
        let store = BlobStore::create(&location, &S3Options::default()).await.unwrap();
        let rotation = Rotation { age: Duration::from_millis(100), ..Rotation::default() };
        let tuples = Some((store, TupleSettings::default(), rotation));
        let destination = Destination { dialer: Dialer::new(&options).unwrap(), preparation, tuples };
        run(source, destination, self.settings.clone(), memory, self.cancel.clone()).await
    }

    /// The last offset that was committed.
    pub(crate) fn committed(&self) -> Option<i64> {
        self.committed.lock().unwrap().last().map(|(_, offset)| *offset)
    }

    /// All commits: partitions and offsets.
    pub(crate) fn commits(&self) -> Vec<(i32, i64)> {
        self.committed.lock().unwrap().clone()
    }

    /// The tuples in all files, in the order of the files.
    pub(crate) fn tuples(&self) -> Vec<Value> {
        let Ok(files) = std::fs::read_dir(self.folder.join("topic-0")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let mut text = String::new();
        for file in files {
            MultiGzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
        }
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Partitions and offsets, as they are committed.
type Commits = Arc<Mutex<Vec<(i32, i64)>>>;

/// Records of one partition, some of them late.
struct Records {
    first: Vec<Bytes>,
    late: (Duration, Vec<Bytes>),
    given: Arc<AtomicU64>,
    /// What was committed, if the partition goes and comes back.
    moves: Option<Commits>,
}

/// Gives them out.
async fn give(sender: mpsc::Sender<Input>, memory: MemoryBudget, records: Records, goes_on: bool) {
    let Records { first: records, late, given, moves } = records;
    let mut ledger = Ledger::new("topic".into(), 0, 0);
    let mut next = 0;
    sender.send(Input::Assigned(ledger.clone())).await.unwrap();
    let first_late = records.len();
    for (number, value) in records.into_iter().chain(late.1).enumerate() {
        if number == first_late {
            tokio::time::sleep(late.0).await;
            if let Some(committed) = &moves {
                ledger = go_and_come(&sender, ledger, committed).await;
                next = ledger.done();
            }
        }
        let memory = memory.reserve(value.len() as u64).await;
        given.fetch_add(1, Ordering::Relaxed);
        let record = Record { token: ledger.track(next), key: None, value, memory };
        next += 1;
        // The replay may have ended.
        let _ = sender.send(Input::Record(record)).await;
    }
    if goes_on {
        std::future::pending::<()>().await;
    }
}

/// The partition goes to another process, and comes back at what was committed.
async fn go_and_come(sender: &mpsc::Sender<Input>, ledger: Ledger, committed: &Commits) -> Ledger {
    let (answer, answered) = oneshot::channel();
    sender.send(Input::Revoked(ledger, answer)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), answered).await.expect("an answer in time").unwrap();
    let next = committed.lock().unwrap().last().map_or(0, |(_, offset)| *offset);
    let ledger = Ledger::new("topic".into(), 0, next);
    sender.send(Input::Assigned(ledger.clone())).await.unwrap();
    ledger
}
