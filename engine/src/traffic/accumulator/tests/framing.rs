//! Where requests and responses end.

use super::lab::{Lab, Pair, answer, record};
use super::{GET, OK, POST};
use crate::traffic::{Event, ResponseEnd};

fn whole(index: u64, request: &str, response: &str) -> Pair {
    Pair { index, request: request.to_owned(), response: response.to_owned(), end: ResponseEnd::Complete }
}

#[test]
fn defect_12_a_transaction_is_complete_at_the_last_byte_of_its_response() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(OK));
    assert_eq!(lab.pairs(), [whole(0, GET, OK)]);
}

#[test]
fn a_request_is_given_out_before_its_end_is_confirmed_or_its_response_comes() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(POST));
    let mut requests = lab.requests();
    assert_eq!(requests.len(), 1);
    assert!(answer(&mut requests[0]).is_none());
    lab.push(record("c", 2).end().write(OK));
    assert_eq!(answer(&mut requests[0]).unwrap().end, ResponseEnd::Complete);
    assert_eq!(lab.accumulator.counts().stray_ends, 0);
}

#[test]
fn defect_14_pipelined_requests_in_one_read_are_split_with_one_end_or_none_or_all() {
    for ends in 0..=3 {
        let mut lab = Lab::new();
        let mut record = record("c", 1).read(&[GET, POST, GET].concat());
        for _ in 0..ends {
            record = record.end();
        }
        lab.push(record.write(OK).write(&[OK, OK].concat()));
        assert_eq!(lab.pairs(), [whole(0, GET, OK), whole(1, POST, OK), whole(2, GET, OK)], "{ends}");
    }
}

#[test]
fn the_end_of_one_request_does_not_cut_the_next_one_that_came_with_it() {
    let mut lab = Lab::new();
    let (first, second) = POST.split_at(30);
    lab.push(record("c", 1).read(&[GET, first].concat()).end().write(OK).read(second).end().write(OK));
    assert_eq!(lab.pairs(), [whole(0, GET, OK), whole(1, POST, OK)]);
}

#[test]
fn defect_14_a_head_of_a_megabyte_is_a_head() {
    let request = format!("GET /_msearch HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut lab = Lab::new();
    let mut builder = record("c", 1);
    for part in request.as_bytes().chunks(8000) {
        builder = builder.read(std::str::from_utf8(part).unwrap());
    }
    lab.push(builder.write(OK)); // No end: the proxy's decoder gave up.
    assert_eq!(lab.pairs(), [whole(0, &request, OK)]);
}

#[test]
fn defect_5_the_response_to_head_ends_with_its_head() {
    let (head, length) = ("HEAD /a HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n");
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(head).end().write(length).read(GET).end().write(OK));
    assert_eq!(lab.pairs(), [whole(0, head, length), whole(1, GET, OK)]);
}

#[test]
fn defect_5_interim_responses_are_left_out() {
    let (expect, body) = ("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", "{}");
    let mut lab = Lab::new();
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    lab.push(
        record("c", 1)
            .read(expect)
            .write(go_on)
            .read(body)
            .end()
            .write(&hints[..20])
            .write(&hints[20..])
            .write(OK),
    );
    assert_eq!(lab.pairs(), [whole(0, &[expect, body].concat(), OK)]);
    assert_eq!(lab.accumulator.counts().interim_responses, 2);
}

#[test]
fn an_answer_before_the_request_is_whole_is_its_answer() {
    let refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(&POST[..20]).write(refusal).read(&POST[20..]).end());
    assert_eq!(lab.pairs(), [whole(0, POST, refusal)]);
}

#[test]
fn a_request_that_is_no_http_ends_where_the_proxy_says_so_and_its_response_at_the_next_read() {
    let mut lab = Lab::new();
    lab.push(
        record("c", 1)
            .read("\x01\x02 hello")
            .read(" world")
            .end()
            .write("what")
            .write("?")
            .read(GET)
            .end()
            .write(OK),
    );
    let garbage = Pair {
        index: 0,
        request: "\x01\x02 hello world".to_owned(),
        response: "what?".to_owned(),
        end: ResponseEnd::Cut,
    };
    assert_eq!(lab.pairs(), [garbage, whole(1, GET, OK)]);
    assert_eq!(lab.accumulator.counts().unframed_requests, 1);
}

#[test]
fn a_request_that_is_no_http_and_has_no_end_is_given_up_at_the_next_request() {
    let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let mut lab = Lab::new();
    let bad = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    lab.push(record("c", 1).read(chunked).write(bad).read(GET).end().write(OK));
    assert_eq!(lab.pairs(), [whole(0, GET, OK)]);
    assert_eq!(lab.accumulator.counts().quarantined_requests, 1);
}

#[test]
fn a_response_without_a_length_is_whole_when_the_connection_is_closed() {
    let response = "HTTP/1.0 200 OK\r\n\r\nto the end";
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(response).close());
    let expected = Pair { end: ResponseEnd::Closed, ..whole(0, GET, response) };
    assert_eq!(lab.pairs(), [expected]);
}

