use super::*;
use crate::replay::route::tests::request;
use crate::traffic::{Connection, Ledger, ResponseEnd};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

fn source(connection: &str, index: u64, second: u64, offset: i64) -> SourceRequest {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    SourceRequest {
        connection: Arc::new(Connection { node: "n".into(), id: connection.into(), session: 0 }),
        index,
        message: Bytes::new(),
        first_byte: at,
        last_byte: at,
        resumed: false,
        before: Vec::new(),
        tokens: vec![Ledger::new("t".into(), 0, offset).track(offset)],
        memory: Vec::new(),
        response: oneshot::channel().1,
    }
}

fn skip(settings: SelectionSettings, line: &str) -> Option<&'static str> {
    let mut words = line.splitn(3, ' ');
    let [method, target, body] = std::array::from_fn(|_| words.next().unwrap_or_default());
    let request = request(method, target, &body.replace('␤', "\n"));
    let skip = Selection::new(settings).check(&source("c", 0, 10, 5), &request, &Route::of(&request));
    skip.map(|skip| skip.name())
}

fn of_indices(patterns: &[&str]) -> SelectionSettings {
    let indices = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    SelectionSettings { indices, ..SelectionSettings::default() }
}

#[test]
fn without_settings_everything_is_replayed() {
    for line in ["GET /", "POST /_bulk {}", "GET /.kibana/_search", "OPTIONS *"] {
        assert_eq!(skip(SelectionSettings::default(), line), None, "{line}");
    }
    assert!(!Selection::default().needs_response());
}

#[test]
fn methods_and_classes_are_selected() {
    let methods = || SelectionSettings {
        methods: vec!["get".to_owned(), "POST".to_owned()],
        ..SelectionSettings::default()
    };
    assert_eq!(skip(methods(), "GET /i"), None);
    assert_eq!(skip(methods(), "PUT /i"), Some("method"));
    let class =
        |class: &str| SelectionSettings { class: class.parse().unwrap(), ..SelectionSettings::default() };
    assert_eq!(skip(class("reads"), "POST /i/_search"), None);
    assert_eq!(skip(class("reads"), "POST /i/_doc"), Some("class"));
    assert_eq!(skip(class("writes"), "POST /i/_doc"), None);
    assert_eq!(skip(class("writes"), "PUT /_cluster/settings"), Some("class"));
    assert!("read".parse::<ClassFilter>().is_err());
}

#[test]
fn indices_are_selected_by_patterns() {
    for (patterns, line, expected) in [
        (&["a", "b-*"][..], "GET /a/_search", None),
        (&["a", "b-*"], "GET /b-1,c/_search", None),
        (&["a", "b-*"], "GET /c/_search", Some("index")),
        (&["a", "b-*"], "GET /b-*/_search", None),
        (&["a"], "GET /_cluster/health", Some("index")),
        (&["a"], "POST /_search/scroll", Some("index")),
        (&["*"], "GET /.kibana/_search", None),
        (&["-a"], "GET /_cluster/health", None),
        (&["-a"], "GET /.kibana/_search", None),
        (&["-a"], "GET /a/_search", Some("index")),
        (&["-a"], "DELETE /a,b", Some("index")), // it would delete what is to be left alone
        (&["a"], "POST /_msearch {\"index\":\"b\"}␤{}␤{\"index\":[\"a\"]}␤{}␤", None),
        (&["a"], "POST /_msearch {\"index\":\"b\"}␤{}␤{}␤{}␤", Some("index")),
        (&["a"], "POST /_mget {\"docs\":[{\"_index\":\"a\",\"_id\":\"1\"}]}", None),
        (&["a"], "POST /b/_mget {\"ids\":[\"1\"]}", Some("index")),
        (&["a"], "POST /b/_bulk {\"index\":{\"_index\":\"a\"}}␤{}␤", None),
        (&["a"], "POST /b/_bulk {\"index\":{}}␤{}␤", Some("index")),
    ] {
        assert_eq!(skip(of_indices(patterns), line), expected, "{patterns:?} {line}");
    }
}

#[test]
fn items_of_other_indices_are_left_out_of_bulk_requests() {
    let body = "{\"index\":{\"_index\":\"a\"}}\n{\"x\":1}\n{\"delete\":{\"_index\":\"b\",\"_id\":\"1\"}}\n{\"create\":{}}\n{}\n";
    let narrowed = |patterns: &[&str]| {
        let request = request("POST", "/c/_bulk", body);
        let narrowed = Selection::new(of_indices(patterns)).narrow(request.clone(), &Route::of(&request));
        (String::from_utf8(narrowed.request.body.to_vec()).unwrap(), narrowed.left_out)
    };
    assert_eq!(narrowed(&["a"]), ("{\"index\":{\"_index\":\"a\"}}\n{\"x\":1}\n".to_owned(), vec![1, 2]));
    let without_b = "{\"index\":{\"_index\":\"a\"}}\n{\"x\":1}\n{\"create\":{}}\n{}\n";
    assert_eq!(narrowed(&["-b"]), (without_b.to_owned(), vec![1]));
    assert_eq!(narrowed(&["*"]), (body.to_owned(), vec![]));
    assert_eq!(narrowed(&[]), (body.to_owned(), vec![]));
}

