//! The numbers of records: gaps, duplicates, beginnings in the middle.

use super::lab::{Lab, Pair, pair, record, text};
use super::{GET, OK, POST};
use crate::traffic::{Event, ResponseEnd};

/// Session and index of each request.
fn places(lab: &mut Lab) -> Vec<(u64, u64, String)> {
    lab.requests().iter().map(|one| (one.connection.session, one.index, text(&one.message))).collect()
}

#[test]
fn defect_3_a_gap_ends_what_is_under_way_and_begins_a_new_session() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(&OK[..9]).read(&POST[..9]));
    lab.push(
        record("c", 4).prior(3).was_reading().read(&POST[9..]).end().write(OK).read(GET).end().write(OK),
    );
    let kinds = lab.events.iter().map(|event| match event {
        Event::Request(one) => (one.connection.session, Some(one.index)),
        Event::Closed { connection, .. } => (connection.session, None),
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, [(0, Some(0)), (0, None), (1, Some(4))]);
    let pairs = lab.pairs();
    assert_eq!((pairs[0].end, pairs[0].response.as_str()), (ResponseEnd::Gap, &OK[..9]));
    assert_eq!((pairs[1].end, pairs[1].response.as_str()), (ResponseEnd::Complete, OK));
    let counts = lab.accumulator.counts();
    assert_eq!((counts.gaps, counts.missing, counts.cut_requests, counts.resumed), (1, 2, 1, 1));
}

#[test]
fn a_record_that_comes_again_is_passed_over() {
    let mut lab = Lab::new();
    let first = record("c", 1).read(GET).end();
    let last = record("c", 2).prior(1).write(OK).read(POST).end().write(OK).close();
    for record in [first.clone(), first.clone(), last.clone(), last.clone(), first, last] {
        lab.push(record);
    }
    assert_eq!(places(&mut lab), [(0, 0, GET.to_owned()), (0, 1, POST.to_owned())]);
    assert_eq!((lab.accumulator.counts().duplicates, lab.ledger.done()), (4, 6));
}

#[test]
fn a_record_that_is_read_again_is_passed_over_also_without_a_number() {
    let mut lab = Lab::new();
    let mut builder = record("c", 1).read(GET).end().write(OK);
    builder.stream.number = None;
    let value: bytes::Bytes = prost::Message::encode_to_vec(&builder.stream).into();
    lab.push_at(7, Some("c".into()), value.clone());
    lab.push_at(7, Some("c".into()), value.clone());
    lab.push_at(8, Some("c".into()), value);
    assert_eq!(places(&mut lab).len(), 2);
    assert_eq!(lab.accumulator.counts().duplicates, 1);
}

#[test]
fn numbers_from_0_from_1_or_none_are_no_gaps() {
    for numbers in [[Some(0), Some(1)], [Some(1), Some(2)], [None, None]] {
        let mut lab = Lab::new();
        for (number, part) in
            numbers.into_iter().zip([record("c", 0).read(&POST[..9]), record("c", 0).read(&POST[9..])])
        {
            let mut part = part;
            part.stream.number = number.map(codecs::traffic::record::RecordNumber::More);
            lab.push(part);
        }
        assert_eq!(places(&mut lab), [(0, 0, POST.to_owned())], "{numbers:?}");
        assert_eq!(lab.accumulator.counts().gaps, 0);
    }
}

#[test]
fn an_id_that_is_used_again_later_is_another_session() {
    let mut lab = Lab::new();
    lab.push(record("c", 0).at(1).read(GET).end().write(OK).close());
    lab.push(record("c", 0).at(2).read(POST).end().write(OK));
    lab.push(record("c", 0).at(3).read(GET).end().write(OK));
    assert_eq!(places(&mut lab), [(0, 0, GET.to_owned()), (1, 0, POST.to_owned()), (2, 0, GET.to_owned())]);
}

#[test]
fn indices_are_the_same_after_a_restart_wherever_it_is() {
    let records = [
        record("c", 1).read(GET).end().write(OK).read(GET).end(),
        record("c", 2).prior(2).write(OK).read(&POST[..30]),
        record("c", 3).prior(2).was_reading().read(&POST[30..]).end().write(OK).read(GET),
        record("c", 4).prior(3).was_reading().end().write(OK).read(POST).end().write(OK).close(),
    ];
    let indices = |from: usize| {
        let mut lab = Lab::new();
        for record in &records[from..] {
            lab.push(record.clone());
        }
        let requests = lab.requests();
        let resumed: Vec<bool> = requests.iter().map(|one| one.resumed).collect();
        assert!(resumed.iter().enumerate().all(|(place, resumed)| *resumed == (place == 0 && from > 0)));
        requests.iter().map(|one| one.index).collect::<Vec<_>>()
    };
    assert_eq!(
        [indices(0), indices(1), indices(2), indices(3)],
        [vec![0, 1, 2, 3, 4], vec![2, 3, 4], vec![3, 4], vec![4]]
    );
}

