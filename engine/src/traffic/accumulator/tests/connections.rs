//! Connections: how they begin, expire and end.

use super::super::AccumulatorSettings;
use super::lab::{Lab, answer, at, pair, record, text};
use super::{GET, OK, POST};
use crate::traffic::{Event, ResponseEnd};
use base64::Engine as _;
use std::time::Duration;
use tokio::time::Instant;

/// The record that opensearch-migrations' own "bring your own capture" fixture describes.
const GOLDEN: &str = "CgZjb25uLTESigEKAggBIoMBCoABUFVUIC9ieW9jLWUyZS9fZG9jLzEgSFRUUC8xLjENCkhvc3Q6IG9wZW5zZWFyY2gtY2x1c3Rlci1tYXN0ZXItaGVhZGxlc3MNCkNvbnRlbnQtVHlwZTogYXBwbGljYXRpb24vanNvbg0KQ29udGVudC1MZW5ndGg6IDINCg0Ke30SBgoCCAF6ABIzCgIIAUItCitIVFRQLzEuMSAyMDEgQ3JlYXRlZA0KQ29udGVudC1MZW5ndGg6IDANCg0KEgYKAggBWgAgACoMYnlvYy1maXh0dXJl";

fn push_golden(lab: &mut Lab) {
    let value = base64::engine::general_purpose::STANDARD.decode(GOLDEN).unwrap();
    lab.push_bytes(Some("byoc-put-1".into()), value.into());
}

fn tick(lab: &mut Lab, after: &mut Instant, seconds: u64) {
    tick_where(lab, after, seconds, |_| true);
}

fn tick_where(lab: &mut Lab, after: &mut Instant, seconds: u64, is_quiet: impl Fn(Option<i32>) -> bool) {
    for _ in 0..seconds.div_ceil(5) {
        *after += Duration::from_secs(5);
        let Lab { accumulator, events, .. } = lab;
        accumulator.tick(*after, &is_quiet, &mut |event| events.push(event));
    }
}

#[test]
fn the_golden_record_is_one_put_its_response_and_the_end_of_its_connection() {
    let mut lab = Lab::new();
    push_golden(&mut lab);
    let Some(Event::Closed { connection, at: closed, token }) = lab.events.pop() else { panic!("no end") };
    assert_eq!((&*connection.node, &*connection.id, connection.session), ("byoc-fixture", "conn-1", 0));
    assert_eq!((closed, token.unwrap().offset()), (at(1), 0));
    let mut requests = lab.requests();
    let mut request = requests.pop().unwrap();
    assert!(requests.is_empty() && request.message.starts_with(b"PUT /byoc-e2e/_doc/1 HTTP/1.1\r\n"));
    assert!(request.message.ends_with(b"\r\n\r\n{}"));
    assert_eq!((request.index, request.resumed), (0, false));
    assert_eq!((request.first_byte, request.last_byte), (at(1), at(1)));
    let response = answer(&mut request).unwrap();
    assert_eq!(text(&response.message), "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        (response.end, response.first_byte, response.last_byte),
        (ResponseEnd::Complete, Some(at(1)), Some(at(1)))
    );
}

#[test]
fn times_are_those_of_the_first_and_the_last_bytes() {
    let mut lab = Lab::new();
    let request = record("c", 1).at(1).read(&POST[..5]).at(2).read(&POST[5..9]).at(3).read(&POST[9..]).end();
    lab.push(request.at(5).write(&OK[..5]).at(8).write(&OK[5..]).at(9).close());
    let mut request = lab.requests().pop().unwrap();
    assert_eq!((request.first_byte, request.last_byte), (at(1), at(3)));
    let response = answer(&mut request).unwrap();
    assert_eq!((response.first_byte, response.last_byte), (Some(at(5)), Some(at(8))));
}

#[test]
fn connections_of_two_nodes_with_one_id_are_two() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).node("a").read(&GET[..9]));
    lab.push(record("c", 1).node("b").read(POST).end().write(OK));
    lab.push(record("c", 2).node("a").was_reading().read(&GET[9..]).end().write(OK));
    let requests = lab.requests();
    let found: Vec<_> =
        requests.iter().map(|one| (&*one.connection.node, one.index, text(&one.message))).collect();
    assert_eq!(found, [("b", 0, POST.to_owned()), ("a", 0, GET.to_owned())]);
}

#[test]
fn a_connection_that_only_closes_is_nobodys_business() {
    let mut lab = Lab::new();
    for id in ["health-1", "health-2"] {
        lab.push(record(id, 1).close());
    }
    assert!(lab.events.is_empty());
    let counts = lab.accumulator.counts();
    assert_eq!((counts.closed, counts.open_connections, counts.resumed), (2, 0, 0));
    assert_eq!(lab.ledger.done(), 2);
}

