//! From recording to replay: both clusters hold the same, and every request is accounted for.

use crate::broker::Broker;
use crate::http;
use crate::recording::Recording;
use crate::replay::Replay;
use crate::server::Server;
use crate::support::{json_of, scratch};
use crate::topic::Topic;
use crate::tuples;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The indices of the workload.
pub const INDICES: [&str; 3] = ["orders", "events-2026.01", "größe"];

/// A source, which clients talk to, and a target, which it is replayed to; for one test at a time.
#[derive(Debug)]
pub struct Servers {
    pub source: Server,
    pub target: Server,
}

impl Servers {
    /// Both, with the indices, and nothing in them.
    pub fn empty() -> MutexGuard<'static, Self> {
        static SHARED: OnceLock<Mutex<Servers>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let (source, target) = std::thread::scope(|scope| {
                let source = scope.spawn(|| Server::start("es-7.10.2"));
                (source, Server::start("os-2.19.1")).into_both()
            });
            Mutex::new(Self { source, target })
        });
        let servers = shared.lock().unwrap_or_else(PoisonError::into_inner);
        for server in [&servers.source, &servers.target] {
            server.clear();
            for index in INDICES {
                let settings = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
                http::json(&server.url, "PUT", &format!("/{}", http::encoded(index)), &settings);
            }
        }
        servers
    }

    /// That the target holds what the source holds; how many documents that are.
    pub fn assert_equal(&self) -> u64 {
        let folder = scratch("replay-verify");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.args(["verify", "--output", "json", "--report", "differences.ndjson"]).current_dir(&folder);
        command.args(["--source", &self.source.url, "--target", &self.target.url]);
        let output = command.output().expect("ferry runs");
        let total = json_of(&output)["total"].take();
        let count = |what: &str| total[what].as_u64().unwrap();
        let differences = std::fs::read_to_string(folder.join("differences.ndjson")).unwrap_or_default();
        let counts = ["missing", "different", "extra"].map(count);
        let some: String = differences.lines().take(5).map(|line| format!("{line:.700}\n")).collect();
        assert_eq!((counts, output.status.code()), ([0; 3], Some(0)), "missing, different, extra\n{some}");
        count("equal")
    }
}

/// Two values that are made at the same time.
trait IntoBoth<T> {
    fn into_both(self) -> (T, T);
}

impl<T> IntoBoth<T> for (std::thread::ScopedJoinHandle<'_, T>, T) {
    fn into_both(self) -> (T, T) {
        (self.0.join().unwrap(), self.1)
    }
}

/// That both clusters hold the same, that every request is in one tuple, and that the group has committed everything.
pub fn check(name: &str, servers: &Servers, recording: &Recording, replay: &Replay) {
    let progress = replay.topic.progress(&replay.group);
    println!("replay {name}: ends and committed offsets of the partitions: {progress:?}");
    let tuples = tuples::read(&replay.tuples());
    let documents = servers.assert_equal();
    println!(
        "replay {name}: {documents} documents equal; {} requests recorded, {} in tuples; statuses {:?}",
        recording.requests.len(),
        tuples.values().map(Vec::len).sum::<usize>(),
        tuples::pairs(&tuples)
    );
    tuples::assert_accounts_for(&tuples, recording);
    assert_eq!(replay.topic.lag(&replay.group), 0, "everything is committed");
}

fn recorded(name: &str, requests: u64, seed: u64, more: &str) -> Replay {
    let servers = Servers::empty();
    let recording = Recording::make(name, &servers.source.url, requests, seed, more);
    let topic = Topic::new(&Broker::usual().plain(), name, 3);
    topic.put(&recording.records);
    let replay = Replay::new(name, &topic, &servers.target.url, "--as-fast-as-possible");
    let start = Instant::now();
    let (status, report) = replay.to_end("one", Duration::from_secs(3600));
    println!(
        "replay {name}: {} requests in {:.1} s, {} answered, {} unanswered, {} more attempts, {} tuples",
        report["requests"],
        start.elapsed().as_secs_f64(),
        report["answered"],
        report["unanswered"],
        report["retries"],
        report["tuples"]
    );
    assert_eq!(status, Some(0), "{report}");
    let expected = recording.requests.len() as u64;
    assert_eq!([&report["requests"], &report["answered"], &report["tuples"]], [&Value::from(expected); 3]);
    check(name, &servers, &recording, &replay);
    replay
}

/// Has a browser make a picture of the report's page, which needs nothing from anywhere else.
fn picture(name: &str, replay: &Replay) {
    let (page, picture) =
        (replay.folder.join("report.html"), scratch(&format!("replay-picture-{name}")).join("report.png"));
    let mut report = Command::new(env!("CARGO_BIN_EXE_ferry"));
    report.args(["replay", "report"]).arg(replay.tuples()).arg("--html").arg(&page);
    let output = report.current_dir(&replay.folder).output().expect("ferry runs");
    print!("report {name}:\n{}", String::from_utf8_lossy(&output.stdout));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let mut browser = Command::new("chromium");
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--window-size=1200,3000",
    ]);
    // Nothing can be fetched.
    browser.args(["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000"]);
    browser.arg(format!("--user-data-dir={}", replay.folder.join("browser").display()));
    browser.arg(format!("--screenshot={}", picture.display())).arg(format!("file://{}", page.display()));
    let output = browser.output().expect("chromium runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let size = std::fs::metadata(&picture).map_or(0, |picture| picture.len());
    assert!(size > 20_000, "a picture of {size} bytes\n{errors}");
    println!("report {name}: {}", picture.display());
}

/// Gives the room back: nobody looks at it when the test has passed.
pub fn remove(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_what_was_recorded_is_there_and_in_tuples() {
    let replay = recorded("quick", 1500, 1, "--large 0.002");
    remove(&replay.folder);
}

#[test]
#[ignore = "needs a JDK, Maven and Chromium"]
fn replay_all_what_was_recorded_is_there_and_in_tuples_for_three_seeds() {
    for seed in [11, 12, 13] {
        let name = format!("long-{seed}");
        let replay = recorded(&name, 100_000, seed, "--clients 24 --large 0.0003 --pause 20");
        picture(&name, &replay);
        remove(&replay.folder);
    }
}