/// A read can have all of a request and a part of the next one, or all of two; the proxy tells the end of each later.
#[test]
fn of_requests_in_one_read_none_is_taken_up_in_its_middle_after_a_restart() {
    const HEAD: &str = "PUT /i/_doc/1 HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"a\"";
    let after = |record: super::lab::RecordBuilder| record.write(OK).write(OK).read(GET).end().write(OK);
    let in_two = [
        vec![record("c", 1).read(&format!("{GET}{HEAD}"))],
        vec![after(record("c", 2).prior(0).was_reading().end().read(":\"").read("b\"}").end())],
    ];
    let told_before = [
        vec![record("c", 1).read(&format!("{GET}{HEAD}")).end()],
        vec![
            record("c", 2).prior(1).read(":\"b"),
            after(record("c", 3).prior(1).was_reading().read("\"}").end()),
        ],
    ];
    let whole = [
        vec![record("c", 1).read(&format!("{GET}{HEAD}:\"b\"}}")).end()],
        vec![after(record("c", 2).prior(1).end())],
    ];
    for [before, rest] in [in_two, told_before, whole] {
        let mut lab = Lab::new();
        for record in before.iter().chain(&rest) {
            lab.push(record.clone());
        }
        let all = places(&mut lab);
        assert_eq!(all.len(), 3, "{all:?}");
        let mut lab = Lab::new();
        for record in &rest {
            lab.push(record.clone());
        }
        assert_eq!(places(&mut lab), all[2..]);
        let counts = lab.accumulator.counts();
        assert_eq!((counts.unframed_requests, counts.quarantined_requests, counts.stray_ends), (0, 0, 0));
    }
}

#[test]
fn in_a_connection_that_is_taken_up_again_a_method_is_told_from_the_rest_of_one() {
    let request = |method: &str| format!("{method} /a HTTP/1.1\r\nHost: h\r\n\r\n");
    let known = ["GET", "SEARCH", "PATCH", "LOCK", "VERSION-CONTROL", "BREW"];
    let rests = ["ET", "T", "OST", "FIND", "PPATCH", "CONTROL", "brew"];
    for (methods, is_method) in [(&known[..], true), (&rests[..], false)] {
        for method in methods {
            let mut lab = Lab::new();
            lab.push(
                record("c", 3).prior(5).read(&request(method)).end().write(OK).read(GET).end().write(OK),
            );
            let rest = [(0, 5, request(method)), (0, 6, GET.to_owned())];
            assert_eq!(places(&mut lab), rest[usize::from(!is_method)..], "{method}");
            let skipped = if is_method { 0 } else { request(method).len() as u64 };
            assert_eq!(lab.accumulator.counts().skipped_read_bytes, skipped, "{method}");
        }
    }
}

#[test]
fn a_request_that_was_under_way_and_is_taken_back_has_no_index() {
    let mut lab = Lab::new();
    lab.push(record("c", 3).prior(5).was_reading().read("x").dropped().read(GET).end().write(OK));
    assert_eq!(places(&mut lab), [(0, 5, GET.to_owned())]);
}

#[test]
fn a_100_continue_for_a_request_that_began_before_does_not_make_its_body_a_request() {
    let mut lab = Lab::new();
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    lab.push(
        record("c", 3)
            .prior(5)
            .was_reading()
            .write(go_on)
            .read("{\"a\":1}")
            .end()
            .write(OK)
            .read(GET)
            .end()
            .write(OK),
    );
    assert_eq!(places(&mut lab), [(0, 6, GET.to_owned())]);
}

#[test]
fn old_captures_say_nothing_of_where_they_are_and_are_taken_up_at_the_next_request() {
    let bodies = record("c", 7).read("}\n{\"index\":{}}\n").end().write(OK).read(GET).end().write(OK);
    let requests = record("c", 7).read(GET).end().write(OK).read(POST).end().write(OK);
    let responses = record("c", 7).write(OK).read(GET).end().write(OK);
    for (record, expected) in [(bodies, vec![GET]), (requests, vec![GET, POST]), (responses, vec![GET])] {
        let mut lab = Lab::new();
        lab.push(record);
        let found: Vec<String> = places(&mut lab).into_iter().map(|(_, _, request)| request).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn after_a_gap_in_an_old_capture_the_count_goes_on() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(OK).read(&POST[..9]));
    lab.push(record("c", 3).read("rest of something").end().write(OK).read(GET).end().write(OK));
    assert_eq!(places(&mut lab), [(0, 0, GET.to_owned()), (1, 1, GET.to_owned())]);
}

#[test]
fn records_with_keys_of_their_own_are_put_in_order() {
    let part = |number: i32, record: super::lab::RecordBuilder| record.key(&format!("c.{number}"));
    let first = part(1, record("c", 1).read(&POST[..9]));
    let second = part(2, record("c", 2).was_reading().read(&POST[9..]).end());
    let third = part(3, record("c", 3).prior(1).write(OK));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut lab = Lab::new();
        for place in order {
            lab.push([first.clone(), second.clone(), third.clone()][place].clone());
        }
        let expected =
            Pair { index: 0, request: POST.to_owned(), response: OK.to_owned(), end: ResponseEnd::Complete };
        assert_eq!(lab.pairs(), [expected], "{order:?}");
        assert_eq!((lab.accumulator.counts().gaps, lab.ledger.done()), (0, 3));
    }
}

#[test]
fn a_record_waits_for_an_earlier_one_for_half_a_minute_at_most() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).key("c.1").at(1000).read(GET).end().write(OK));
    lab.push(record("c", 3).key("c.3").prior(2).at(1000).read(POST).end().write(OK));
    lab.push(record("d", 1).key("d.1").at(1030).read(GET).end().write(OK));
    assert_eq!(lab.requests().len(), 2);
    lab.push(record("d", 2).key("d.2").prior(1).at(1031).read(GET).end().write(OK));
    let requests: Vec<_> = lab.requests().into_iter().map(pair).collect();
    assert_eq!(requests.iter().map(|pair| pair.index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lab.accumulator.counts().gaps, 1);
}

#[test]
fn records_that_wait_for_an_earlier_one_are_taken_at_the_end_of_the_input() {
    let mut lab = Lab::new();
    lab.push(record("c", 4).key("c.4").prior(3).read(GET).end().write(OK));
    assert!(lab.events.is_empty());
    lab.finish();
    assert_eq!(places(&mut lab), [(0, 3, GET.to_owned())]);
    assert_eq!(lab.ledger.done(), 1);
}
