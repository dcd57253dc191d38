use super::super::coding;
use super::super::route::tests::request;
use super::*;
use bytes::Bytes;

fn transforms(text: &str) -> RequestTransforms {
    RequestTransforms::from_text("t.yaml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    RequestTransforms::from_text("t.json", text).unwrap_err().to_string()
}

/// A request with headers out of `METHOD target`, lines of headers, and a body.
fn with(line: &str, headers: &[(&str, &str)], body: &str) -> Outgoing {
    let (method, target) = line.split_once(' ').unwrap();
    let mut request = request(method, target, body);
    request.headers = Headers::default();
    headers.iter().for_each(|(name, value)| request.headers.append(name, value.to_string()));
    request
}

/// What comes of a request: its line, its headers, its body.
fn shown(transformed: &Transformed) -> String {
    let request = &transformed.request;
    let headers =
        request.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
    let headers = headers.collect::<Vec<_>>().join("; ");
    let body = coding::decoded(&request.headers, &request.body).unwrap();
    match &transformed.status {
        TransformStatus::Unchanged => "unchanged".to_owned(),
        TransformStatus::Dropped { step } => format!("dropped by {step}"),
        TransformStatus::Failed(failure) => failure.to_string(),
        TransformStatus::Transformed => {
            format!("{} {} [{headers}] {}", request.method, request.target, String::from_utf8_lossy(&body))
        }
    }
}

fn applied(text: &str, request: Outgoing) -> String {
    shown(&transforms(text).apply(request))
}

/// A script in the form of the Java replayer's configuration.
fn script(body: &str) -> String {
    let script = format!("(function (context) {{ return (message) => {{ {body} }}; }})");
    serde_json::json!([{"JsonJSTransformerProvider": {"initializationScript": script, "bindingsObject": "{}"}}]).to_string()
}

#[test]
fn headers_are_set_appended_and_removed() {
    let steps = "- set_headers: {x-a: '1', Accept: json}\n- append_headers: {X-A: '2'}\n- remove_headers: [COOKIE]\n- user_agent: ferry";
    let old = with("GET /", &[("X-A", "0"), ("Cookie", "c"), ("Accept", "*/*"), ("user-agent", "curl")], "");
    let expected = "GET / [X-A: 1; Accept: json; user-agent: curl; ferry; X-A: 2] ";
    assert_eq!(applied(steps, old), expected);
    assert_eq!(applied("- user_agent: ferry", with("GET /", &[], "")), "GET / [User-Agent: ferry] ");
    assert_eq!(applied("- set_headers: {Host: a}", with("GET /", &[("host", "a")], "")), "unchanged");
}

#[test]
fn uris_are_rewritten_as_a_whole() {
    let steps = "- rewrite_uri: {regex: '/v1(/.*)', to: '$1'}";
    assert_eq!(applied(steps, with("GET /v1/i/_search?q=a", &[], "")), "GET /i/_search?q=a [] ");
    assert_eq!(applied(steps, with("GET /i", &[], "")), "unchanged");
    let failure = applied("- rewrite_uri: {regex: '/(.*)', to: '$1'}", with("GET /i", &[], ""));
    assert_eq!(
        failure,
        "transform 1 `rewrite_uri` (line 1): `URI` is `i`: expected path and query, with a slash at the start"
    );
}

#[test]
fn conditions_decide_which_requests_pass_through_steps() {
    let mark = |condition: &str| format!("- when: {{{condition}, steps: [{{set_headers: {{x: '1'}}}}]}}");
    for (condition, holds) in [
        ("methods: [POST, PUT]", true),
        ("methods: [GET]", false),
        ("endpoints: [_search]", true),
        ("class: read", true),
        ("class: write", false),
        ("index: 'logs-.*'", true),
        ("index: logs", false),
        (
            "jq: '.method == \"POST\" and $endpoint == \"_search\" and $class == \"read\" and $index == \"logs-1\"'",
            true,
        ),
        ("jq: '.payload.inlinedJsonBody.size > 5'", true),
        ("class: read, jq: '.headers[\"content-type\"][0] == \"text/plain\"'", false),
    ] {
        let old = with("POST /logs-1/_search", &[("Content-Type", "application/json")], "{\"size\":10}");
        assert_eq!(applied(&mark(condition), old) != "unchanged", holds, "{condition}");
    }
}

#[test]
fn programs_change_messages_and_keep_what_they_do_not_change() {
    let old = || with("POST /i/_search", &[("Host", "a"), ("X-Y", "1"), ("x-y", "2")], "{ \"size\" : 1.0 }");
    let table = [
        ("- jq: .", "unchanged"),
        ("- jq: .URI += \"?a\"", "POST /i/_search?a [Host: a; X-Y: 1; x-y: 2] { \"size\" : 1.0 }"),
        ("- jq: .headers.host = [\"b\"]", "POST /i/_search [Host: b; X-Y: 1; x-y: 2] { \"size\" : 1.0 }"),
        ("- jq: .headers[\"X-Y\"] = \"3\"", "POST /i/_search [Host: a; X-Y: 3] { \"size\" : 1.0 }"),
        ("- jq: del(.headers[\"x-y\"])", "POST /i/_search [Host: a] { \"size\" : 1.0 }"),
        (
            "- jq: .payload.inlinedJsonBody.from = 2",
            "POST /i/_search [Host: a; X-Y: 1; x-y: 2] {\"size\":1.0,\"from\":2}",
        ),
        ("- jq: .payload.inlinedJsonBody |= .", "unchanged"),
        ("- jq: '{method, URI, headers}'", "POST /i/_search [Host: a; X-Y: 1; x-y: 2] "),
        ("- jq: .payload = {}", "POST /i/_search [Host: a; X-Y: 1; x-y: 2] "),
        ("- jq: '.payload = {inlinedTextBody: \"x\"}'", "POST /i/_search [Host: a; X-Y: 1; x-y: 2] x"),
        ("- jq: 'null'", "dropped by 1 `jq` (line 1)"),
        ("- filter: .method == \"GET\"", "dropped by 1 `filter` (line 1)"),
        ("- filter: $class == \"read\"", "unchanged"),
        (
            "- jq: .x = 1",
            "transform 1 `jq` (line 1): the message has `x`, which cannot be carried to the target",
        ),
        (
            "- jq: .headers[\"a b\"] = \"1\"",
            "transform 1 `jq` (line 1): `a b` cannot be the name of a header",
        ),
        (
            "- jq: '.headers.a = \"1\\r\\nb: 2\"'",
            "transform 1 `jq` (line 1): the header `a` has a line end or another control character in its value",
        ),
        (
            "- jq: .method = \"A B\"",
            "transform 1 `jq` (line 1): `method` is `A B`, which is no method of HTTP",
        ),
        ("- jq: 'repeat(.)'", "transform 1 `jq` (line 1): the program gives more than one result"),
        ("- jq: 'def f: f; f'", "transform 1 `jq` (line 1): the program takes too many steps"),
    ];
    for (steps, expected) in table {
        assert_eq!(applied(steps, old()), expected, "{steps}");
    }
}

#[test]
fn scripts_of_the_java_replayer_run_as_they_are() {
    let old = || {
        with(
            "POST /i/_search",
            &[("Host", "a"), ("Content-Type", "application/json")],
            "{\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        )
    };
    let table = [
        ("return message;", "unchanged"),
        (
            "message.set('URI', message.get('URI') + '?x'); return message;",
            "POST /i/_search?x [Host: a; Content-Type: application/json] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "message.get('headers').set('HOST', ['b']); message.headers.delete('content-TYPE'); return message;",
            "POST /i/_search [Host: b] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "if (message.headers.host[0] !== 'a' || !message.headers.has('HOST') || !('host' in message.headers)) throw 'x'; \
             message.headers.host = 'c'; delete message.headers['CONTENT-TYPE']; return message;",
            "POST /i/_search [Host: c] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "message.get('payload').get('inlinedJsonBody').set('size', 5); return message;",
            "POST /i/_search [Host: a; Content-Type: application/json] {\"size\":5,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "return new Map([['method', 'PUT'], ['URI', '/j'], ['protocol', 'HTTP/1.1'], ['headers', new Map(message.headers)], ['payload', message.payload]]);",
            "PUT /j [Host: a; Content-Type: application/json] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "return {...message, method: 'PUT'};",
            "PUT /i/_search [Host: a; Content-Type: application/json] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "return Promise.resolve([message.set('method', 'GET')]);",
            "GET /i/_search [Host: a; Content-Type: application/json] {\"size\":10,\"big\":12345678901234567890,\"f\":1.0}",
        ),
        (
            "message.delete('payload'); return message;",
            "POST /i/_search [Host: a; Content-Type: application/json] ",
        ),
        ("return null;", "dropped by 1 `javascript` (line 1)"),
        ("return [];", "dropped by 1 `javascript` (line 1)"),
        (
            "return {method: 'GET', URI: '/', protocol: 'HTTP/1.0', headers: {}};",
            "dropped by 1 `javascript` (line 1)", // how the Java migrator's sanitiser drops a request: it then sends it
        ),
        (
            "return;",
            "transform 1 `javascript` (line 1): the script returned nothing: return the message, or `null` to drop the request",
        ),
        (
            "return [message, message];",
            "transform 1 `javascript` (line 1): the script returned a list of 2, but one request stays one request",
        ),
        (
            "message.other = 1; return message;",
            "transform 1 `javascript` (line 1): the message has `other`, which cannot be carried to the target",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(applied(&script(body), old()), expected, "{body}");
    }
}

#[test]
fn a_script_that_throws_or_loops_is_a_failure_and_the_next_request_goes_on() {
    let steps = "- javascript:\n    time_limit_ms: 50\n    initialization_script: |\n      (context) => (message) => {\n        if (message.method === 'PUT') throw new Error('no');\n        while (message.method === 'POST') {}\n        return message;\n      }\n";
    let transforms = transforms(steps);
    let after = |line: &str| shown(&transforms.apply(with(line, &[], "")));
    assert!(
        after("PUT /").starts_with("transform 1 `javascript` (line 1): Error: no (at "),
        "{}",
        after("PUT /")
    );
    assert_eq!(after("POST /"), "transform 1 `javascript` (line 1): the script took longer than 50 ms");
    assert_eq!(after("GET /"), "unchanged");
    let failed = transforms.apply(with("POST /a", &[], "x"));
    assert_eq!((failed.request.target.as_str(), &failed.request.body[..]), ("/a", &b"x"[..]));
}

#[test]
fn a_body_is_read_only_when_a_step_asks_for_it() {
    let broken = || {
        let mut request = with("POST /i/_search", &[("Content-Encoding", "gzip")], "");
        request.body = Bytes::from_static(b"no gzip");
        request
    };
    let table = [
        ("- set_headers: {x: y}".to_owned(), true),
        ("- jq: .URI = \"/j\"".to_owned(), true),
        ("- filter: .headers.host == null".to_owned(), true),
        (script("message.method = 'PUT'; return message;"), true),
        ("- types: {}".to_owned(), true),
        ("- jq: .payload = {}".to_owned(), false),
        (script("message.payload; return message;"), false),
        (script("return {...message};"), false),
    ];
    for (steps, is_sent) in table {
        let transformed = transforms(&steps).apply(broken());
        assert_eq!(
            !matches!(transformed.status, TransformStatus::Failed(_)),
            is_sent,
            "{steps}: {transformed:?}"
        );
        assert_eq!(transformed.request.body, "no gzip", "{steps}");
    }
}

#[test]
fn defect_20_bodies_in_every_coding_are_changed_and_encoded_again() {
    for coding_name in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        let mut old = with("POST /i/_search", &[("Content-Encoding", coding_name)], "{\"size\":1}");
        old.body = coding::encode(coding_name, old.body).unwrap();
        for steps in [
            "- jq: .payload.inlinedJsonBody.size = 2",
            &script("message.payload.inlinedJsonBody.size = 2; return message;"),
        ] {
            let new = transforms(steps).apply(old.clone());
            assert_eq!(
                shown(&new),
                format!("POST /i/_search [Content-Encoding: {coding_name}] {{\"size\":2}}")
            );
            assert_ne!(new.request.body, "{\"size\":2}");
        }
    }
}

#[test]
fn a_coding_that_a_step_puts_on_or_takes_off_is_that_of_the_body() {
    let gzipped =
        transforms("- set_headers: {content-encoding: gzip}").apply(with("PUT /i/_doc/1", &[], "{}"));
    assert_eq!(shown(&gzipped), "PUT /i/_doc/1 [content-encoding: gzip] {}");
    assert_eq!(&gzipped.request.body[..2], b"\x1f\x8b");
    let plain = transforms("- remove_headers: [Content-Encoding]").apply(gzipped.request);
    assert_eq!(shown(&plain), "PUT /i/_doc/1 [] {}");
    assert_eq!(plain.request.body, "{}");
}

#[test]
fn defect_20_forms_are_not_lost() {
    let form = || {
        with(
            "POST /x",
            &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            "a=1+2&b=%C3%BC&a=3",
        )
    };
    for steps in [
        "- jq: .payload.inlinedFormEncodedBody.c = [\"4 5\"]",
        &script("message.payload.inlinedFormEncodedBody.c = ['4 5']; return message;"),
    ] {
        let new = applied(steps, form());
        assert_eq!(
            new,
            "POST /x [content-type: application/x-www-form-urlencoded; charset=utf-8] a=1+2&a=3&b=%C3%BC&c=4+5"
        );
    }
}

#[test]
fn lines_of_bulk_requests_are_a_list() {
    let bulk = || {
        with("POST /_bulk", &[], "{\"index\":{\"_index\":\"a\"}}\n{\"n\":1.0,\"b\":12345678901234567890}\n")
    };
    let expected = "POST /_bulk [] {\"index\":{\"_index\":\"b\"}}\n{\"n\":1.0,\"b\":12345678901234567890}\n";
    assert_eq!(applied("- jq: .payload.inlinedJsonSequenceBodies[0].index._index = \"b\"", bulk()), expected);
    let steps = script("message.payload.inlinedJsonSequenceBodies[0].index._index = 'b'; return message;");
    assert_eq!(applied(&steps, bulk()), expected);
    let one = with("POST /_bulk", &[], "{\"delete\":{\"_index\":\"a\",\"_id\":\"1\"}}\n");
    let new = applied("- jq: .payload.inlinedJsonBody.delete._index = \"b\"", one);
    assert_eq!(new, "POST /_bulk [] {\"delete\":{\"_index\":\"b\",\"_id\":\"1\"}}\n");
}

#[test]
fn texts_and_bytes_are_bodies_too() {
    let text = applied("- jq: .payload.inlinedTextBody += \"!\"", with("POST /x", &[], "SELECT 1 {"));
    assert_eq!(text, "POST /x [] SELECT 1 {!");
    let mut bytes = with("POST /x", &[], "");
    bytes.body = Bytes::from_static(b"\xff\x00");
    let new = transforms("- jq: .payload.inlinedBinaryBody = \"/wA=\" | .URI = \"/y\"").apply(bytes.clone());
    assert_eq!((new.request.target.as_str(), &new.request.body), ("/y", &bytes.body));
    let both =
        applied("- jq: '.payload = {inlinedTextBody: \"a\", inlinedJsonBody: 1}'", with("POST /x", &[], ""));
    assert_eq!(
        both,
        "transform 1 `jq` (line 1): `payload` has both `inlinedTextBody` and `inlinedJsonBody`: a request has one body"
    );
}

#[test]
fn a_request_that_is_sent_in_chunks_is_one_whose_header_says_so() {
    let canned = r#"[{"JsonJoltTransformerProvider": [{"canned": "ADD_GZIP"}, {"canned": "MAKE_CHUNKED"}, {"canned": "PASS_THRU"}]}]"#;
    let new = transforms(canned).apply(with("PUT /i/_doc/1", &[], "{}"));
    assert!(new.request.chunked);
    assert_eq!(shown(&new), "PUT /i/_doc/1 [content-encoding: gzip; transfer-encoding: chunked] {}");
    assert!(!transforms("- remove_headers: [transfer-encoding]").apply(new.request).request.chunked);
}

#[test]
fn configurations_of_the_java_replayer_are_read() {
    for text in [
        "NoopTransformerProvider",
        r#"[{"NoopTransformerProvider": ""}]"#,
        r#"[{"JsonJoltTransformerProvider": {"canned": "PASS_THRU"}}]"#,
        r#"[{"TypeMappingSanitizationTransformerProvider": {"sourceProperties": {"version": {"major": 7, "minor": 10}}, "featureFlags": {"a": true}}}]"#,
        r#"[{"TypeMappingSanitizationTransformerProvider": {"staticMappings": {"a": {"b": "c"}}, "regexMappings": [{"sourceIndexPattern": "(.+)", "sourceTypePattern": "(.+)", "targetIndexPattern": "$1"}], "sourceProperties": {"version": {"major": 6, "minor": 8}}}}]"#,
        r#"[{"JsonJSTransformerProvider": {"initializationScript": "(context) => (m) => m", "bindingsObject": {"a": 1}}}]"#,
    ] {
        transforms(text);
    }
}

#[test]
fn what_is_not_here_is_refused_with_what_to_do_instead() {
    let table = [
        (
            r#"[{"JsonJMESPathTransformerProvider": {"script": "x"}}]"#,
            "`JsonJMESPathTransformerProvider`: JMESPath is not understood here: write it in jq, as the step `jq`",
        ),
        (
            r#"[{"JsonConditionalTransformerProvider": [{}, []]}]"#,
            "write it as the step `when`, with a condition in jq",
        ),
        (
            r#"[{"JsonPythonTransformerProvider": {}}]"#,
            "Python is not run here: write it in jq or JavaScript",
        ),
        ("JsonPythonTransformerProvider", "Python is not run here: write it in jq or JavaScript"),
        (
            r#"[{"JsonJoltTransformerProvider": {"script": {"operation": "shift"}}}]"#,
            "scripts of JOLT are not run here, only `canned` ADD_GZIP, MAKE_CHUNKED and PASS_THRU",
        ),
        (
            r#"[{"JsonJSTransformerProvider": {"initializationResourcePath": "js/typeMappingsSanitizer.js"}}]"#,
            "there are no scripts inside of ferry: give the file as `initializationScriptFile`; what the bundled `typeMappingsSanitizer` does is the step `types`",
        ),
        (
            r#"[{"JsonJSTransformerProvider": {"initializationScript": "a", "bindingsObjectFiles": ["x"]}}]"#,
            "write the values into `bindingsObject`",
        ),
        (r#"[{"types": {"sourceProperties": {"version": "6"}}}]"#, "expected the version of the source"),
        ("- drop_fields: [a]", "unknown variant `drop_fields`, expected one of set_headers"),
        ("- set_headers: {'a b': c}", "`a b` cannot be the name of a header"),
        (
            "- set_headers: {a: \"b\\nc\"}",
            "a line end or another control character cannot be in the value of a header",
        ),
        ("- when: {steps: []}", "`when` needs one of `methods`, `endpoints`, `class`, `index`, `jq`"),
        ("- when: {class: reads, steps: []}", "expected `read`, `write` or `other`"),
        ("- jq: .a ===", "jq program, line 1, column 4"),
        ("- filter", "`filter` needs settings"),
        ("", "there is no step in it"),
    ];
    for (text, expected) in table {
        assert!(refusal(text).contains(expected), "{text}: {}", refusal(text));
    }
}

#[test]
fn positions_of_dropped_items_are_those_of_the_captured_request() {
    let mut draft = Draft::new(with("POST /_bulk", &[], ""), vec![1, 4]);
    draft.drop_items(&[0, 2, 3]); // of 0, 2, 3, 5, 6
    assert_eq!(draft.finish().unwrap().1, [0, 1, 3, 4, 5]);
    let mut draft = Draft::new(with("POST /_bulk", &[], ""), Vec::new());
    draft.drop_items(&[2]);
    draft.drop_items(&[2]);
    assert_eq!(draft.finish().unwrap().1, [2, 3]);
}

#[test]
fn without_steps_nothing_is_copied() {
    let old = with("POST /i/_search", &[], "{}");
    let place = old.body.as_ptr();
    let new = RequestTransforms::default().apply(old);
    assert_eq!((new.status, new.request.body.as_ptr()), (TransformStatus::Unchanged, place));
    assert!(!RequestTransforms::default().computes());
}

#[test]
fn defect_16_a_failure_does_not_tell_the_clients_secrets() {
    let old = || with("GET /", &[("Authorization", "Bearer abcdefghijklmnop")], "");
    let found = applied("- jq: .method = .headers.authorization[0]", old());
    assert_eq!(found, "transform 1 `jq` (line 1): `method` is `*** ***`, which is no method of HTTP");
    let found = applied(&script("throw new Error(message.headers.authorization[0]);"), old());
    assert!(found.starts_with("transform 1 `javascript` (line 1): Error: *** *** (at "), "{found}");
}