#[test]
fn a_silent_connection_expires_by_the_sources_clock_and_what_comes_later_is_a_new_session() {
    let mut lab = Lab::new();
    lab.push(record("half", 1).at(1000).read(GET).end().write(OK).read(&POST[..9]));
    lab.push(record("waits", 1).at(1000).read(GET).end().write(&OK[..9]));
    lab.push(record("other", 1).at(1360).read(GET).end());
    assert_eq!(lab.accumulator.counts().expired, 0);
    lab.push(record("other", 2).prior(1).at(1361).write(OK));
    assert_eq!((lab.accumulator.counts().expired, lab.accumulator.counts().cut_requests), (2, 1));
    let ends = lab.events.iter().filter_map(|event| match event {
        Event::Closed { connection, at, token } => Some((&*connection.id, *at, token.is_none())),
        Event::Request(_) => None,
    });
    let ends: Vec<_> = ends.collect();
    assert_eq!(ends, [("half", at(1000), true), ("waits", at(1000), true)]);
    let mut pairs: Vec<_> = lab.requests().into_iter().map(pair).collect();
    assert_eq!((pairs[1].response.as_str(), pairs[1].end), (&OK[..9], ResponseEnd::Expired));
    lab.push(
        record("half", 2)
            .prior(1)
            .was_reading()
            .at(1362)
            .read(&POST[9..])
            .end()
            .write(OK)
            .read(GET)
            .end()
            .write(OK),
    );
    let request = lab.requests().pop().unwrap();
    assert_eq!((request.connection.session, request.index, request.resumed), (1, 2, true));
    pairs.clear();
}

#[test]
fn defect_12_connections_expire_when_the_topic_is_quiet() {
    let mut lab = Lab::new();
    let mut now = Instant::now();
    tick(&mut lab, &mut now, 5);
    lab.push(record("c", 1).read(GET).end());
    let mut request = lab.requests().pop().unwrap();
    tick(&mut lab, &mut now, 365);
    assert!(answer(&mut request).is_none());
    tick(&mut lab, &mut now, 5);
    assert_eq!(answer(&mut request).unwrap().end, ResponseEnd::Expired);
}

#[test]
fn time_stands_still_for_a_partition_that_is_not_read() {
    let mut lab = Lab::new();
    let mut now = Instant::now();
    lab.push(record("c", 1).read(GET).end());
    let partition = Some(lab.ledger.partition());
    tick_where(&mut lab, &mut now, 3600, |asked| asked != partition);
    assert_eq!(lab.accumulator.counts().expired, 0);
    tick(&mut lab, &mut now, 365);
    assert_eq!(lab.accumulator.counts().expired, 0, "the hour is not made up for");
    tick(&mut lab, &mut now, 10);
    assert_eq!(lab.accumulator.counts().expired, 1);
}

#[test]
fn a_proxy_whose_clock_is_an_hour_fast_does_not_make_others_expire() {
    let mut lab = Lab::new();
    lab.push(record("right", 1).at(1000).read(GET).end());
    lab.push(record("fast", 1).node("fast").at(4600).read(GET).end());
    assert_eq!(lab.accumulator.counts().expired, 0);
    lab.push(record("fast", 2).node("fast").prior(1).at(4961).read(GET).end());
    assert_eq!(lab.accumulator.counts().expired, 1);
}

#[test]
fn of_too_many_connections_the_one_that_was_silent_for_longest_is_over() {
    let mut lab = Lab::with(AccumulatorSettings { most_connections: 2, ..AccumulatorSettings::default() });
    lab.push(record("a", 1).read(GET).end());
    lab.push(record("b", 1).read(GET).end());
    lab.push(record("a", 2).prior(1).write(OK));
    lab.push(record("c", 1).read(GET).end());
    let closed = lab.events.iter().filter_map(|event| match event {
        Event::Closed { connection, .. } => Some(&*connection.id),
        Event::Request(_) => None,
    });
    assert_eq!(closed.collect::<Vec<_>>(), ["b"]);
    assert_eq!((lab.accumulator.counts().crowded_out, lab.accumulator.counts().open_connections), (1, 2));
}

#[test]
fn the_end_of_the_input_interrupts_what_is_under_way() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(&OK[..9]));
    lab.push(record("d", 1).read(&GET[..9]));
    lab.finish();
    assert_eq!(lab.pairs()[0].end, ResponseEnd::Interrupted);
    assert_eq!((lab.accumulator.counts().open_connections, lab.ledger.done()), (0, 2));
}

#[test]
fn a_revoked_partition_is_forgotten_without_an_event_and_read_again_from_where_it_was() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(OK).read(POST).end());
    let mut requests = lab.requests();
    let ledger = std::mem::replace(&mut lab.ledger, crate::traffic::Ledger::new("topic".into(), 0, 0));
    ledger.revoke();
    lab.accumulator.revoke(&ledger);
    assert!(requests[1].response.try_recv().is_err() && lab.events.is_empty());
    assert_eq!(lab.accumulator.counts().open_connections, 0);
    drop(requests.drain(..));
    assert_eq!(ledger.under_way(), 0);
    lab.push(record("c", 1).read(GET).end().write(OK).read(POST).end());
    let again: Vec<_> = lab.requests().iter().map(|one| (one.connection.session, one.index)).collect();
    assert_eq!(again, [(0, 0), (0, 1)]);
    assert_eq!(lab.accumulator.counts().duplicates, 0);
}
