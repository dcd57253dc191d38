//! Answers to whole requests, and answers that do not come.

use super::server::{Cluster, Reply, Seen, batch, batch_of, done, items, refusal, send, settings};
use codecs::bulk::OpType;
use engine::bulk::{BulkSink, SinkError, SinkSettings};
use engine::flow::ConcurrencyLimit;
use engine::target::{Client, ClientOptions};
use std::time::{Duration, Instant};

/// All operations are indexed though the first request had this reply; what each request had.
async fn recovers_from(first: impl Fn(&Seen) -> Reply + Send + 'static) -> Vec<String> {
    let cluster =
        Cluster::start(move |number, seen| if number == 0 { first(seen) } else { done(seen) }).await;
    assert_eq!(send(&cluster.sink(settings()), batch(3)).await.unwrap(), (3, 0, Vec::new()));
    cluster.ids()
}

#[tokio::test]
async fn a_request_that_there_is_no_room_for_is_sent_again() {
    for status in [429, 500, 502, 503, 504] {
        assert_eq!(recovers_from(move |_| refusal(status, "x")).await, ["0,1,2", "0,1,2"], "{status}");
    }
    let html = |_: &Seen| Reply::Answer(502, "<html>Bad Gateway</html>".to_owned());
    assert_eq!(recovers_from(html).await.len(), 2);
    assert_eq!(recovers_from(|_| refusal(403, "cluster_block_exception")).await.len(), 2);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let start = Instant::now();
    recovers_from(|_| Reply::RetryAfter(429, 1)).await;
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_answer_that_is_lost_or_makes_no_sense_is_asked_for_again() {
    assert_eq!(recovers_from(|_| Reply::Close).await, ["0,1,2", "0,1,2"]);
    assert_eq!(recovers_from(|_| Reply::Cut("{\"took\":1,\"items\":[{\"ind".to_owned())).await.len(), 2);
    assert_eq!(
        recovers_from(|_| Reply::Answer(200, "{\"took\":1,\"items\":[{\"ind".to_owned())).await.len(),
        2
    );
    assert_eq!(recovers_from(|_| Reply::Answer(200, String::new())).await.len(), 2);
    assert_eq!(recovers_from(|_| items(&[(201, ""), (201, "")])).await.len(), 2);
    assert_eq!(recovers_from(|_| items(&[(201, ""); 4])).await.len(), 2);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let cluster = Cluster::start(|number, seen| if number == 0 { Reply::Silence } else { done(seen) }).await;
    let client = cluster.client(Duration::from_millis(200));
    let sink = BulkSink::new(client, settings(), ConcurrencyLimit::new(1, 8));
    assert_eq!(send(&sink, batch(2)).await.unwrap(), (2, 0, Vec::new()));
    assert_eq!((sink.counters().faults(), sink.limit().limit()), (1, 2));
}

#[tokio::test]
async fn a_request_that_is_too_long_is_cut_in_halves_and_a_document_that_is_too_long_fails() {
    let most = 250;
    let cluster =
        Cluster::start(
            move |_, seen| {
                if seen.bytes > most { Reply::Answer(413, String::new()) } else { done(seen) }
            },
        );
    let cluster = cluster.await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(300));
    let mut documents = vec![("a", "{}"); 20];
    documents[7] = ("long", &long);
    let sink = cluster.sink(settings());
    let outcome = sink.send(batch_of(OpType::Index, &documents)).await.unwrap();
    assert_eq!((outcome.indexed, outcome.failed.len()), (19, 1));
    let failed = &outcome.failed[0];
    assert_eq!((failed.position, failed.class.name(), failed.status), (7, "too_large", Some(413)));
    assert_eq!(failed.reason, "the target takes no request of 334 bytes");
    assert_eq!(failed.source.len(), long.len());
}

#[tokio::test]
async fn a_length_that_was_refused_is_not_tried_again() {
    let most = 600 << 10;
    let cluster =
        Cluster::start(
            move |_, seen| {
                if seen.bytes > most { Reply::Answer(413, String::new()) } else { done(seen) }
            },
        );
    let cluster = cluster.await;
    let sink = cluster.sink(settings());
    let source = format!("{{\"a\":\"{}\"}}", "x".repeat(100 << 10));
    let documents = vec![("a", source.as_str()); 10];
    for _ in 0..2 {
        let sent = send(&sink, batch_of(OpType::Index, &documents)).await.unwrap();
        assert_eq!(sent, (10, 0, Vec::new()));
    }
    let refused = cluster.seen().iter().filter(|seen| seen.bytes > most).count();
    assert_eq!((refused, cluster.seen().len()), (1, 5));
}

