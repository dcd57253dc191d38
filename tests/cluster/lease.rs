//! A worker that stands still for longer than its lease, and one whose clock is an hour fast.

use crate::http;
use crate::job::{Job, number};
use crate::server::Server;
use crate::source::Source;
use crate::support::scratch;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TAKEN: &str = "work item taken from a worker that stopped without a word";

/// A library that makes the wall clock of a process fast.
fn fast_clock() -> PathBuf {
    let library = scratch("cluster-clock").join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cluster/clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.expect("a C compiler").success());
    library
}

/// The hour and minute of the last line of a log.
fn last_minute(log: &str) -> i64 {
    let line = log.lines().rev().find(|line| line.contains('T')).expect("a line with a time");
    let (_, time) = line.split_once('T').unwrap();
    let part = |range| time.get::<std::ops::Range<usize>>(range).unwrap().parse::<i64>().unwrap();
    part(0..2) * 60 + part(3..5)
}

/// The items that a worker has.
fn held(job: &Job, worker: &str) -> BTreeSet<String> {
    let status = job.status();
    let held = status["held"].as_array().unwrap().iter().filter(|held| held["worker"] == worker);
    held.map(|held| held["item"].as_str().unwrap().to_owned()).collect()
}

fn versions(job: &Job) -> BTreeMap<String, u64> {
    let hits = http::hits(&job.target, &job.session, false);
    hits.iter().map(|hit| (hit["_id"].as_str().unwrap().to_owned(), number(hit, "_version"))).collect()
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_a_worker_that_stood_still_writes_nothing_more_and_no_wall_clock_matters() {
    let server = Server::usual();
    let source = Source::with_deletes(server, "standstill", 24_000, 4);
    let options = "--lease 10 --max-rate 500 --items-at-once 2 --batch-documents 200";
    let job = Job::new("standstill", &source.repo, "snap", &server.url).shared().with(options);
    let settings = json!({"settings": {"number_of_shards": 4, "number_of_replicas": 0}});
    http::json(&server.url, "PUT", "/standstill", &settings);
    let library = fast_clock();
    let mut slow = job.start("now");
    let mut fast = job.start_with("hour-ahead", |command| {
        command.env("LD_PRELOAD", &library).env("CLOCK_OFFSET", "3600");
    });

    // Longer than the lease: neither takes anything from the other.
    sleep(Duration::from_secs(13));
    let (of_slow, of_fast) = (held(&job, "now"), held(&job, "hour-ahead"));
    assert!(!of_slow.is_empty() && !of_fast.is_empty(), "{of_slow:?} {of_fast:?}");
    assert_eq!((job.log("now") + &job.log("hour-ahead")).matches(TAKEN).count(), 0);

    slow.signal("STOP");
    let stopped = Instant::now();
    let left = held(&job, "now");
    assert!(!left.is_empty());
    while !held(&job, "now").is_disjoint(&left) {
        assert!(stopped.elapsed() < Duration::from_secs(120), "{left:?} stay with the one that is stopped");
        sleep(Duration::from_millis(200));
    }
    let taken_after = stopped.elapsed();
    assert_eq!(fast.wait(Duration::from_secs(120)), Some(0), "{}", job.log("hour-ahead"));
    let before = versions(&job);
    slow.signal("CONT");
    assert_eq!(slow.wait(Duration::from_secs(60)), Some(0), "{}", job.log("now"));
    let after = versions(&job);

    let ahead = (last_minute(&job.log("hour-ahead")) - last_minute(&job.log("now"))).rem_euclid(24 * 60);
    let written_late = after.iter().filter(|(id, version)| before.get(*id) != Some(*version)).count();
    let lost = job.log("now").matches("another worker has taken the work item").count();
    println!(
        "lease: clocks {ahead} minutes apart; {} items of the stopped worker taken after {:.0} s; {lost} items given up when it went on, {written_late} documents written after that",
        left.len(),
        taken_after.as_secs_f64()
    );
    assert!((56..=60).contains(&ahead), "the clocks were an hour apart");
    assert!(taken_after >= Duration::from_secs(9), "not before the lease is over");
    assert_eq!((lost, written_late), (left.len(), 0), "{}", job.log("now"));
    assert_eq!(after.into_keys().collect::<BTreeSet<_>>(), source.live, "no range is lost");
    job.verify().assert_equal(source.documents());
    for index in ["standstill", "ferry-standstill"] {
        http::json(&server.url, "DELETE", &format!("/{index}"), &Value::Null);
    }
}
