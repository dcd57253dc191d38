//! `ferry replay --listen`: looked at, paused, and sped up while it runs.

use crate::capture::file;
use crate::support::{ferry_command, scratch};
use crate::target::{Reply, Target};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A replay that runs, and where it listens. It is killed when this is dropped.
struct Running {
    ferry: Child,
    address: String,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"];
        let mut ferry = ferry_command(folder, &[&["replay"], arguments, &listen].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(ferry.stderr.take().unwrap()).lines();
        let event: Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
        let address = event["fields"]["address"].as_str().unwrap().to_owned();
        std::thread::spawn(move || log.for_each(drop));
        Self { ferry, address }
    }

    /// Status and body of the answer to a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = body.len();
        write!(connection, "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// How it stands, once that is so.
    fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let (status, answer) = self.ask("GET", "/replay", "");
            let view: Value = serde_json::from_str(&answer).unwrap_or_default();
            if status == 200 && is_so(&view) {
                return view;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{status} {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The number of a series.
    fn metric(&self, series: &str) -> f64 {
        let (_, metrics) = self.ask("GET", "/metrics", "");
        let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let (_, number) =
            lines.find(|(name, _)| *name == series).unwrap_or_else(|| panic!("{series}: {metrics}"));
        number.parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.ferry.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Exit status, and the report.
    fn end(mut self) -> (Option<i32>, Value) {
        let mut report = String::new();
        self.ferry.stdout.take().unwrap().read_to_string(&mut report).unwrap();
        (self.ferry.wait().unwrap().code(), serde_json::from_str(&report).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.ferry.kill();
        let _ = self.ferry.wait();
    }
}

/// A replay of requests that are up to an hour apart: at the source's speed only the first of four is due now.
fn start_slow(name: &str, target: &Target) -> Running {
    let folder = scratch(name);
    fs::copy(file("silent", "keyed"), folder.join("in")).unwrap();
    // All five records are read at once.
    let window = ["--window", "4000", "--tuples", "tuples", "--output", "json"];
    let running =
        Running::start(&folder, &[&["--input", "in", "--target", &target.url], &window[..]].concat());
    running.until(|view| view["replayed"]["answered"] == 1 && view["traffic"]["records"] == 5);
    running
}

async fn answering() -> Target {
    Target::start(|_| Reply::json(200, "{}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_paused_resumed_and_sped_up_while_it_runs() {
    let target = answering().await;
    let replay = start_slow("control", &target);
    let view = replay.json("GET", "/replay", "");
    assert_eq!((&view["state"], &view["speed"]), (&"running".into(), &1.0.into()));
    let baseline = view["baseline"].as_str().unwrap();
    assert!(baseline.starts_with("1970-01-01T00:16:40.000Z=20"), "{baseline}");
    assert!(view["source_time"].as_str().unwrap().starts_with("1970-01-01T00:1"), "{view}");
    assert_eq!((&view["lag"], &view["most_in_flight"]), (&Value::Null, &1000.into()));

    let paused = replay.json("POST", "/replay/pause", "");
    assert_eq!(paused["state"], "paused");
    let health: Value = serde_json::from_str(&replay.ask("GET", "/healthz", "").1).unwrap();
    assert_eq!(health["state"], "paused");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(replay.json("GET", "/replay", "")["source_time"], paused["source_time"]);
    // A speed that is set meanwhile is for later.
    assert_eq!(replay.json("POST", "/replay/speed", "{\"factor\": 100000}")["state"], "paused");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(target.lines().len(), 1);

    let resumed = replay.json("POST", "/replay/resume", "");
    assert_eq!((&resumed["state"], &resumed["speed"]), (&"running".into(), &100_000.0.into()));
    let (status, report) = replay.end();
    assert_eq!((status, &report["answered"], target.lines().len()), (Some(0), &4.into(), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_pause_a_replay_and_let_it_go_on() {
    let target = answering().await;
    let replay = start_slow("signals", &target);
    replay.signal("-USR1");
    let paused = replay.until(|view| view["state"] == "paused");
    assert_eq!(replay.metric("ferry_replay_paused"), 1.0);
    replay.json("POST", "/replay/speed", "{\"factor\": \"max\"}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((&paused["replayed"]["answered"], target.lines().len()), (&1.into(), 1));
    replay.signal("-USR2");
    let (status, report) = replay.end();
    assert_eq!((status, &report["answered"], target.lines().len()), (Some(0), &4.into(), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_fast_as_the_target_takes_it_is_a_speed() {
    let target = answering().await;
    let replay = start_slow("max", &target);
    let pace = replay.json("POST", "/replay/speed", "{\"factor\": \"max\"}");
    assert_eq!(
        (&pace["state"], &pace["speed"], &pace["baseline"]),
        (&"running".into(), &"max".into(), &Value::Null)
    );
    assert_eq!(replay.end().1["answered"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_in_the_wrong_way_changes_nothing_and_is_told_what_is_right() {
    let target = answering().await;
    let replay = start_slow("wrong", &target);
    let (status, answer) = replay.ask("POST", "/replay/speed", "{\"factor\": \"fast\"}");
    let expected = "the speed was not changed: `factor` is \"fast\"; expected a body such as {\"factor\": 2.5}, from 0.000001 to \
                    1000000 times as fast as the source, or {\"factor\": \"max\"}, as fast as the target takes it\n";
    assert_eq!((status, answer.as_str()), (400, expected));
    assert_eq!(replay.ask("POST", "/replay/speed", &"x".repeat(5000)).0, 413);
    assert_eq!(replay.ask("GET", "/replay/pause", ""), (405, "no such method; there are: POST\n".to_owned()));
    assert_eq!(replay.ask("POST", "/replay", "").0, 405);
    let paths = "/metrics, /healthz, /replay, /replay/pause, /replay/resume, /replay/speed";
    assert_eq!(replay.ask("POST", "/replay/stop", ""), (404, format!("no such path; there are: {paths}\n")));
    let view = replay.json("GET", "/replay", "");
    assert_eq!((&view["state"], &view["speed"]), (&"running".into(), &1.0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_of_a_replay_are_its_figures() {
    let target = answering().await;
    let replay = start_slow("figures", &target);
    for (series, expected) in [
        ("ferry_replay_records_total", 5.0),
        ("ferry_replay_requests_read_total", 4.0),
        ("ferry_replay_requests_total{outcome=\"answered\"}", 1.0),
        ("ferry_replay_requests_total{outcome=\"unanswered\"}", 0.0),
        ("ferry_replay_statuses_total{source=\"200\",target=\"200\"}", 1.0),
        ("ferry_replay_attempts_total", 1.0),
        ("ferry_replay_retries_total{cause=\"timeout\"}", 0.0),
        ("ferry_replay_requests_in_flight", 0.0),
        ("ferry_replay_requests_in_flight_limit", 1000.0),
        ("ferry_replay_source_connections_total{event=\"expired\"}", 2.0),
        ("ferry_replay_schedule_lag_seconds_count", 1.0),
        ("ferry_replay_response_seconds_count", 1.0),
        ("ferry_replay_quarantined_total{thing=\"record\"}", 0.0),
        ("ferry_replay_speed", 1.0),
        ("ferry_replay_paused", 0.0),
    ] {
        assert_eq!(replay.metric(series), expected, "{series}");
    }
    assert!(replay.metric("ferry_replay_read_bytes_total") > 500.0);
    let position = replay.metric("ferry_replay_source_timestamp_seconds");
    assert!((1000.0..1060.0).contains(&position), "{position}");
    // It is looked at ten times a second.
    replay.until(|view| view["uncommitted_seconds"].as_f64().unwrap() > 0.0);
    assert!(replay.metric("ferry_replay_uncommitted_seconds") > 0.0);
    replay.json("POST", "/replay/pause", "");
    assert_eq!(replay.metric("ferry_replay_paused"), 1.0);
    replay.json("POST", "/replay/speed", "{\"factor\": \"max\"}");
    assert_eq!(replay.metric("ferry_replay_speed"), 0.0);
    replay.json("POST", "/replay/resume", "");
    assert_eq!(replay.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_behind_the_end_of_each_partition_it_is_is_told() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic("traffic", 2, 1).unwrap();
    let brokers = mock.bootstrap_servers();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    let export = fs::read_to_string(file("silent", "keyed")).unwrap();
    for line in export.lines() {
        let (key, value) = line.split_once('|').unwrap();
        let value = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value).unwrap();
        producer.send(BaseRecord::to("traffic").partition(1).key(key).payload(&value)).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let target = answering().await;
    let folder = scratch("lag");
    let kafka = ["--kafka-brokers", &brokers, "--kafka-topic", "traffic", "--kafka-group", "g"];
    let arguments = [&kafka[..], &["--target", &target.url, "--output", "json", "--until-end"]].concat();
    let replay = Running::start(&folder, &arguments);
    let view = replay.until(|view| view["replayed"]["answered"] == 1 && view["lag"]["records"] == 4);
    let partitions = view["lag"]["partitions"].as_array().unwrap();
    let [idle, busy] = partitions.as_slice() else { panic!("{view}") };
    assert_eq!((&idle["partition"], &idle["records"], &idle["seconds"]), (&0.into(), &0.into(), &0.0.into()));
    assert_eq!((&busy["partition"], &busy["records"], &busy["end"]), (&1.into(), &4.into(), &5.into()));
    assert_eq!(replay.metric("ferry_replay_lag_records{partition=\"0\"}"), 0.0);
    assert_eq!(replay.metric("ferry_replay_lag_records{partition=\"1\"}"), 4.0);
    assert!(replay.metric("ferry_replay_lag_seconds{partition=\"1\"}") > 0.0);
    replay.json("POST", "/replay/speed", "{\"factor\": \"max\"}");
    let (status, report) = replay.end();
    assert_eq!((status, &report["answered"]), (Some(0), &4.into()));
}
