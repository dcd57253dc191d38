//! Tuples are read again, also those of Java.

use super::*;

/// From the documentation of opensearch-migrations, shortened.
const JAVA: &str = r#"{"sourceRequest":{"Host":["capture-proxy:9200"],"Authorization":["Basic YWRtaW46YWRtaW4="],"Request-URI":"/","Method":"GET","HTTP-Version":"HTTP/1.1","payload":{"inlinedBase64Body":""}},"sourceResponse":{"content-type":["application/json; charset=UTF-8"],"HTTP-Version":"HTTP/1.1","Status-Code":200,"Reason-Phrase":"OK","response_time_ms":59,"payload":{"inlinedJsonBody":{"name":"7cd1c","version":{"number":"7.10.2"}}}},"targetRequest":{"Host":["opensearchtarget"],"Request-URI":"/","Method":"GET","HTTP-Version":"HTTP/1.1","payload":{"inlinedBase64Body":""}},"targetResponses":[{"HTTP-Version":"HTTP/1.1","Status-Code":200,"Reason-Phrase":"OK","response_time_ms":112,"payload":{"inlinedJsonBody":{"version":{"number":"2.15.0"}}}}],"connectionId":"0242acfffe12000b-0000000a-00000003-0cb7.0","numRequests":1,"numErrors":0}"#;

/// As the replayer wrote them before 2024.
const OLD: &str = r#"{"sourceRequest":{"Request-URI":"/_cat/indices?v","Method":"GET","HTTP-Version":"HTTP/1.1","Host":"capture-proxy:9200","body":""},"sourceResponse":{"HTTP-Version":{"keepAliveDefault":true},"Status-Code":200,"Reason-Phrase":"OK","response_time_ms":59,"content-type":"text/plain","body":"aGVhbHRo"},"targetResponses":[{"Status-Code":200,"body":"health status"}],"connectionId":"c.1","numRequests":1,"numErrors":0}"#;

