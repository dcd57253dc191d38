//! What becomes of records that come late, or that nobody could take for a while.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Target};
use bytes::Bytes;
use engine::replay::{SourceClock, Speed};
use engine::traffic::Quarantine;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const OK: &str = "{\"ok\":true}";

fn ok() -> String {
    answered(200, OK)
}

/// A replay in which connections are over soon.
fn impatient(name: &str) -> Replay {
    let mut replay = Replay::new(name);
    replay.settings.accumulator.expiry = Duration::from_millis(400);
    replay
}

/// A request in two records.
fn halves() -> (Bytes, Bytes) {
    let begin = "PUT /i/_doc/1 HTTP/1.1\r\nHost: source\r\nContent-Length: 9\r\n\r\n{\"a\":";
    let rest = Recorded::new("c").number(2).read("\"b\"}").write(&answered(201, "{}"));
    (Recorded::new("c").number(1).read(begin).open(), rest.close())
}

#[tokio::test]
async fn a_request_whose_rest_cannot_be_read_for_long_is_sent_as_a_whole() {
    let target = Target::start(|_| Reply::json(201, "{}")).await;
    let mut replay = impatient("late-rest");
    let (begin, rest) = halves();
    replay.late = (Duration::from_millis(1500), vec![rest]);
    let report = replay.run(&target, vec![begin]).await;
    assert_eq!((report.traffic.expired, report.summary.answered), (0, 1));
    assert_eq!(target.seen()[0].body, "{\"a\":\"b\"}");
    assert_eq!(replay.committed(), Some(2));
}

#[tokio::test]
async fn a_request_whose_rest_does_not_come_expires_where_nothing_else_is_there() {
    let target = Target::start(|_| Reply::json(201, "{}")).await;
    let mut replay = impatient("no-rest");
    replay.is_quiet = true;
    let (begin, rest) = halves();
    replay.late = (Duration::from_millis(1500), vec![rest]);
    let report = replay.run(&target, vec![begin]).await;
    assert_eq!((report.traffic.expired, report.summary.answered), (1, 0));
    assert_eq!(replay.committed(), Some(2));
}

/// The response to the first request is in the last record, which is not read while tuples of later requests wait for the first.
#[tokio::test]
async fn tuples_that_wait_for_a_response_nobody_can_read_do_not_stop_the_replay() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = impatient("full-backlog");
    replay.is_quiet = true;
    replay.settings.most_backlog = 1;
    replay.settings.accumulator.expiry = Duration::from_millis(1200);
    let asked = Recorded::new("a").number(1).request("GET", "/a", "").open();
    let other = Recorded::new("b").exchange("GET", "/b", "", &ok()).close();
    replay.late = (Duration::from_millis(700), vec![Recorded::new("a").number(2).write(&ok()).close()]);
    let report = replay.run(&target, vec![asked, other]).await;
    assert_eq!(
        (report.summary.answered, report.traffic.expired),
        (2, 0),
        "nor does it end connections that live"
    );
    let tuples = replay.tuples();
    assert_eq!((tuples.len(), replay.committed()), (2, Some(3)));
    assert!(tuples[0]["sourceResponse"].is_null() && tuples[1]["sourceResponse"].is_object(), "{tuples:#?}");
}

#[tokio::test]
async fn a_quarantine_that_cannot_be_written_ends_the_replay_and_nothing_is_committed_over() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("quarantine");
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay-no-folder");
    std::fs::write(&file, "no folder").unwrap();
    replay.settings.accumulator.quarantine = Quarantine::new(Some(file.join("quarantine")));
    replay.goes_on = true;
    let good = |name: &str| Recorded::new(name).exchange("GET", "/", "", &ok()).close();
    let records = vec![good("a"), Bytes::from_static(b"\xFF\xFFgarbage"), good("c")];
    let error = replay.try_run(&target.url, records).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("replay-no-folder/quarantine"), "{text}");
    assert!(replay.committed().unwrap_or_default() <= 1, "{:?}", replay.committed());
}

/// Of the last request, only a part fits in beside one that is due later.
#[tokio::test]
async fn memory_that_is_full_of_requests_not_due_yet_costs_none_of_them() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("not-due");
    replay.memory = 1 << 20;
    replay.settings.clock = SourceClock::new(Speed::Factor(1.0));
    let first = Recorded::new("a").exchange("GET", "/a", "", &ok()).close();
    let large = format!("\"{}\"", "b".repeat(600_000));
    let later = Recorded::new("b").after(4).exchange("PUT", "/i/_doc/1", &large, &ok()).close();
    let part = "c".repeat(390_000);
    let head = "PUT /i/_doc/2 HTTP/1.1\r\nHost: source\r\nContent-Length: 780000\r\n\r\n";
    let begin = Recorded::new("c").after(4).number(1).read(format!("{head}{part}")).open();
    let rest = Recorded::new("c").after(4).number(2).read(&part).write(&ok()).close();
    let report = replay.run(&target, vec![first, later, begin, rest]).await;
    assert_eq!((report.summary.answered, report.traffic.quarantined_requests), (3, 0));
    assert_eq!((target.lines().len(), replay.committed()), (3, Some(4)));
}

