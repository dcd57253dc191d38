//! What a run tells about itself: logs, `/metrics`, `/healthz`, OTLP.

use super::support::{demo, ferry_command, ferry_in, scratch};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Status and body of the answer to a request.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_replay_says_that_no_broker_can_be_reached_and_how_far_it_is() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = format!(
        "replay --kafka-brokers {nobody} --kafka-topic traffic --kafka-group group --target http://{nobody}"
    );
    let mut ferry = ferry_command(&scratch("no-broker"), &arguments.split(' ').collect::<Vec<_>>())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It ends before anything is compared: a failed test leaves no process behind.
    let lines: Vec<String> =
        BufReader::new(ferry.stderr.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    ferry.kill().unwrap();
    ferry.wait().unwrap();
    let [warning, line] = &lines[..] else { panic!("{lines:?}") };
    assert!(
        warning.contains("WARN") && warning.contains("no Kafka broker can be reached, trying on"),
        "{warning}"
    );
    assert!(warning.contains(&format!("brokers=\"{nobody}\"")), "{warning}");
    assert_eq!(
        line,
        "0 of 0 requests that were read, 0 in flight, 0 requests/s, no Kafka broker can be reached"
    );
}

#[test]
fn a_run_can_be_watched_while_it_goes_on() {
    let folder = scratch("listen");
    let demo = demo();
    let arguments =
        ["backfill", "--repo", demo.to_str().unwrap(), "--snapshot", "snap1", "--indices", "plain"];
    let listen = ["--target", "-", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"];
    let mut ferry = ferry_command(&folder, &[&arguments[..], &listen].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(ferry.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["level"], &event["target"]), (&"INFO".into(), &"ferry::telemetry".into()));
    let address = event["fields"]["address"].as_str().unwrap();

    // The lines are more than a pipe holds: the run waits until somebody reads them.
    let start = Instant::now();
    let metrics = loop {
        let (status, metrics) = get(address, "/metrics");
        assert_eq!(status, 200);
        if value(&metrics, "ferry_documents_read_total") > 0.0 {
            break metrics;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{metrics}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(value(&metrics, "ferry_fetched_bytes_total") > 10_000.0);
    assert_eq!(value(&metrics, "ferry_memory_limit_bytes"), f64::from(512 << 20));
    assert!(value(&metrics, "ferry_memory_held_bytes") > 0.0);
    assert!(value(&metrics, "ferry_stage_seconds_count{stage=\"fetch\"}") >= 1.0);
    assert!(value(&metrics, "ferry_stage_seconds_count{stage=\"decode\"}") >= 1.0);
    let (status, health) = get(address, "/healthz");
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["state"]), (200, &"running".into()));
    assert!(health["seconds_since_progress"].as_f64().unwrap() < 60.0, "{health}");
    assert_eq!(get(address, "/").0, 404);
    // There is no replay.
    assert_eq!(get(address, "/replay").0, 404);
    assert!(!metrics.contains("ferry_replay_"), "{metrics}");

    let mut lines = String::new();
    ferry.stdout.take().unwrap().read_to_string(&mut lines).unwrap();
    assert_eq!((lines.lines().count(), ferry.wait().unwrap().code()), (300, Some(0)));
    assert!(TcpStream::connect(address).is_err(), "the server ends with the run");
}

/// A collector that answers each request with an empty object, and gives its body away.
fn collector() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (bodies, received) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while line != "\r\n" {
                line.clear();
                connection.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
            connection.get_mut().write_all(answer).unwrap();
            if bodies.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, received)
}

#[test]
fn the_last_export_has_the_counts_of_the_report() {
    let (url, received) = collector();
    let folder = scratch("otlp");
    let demo = demo();
    let arguments =
        ["backfill", "--repo", demo.to_str().unwrap(), "--snapshot", "snap1", "--indices", "nested,nosource"];
    let output =
        ferry_in(&folder, &[&arguments[..], &["--target", "null:", "--otlp-endpoint", &url]].concat());
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
    let last = received.try_iter().last().unwrap();
    let metrics = last["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let mut counts = BTreeMap::new();
    for metric in metrics {
        for point in metric["sum"]["dataPoints"].as_array().into_iter().flatten() {
            let label = point["attributes"][0]["value"]["stringValue"].as_str().unwrap_or_default();
            counts.insert((metric["name"].as_str().unwrap(), label), point["asDouble"].as_f64().unwrap());
        }
    }
    assert_eq!(counts[&("ferry_documents_selected_total", "")], 217.0 + 29.0);
    assert_eq!(counts[&("ferry_documents_read_total", "")], 217.0 + 29.0);
    assert_eq!(counts[&("ferry_documents_sent_total", "")], 35.0);
    assert_eq!(counts[&("ferry_documents_excluded_total", "")], 182.0);
    assert_eq!(counts[&("ferry_documents_failed_total", "no_source")], 29.0);
    assert_eq!(counts[&("ferry_documents_failed_total", "unreadable")], 0.0);
}

#[test]
fn every_line_of_a_json_log_is_one_object() {
    let arguments =
        ["snapshot", "list", "--repo", "/nowhere", "--log-format", "json", "--log-level", "trace"];
    let output = ferry_in(&scratch("json-log"), &arguments);
    let log = String::from_utf8(output.stderr).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!((&last["level"], last["timestamp"].is_string()), (&"ERROR".into(), true));
    assert_eq!(
        last["fields"],
        serde_json::json!({
            "message": "could not open `file:///nowhere`: not found",
            "causes": "No such file or directory (os error 2)",
            "hint": "check the location of the repository; when other blobs of it can be read, this one is missing from \
                     the repository",
        })
    );
}

#[test]
fn an_address_that_is_taken_is_an_error_before_anything_is_done() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (folder, demo) = (scratch("taken"), demo());
    let arguments =
        ["backfill", "--repo", demo.to_str().unwrap(), "--snapshot", "snap1", "--target", "null:"];
    let output = ferry_in(&folder, &[&arguments[..], &["--listen", &address]].concat());
    let expected = format!(
        "error: could not listen on `{address}`\n  cause: Address already in use (os error 98)\nhint: another process \
         listens there, maybe another ferry: give another port, or 0 for any that is free\n"
    );
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(2), expected));
    // A plan does not need it.
    let plan = ferry_in(&folder, &[&arguments[..], &["--listen", &address, "--dry-run"]].concat());
    assert_eq!(plan.status.code(), Some(0));
}

#[test]
fn secrets_in_the_url_of_a_collector_are_not_repeated() {
    let (folder, demo) = (scratch("otlp-secret"), demo());
    let arguments =
        ["backfill", "--repo", demo.to_str().unwrap(), "--snapshot", "snap1", "--target", "null:"];
    let url = "http://me:hunter2@127.0.0.1:4318";
    let output = ferry_in(&folder, &[&arguments[..], &["--otlp-endpoint", url]].concat());
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (
            Some(2),
            "error: cannot use the URL of the collector `http://***@127.0.0.1:4318`: credentials do not belong into a URL, \
             which is logged: give user and password as options\n"
        )
    );
}
