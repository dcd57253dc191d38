//! Which records may be committed.

use super::super::AccumulatorSettings;
use super::lab::{Lab, answer, pair, record};
use super::{GET, OK, POST};
use crate::traffic::{Event, Quarantine, SourceRequest, Token};

fn offsets(tokens: &[Token]) -> Vec<i64> {
    tokens.iter().map(Token::offset).collect()
}

fn only(lab: &mut Lab) -> SourceRequest {
    let mut requests = lab.requests();
    assert_eq!(requests.len(), 1);
    requests.pop().unwrap()
}

#[test]
fn defect_7_a_record_without_observations_is_done_with() {
    let mut lab = Lab::new();
    lab.push(record("c", 1));
    assert_eq!((lab.ledger.done(), lab.accumulator.counts().empty_records), (1, 1));
    lab.push(record("c", 2).read(GET).end().write(OK));
    assert_eq!(lab.pairs().len(), 1);
}

#[test]
fn defect_6_what_is_no_record_goes_into_quarantine_and_is_done_with() {
    let path = std::env::temp_dir().join(format!("ferry-quarantine-{}.ndjson", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let quarantine = Quarantine::new(Some(path.clone()));
    let mut lab =
        Lab::with(AccumulatorSettings { quarantine: quarantine.clone(), ..AccumulatorSettings::default() });
    lab.push_bytes(Some("key".into()), "no record".into());
    lab.push_bytes(None, "".into());
    assert_eq!((lab.ledger.done(), lab.accumulator.counts().quarantined), (2, 2));
    assert_eq!(quarantine.finish().unwrap(), Some(path.clone()));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        serde_json::json!({
            "kind": "record", "topic": "topic", "partition": 0, "offset": 0, "key": "key",
            "reason": lines[0]["reason"], "length": 9, "value": "bm8gcmVjb3Jk",
        }),
        serde_json::json!({
            "kind": "record", "topic": "topic", "partition": 0, "offset": 1,
            "reason": "a TrafficStream without a connection id", "length": 0, "value": "",
        }),
    ];
    assert_eq!(lines, expected);
    assert!(lines[0]["reason"].as_str().unwrap().starts_with("not a TrafficStream: "));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn defect_8_a_record_is_held_until_every_transaction_with_bytes_of_it_has_an_outcome() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(POST).end().write(OK).read(&GET[..9]).dropped());
    assert_eq!(lab.ledger.done(), 0);
    let mut request = only(&mut lab);
    let response = answer(&mut request).unwrap();
    drop(request);
    assert_eq!(lab.ledger.done(), 0);
    drop(response);
    assert_eq!(lab.ledger.done(), 1);
}

#[test]
fn a_transaction_holds_the_records_with_bytes_of_it_and_the_one_that_ended_it_and_no_others() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(&POST[..9]));
    lab.push(record("c", 2).was_reading().read(&POST[9..20]).read(&POST[20..30]));
    lab.push(record("other", 1).read(GET).end().write(OK));
    drop(lab.pairs());
    lab.push(record("c", 3).was_reading().read(&POST[30..]));
    let mut request = only(&mut lab);
    lab.push(record("c", 4).was_reading().end());
    lab.push(record("c", 5).prior(1).write(&OK[..9]));
    lab.push(record("c", 6).prior(1).write(&OK[9..12]));
    lab.push(record("c", 7).prior(1).close());
    assert!(
        matches!(lab.events.pop(), Some(Event::Closed { token: Some(token), .. }) if token.offset() == 7)
    );
    let response = answer(&mut request).unwrap();
    assert_eq!(offsets(&request.tokens), [0, 1, 3]);
    assert_eq!(offsets(&response.tokens), [5, 6, 7]);
    assert_eq!(lab.ledger.under_way(), 6);
    drop(request);
    assert_eq!(lab.ledger.done(), 5);
    drop(response);
    assert_eq!((lab.ledger.done(), lab.ledger.under_way()), (8, 0));
}