#[test]
fn a_response_that_the_close_cuts_is_cut() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(&[GET, GET].concat()).end().write(&OK[..OK.len() - 1]).close());
    let first = Pair { end: ResponseEnd::Cut, ..whole(0, GET, &OK[..OK.len() - 1]) };
    let second = Pair { end: ResponseEnd::Cut, ..whole(1, GET, "") };
    assert_eq!(lab.pairs(), [first, second]);
}

#[test]
fn after_an_upgrade_nothing_is_taken_for_http() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let mut lab = Lab::new();
    lab.push(
        record("c", 1)
            .read(GET)
            .end()
            .write(&[switch, "\x01\x02"].concat())
            .read(GET)
            .end()
            .write(OK)
            .close(),
    );
    assert_eq!(lab.pairs(), [whole(0, GET, switch)]);
    let counts = lab.accumulator.counts();
    assert_eq!((counts.upgraded, counts.upgraded_bytes), (1, 2 + (GET.len() + OK.len()) as u64));
}

#[test]
fn a_connection_of_http_2_is_none_of_ours() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").write("\0\0\x06").read("\0\0").close());
    assert!(lab.events.is_empty());
    assert_eq!(lab.accumulator.counts().upgraded_bytes, 5);
}

#[test]
fn what_is_written_to_nobody_is_passed_over() {
    let mut lab = Lab::new();
    let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    lab.push(record("c", 1).read(GET).end().write(OK).write(timeout).close());
    assert_eq!(lab.pairs(), [whole(0, GET, OK)]);
    assert_eq!(lab.accumulator.counts().skipped_written_bytes, timeout.len() as u64);
}

#[test]
fn segments_of_one_read_and_one_write_are_joined_over_records() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read_segment(&POST[..10]));
    lab.push(
        record("c", 2).was_reading().read_segment(&POST[10..]).segment_end().end().write_segment(&OK[..5]),
    );
    lab.push(record("c", 3).prior(1).write_segment(&OK[5..]));
    lab.push(record("c", 4).prior(1).segment_end().close());
    assert!(matches!(lab.events[1], Event::Closed { .. }));
    assert_eq!(lab.pairs(), [whole(0, POST, OK)]);
}

#[test]
fn empty_reads_writes_and_lines_between_requests_are_nothing() {
    let mut lab = Lab::new();
    lab.push(
        record("c", 1)
            .read("")
            .read(&[GET, "\r\n"].concat())
            .end()
            .write("")
            .write(OK)
            .read("\r\n")
            .read(GET)
            .end(),
    );
    lab.push(record("c", 2).prior(2).write("").write(OK).close());
    assert_eq!(lab.pairs(), [whole(0, GET, OK), whole(1, GET, OK)]);
    let counts = lab.accumulator.counts();
    assert_eq!((counts.stray_ends, counts.cut_requests), (0, 0));
}

#[test]
fn a_request_that_the_proxy_takes_back_is_not_given_out_whether_it_is_whole_or_not() {
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(OK).read(&GET[..9]).dropped().read(POST).end().write(OK));
    lab.push(record("c", 2).prior(2).read(GET).dropped().read(POST).end().write(OK));
    assert_eq!(lab.pairs(), [whole(0, GET, OK), whole(1, POST, OK), whole(2, POST, OK)]);
    assert_eq!(lab.accumulator.counts().dropped_requests, 2);
}

#[test]
fn an_exception_ends_what_is_under_way_and_the_connection_goes_on() {
    let mut lab = Lab::new();
    lab.push(
        record("c", 1)
            .read(GET)
            .end()
            .write(&OK[..9])
            .exception()
            .write(&OK[9..])
            .read(&POST[..9])
            .exception(),
    );
    lab.push(record("c", 2).prior(1).read(POST).end().write(OK));
    let cut = Pair { end: ResponseEnd::Cut, ..whole(0, GET, &OK[..9]) };
    assert_eq!(lab.pairs(), [cut, whole(1, POST, OK)]);
    assert_eq!(lab.accumulator.counts().cut_requests, 1);
}

#[test]
fn a_response_that_never_ends_is_cut_by_the_head_of_the_next_one() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end().write(endless).read(POST).end().write(OK));
    let cut = Pair { end: ResponseEnd::Cut, ..whole(0, GET, endless) };
    assert_eq!(lab.pairs(), [cut, whole(1, POST, OK)]);
}

#[test]
fn a_response_that_nobody_wants_and_never_ends_is_cut_by_the_head_of_the_next_one_too() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
    let mut lab = Lab::new();
    lab.push(record("c", 1).read(GET).end());
    drop(lab.requests());
    lab.push(record("c", 2).prior(1).write(endless).read(POST).end().write(OK));
    assert_eq!(lab.pairs(), [whole(1, POST, OK)]);
}
