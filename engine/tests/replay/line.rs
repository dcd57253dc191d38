//! What becomes of requests, whatever the target does.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Target};
use bytes::Bytes;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const OK: &str = "{\"ok\":true}";

fn ok() -> String {
    answered(200, OK)
}

#[tokio::test]
async fn defect_4_a_request_that_is_not_selected_lets_those_behind_it_go_on() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("selection");
    replay.selection.methods = vec!["POST".to_owned()];
    let recorded =
        Recorded::new("c").exchange("GET", "/a", "", &ok()).exchange("POST", "/i/_search", "{}", &ok());
    let recorded = recorded.exchange("GET", "/b", "", &ok()).exchange("POST", "/j/_search", "{}", &ok());
    let report = replay.run(&target, vec![recorded.close()]).await;
    assert_eq!(target.lines(), ["POST /i/_search", "POST /j/_search"]);
    assert_eq!(
        (report.summary.requests, report.summary.skipped["method"], report.summary.answered),
        (4, 2, 2)
    );
    assert_eq!((replay.tuples().len(), replay.committed()), (2, Some(1)));
}

#[tokio::test]
async fn requests_of_one_connection_keep_their_order_over_one_connection_of_their_own() {
    let target = Target::start(|seen| match seen.line.as_str() {
        "GET /a/0" => Reply::Late(Duration::from_millis(200), 200, OK),
        _ => Reply::json(200, OK),
    })
    .await;
    let record = |name: &str| {
        (0..5)
            .fold(Recorded::new(name), |recorded, n| {
                recorded.exchange("GET", &format!("/{name}/{n}"), "", &ok())
            })
            .close()
    };
    let replay = Replay::new("order");
    replay.run(&target, vec![record("a"), record("b")]).await;
    let seen = target.seen();
    for name in ["a", "b"] {
        let of_one: Vec<_> =
            seen.iter().filter(|seen| seen.line.starts_with(&format!("GET /{name}/"))).collect();
        let lines: Vec<_> = of_one.iter().map(|seen| seen.line.clone()).collect();
        assert_eq!(lines, (0..5).map(|n| format!("GET /{name}/{n}")).collect::<Vec<_>>());
        assert!(of_one.iter().all(|seen| seen.connection == of_one[0].connection));
    }
    assert_ne!(seen.iter().map(|seen| seen.connection).max(), Some(0), "each has a connection of its own");
    assert_eq!(seen.last().unwrap().line, "GET /a/4", "the slow one held up only its own");
}