#[test]
fn a_tuple_of_java_is_read() {
    let tuple = TupleRecord::parse(JAVA.as_bytes()).unwrap();
    let request = tuple.source_request.as_ref().unwrap();
    assert_eq!((request.method.as_deref(), request.target.as_deref()), (Some("GET"), Some("/")));
    assert_eq!(request.header("host"), Some("capture-proxy:9200"));
    assert_eq!(request.payload, PayloadRecord::Text("".into()));
    let source = tuple.source_response.as_ref().unwrap();
    assert_eq!((source.status, source.reason.as_deref()), (Some(200), Some("OK")));
    assert_eq!(&*source.payload.bytes(), br#"{"name":"7cd1c","version":{"number":"7.10.2"}}"#);
    assert_eq!(tuple.source_response_time, Some(Duration::from_millis(59)));
    assert_eq!(tuple.target_response_time(), Some(Duration::from_millis(112)));
    assert_eq!(
        (&*tuple.connection_id, tuple.requests),
        ("0242acfffe12000b-0000000a-00000003-0cb7.0", Some(1))
    );
    assert!(tuple.attempts.is_empty() && tuple.topic.is_none());
}

#[test]
fn a_tuple_of_an_old_java_is_read() {
    let tuple = TupleRecord::parse(OLD.as_bytes()).unwrap();
    let response = tuple.source_response.as_ref().unwrap();
    assert_eq!(response.payload, PayloadRecord::Bytes(b"health".to_vec()));
    assert_eq!((response.version.as_ref(), response.header("Content-Type")), (None, Some("text/plain")));
    assert_eq!(tuple.source_request.unwrap().payload, PayloadRecord::Text("".into()));
    assert_eq!(tuple.target_responses[0].payload, PayloadRecord::Text("health status".into()));
}

#[test]
fn what_is_written_is_read() {
    let request = b"POST /_bulk HTTP/1.1\r\nX: a\r\nx: \"b\"\r\nContent-Length: 6\r\n\r\n{}\n{}\n";
    let response = b"HTTP/1.1 200 OK\r\n\r\nplain \xFF";
    let attempt = |status, error| Attempt {
        at: second(2, 1),
        delay: Duration::from_micros(1),
        status,
        response_time: Some(Duration::from_micros(1_234_567)),
        items: Some(3),
        error,
    };
    let tuple = Tuple {
        source_request: Some(TupleRequest::parse(request)),
        source_response: Some(TupleResponse::parse(response, Duration::from_micros(1500))),
        target_request: Some(TupleRequest::parse(b"no request\n")),
        target_responses: vec![TupleResponse::parse(response, Duration::from_micros(1500)).unwrap()],
        connection: "c",
        index: 12,
        error: Some("e"),
        source_time: Some(second(1, 0)),
        target_time: Some(second(2, 1)),
        place: Some(Place { topic: "t", partition: 1, offset: -1 }),
        attempts: vec![attempt(Some(200), None), attempt(None, Some("reset"))],
        transform_status: Some("unchanged"),
    };
    let line = written(&tuple);
    let record = TupleRecord::parse(line.as_bytes()).unwrap();
    let read = record.source_request.as_ref().unwrap();
    assert_eq!(read.headers[0], ("X".into(), vec!["a".into(), "\"b\"".into()]));
    assert!(matches!(&read.payload, PayloadRecord::JsonSequence(values) if values.len() == 2));
    assert_eq!(&*read.payload.bytes(), b"{}\n{}\n");
    assert_eq!(
        record.source_response.as_ref().unwrap().payload,
        PayloadRecord::Bytes(b"plain \xFF".to_vec())
    );
    assert!(record.target_request.as_ref().unwrap().exception.is_some());
    assert_eq!((&*record.connection_id, record.error.as_deref()), ("c.12", Some("e")));
    assert_eq!((record.requests, record.errors), (Some(2), Some(1)));
    assert_eq!((record.source_time, record.target_time), (Some(second(1, 0)), Some(second(2, 1))));
    assert_eq!((record.topic.as_deref(), record.partition, record.offset), (Some("t"), Some(1), Some(-1)));
    assert_eq!(record.source_response_time, Some(Duration::from_micros(1500)));
    assert_eq!(record.target_response_time(), Some(Duration::from_micros(1_234_567)));
    assert_eq!(record.attempts.len(), 2);
    let last = &record.attempts[1];
    assert_eq!((last.status, last.items, last.error.as_deref()), (None, Some(3), Some("reset")));
    assert_eq!((last.at, last.delay), (Some(second(2, 1)), Some(Duration::from_micros(1))));
    assert_eq!(record.transform_status.as_deref(), Some("unchanged"));
}

#[test]
fn strings_without_escapes_are_borrowed() {
    let tuple = TupleRecord::parse(JAVA.as_bytes()).unwrap();
    let request = tuple.source_request.unwrap();
    assert!(matches!(request.target, Some(std::borrow::Cow::Borrowed(_))));
    assert!(matches!(request.headers[0], (std::borrow::Cow::Borrowed(_), _)));
    assert!(matches!(request.headers[0].1[0], std::borrow::Cow::Borrowed(_)));
}

#[test]
fn values_of_other_types_in_a_message_count_as_absent() {
    let line = r#"{"sourceRequest":{"Method":1,"Status-Code":"x","payload":7,"H":{"a":1},"I":[1],"response_time_ms":-1},"new":[{}]}"#;
    let tuple = TupleRecord::parse(line.as_bytes()).unwrap();
    assert_eq!(tuple.source_request, Some(MessageRecord::default()));
}

#[test]
fn what_is_no_tuple_is_an_error() {
    for line in
        ["", "[]", "1", "{\"sourceRequest\":1}", "{\"targetResponses\":{}}", "{}x", &JAVA[..JAVA.len() - 1]]
    {
        assert!(TupleRecord::parse(line.as_bytes()).is_err(), "{line}");
    }
}
