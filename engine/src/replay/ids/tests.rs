use super::*;
use crate::replay::route::tests::request;

fn response(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// `METHOD target body (given, missing)`.
fn after(line: &str, response: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let [method, target, body] = std::array::from_fn(|_| words.next().unwrap_or_default());
    let request = request(method, target, &body.replace('␤', "\n"));
    match with_ids(&request, response.as_bytes()) {
        Err(error) => error,
        Ok(WithIds { request, given, missing }) => {
            let body = String::from_utf8_lossy(&request.body).replace('\n', "␤");
            format!("{} {} {body} ({given}, {missing})", request.method, request.target)
        }
    }
}

#[test]
fn a_document_gets_the_id_that_the_source_gave_it() {
    let created = response(201, r#"{"_index":"i","_id":"a/b c","result":"created"}"#);
    let table = [
        ("POST /i/_doc {}", "PUT /i/_doc/a%2Fb%20c {} (1, 0)"),
        ("POST /i/_doc/?refresh=true {}", "PUT /i/_doc/a%2Fb%20c?refresh=true {} (1, 0)"),
        ("POST /i/t?routing=r {}", "PUT /i/t/a%2Fb%20c?routing=r {} (1, 0)"),
    ];
    for (line, expected) in table {
        assert_eq!(after(line, &created), expected);
    }
}

#[test]
fn a_data_stream_is_asked_to_create() {
    let created = response(201, r#"{"_index":".ds-logs-000001","_id":"x"}"#);
    assert_eq!(after("POST /logs/_doc {}", &created), "PUT /logs/_doc/x?op_type=create {} (1, 0)");
    assert_eq!(
        after("POST /logs/_doc?op_type=create {}", &created),
        "PUT /logs/_doc/x?op_type=create {} (1, 0)"
    );
    assert_eq!(
        after("POST /logs/_doc?refresh {}", &created),
        "PUT /logs/_doc/x?refresh&op_type=create {} (1, 0)"
    );
}

#[test]
fn what_the_source_refused_or_does_not_say_has_no_id() {
    assert_eq!(
        after("POST /i/_doc {}", &response(400, r#"{"error":{"_id":"x"}}"#)),
        "POST /i/_doc {} (0, 1)"
    );
    assert_eq!(
        after("POST /i/_doc?filter_path=result {}", &response(201, "{}")),
        "POST /i/_doc?filter_path=result {} (0, 1)"
    );
    assert_eq!(
        after("POST /i/_doc {}", "garbage"),
        "the source's response cannot be read: the head of the message has no end"
    );
    assert_eq!(
        after("POST /i/_doc {}", &response(201, "<html>")),
        "the source's response is not JSON at byte 0: no object"
    );
}

#[test]
fn items_get_their_ids_by_position() {
    let line = "POST /i/_bulk {\"index\":{}}␤{\"a\":1}␤{\"delete\":{\"_id\":\"d\"}}␤{\"create\":{\"_index\":\"j\"}}␤{}␤{\"index\":{\"_id\":\"own\"}}␤{}␤{\"index\":{}}␤{}␤";
    let answered = response(
        200,
        r#"{"took":1,"errors":true,"items":[{"index":{"_index":"i","_id":"1\"","status":201}},{"delete":{"_id":"d","status":404}},{"create":{"_id":"2","status":201}},{"index":{"_id":"own","status":200}},{"index":{"_index":"i","_id":"lost","status":400,"error":{"type":"x"}}}]}"#,
    );
    let expected = "POST /i/_bulk {\"index\":{\"_id\":\"1\\\"\"}}␤{\"a\":1}␤{\"delete\":{\"_id\":\"d\"}}␤{\"create\":{\"_id\":\"2\",\"_index\":\"j\"}}␤{}␤{\"index\":{\"_id\":\"own\"}}␤{}␤{\"index\":{}}␤{}␤ (2, 1)";
    assert_eq!(after(line, &answered), expected);
    assert_eq!(
        after("POST /_bulk {\"index\":{\"_index\":\"i\"}}␤{}␤", &response(200, "{}")),
        "POST /_bulk {\"index\":{\"_index\":\"i\"}}␤{}␤ (0, 1)"
    );
    assert_eq!(
        after("POST /_bulk {\"index\":{}}␤{}␤", &response(413, "")),
        "POST /_bulk {\"index\":{}}␤{}␤ (0, 0)"
    );
}

#[test]
fn a_document_that_has_an_id_keeps_it() {
    let created = response(201, r#"{"_index":"i","_id":"x"}"#);
    assert_eq!(after("PUT /i/_doc/1 {}", &created), "PUT /i/_doc/1 {} (0, 0)");
    assert_eq!(after("POST /i/_update/1 {}", &created), "POST /i/_update/1 {} (0, 0)");
}

#[test]
fn compressed_requests_and_responses_are_read() {
    let mut old = request("POST", "/i/_bulk", "{\"index\":{}}\n{}\n");
    old.body = coding::encode("gzip", old.body).unwrap();
    old.headers.set("Content-Encoding", "gzip");
    let answer =
        coding::encode("gzip", Bytes::from_static(b"{\"items\":[{\"index\":{\"_id\":\"1\"}}]}")).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
        answer.len()
    );
    let response = [head.as_bytes(), &answer, b"\r\n0\r\n\r\n"].concat();
    let new = with_ids(&old, &response).unwrap();
    assert_eq!(new.given, 1);
    let body = coding::decoded(&new.request.headers, &new.request.body).unwrap();
    assert_eq!(body, "{\"index\":{\"_id\":\"1\"}}\n{}\n");
}

#[test]
fn only_requests_that_leave_ids_to_the_source_wait_for_it() {
    for (method, target, body, lacks) in [
        ("POST", "/i/_doc", "{}", true),
        ("POST", "/i/t", "{}", true),
        ("PUT", "/i/_doc/1", "{}", false),
        ("POST", "/i/_doc/1", "{}", false),
        ("POST", "/i/_bulk", "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"create\":{}}\n{}\n", true),
        ("POST", "/i/_bulk", "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_id\":\"1\"}}\n", false),
        ("POST", "/i/_search", "{}", false),
    ] {
        let request = request(method, target, body);
        assert_eq!(lacks_ids(&request, &Route::of(&request)), lacks, "{method} {target}");
    }
}