#[test]
fn a_program_selects_by_the_message() {
    let by = |filter: &str| SelectionSettings {
        filter: Some(filter.parse().unwrap()),
        ..SelectionSettings::default()
    };
    let line = "POST /i/_search {\"size\":10}";
    assert_eq!(skip(by(".method == \"POST\""), line), None);
    assert_eq!(skip(by("$endpoint == \"_count\""), line), Some("filter"));
    assert_eq!(skip(by(".payload.inlinedJsonBody.size > 5"), line), None);
    assert_eq!(skip(by(".headers[\"content-length\"][0] == \"11\""), line), None);
    assert_eq!(skip(by(".method + 1"), line), Some("filter_failed"));
    assert_eq!(
        ".a ===".parse::<RequestFilter>().unwrap_err(),
        "jq program, byte 3: expected the end of the program, found `===`"
    );
}

#[test]
fn a_filter_of_the_java_replayer_is_refused_with_how_it_is_written_here() {
    let config = r#"{"JsonJMESPathPredicateProvider": {"script": "method == 'GET'"}}"#;
    let error = RequestFilter::from_java(config).unwrap_err();
    assert!(error.starts_with("JMESPath is not understood here: `method == 'GET'`; write the condition in jq as `--filter`, for example `.method == \"GET\"`"), "{error}");
}

#[test]
fn times_and_offsets_are_ranges_without_their_ends() {
    let second = |second: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
    let times = |from, until| SelectionSettings { from, until, ..SelectionSettings::default() };
    assert_eq!(skip(times(second(10), second(11)), "GET /"), None);
    assert_eq!(skip(times(second(11), None), "GET /"), Some("time"));
    assert_eq!(skip(times(None, second(10)), "GET /"), Some("time"));
    let offsets = |first_offset, end_offset| SelectionSettings {
        first_offset,
        end_offset,
        ..SelectionSettings::default()
    };
    assert_eq!(skip(offsets(Some(5), Some(6)), "GET /"), None);
    assert_eq!(skip(offsets(Some(6), None), "GET /"), Some("offset"));
    assert_eq!(skip(offsets(None, Some(5)), "GET /"), Some("offset"));
}

#[test]
fn a_sample_is_the_same_everywhere_and_of_the_size_that_was_asked_for() {
    let sample: Sample = "10%".parse().unwrap();
    let taken = |sample: Sample| {
        let all = (0..200).flat_map(|connection| (0..50).map(move |index| (connection, index)));
        all.filter(|(connection, index)| sample.takes(&format!("c{connection}"), *index)).count()
    };
    assert_eq!(taken(sample), taken(sample));
    assert!((900..1100).contains(&taken(sample)), "{}", taken(sample));
    assert_eq!(taken("100%".parse().unwrap()), 10_000);
    // These are part of the contract between replicas of different versions.
    let first: Vec<u64> = (0..100).filter(|index| sample.takes("0242acfffe12000b", *index)).collect();
    assert_eq!(first, FIRST);
    let whole = Sample { whole_connections: true, ..sample };
    assert!((0..50).all(|index| whole.takes("c1", index) == whole.takes("c1", 0)));
    assert_eq!(taken(whole) % 50, 0);
    for text in ["10", "0%", "101%", "x%", "1.00001%", "%", "-1%"] {
        assert!(text.parse::<Sample>().is_err(), "{text}");
    }
}

const FIRST: [u64; 11] = [14, 17, 18, 34, 40, 66, 67, 68, 76, 78, 86];

#[test]
fn statuses_are_classes_ranges_and_lists() {
    let statuses: StatusSet = "2xx, 404,500-503".parse().unwrap();
    for (status, is_in) in
        [(200, true), (299, true), (300, false), (404, true), (405, false), (503, true), (504, false)]
    {
        assert_eq!(statuses.contains(status), is_in, "{status}");
    }
    for text in ["", "20x", "abc", "500-400", "99", "2xx,"] {
        let error = text.parse::<StatusSet>().unwrap_err();
        assert!(error.starts_with("expected statuses such as `2xx`, `404`, `500-503`"), "{error}");
    }
}

#[test]
fn the_sources_status_decides_once_it_is_there() {
    let settings =
        SelectionSettings { statuses: Some("2xx".parse().unwrap()), ..SelectionSettings::default() };
    let selection = Selection::new(settings);
    assert!(selection.needs_response());
    let skip = |message: &'static [u8]| {
        selection.check_response(&SourceResponse {
            message: Bytes::from_static(message),
            first_byte: None,
            last_byte: None,
            end: ResponseEnd::Complete,
            tokens: Vec::new(),
            memory: Vec::new(),
        })
    };
    assert_eq!(skip(b"HTTP/1.1 201 Created\r\n\r\n"), None);
    assert_eq!(skip(b"HTTP/1.1 409 Conflict\r\n\r\n"), Some(Skip::Status));
    assert_eq!(skip(b""), Some(Skip::Status));
}
