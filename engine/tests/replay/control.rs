//! A replay that is held back and looked at while it runs.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Target};
use engine::replay::Monitor;
use engine::telemetry::{Page, Server};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const OK: &str = "{\"ok\":true}";

fn ok() -> String {
    answered(200, OK)
}

/// What the server answers to a request without a body.
async fn ask(server: &Server, request: &str) -> Value {
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    connection.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn number(monitor: &Monitor, series: &str) -> f64 {
    let mut page = Page::default();
    (monitor.figures())(&mut page);
    let text = page.into_text();
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines.find(|(name, _)| *name == series).unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn what_waits_for_its_turn_waits_for_the_end_of_a_pause_and_is_not_late_then() {
    let target = Target::start(|_| Reply::Late(Duration::from_millis(300), 200, OK)).await;
    let mut replay = Replay::new("pause-turn");
    replay.settings.most_in_flight = 1;
    let monitor = replay.settings.monitor.clone();
    let server = Server::start("127.0.0.1:0", monitor.routes()).await.unwrap();
    let record = |n: u32| Recorded::new(&format!("c{n}")).exchange("GET", "/", "", &ok()).close();
    let records = (0..4).map(record).collect();
    let holding = async {
        while target.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(ask(&server, "POST /replay/pause").await["state"], "paused");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let view = ask(&server, "GET /replay").await;
        assert_eq!((&view["in_flight"], &view["replayed"]["answered"]), (&0.into(), &1.into()), "{view}");
        assert_eq!(target.seen().len(), 1);
        assert_eq!(ask(&server, "POST /replay/resume").await["state"], "running");
    };
    let (report, ()) = tokio::join!(replay.run(&target, records), holding);
    assert_eq!((report.summary.answered, target.seen().len()), (4, 4));
    // The one that the pause held back was due at its end; the others waited for those before them.
    assert!(report.summary.lag.max < 1400.0, "{:?}", report.summary.lag);
}

#[tokio::test]
async fn what_is_sent_again_during_a_pause_is_not_given_up_for_the_time_that_it_takes() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let target =
        Target::start(move |_| Reply::json(if up.load(Ordering::Relaxed) { 200 } else { 503 }, OK)).await;
    let mut replay = Replay::new("pause-budget");
    replay.settings.policy.attempts = 10_000;
    replay.settings.policy.budget = Duration::from_secs(2);
    let clock = replay.settings.clock.clone();
    let holding = async {
        while target.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        clock.pause();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        is_up.store(true, Ordering::Relaxed);
        clock.resume();
    };
    let records = vec![Recorded::new("c").exchange("GET", "/", "", &ok()).close()];
    let (report, ()) = tokio::join!(replay.run(&target, records), holding);
    assert_eq!(report.summary.answered, 1);
    let series = "ferry_replay_statuses_total{source=\"200\",target=\"200\"}";
    assert_eq!(number(&replay.settings.monitor, series), 1.0);
}

#[tokio::test]
async fn a_replay_that_is_paused_can_be_stopped() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("pause-stop");
    replay.goes_on = true;
    replay.settings.clock.pause();
    let cancel = replay.cancel.clone();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let records = vec![Recorded::new("c").exchange("GET", "/", "", &ok()).close()];
    let (report, ()) = tokio::join!(replay.run(&target, records), stopping);
    assert_eq!((report.stopped, report.summary.abandoned, target.seen().len()), (true, 1, 0));
    assert_eq!(number(&replay.settings.monitor, "ferry_replay_requests_total{outcome=\"abandoned\"}"), 1.0);
}

#[tokio::test]
async fn attempts_statuses_files_and_commits_are_in_the_metrics() {
    let count = AtomicU32::new(0);
    let target =
        Target::start(move |seen| match (seen.line.as_str(), count.fetch_add(1, Ordering::Relaxed)) {
            ("GET /refused", _) => Reply::json(404, "{}"),
            ("GET /hang", _) => Reply::Hang,
            (_, 0) => Reply::json(429, "{}"),
            (_, 1) => Reply::json(503, "{}"),
            _ => Reply::json(200, OK),
        })
        .await;
    let mut replay = Replay::new("metrics");
    replay.timeout = Duration::from_millis(200);
    let recorded =
        Recorded::new("c").exchange("GET", "/busy", "", &ok()).exchange("GET", "/refused", "", &ok());
    let recorded = recorded.exchange("GET", "/hang", "", &ok());
    let report = replay.run(&target, vec![recorded.close()]).await;
    let monitor = &replay.settings.monitor;
    for (series, expected) in [
        ("ferry_replay_requests_total{outcome=\"answered\"}", 2.0),
        ("ferry_replay_requests_total{outcome=\"unanswered\"}", 1.0),
        ("ferry_replay_statuses_total{source=\"200\",target=\"200\"}", 1.0),
        ("ferry_replay_statuses_total{source=\"200\",target=\"404\"}", 1.0),
        ("ferry_replay_statuses_total{source=\"200\",target=\"none\"}", 1.0),
        ("ferry_replay_retries_total{cause=\"too_many_requests\"}", 1.0),
        ("ferry_replay_retries_total{cause=\"unavailable\"}", 1.0),
        ("ferry_replay_retries_total{cause=\"refused\"}", 3.0),
        ("ferry_replay_retries_total{cause=\"timeout\"}", 2.0),
        ("ferry_replay_attempts_total", 10.0),
        ("ferry_replay_requests_in_flight", 0.0),
        ("ferry_replay_target_connections_open", 0.0),
        ("ferry_replay_tuples_total", 3.0),
        ("ferry_replay_tuple_files_total", 1.0),
        ("ferry_replay_tuple_backlog_bytes", 0.0),
        ("ferry_replay_commits_total{outcome=\"committed\"}", 1.0),
        ("ferry_replay_uncommitted_seconds", 0.0),
        ("ferry_replay_schedule_lag_seconds_count", 3.0),
    ] {
        assert_eq!(number(monitor, series), expected, "{series}");
    }
    assert_eq!((report.summary.retries, report.summary.tuples), (7, 3));
    assert!(number(monitor, "ferry_replay_last_commit_timestamp_seconds") > 1_700_000_000.0);
    assert_eq!(number(monitor, "ferry_replay_source_timestamp_seconds"), 1_700_000_002.0);
}
