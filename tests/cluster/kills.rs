//! Workers that are killed at random moments, and started again.

use crate::http;
use crate::job::{Job, Worker, key, number};
use crate::random::Random;
use crate::server::Server;
use crate::source::Source;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

const WORKERS: u32 = 3;

/// Redone work of a kill, at most.
const REDONE_SECONDS: f64 = 5.0;

/// A run with kills.
struct Kills {
    index: &'static str,
    documents: u32,
    shards: u32,
    kills: u32,
    /// Milliseconds between two kills.
    pause: std::ops::Range<u64>,
    /// Documents a second that a worker may send: redone documents are so many seconds of work.
    rate: u32,
    options: &'static str,
}

impl Kills {
    fn run(&self) {
        let server = Server::usual();
        let source = Source::with_deletes(server, self.index, self.documents, self.shards);
        let options = format!("--lease 10 --max-rate {} {}", self.rate, self.options);
        let job = Job::new(self.index, &source.repo, "snap", &server.url).shared().with(&options);
        // Some documents are refused: they must be in the books and in the records, whenever a worker is killed.
        let target = json!({
            "settings": {"number_of_shards": self.shards, "number_of_replicas": 0},
            "mappings": {"properties": {"code": {"type": "long"}}},
        });
        http::json(&server.url, "PUT", &format!("/{}", self.index), &target);

        let start = Instant::now();
        let (workers, working) = self.kill_at_random(&job);
        let after_kills = start.elapsed();
        for mut worker in workers {
            let status = worker.wait(Duration::from_secs(600));
            assert_eq!(status, Some(1), "worker {}:\n{}", worker.name, job.log(&worker.name));
        }
        println!(
            "kills {}: {} kills in {:.0} s, {working} of workers that had items; complete after {:.0} s",
            self.index,
            self.kills,
            after_kills.as_secs_f64(),
            start.elapsed().as_secs_f64()
        );
        self.check_documents(&job, &source, working);
        self.check_refused(&job, &source);
        self.check_attempts(&job);
        http::json(&server.url, "DELETE", &format!("/{}", self.index), &Value::Null);
    }

    /// Starts the workers and kills one of them again and again; returns those that run at the end, and how many of the
    /// killed ones had something to do.
    fn kill_at_random(&self, job: &Job) -> (Vec<Worker>, u32) {
        let mut random = Random::seeded(self.index);
        let mut workers: Vec<_> = (0..WORKERS).map(|n| job.start(&format!("w{n}"))).collect();
        let mut working = 0;
        for kill in 0..self.kills {
            sleep(Duration::from_millis(random.within(self.pause.clone())));
            let at = usize::try_from(random.within(0..u64::from(WORKERS))).unwrap();
            let killed = workers.swap_remove(at);
            let name = killed.name.clone();
            working += u32::from(has_items(job, &name));
            assert!(killed.kill(), "complete after {kill} kills:\n{}", job.log(&name));
            workers.push(job.start(&format!("w{}", WORKERS + kill)));
        }
        (workers, working)
    }

    /// The final set is the expected one, and what was redone is little.
    fn check_documents(&self, job: &Job, source: &Source, working: u32) {
        let hits = http::hits(&job.target, self.index, false);
        let ids: BTreeSet<_> = hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect();
        let twice = hits.len() - ids.len();
        let expected: BTreeSet<_> = source.live.difference(&source.odd).cloned().collect();
        let missing = expected.difference(&ids).count();
        let extra = ids.difference(&expected).count();
        assert_eq!((missing, extra, twice), (0, 0, 0), "missing, extra, twice");
        let redone: u64 = hits.iter().map(|hit| number(hit, "_version") - 1).sum();
        let seconds = redone as f64 / f64::from(self.rate) / f64::from(working);
        println!(
            "kills {}: {} documents expected, {} there, {missing} missing, {extra} extra, {twice} twice; {redone} written again: {seconds:.2} s of work a kill",
            self.index,
            expected.len(),
            hits.len()
        );
        assert!(seconds < REDONE_SECONDS, "{seconds} s of work a kill");
        let status = job.status();
        assert_eq!(
            (status["state"].as_str(), number(&status["totals"], "written")),
            (Some("complete"), expected.len() as u64)
        );
        assert_eq!(
            number(&status["totals"]["items"], "done"),
            number(&status["planned"], "items") + split_off(job)
        );
    }

