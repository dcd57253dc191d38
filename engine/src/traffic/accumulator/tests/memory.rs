//! What is held of the budget.

use super::lab::{Lab, answer, record};
use super::{GET, OK, POST};
use crate::traffic::ResponseEnd;

fn large(bytes: usize) -> String {
    format!("POST /_bulk HTTP/1.1\r\nContent-Length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
}

#[test]
fn a_request_in_one_piece_is_a_slice_of_its_record() {
    let mut lab = Lab::new();
    let body = large(100_000);
    let value: bytes::Bytes = prost::Message::encode_to_vec(&record("c", 1).read(&body).end().stream).into();
    lab.push_bytes(Some("c".into()), value.clone());
    let request = lab.requests().pop().unwrap();
    let (start, end) = (value.as_ptr() as usize, value.as_ptr() as usize + value.len());
    assert!((start..end).contains(&(request.message.as_ptr() as usize)));
    assert!(lab.budget.held() >= 100_000);
    drop(request);
    assert_eq!(lab.budget.held(), 0);
}

#[test]
fn a_small_request_that_waits_for_its_response_does_not_hold_a_large_record() {
    let mut lab = Lab::new();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{}", "x".repeat(900_000));
    lab.push(record("c", 1).read(GET).end().write(&response).read(POST).end());
    let mut requests = lab.requests();
    let waiting = requests.pop().unwrap();
    assert!(lab.budget.held() > 900_000);
    drop(requests);
    assert_eq!((lab.budget.held(), waiting.message.as_ref()), (1024, POST.as_bytes()));
    drop(waiting);
    lab.finish();
    assert_eq!(lab.budget.held(), 0);
}

#[test]
fn the_beginning_of_a_message_does_not_hold_a_large_record() {
    let mut lab = Lab::new();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{}", "x".repeat(900_000));
    lab.push(record("c", 1).read(GET).end().write(&response).read(&POST[..9]));
    lab.push(record("d", 1).read(GET).end().write(&response).read(GET).end().write(&OK[..5]));
    let mut requests = lab.requests();
    requests.retain(|one| one.index == 1);
    assert_eq!((requests.len(), lab.budget.held()), (1, 3 * 1024));
    lab.push(record("c", 2).prior(1).was_reading().read(&POST[9..]).end());
    assert_eq!(lab.requests().pop().unwrap().message.as_ref(), POST.as_bytes());
}

#[test]
fn many_small_parts_are_joined() {
    let mut lab = Lab::new();
    let body = large(3000);
    let mut builder = record("c", 1);
    for byte in body.chars() {
        builder = builder.read(&byte.to_string());
    }
    lab.push(builder.end());
    assert_eq!(lab.requests().pop().unwrap().message.as_ref(), body.as_bytes());
}

#[test]
fn the_largest_request_under_way_can_be_given_up() {
    let mut lab = Lab::new();
    lab.push(record("small", 1).read(&large(1000)[..500]));
    lab.push(record("large", 1).read(&large(100_000)[..50_000]));
    assert!(evict(&mut lab));
    let counts = *lab.accumulator.counts();
    assert_eq!((counts.quarantined_requests, lab.ledger.under_way(), lab.budget.held()), (1, 1, 1024));
    lab.push(
        record("large", 2).was_reading().read(&large(100_000)[50_000..]).end().write(OK).read(GET).end(),
    );
    let requests = lab.requests();
    assert_eq!((requests.len(), requests[0].index), (1, 1));
    assert!(evict(&mut lab) && !evict(&mut lab));
    assert_eq!(lab.accumulator.counts().quarantined_requests, 2);
}

#[test]
fn the_largest_response_under_way_can_be_given_up() {
    let mut lab = Lab::new();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n{}", "x".repeat(90_000));
    lab.push(record("c", 1).read(GET).end().write(&response[..50_000]));
    let mut request = lab.requests().pop().unwrap();
    assert!(evict(&mut lab));
    assert_eq!(answer(&mut request).unwrap().end, ResponseEnd::Cut);
    lab.push(record("c", 2).prior(1).write(&response[50_000..]).read(POST).end().write(OK));
    assert_eq!(lab.pairs()[0].response, OK);
}

fn evict(lab: &mut Lab) -> bool {
    let Lab { accumulator, events, .. } = lab;
    accumulator.evict_largest(&mut |event| events.push(event))
}
