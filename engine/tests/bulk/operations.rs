//! Answers with a result for each operation.

use super::server::{Cluster, Reply, batch, batch_of, done, items, send, settings};
use codecs::bulk::OpType;
use engine::bulk::{SinkError, SinkSettings};
use std::collections::BTreeSet;

fn none() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn only_what_the_cluster_has_no_room_for_is_sent_again_in_its_order() {
    let full = "es_rejected_execution_exception";
    let cluster = Cluster::start(move |number, seen| match number {
        0 => items(&[
            (201, ""),
            (429, full),
            (201, ""),
            (503, "unavailable_shards_exception"),
            (403, "cluster_block_exception"),
        ]),
        1 => items(&[(429, full), (201, ""), (429, full)]),
        _ => done(seen),
    });
    let cluster = cluster.await;
    let sink = cluster.sink(settings());
    assert_eq!(send(&sink, batch(5)).await.unwrap(), (5, 0, none()));
    assert_eq!(cluster.ids(), ["0,1,2,3,4", "1,3,4", "1,4"]);
    assert_eq!((sink.counters().requests(), sink.counters().busy(), sink.counters().resent()), (3, 2, 5));
    let wanted = "errors,items.*.status,items.*.error,items.*.result,items.*.failure_store";
    assert_eq!(cluster.seen()[0].target, format!("/i/_bulk?filter_path={wanted}"));
}