#[tokio::test]
async fn defect_9_of_a_bulk_request_only_what_failed_is_sent_again() {
    let target = Target::start(|seen| {
        if seen.body.lines().count() > 2 {
            Reply::json(200, r#"{"took":1,"errors":true,"items":[{"index":{"_id":"1","status":201}},{"index":{"_id":"2","status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}"#)
        } else {
            Reply::json(200, r#"{"took":1,"errors":false,"items":[{"index":{"_id":"2","status":201}}]}"#)
        }
    })
    .await;
    let body = "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"index\":{\"_id\":\"2\"}}\n{\"a\":2}\n";
    let source = answered(
        200,
        r#"{"took":1,"errors":false,"items":[{"index":{"_id":"1","status":201}},{"index":{"_id":"2","status":201}}]}"#,
    );
    let replay = Replay::new("bulk");
    // A query and a type in the path make no difference.
    let recorded = Recorded::new("c").exchange("POST", "/idx/_bulk?refresh=true", body, &source);
    replay.run(&target, vec![recorded.close()]).await;
    let bodies: Vec<String> = target.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [body, "{\"index\":{\"_id\":\"2\"}}\n{\"a\":2}\n"]);
    let tuple = &replay.tuples()[0];
    assert_eq!((tuple["numRequests"].as_u64(), tuple["attempts"][1]["items"].as_u64()), (Some(2), Some(1)));
    assert_eq!(tuple["targetResponses"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn defect_9_of_a_compressed_bulk_request_too() {
    let items = |second: &str| {
        let first = r#"{"index":{"_id":"1","status":201}}"#;
        format!(r#"{{"took":1,"errors":{},"items":[{first},{second}]}}"#, second.contains("error"))
    };
    let full = r#"{"index":{"_id":"2","status":429,"error":{"type":"es_rejected_execution_exception"}}}"#;
    let first = items(full);
    let target = Target::start(move |seen| match seen.header("content-encoding") {
        Some("gzip") => Reply::json(200, &first),
        _ => Reply::json(200, r#"{"took":1,"errors":false,"items":[{"index":{"_id":"2","status":201}}]}"#),
    })
    .await;
    let body = b"{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"index\":{\"_id\":\"2\"}}\n{\"a\":2}\n";
    let body = codecs::traffic::content::encode("gzip", body).unwrap();
    let head =
        format!("POST /_bulk HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let message = [head.as_bytes(), &body].concat();
    let source = answered(200, &items(r#"{"index":{"_id":"2","status":201}}"#));
    let replay = Replay::new("compressed");
    replay.run(&target, vec![Recorded::new("c").read(message).write(&source).close()]).await;
    let seen = target.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].body, "{\"index\":{\"_id\":\"2\"}}\n{\"a\":2}\n");
    assert_eq!((seen[1].header("content-encoding"), seen[1].header("content-length")), (None, Some("30")));
}

#[tokio::test]
async fn defect_10_an_overloaded_target_is_asked_again_until_it_takes_the_request() {
    let count = AtomicU32::new(0);
    let target = Target::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::json(429, "{}"),
        1 => Reply::json(503, "{}"),
        _ => Reply::json(201, "{}"),
    })
    .await;
    let replay = Replay::new("overload");
    let recorded = Recorded::new("c").exchange("PUT", "/i/_doc/1", "{}", &answered(201, "{}"));
    let report = replay.run(&target, vec![recorded.close()]).await;
    assert_eq!((report.summary.retries, report.summary.statuses["201>201"]), (2, 1));
}

#[tokio::test]
async fn defect_10_a_target_that_is_gone_is_given_up_in_time_and_all_is_recorded_and_committed() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let replay = Replay::new("gone");
    let record = |name: &str| {
        (0..3).fold(Recorded::new(name), |recorded, _| recorded.exchange("GET", "/", "", &ok())).close()
    };
    let begin = Instant::now();
    let report =
        replay.run_to(&format!("http://{gone}"), (0..8).map(|n| record(&format!("c{n}"))).collect()).await;
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    assert_eq!((report.summary.unanswered, report.summary.answered), (24, 0));
    let tuples = replay.tuples();
    assert!(tuples.len() == 24 && tuples.iter().all(|tuple| tuple["error"].is_string()));
    assert_eq!(replay.committed(), Some(8));
}

#[tokio::test]
async fn defect_6_a_request_that_hangs_and_one_that_is_cut_off_are_recorded_and_hold_nothing_up() {
    let target = Target::start(|seen| match seen.line.as_str() {
        "GET /hang" => Reply::Hang,
        "GET /close" => Reply::Close,
        "GET /short" => Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_owned()),
        _ => Reply::json(200, OK),
    })
    .await;
    let mut replay = Replay::new("hang");
    replay.timeout = Duration::from_millis(300);
    let recorded = ["/hang", "/close", "/short", "/fine"].into_iter();
    let recorded =
        recorded.fold(Recorded::new("c"), |recorded, path| recorded.exchange("GET", path, "", &ok()));
    let report = replay.run(&target, vec![recorded.close()]).await;
    assert_eq!((report.summary.unanswered, report.summary.answered), (3, 1));
    let errors: Vec<bool> = replay.tuples().iter().map(|tuple| tuple["error"].is_string()).collect();
    assert_eq!((errors, replay.committed()), (vec![true, true, true, false], Some(1)));
}

#[tokio::test]
async fn defect_5_a_head_with_a_length_and_an_interim_answer_end_where_they_end() {
    let target = Target::start(|seen| match seen.line.as_str() {
        "HEAD /i" => Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_owned()),
        "PUT /i/_doc/1" => Reply::Bytes(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        ),
        _ => Reply::Bytes("HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
    })
    .await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
    let recorded = Recorded::new("c").exchange("HEAD", "/i", "", head).exchange(
        "PUT",
        "/i/_doc/1",
        "{}",
        &answered(201, "{}"),
    );
    let recorded = recorded.exchange("GET", "/last", "", "HTTP/1.1 204 No Content\r\n\r\n");
    let replay = Replay::new("head");
    let begin = Instant::now();
    let report = replay.run(&target, vec![recorded.close()]).await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    let pairs: Vec<_> = report.summary.statuses.iter().map(|(pair, count)| (pair.as_str(), *count)).collect();
    assert_eq!(pairs, [("200>200", 1), ("201>201", 1), ("204>204", 1)]);
    assert!(target.seen().iter().all(|seen| seen.connection == 0));
}

#[tokio::test]
async fn a_document_without_an_id_gets_the_one_that_the_source_gave() {
    let target = Target::start(|_| Reply::json(201, "{}")).await;
    let replay = Replay::new("ids");
    let created = answered(201, r#"{"_index":"i","_id":"abc","result":"created"}"#);
    replay
        .run(&target, vec![Recorded::new("c").exchange("POST", "/i/_doc", "{\"a\":1}", &created).close()])
        .await;
    let seen = &target.seen()[0];
    assert!(seen.line.contains("/abc"), "{}", seen.line);
    assert_eq!(seen.body, "{\"a\":1}");
}

#[tokio::test]
async fn operations_on_one_document_keep_their_order_over_connections() {
    let target = Target::start(|seen| match seen.body.as_str() {
        "{\"n\":0}" => Reply::Late(Duration::from_millis(300), 200, OK),
        _ => Reply::json(200, OK),
    })
    .await;
    let mut replay = Replay::new("documents");
    replay.settings.keeps_document_order = true;
    let write = |n: u32, id: &str| {
        let recorded = Recorded::new(&format!("c{n}"));
        recorded.exchange("PUT", &format!("/i/_doc/{id}"), &format!("{{\"n\":{n}}}"), &ok()).close()
    };
    replay.run(&target, vec![write(0, "x"), write(1, "x"), write(2, "y")]).await;
    let bodies: Vec<String> = target.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(
        bodies.iter().filter(|body| *body != "{\"n\":2}").collect::<Vec<_>>(),
        ["{\"n\":0}", "{\"n\":1}"]
    );
    assert_eq!(bodies.last().unwrap(), "{\"n\":1}", "the other document did not wait");
}

#[tokio::test]
async fn defect_6_records_that_cannot_be_read_or_are_empty_hold_nothing_up() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let replay = Replay::new("poison");
    let good = |name: &str| Recorded::new(name).exchange("GET", "/", "", &ok()).close();
    let records =
        vec![good("a"), Bytes::from_static(b"\xFF\xFFgarbage"), Recorded::new("b").open(), good("c")];
    let report = replay.run(&target, records).await;
    assert_eq!(
        (report.traffic.quarantined, report.traffic.empty_records, report.summary.answered),
        (1, 1, 2)
    );
    assert_eq!(replay.committed(), Some(4));
}

#[tokio::test]
async fn what_is_not_done_when_the_replay_is_stopped_is_not_committed() {
    let target =
        Target::start(|seen| if seen.line == "GET /hang" { Reply::Hang } else { Reply::json(200, OK) }).await;
    let mut replay = Replay::new("stopped");
    replay.goes_on = true;
    let records = vec![
        Recorded::new("a").exchange("GET", "/first", "", &ok()).close(),
        Recorded::new("b").exchange("GET", "/hang", "", &ok()).exchange("GET", "/after", "", &ok()).close(),
        Recorded::new("c").exchange("GET", "/other", "", &ok()).close(),
    ];
    let cancel = replay.cancel.clone();
    let stopping = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    let report = replay.run(&target, records).await;
    stopping.await.unwrap();
    assert!(report.stopped && !target.lines().contains(&"GET /after".to_owned()));
    assert_eq!(
        (replay.committed(), replay.tuples().len()),
        (Some(1), 1),
        "the first is done, the others are read again"
    );
}