#[tokio::test]
async fn a_document_longer_than_the_known_limit_fails_without_being_sent() {
    let cluster = Cluster::start(|_, seen| done(seen)).await;
    let sink = cluster.sink(SinkSettings { max_request_bytes: Some(100), ..settings() });
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    let documents = [("1", "{}"), ("2", long.as_str()), ("3", "{}"), ("4", "{}"), ("5", "{}"), ("6", "{}")];
    let outcome = sink.send(batch_of(OpType::Index, &documents)).await.unwrap();
    assert_eq!((outcome.indexed, outcome.failed.len()), (5, 1));
    assert_eq!(
        outcome.failed[0].reason,
        "the operation has 131 bytes, the target takes requests of 100 bytes at most"
    );
    assert!(cluster.seen().iter().all(|seen| seen.bytes <= 100 && !seen.has("xx")));
}

#[tokio::test]
async fn an_operation_that_spoils_its_request_is_found_by_halves() {
    let cluster =
        Cluster::start(
            |_, seen| {
                if seen.has("bad") { refusal(400, "illegal_argument_exception") } else { done(seen) }
            },
        );
    let cluster = cluster.await;
    let mut documents = vec![("a", "{}"); 64];
    (documents[11], documents[63]) = (("b", "{\"bad\":1}"), ("c", "{\"bad\":2}"));
    let sent = send(&cluster.sink(settings()), batch_of(OpType::Index, &documents)).await.unwrap();
    assert_eq!(sent, (62, 0, vec!["11 refused".to_owned(), "63 refused".to_owned()]));
    assert!(cluster.seen().len() <= 1 + 2 * 2 * 6, "{}", cluster.seen().len()); // two halves on six levels for each
}