#[tokio::test]
async fn what_is_refused_for_good_fails_at_once_with_the_words_of_the_cluster() {
    let cluster = Cluster::start(|_, _| {
        items(&[(201, ""), (400, "mapper_parsing_exception"), (404, "index_not_found_exception"), (201, "")])
    });
    let cluster = cluster.await;
    let sink = cluster.sink(settings());
    let outcome = sink.send(batch(4)).await.unwrap();
    assert_eq!((outcome.indexed, outcome.allowed, outcome.failed.len()), (2, 0, 2));
    let failed = &outcome.failed[0];
    assert_eq!((failed.position, failed.id.as_deref(), failed.status), (1, Some("1"), Some(400)));
    assert_eq!(
        (failed.error_type.as_deref(), failed.reason.as_str()),
        (Some("mapper_parsing_exception"), "because")
    );
    assert_eq!((&failed.action[..], &failed.source[..]), (&br#"{"index":{"_id":"1"}}"#[..], &b"{}"[..]));
    let origin = failed.origin.as_ref().unwrap();
    assert_eq!((&*origin.segment, origin.document), ("_0", 1));
    assert_eq!(cluster.seen().len(), 1);
}

#[tokio::test]
async fn an_id_that_stands_twice_in_a_batch_is_matched_by_position() {
    let cluster = Cluster::start(|_, _| items(&[(400, "x"), (201, ""), (201, "")])).await;
    let sink = cluster.sink(settings());
    let twice = batch_of(OpType::Index, &[("1", "{\"a\":1}"), ("1", "{\"a\":2}"), ("1", "{\"a\":3}")]);
    let outcome = sink.send(twice).await.unwrap();
    assert_eq!((outcome.indexed, outcome.failed.len()), (2, 1));
    assert_eq!(&outcome.failed[0].source[..], b"{\"a\":1}");
}

#[tokio::test]
async fn an_answer_that_says_success_is_judged_by_its_items() {
    // `items` says `"errors":false` and status 200.
    let cluster = Cluster::start(|number, seen| match number {
        0 => items(&[(201, ""), (200, "mapper_parsing_exception"), (400, "x")]),
        _ => done(seen),
    });
    let cluster = cluster.await;
    // An error with status 201 contradicts itself: it is tried again, and may then be there.
    assert_eq!(
        send(&cluster.sink(settings()), batch(3)).await.unwrap(),
        (2, 0, vec!["2 refused".to_owned()])
    );
    assert_eq!(cluster.ids(), ["0,1,2", "1"]);
}

#[tokio::test]
async fn an_allowed_type_counts_as_success() {
    let conflict = "version_conflict_engine_exception";
    let cluster = Cluster::start(move |_, _| items(&[(409, conflict), (201, ""), (400, "x")])).await;
    let allowed = BTreeSet::from([conflict.to_owned()]);
    let sink = cluster.sink(SinkSettings { allowed, ..settings() });
    assert_eq!(send(&sink, batch(3)).await.unwrap(), (1, 1, vec!["2 refused".to_owned()]));
}

#[tokio::test]
async fn an_operation_that_the_cluster_fails_at_each_time_fails_alone() {
    let cluster = Cluster::start(|_, seen| {
        let item = |(action, _): &(String, String)| match action.contains("\"1\"") {
            true => (500, "null_pointer_exception"),
            false => (201, ""),
        };
        items(&seen.operations.iter().map(item).collect::<Vec<_>>())
    });
    let cluster = cluster.await;
    let sink = cluster.sink(SinkSettings { fault_attempts: 3, ..settings() });
    assert_eq!(send(&sink, batch(3)).await.unwrap(), (2, 0, vec!["1 retries_exhausted".to_owned()]));
    assert_eq!(cluster.ids(), ["0,1,2", "1", "1"]);
}

#[tokio::test]
async fn a_conflict_of_create_is_a_failure_at_the_first_attempt() {
    let cluster = Cluster::start(|_, _| items(&[(409, "version_conflict_engine_exception")])).await;
    let create = batch_of(OpType::Create, &[("1", "{}")]);
    assert_eq!(send(&cluster.sink(settings()), create).await.unwrap(), (0, 0, vec!["0 refused".to_owned()]));
}

#[tokio::test]
async fn a_conflict_of_create_with_its_own_lost_attempt_is_a_success() {
    let conflict = (409, "version_conflict_engine_exception");
    let cluster = Cluster::start(move |number, _| match number {
        0 => Reply::Cut("{\"took\":1,\"items\":[".to_owned()),
        _ => items(&[conflict; 3]),
    });
    let cluster = cluster.await;
    // The third has the id of the first: it was not written by itself.
    let create = batch_of(OpType::Create, &[("1", "{}"), ("2", "{}"), ("1", "{\"other\":1}")]);
    assert_eq!(send(&cluster.sink(settings()), create).await.unwrap(), (2, 0, vec!["2 refused".to_owned()]));
}

#[tokio::test]
async fn a_conflict_of_create_after_429_is_a_failure_because_that_attempt_did_nothing() {
    let cluster = Cluster::start(|number, _| match number {
        0 => items(&[(429, "rejected_execution_exception")]),
        _ => items(&[(409, "version_conflict_engine_exception")]),
    });
    let cluster = cluster.await;
    let create = batch_of(OpType::Create, &[("1", "{}")]);
    assert_eq!(send(&cluster.sink(settings()), create).await.unwrap(), (0, 0, vec!["0 refused".to_owned()]));
}

#[tokio::test]
async fn an_operation_that_the_credentials_do_not_allow_stops_everything() {
    let cluster = Cluster::start(|_, _| items(&[(201, ""), (403, "security_exception")])).await;
    let error = send(&cluster.sink(settings()), batch(2)).await.unwrap_err();
    assert!(matches!(error, SinkError::Denied { .. }));
    let expected = format!(
        "`{}/` does not allow writing to index `i`: status 403 `security_exception`: because",
        cluster.url
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("check user and password"));
}

#[tokio::test]
async fn documents_without_id_that_may_be_there_twice_are_counted() {
    let cluster = Cluster::start(|number, seen| match number {
        0 => items(&[(201, ""), (500, "x"), (429, "y")]),
        1 => Reply::Close,
        _ => done(seen),
    });
    let cluster = cluster.await;
    let sink = cluster.sink(settings());
    let outcome = sink.send(batch_of(OpType::Index, &[("", "{}"), ("", "{}"), ("", "{}")])).await.unwrap();
    // The second after the fault, the third after the lost connection; the second is not counted again.
    assert_eq!((outcome.indexed, outcome.possible_duplicates), (3, 2));
}
