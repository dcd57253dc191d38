//! `ferry replay` of a topic.

use crate::support::scratch;
use crate::topic::Topic;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A replay, by any number of processes.
#[derive(Debug)]
pub struct Replay {
    pub folder: PathBuf,
    pub topic: Topic,
    pub group: String,
    target: String,
    options: String,
}

/// One of its processes; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Replay {
    pub fn new(name: &str, topic: &Topic, target: &str, options: &str) -> Self {
        let folder = scratch(&format!("replay-of-{name}"));
        fs::create_dir_all(folder.join("logs")).unwrap();
        let group = format!("group-{name}");
        Self { folder, topic: topic.clone(), group, target: target.to_owned(), options: options.to_owned() }
    }

    pub fn tuples(&self) -> PathBuf {
        self.folder.join("tuples")
    }

    /// Starts a process, which adds to its log.
    pub fn start(&self, name: &str, more: &str) -> Process {
        let file = |kind: &str| self.folder.join(format!("logs/{name}.{kind}"));
        let open = |kind: &str| File::options().create(true).append(true).open(file(kind)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FERRY_")) {
            command.env_remove(name);
        }
        command.args(["replay", "--output", "json", "--log-level", "info"]).current_dir(&self.folder);
        command.args(["--kafka-brokers", &self.topic.brokers, "--kafka-topic", &self.topic.name]);
        command.args(["--kafka-group", &self.group, "--target", &self.target, "--tuples", "tuples"]);
        command.args(self.options.split_whitespace()).args(more.split_whitespace());
        let child = command.stdout(open("out")).stderr(open("log")).spawn().expect("ferry runs");
        Process { name: name.to_owned(), log: file("log"), child }
    }

    /// Replays what is in the topic now; the exit status and the report.
    pub fn to_end(&self, name: &str, most: Duration) -> (Option<i32>, Value) {
        let mut process = self.start(name, "--until-end");
        let status = process.wait(most);
        let output = fs::read(self.folder.join(format!("logs/{name}.out"))).unwrap();
        let report = serde_json::from_slice(&output).unwrap_or_else(|error| {
            panic!("{error}: {}\n{}", String::from_utf8_lossy(&output), process.log())
        });
        (status, report)
    }
}

impl Process {
    pub fn log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        assert!(self.is_alive(), "{} ended by itself:\n{}", self.name, self.log());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    }

    /// The exit status, which must come within this time.
    pub fn wait(&mut self, most: Duration) -> Option<i32> {
        let end = Instant::now() + most;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "{} does not end:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended.
        let _ = self.child.wait();
    }
}