#[test]
fn defect_6_a_request_that_is_discarded_pins_nothing() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(&POST[..9]));
    assert_eq!(lab.ledger.done(), 0);
    lab.push(record("c", 2).was_reading().close());
    assert_eq!((lab.ledger.done(), lab.accumulator.counts().cut_requests), (2, 1));
}

#[test]
fn the_record_of_a_request_that_nobody_wants_is_held_until_it_is_answered_and_those_of_its_response_are_not()
{
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end());
    drop(lab.requests()); // Not selected.
    lab.push(record("c", 2).prior(1).write(&OK[..9]));
    assert_eq!((lab.ledger.done(), lab.ledger.under_way()), (0, 1));
    lab.push(record("c", 3).prior(1).write(&OK[9..]));
    assert_eq!(lab.ledger.done(), 3);
    lab.push(record("c", 4).prior(1).read(POST).end().write(OK));
    assert_eq!(pair(only(&mut lab)).response, OK);
}

#[test]
fn a_request_that_is_behind_one_that_nobody_wants_holds_the_record_of_that_one() {
    let large = format!("PUT /a HTTP/1.1\r\nContent-Length: 200\r\n\r\n{}", "x".repeat(200));
    for (first, quarantined) in [(GET, 0), (large.as_str(), 1)] {
        let mut lab = Lab::with(AccumulatorSettings { most_message: 100, ..AccumulatorSettings::default() });
        lab.push(record("c", 1).read(first).end());
        drop(lab.requests());
        lab.push(record("c", 2).prior(1).read(POST).end());
        let request = only(&mut lab);
        assert_eq!(lab.accumulator.counts().quarantined_requests, quarantined);
        lab.push(record("c", 3).prior(2).write(OK));
        assert_eq!((offsets(&request.before), lab.ledger.done()), (vec![0], 0));
        drop(request);
        assert_eq!(lab.ledger.done(), 0, "{first}: the response to the second one is to come");
        lab.push(record("c", 4).prior(2).write(OK));
        assert_eq!(lab.ledger.done(), 4);
    }
}

#[test]
fn when_responses_are_waited_for_no_longer_nothing_is_held_for_requests_that_are_to_come() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end());
    drop(lab.requests());
    assert_eq!(lab.ledger.done(), 0);
    lab.accumulator.let_go();
    assert_eq!(lab.ledger.done(), 1);
}

#[test]
fn a_request_that_is_too_large_goes_into_quarantine_and_the_next_one_is_found() {
    let mut lab = Lab::with(AccumulatorSettings { most_message: 100, ..AccumulatorSettings::default() });
    let large = format!("PUT /a HTTP/1.1\r\nContent-Length: 200\r\n\r\n{}", "x".repeat(200));
    lab.push(record("c", 1).read(&large[..80]));
    lab.push(record("c", 2).was_reading().read(&large[80..120]));
    assert_eq!((lab.ledger.under_way(), lab.accumulator.counts().quarantined_requests), (1, 1));
    lab.push(record("c", 3).was_reading().read(&large[120..]).end().write(OK).read(GET).end().write(OK));
    let pairs = lab.pairs();
    assert_eq!((pairs.len(), pairs[0].index, pairs[0].response.as_str()), (1, 1, OK));
}

#[test]
fn of_a_response_that_is_too_large_the_beginning_is_kept() {
    let mut lab = Lab::with(AccumulatorSettings { most_message: 100, ..AccumulatorSettings::default() });
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}", "x".repeat(200));
    lab.push(
        record("c", 1).read(GET).end().write(&large[..150]).write(&large[150..]).read(GET).end().write(OK),
    );
    let pairs = lab.pairs();
    assert_eq!((pairs[0].response.as_str(), pairs[1].response.as_str()), (&large[..100], OK));
    assert_eq!(lab.accumulator.counts().shortened_responses, 1);
}