#[tokio::test]
async fn a_cluster_that_takes_no_request_at_all_is_not_blamed_on_documents() {
    let cluster = Cluster::start(|_, _| refusal(400, "illegal_argument_exception")).await;
    let error = send(&cluster.sink(settings()), batch(1000)).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { .. }), "{error}");
    assert!(cluster.seen().len() < 50);
    for status in [404, 405, 406, 415] {
        let cluster = Cluster::start(move |_, _| Reply::Answer(status, "<html>".to_owned())).await;
        let error = send(&cluster.sink(settings()), batch(3)).await.unwrap_err();
        let expected =
            format!("`{}/` does not take bulk requests for index `i`: status {status}: <html>", cluster.url);
        assert_eq!(error.to_string(), expected);
        assert_eq!(cluster.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_stops_the_run() {
    let cluster = Cluster::start(|_, _| Reply::Answer(301, "<html>".to_owned())).await;
    let error = send(&cluster.sink(settings()), batch(3)).await.unwrap_err();
    assert!(matches!(error, SinkError::Send { .. }), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("the answer is 301, a redirect"), "{cause}");
    assert_eq!(cluster.seen().len(), 1);
}

#[tokio::test]
async fn an_index_that_is_not_there_fails_its_documents_and_nothing_else() {
    let cluster = Cluster::start(|_, _| refusal(404, "index_not_found_exception")).await;
    let outcome = cluster.sink(settings()).send(batch(3)).await.unwrap();
    let types: Vec<_> = outcome.failed.iter().map(|failed| failed.error_type.as_deref()).collect();
    assert_eq!((outcome.indexed, types), (0, vec![Some("index_not_found_exception"); 3]));
    assert_eq!(cluster.seen().len(), 1);
}

#[tokio::test]
async fn credentials_that_are_not_good_stop_everything_at_once() {
    for status in [401, 403] {
        let cluster = Cluster::start(move |_, _| Reply::Answer(status, "Unauthorized".to_owned())).await;
        let error = send(&cluster.sink(settings()), batch(3)).await.unwrap_err();
        let expected =
            format!("`{}/` does not allow writing to index `i`: status {status}: Unauthorized", cluster.url);
        assert_eq!(error.to_string(), expected);
        assert_eq!(cluster.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_cluster_that_stays_away_is_given_up_when_the_budget_is_spent() {
    let retry_budget = Duration::from_millis(100);
    for reply in [|| refusal(503, "x"), || items(&[(429, "x"), (429, "x")])] {
        let cluster = Cluster::start(move |_, _| reply()).await;
        let sink = cluster.sink(SinkSettings { retry_budget, ..settings() });
        let start = Instant::now();
        let error = send(&sink, batch(2)).await.unwrap_err();
        assert!(matches!(error, SinkError::Unavailable { operations: 2, attempts: 2.., .. }), "{error}");
        assert!(error.to_string().contains("took none of 2 operations on index `i` for 0 s"), "{error}");
        assert!(start.elapsed() >= retry_budget);
    }
}

#[tokio::test]
async fn progress_renews_the_budget() {
    let cluster = Cluster::start(|_, seen| {
        std::thread::sleep(Duration::from_millis(20)); // The time that a cluster takes.
        let mut results = vec![(429, "x"); seen.operations.len()];
        results[0] = (201, "");
        items(&results)
    });
    let cluster = cluster.await;
    let sink = cluster.sink(SinkSettings { retry_budget: Duration::from_millis(100), ..settings() });
    assert_eq!(send(&sink, batch(15)).await.unwrap(), (15, 0, Vec::new()));
    assert_eq!(cluster.seen().len(), 15);
}

#[tokio::test]
async fn a_document_that_breaks_the_connection_each_time_fails_alone() {
    let cluster = Cluster::start(|_, seen| if seen.has("poison") { Reply::Close } else { done(seen) }).await;
    let mut documents = vec![("a", "{}"); 16];
    documents[5] = ("p", "{\"poison\":1}");
    let sink = cluster.sink(SinkSettings { retry_budget: Duration::from_secs(1), ..settings() });
    let sent = send(&sink, batch_of(OpType::Index, &documents)).await.unwrap();
    assert_eq!(sent, (15, 0, vec!["5 retries_exhausted".to_owned()]));
}

#[tokio::test]
async fn a_document_that_breaks_the_connection_each_time_is_found_though_the_time_is_over() {
    let cluster = Cluster::start(|_, seen| if seen.has("poison") { Reply::Close } else { done(seen) }).await;
    let mut documents = vec![("a", "{}"); 1000];
    documents[0] = ("b", r#"{"poison":1}"#);
    // None of the halves before it is taken, so no verdict comes in between.
    let sink = cluster.sink(SinkSettings { retry_budget: Duration::ZERO, ..settings() });
    let sent = send(&sink, batch_of(OpType::Index, &documents)).await.unwrap();
    assert_eq!(sent, (999, 0, vec!["0 retries_exhausted".to_owned()]));
}

#[tokio::test]
async fn a_document_for_which_there_is_never_room_fails_alone_while_others_are_taken() {
    let cluster = Cluster::start(|_, seen| {
        if seen.has("poison") { items(&[(429, "es_rejected_execution_exception")]) } else { done(seen) }
    })
    .await;
    let sink = cluster.sink(SinkSettings { retry_budget: Duration::from_millis(50), ..settings() });
    let poison = send(&sink, batch_of(OpType::Index, &[("p", r#"{"poison":1}"#)]));
    let others = async {
        loop {
            assert_eq!(send(&sink, batch(3)).await.unwrap(), (3, 0, Vec::new()));
        }
    };
    let sent = tokio::select! {
        sent = poison => sent.unwrap(),
        () = others => unreachable!(),
    };
    assert_eq!(sent, (0, 0, vec!["0 retries_exhausted".to_owned()]));
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener); // Nobody listens there now.
    let client =
        Client::new(ClientOptions { timeout: Duration::from_secs(5), ..ClientOptions::new(url) }).unwrap();
    let settings = SinkSettings { retry_budget: Duration::from_millis(50), ..settings() };
    let sink = BulkSink::new(client, settings, ConcurrencyLimit::new(1, 1));
    let error = send(&sink, batch(1)).await.unwrap_err();
    assert!(matches!(error, SinkError::Unavailable { operations: 1, .. }), "{error}");
    assert!(error.to_string().contains("could not connect"), "{error}");
}