    /// What the target refused counts once, is recorded, and is what is missing.
    fn check_refused(&self, job: &Job, source: &Source) {
        let counted = number(&job.status()["totals"], "failed");
        let records = job.failed();
        let recorded: BTreeSet<_> = records.iter().map(|record| key(record)[1].clone()).collect();
        let verified = job.verify();
        let missing: BTreeSet<_> = verified.documents("missing").into_iter().map(|[_, id, _]| id).collect();
        println!(
            "kills {}: {} documents refused, {counted} counted as failed, {} recorded ({} records), {} missing by verify",
            self.index,
            source.odd.len(),
            recorded.len(),
            records.len(),
            missing.len()
        );
        assert_eq!((&recorded, &missing, counted), (&source.odd, &source.odd, source.odd.len() as u64));
        let counts = ["different", "extra", "unreadable"].map(|what| verified.count(what));
        assert_eq!((counts, verified.status), ([0; 3], Some(1)));
    }

    /// Each time that an item was taken counts as an attempt.
    fn check_attempts(&self, job: &Job) {
        let items = items(job);
        let sum = |field| items.iter().map(|item| number(item, field)).sum::<u64>();
        let (attempts, epochs) = (sum("attempts"), sum("epoch"));
        let logs: String = (0..WORKERS + self.kills).map(|n| job.log(&format!("w{n}"))).collect();
        let taken = logs.matches("work item taken from a worker that stopped without a word").count() as u64;
        let most = items.iter().map(|item| number(item, "attempts")).max().unwrap_or(0);
        println!(
            "kills {}: {} items, {attempts} attempts ({most} at most), {taken} times an item was taken from a killed worker",
            self.index,
            items.len()
        );
        assert_eq!(attempts, epochs, "nothing was given back, so each time counts");
        assert!(taken > 0 && attempts >= items.len() as u64 + taken, "each of these is an attempt more");
        http::json(&job.target, "DELETE", &format!("/ferry-{}", job.session), &Value::Null);
    }
}

/// Whether a worker has something to do.
fn has_items(job: &Job, name: &str) -> bool {
    job.status()["held"].as_array().unwrap().iter().any(|held| held["worker"] == name)
}

/// The work items as they are stored.
pub fn items(job: &Job) -> Vec<Value> {
    let hits = http::hits(&job.target, &format!("ferry-{}", job.session), true);
    let items = hits.into_iter().map(|mut hit| hit["_source"].take());
    items.filter(|source| source["attempts"].is_u64() && source["state"] != "abandoned").collect()
}

/// Items that were not planned, but cut off others.
fn split_off(job: &Job) -> u64 {
    items(job).iter().filter(|item| item["origin"] == "split").count() as u64
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_kills_between_small_items_lose_and_double_nothing() {
    Kills {
        index: "small-items",
        documents: 20_000,
        shards: 2,
        kills: 4,
        pause: 1000..2500,
        rate: 500,
        options: "--item-bytes 400KB --items-at-once 2 --batch-documents 200",
    }
    .run();
}

/// One item a shard, which takes longer than workers live: what was done of it is kept.
#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_kills_within_large_items_lose_and_double_nothing() {
    Kills {
        index: "large-items",
        documents: 40_000,
        shards: 6,
        kills: 4,
        pause: 2500..5000,
        rate: 500,
        options: "--items-at-once 2 --batch-documents 200",
    }
    .run();
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_all_fifty_five_kills_lose_and_double_nothing() {
    Kills {
        index: "many-kills",
        documents: 200_000,
        shards: 4,
        kills: 55,
        pause: 300..3000,
        rate: 600,
        options: "--item-bytes 1MB --items-at-once 2 --batch-documents 200",
    }
    .run();
}