/// One connection is open and idle, one has half of a request, one waits for the source's response when the partition goes. The Java
/// replayer waits for their ends then, which nobody tells it.
#[tokio::test]
async fn defect_1_a_partition_with_live_connections_goes_at_once_and_goes_on_when_it_comes_back() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("live");
    replay.moves = true;
    let idle = Recorded::new("a").number(1).exchange("GET", "/a", "", &ok()).open();
    let asked = Recorded::new("b").number(1).request("GET", "/b", "").open();
    let (begin, rest) = halves();
    let records = vec![idle, asked.clone(), begin.clone()];
    // The next process to have the partition is this one: from what was not done with on.
    let answer = Recorded::new("b").number(2).write(&ok()).close();
    let again = Recorded::new("a").number(2).exchange("GET", "/a2", "", &ok()).close();
    replay.late = (Duration::from_millis(700), vec![asked, begin, answer, rest, again]);
    let report = replay.run(&target, records).await;
    let mut lines = target.lines();
    lines.sort_unstable(); // Those of different connections are sent side by side.
    assert_eq!(lines, ["GET /a", "GET /a2", "GET /b", "GET /b", "PUT /i/_doc/1"]);
    let paths: Vec<Value> =
        replay.tuples().iter().map(|tuple| tuple["sourceRequest"]["Request-URI"].clone()).collect();
    assert_eq!(paths, ["/a", "/b", "/i/_doc/1", "/a2"], "each is in one tuple");
    assert_eq!((replay.committed(), report.traffic.quarantined_requests), (Some(6), 0));
}

/// The response is behind a record for which there is no memory before a slow request is through.
#[tokio::test]
async fn a_document_gets_its_id_also_where_the_response_that_says_it_can_only_be_read_much_later() {
    let target = Target::start(|seen| match seen.line.as_str() {
        "PUT /i/_doc/slow" => Reply::Late(Duration::from_secs(7), 200, OK),
        _ => Reply::json(201, OK),
    })
    .await;
    let mut replay = Replay::new("late-id");
    replay.memory = 1 << 20;
    let asked = Recorded::new("c").number(1).request("POST", "/i/_doc", "{}").open();
    let large = format!("\"{}\"", "b".repeat(600_000));
    let slow = Recorded::new("b").exchange("PUT", "/i/_doc/slow", &large, &ok()).close();
    let begin = format!("PUT /i/_doc/2 HTTP/1.1\r\nContent-Length: 700000\r\n\r\n{}", "d".repeat(390_000));
    let begin = Recorded::new("d").number(1).read(&begin).open();
    let rest = Recorded::new("d").number(2).read("d".repeat(310_000)).write(&ok()).close();
    let created = answered(201, r#"{"_index":"i","_id":"given","result":"created"}"#);
    let response = Recorded::new("c").number(2).write(&created).close();
    let report = replay.run(&target, vec![slow, asked, begin, response, rest]).await;
    assert_eq!((report.summary.answered, report.traffic.quarantined_requests), (3, 0));
    assert!(target.lines().contains(&"PUT /i/_doc/given".to_owned()), "{:?}", target.lines());
}

/// Inputs hold back by the number of the partition, whichever assignment of it that was.
#[tokio::test]
async fn a_partition_that_goes_while_it_is_held_back_is_not_held_back_when_it_comes_again() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("held-back");
    replay.moves = true;
    replay.settings.clock = SourceClock::new(Speed::Factor(1.0));
    replay.settings.window = Duration::from_secs(10);
    let due = |name: &str| Recorded::new(name).exchange("GET", &format!("/{name}"), "", &ok()).close();
    let ahead = Recorded::new("ahead").after(3600).exchange("GET", "/ahead", "", &ok()).close();
    replay.late = (Duration::from_millis(700), vec![due("again")]);
    let (cancel, holds) = (replay.cancel.clone(), Arc::clone(&replay.holds));
    let stopping = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let holds = holds.lock().unwrap().clone();
        cancel.cancel();
        holds
    });
    replay.run(&target, vec![due("first"), ahead]).await;
    assert_eq!(stopping.await.unwrap(), [true, false]);
    assert_eq!(target.lines(), ["GET /first", "GET /again"]);
}
