//! One backfill: its workers, its status, what failed, and what `verify` says.

use crate::support::{json_of, scratch};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::{Duration, Instant};

/// A job: options of `ferry backfill` that all of its workers share.
#[derive(Debug, Clone)]
pub struct Job {
    /// The folder that everything of the job is in.
    pub folder: PathBuf,
    pub repo: PathBuf,
    pub snapshot: String,
    pub target: String,
    pub indices: String,
    pub session: String,
    /// Whether the state is kept in the target, not in a folder.
    pub is_shared: bool,
    /// More options of workers.
    pub options: Vec<String>,
}

/// What a comparison came to.
#[derive(Debug)]
pub struct Verified {
    pub status: Option<i32>,
    pub total: Value,
    /// The lines of the file of differences.
    pub differences: Vec<Value>,
}

impl Job {
    pub fn new(name: &str, repo: &Path, snapshot: &str, target: &str) -> Self {
        let folder = scratch(&format!("cluster-{name}"));
        fs::create_dir_all(folder.join("logs")).unwrap();
        Self {
            folder,
            repo: repo.to_owned(),
            snapshot: snapshot.to_owned(),
            target: target.to_owned(),
            indices: "*".to_owned(),
            session: name.to_owned(),
            is_shared: false,
            options: Vec::new(),
        }
    }

    pub fn with(mut self, options: &str) -> Self {
        self.options.extend(options.split_whitespace().map(str::to_owned));
        self
    }

    pub fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    pub fn of_indices(self, indices: &str) -> Self {
        Self { indices: indices.to_owned(), ..self }
    }

    /// `ferry` in the folder, with none of its variables set.
    pub fn ferry(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FERRY_")) {
            command.env_remove(name);
        }
        command.args(arguments.split_whitespace()).current_dir(&self.folder).env("COLUMNS", "100");
        command
    }

    fn backfill_command(&self, more: &str) -> Command {
        let mut command = self.ferry("backfill --output json");
        command.arg("--repo").arg(&self.repo).args(["--snapshot", &self.snapshot]);
        command.args(["--target", &self.target, "--indices", &self.indices, "--session", &self.session]);
        if self.is_shared {
            command.args(["--coordinator", "target"]);
        }
        command.args(&self.options).args(more.split_whitespace());
        command
    }

    /// Runs one worker to its end.
    pub fn backfill(&self, more: &str) -> Output {
        let output = self.backfill_command(more).output().expect("ferry runs");
        let log = self.folder.join("logs/single.log");
        fs::write(log, [&output.stderr[..], &output.stdout].concat()).unwrap();
        output
    }

    /// Starts a worker, which adds to its log.
    pub fn start(&self, name: &str) -> Worker {
        self.start_with(name, |_| {})
    }

    pub fn start_with(&self, name: &str, change: impl FnOnce(&mut Command)) -> Worker {
        let log = |kind: &str| {
            let path = self.folder.join(format!("logs/{name}.{kind}"));
            File::options().create(true).append(true).open(path).expect("a log")
        };
        let mut command = self.backfill_command(&format!("--worker {name}"));
        command.env("RUST_LOG", "info").stdout(log("out")).stderr(log("log"));
        change(&mut command);
        let child = command.spawn().expect("ferry runs");
        Worker { name: name.to_owned(), child }
    }

    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(format!("logs/{name}.log"))).unwrap_or_default()
    }

    pub fn status_output(&self, more: &str) -> Output {
        let mut command = self.ferry("backfill status --no-rate");
        command.args(["--session", &self.session]).args(more.split_whitespace());
        if self.is_shared {
            command.args(["--coordinator", &self.target]);
        }
        command.output().expect("ferry runs")
    }

    pub fn status(&self) -> Value {
        json_of(&self.status_output("--output json"))["status"].take()
    }

    pub fn verify(&self) -> Verified {
        let mut command = self.ferry("verify --output json --report verify.ndjson");
        command.arg("--repo").arg(&self.repo).args(["--snapshot", &self.snapshot]);
        command.args(["--target", &self.target, "--indices", &self.indices]);
        let output = command.output().expect("ferry runs");
        fs::write(self.folder.join("logs/verify.log"), &output.stderr).unwrap();
        let report = json_of(&output);
        let differences = match report["report"]["differences"].as_str() {
            Some(_) => lines(&fs::read(self.folder.join("verify.ndjson")).unwrap()),
            None => Vec::new(),
        };
        Verified { status: output.status.code(), total: report["total"].clone(), differences }
    }

    /// The records of failed documents.
    pub fn failed(&self) -> Vec<Value> {
        if !self.folder.join("ferry-state/failed-documents").exists() {
            return Vec::new();
        }
        let output = self.ferry("failed show ferry-state/failed-documents --limit 1000000").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lines(&output.stdout)
    }

    /// What `failed list` prints.
    pub fn failed_list(&self) -> String {
        let output = self.ferry("failed list ferry-state/failed-documents").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Records, without the documents in them: these have numbers that no parser takes.
fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    let record = |line: &str| {
        let parts: BTreeMap<String, &RawValue> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let parts = parts.into_iter().filter(|(name, _)| name != "source");
        parts.map(|(name, part)| (name, serde_json::from_str::<Value>(part.get()).unwrap())).collect()
    };
    text.lines().map(record).collect()
}

impl Verified {
    pub fn count(&self, what: &str) -> u64 {
        self.total[what].as_u64().unwrap()
    }

    /// That the target holds what the snapshot holds.
    pub fn assert_equal(&self, documents: u64) {
        let counts = ["missing", "different", "extra", "unreadable"].map(|what| self.count(what));
        assert_eq!((counts, self.status), ([0; 4], Some(0)), "{:?}", self.differences.first());
        assert_eq!(self.count("equal"), documents);
    }

    /// Index, id and routing of the documents with a kind of difference.
    pub fn documents(&self, kind: &str) -> BTreeSet<[String; 3]> {
        self.differences.iter().filter(|line| line["kind"] == kind).map(key).collect()
    }
}

/// Index, id and routing of a record of a failed document or a difference.
pub fn key(record: &Value) -> [String; 3] {
    ["index", "_id", "routing"].map(|field| record[field].as_str().unwrap_or_default().to_owned())
}

/// A number of a report.
pub fn number(report: &Value, what: &str) -> u64 {
    report[what].as_u64().unwrap_or_else(|| panic!("`{what}` in {report}"))
}

/// A process that works on a job; killed when it is dropped.
#[derive(Debug)]
pub struct Worker {
    pub name: String,
    child: Child,
}

impl Worker {
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Ends it without a word; false when it had ended before.
    pub fn kill(mut self) -> bool {
        let is_alive = self.child.try_wait().unwrap().is_none();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        is_alive
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The exit status, which must come within this time.
    pub fn wait(&mut self, most: Duration) -> Option<i32> {
        let end = Instant::now() + most;
        loop {
            if let Some(status) = self.ended() {
                return status.code();
            }
            assert!(Instant::now() < end, "worker {} does not end", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended.
        let _ = self.child.wait();
    }
}
