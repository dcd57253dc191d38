//! Reports of whole files.

mod fixture;
mod page;

use super::*;
use codecs::traffic::tuple::{Attempt, Place, Tuple, TupleRequest, TupleResponse, TupleSettings, write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// The report of files in a folder of their own.
fn report(files: &[(&str, &str)], settings: Settings) -> Report {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("ferry-report-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let report = report_of(folder.clone(), settings).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    report
}

fn report_of(place: PathBuf, settings: Settings) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&[Location::File(place)], &S3Options::default(), settings))
}

/// A tuple as ferry writes it.
struct Written {
    request: String,
    source: (u16, &'static str),
    target: Result<(u16, &'static str), &'static str>,
    offset: i64,
    millis: (u64, u64),
}

impl Default for Written {
    fn default() -> Self {
        let request = "GET /a/_search HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\n\r\n".to_owned();
        Self { request, source: (200, "{}"), target: Ok((200, "{}")), offset: 0, millis: (10, 20) }
    }
}

fn response(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

impl Written {
    fn search(offset: i64, source: &'static str, target: &'static str) -> Self {
        Self { offset, source: (200, source), target: Ok((200, target)), ..Self::default() }
    }

    fn line(&self) -> String {
        let source = response(self.source.0, self.source.1);
        let target = self.target.map(|(status, body)| response(status, body));
        let (source_time, target_time) =
            (Duration::from_millis(self.millis.0), Duration::from_millis(self.millis.1));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + self.offset.unsigned_abs());
        let attempt = Attempt {
            at,
            delay: Duration::ZERO,
            status: self.target.ok().map(|(status, _)| status),
            response_time: Some(target_time),
            items: None,
            error: self.target.err(),
        };
        let responses = target.iter().map(|target| TupleResponse::parse(target, target_time).unwrap());
        let tuple = Tuple {
            source_request: Some(TupleRequest::parse(self.request.as_bytes())),
            source_response: Some(TupleResponse::parse(&source, source_time)),
            target_request: Some(TupleRequest::parse(self.request.as_bytes())),
            target_responses: responses.collect(),
            connection: "c",
            index: self.offset.unsigned_abs(),
            error: self.target.err(),
            source_time: Some(at),
            target_time: Some(at),
            place: Some(Place { topic: "t", partition: 0, offset: self.offset }),
            attempts: vec![attempt],
            transform_status: Some("unchanged"),
        };
        let mut line = Vec::new();
        write(&tuple, &TupleSettings::default(), &mut line);
        String::from_utf8(line).unwrap()
    }
}

fn written(tuples: &[Written], settings: Settings) -> Report {
    report(&[("t-0-0.ndjson", &tuples.iter().map(Written::line).collect::<String>())], settings)
}

#[test]
fn what_ferry_writes_is_compared() {
    let tuples = [
        Written::search(0, r#"{"took":1,"n":1}"#, r#"{"took":9,"n":1}"#),
        Written::search(1, r#"{"n":1}"#, r#"{"n":2}"#),
        Written { offset: 2, target: Err("the connection was lost: reset"), ..Written::default() },
        Written { offset: 3, target: Ok((404, "{}")), millis: (10, 40), ..Written::default() },
    ];
    let report = written(&tuples, Settings { learn_noise: false, ..Settings::default() });
    assert_eq!((report.tuples, report.files, report.bad_lines, report.coarse_times), (4, 1, 0, 0));
    assert_eq!(
        (report.count(Outcome::SameStatus), report.count(Outcome::Worse), report.unanswered()),
        (2, 1, 1)
    );
    assert_eq!((report.bodies.compared, report.bodies.equal, report.bodies.different), (2, 1, 1));
    assert_eq!(report.no_answer, [Reason { reason: "connection lost".to_owned(), count: 1 }]);
    let search = report.latency.iter().find(|latency| latency.class == "_search").unwrap();
    assert_eq!((search.requests, search.source.max, search.target.max), (3, 10.0, 40.0));
    assert_eq!(search.ratio("max"), Some(4.0));
    let body = report.mismatches.iter().find(|mismatch| mismatch.kind == MismatchKind::Body).unwrap();
    assert_eq!((body.class.as_str(), body.what.as_str(), body.count), ("_search", "200: /n", 1));
    let example = &body.examples[0];
    assert_eq!(
        (example.request.as_str(), example.connection.as_str(), example.line),
        ("GET /a/_search", "c.1", 2)
    );
    assert_eq!(example.place.as_deref(), Some("t, partition 0, offset 1"));
    let difference = example.difference.as_ref().unwrap();
    assert_eq!((difference.source.as_deref(), difference.target.as_deref()), (Some("1"), Some("2")));
}

#[test]
fn lines_that_are_no_tuple_are_named_and_the_others_count() {
    let text = format!(
        "{}x\n{{}}\n{}",
        Written::default().line(),
        Written { offset: 1, ..Written::default() }.line()
    );
    let report = report(&[("a.ndjson", &text)], Settings::default());
    assert_eq!((report.tuples, report.bad_lines, report.is_good()), (2, 2, false));
    let bad: Vec<_> = report.bad.iter().map(|bad| (bad.file.as_str(), bad.line)).collect();
    assert_eq!(bad, [("a.ndjson", 2), ("a.ndjson", 3)]);
}

#[test]
fn a_tuple_that_is_there_twice_counts_once() {
    let (first, second) = (Written::default().line(), Written { offset: 1, ..Written::default() }.line());
    let files = [("a.ndjson", format!("{first}{second}")), ("b.ndjson", second)];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let report = report(&files, Settings::default());
    let expected = Duplicates { tuples: 1, is_exact: true, overlapping_files: 1 };
    assert_eq!((report.tuples, report.duplicates), (2, expected));
}

#[test]
fn noise_of_the_source_excuses_the_target_and_is_told() {
    let tuples = |noise: bool| {
        let tuples = [
            Written::search(0, r#"{"node":"a","n":1}"#, r#"{"node":"x","n":1}"#),
            Written::search(1, r#"{"node":"b","n":1}"#, r#"{"node":"y","n":2}"#),
        ];
        written(&tuples, Settings { learn_noise: noise, ..Settings::default() })
    };
    let report = tuples(true);
    let bodies = &report.bodies;
    assert_eq!((bodies.equal, bodies.equal_but_for_noise, bodies.different), (0, 1, 1));
    assert_eq!((report.noise[0].place.as_str(), report.repeats), ("/node", 1));
    assert_eq!(report.mismatches[0].what, "200: /n"); // not the noise beside it
    assert_eq!(report.mismatches[0].examples[0].difference.as_ref().unwrap().pointer, "/n");
    assert_eq!((tuples(false).bodies.different, tuples(false).noise.len()), (2, 0));
}

#[test]
fn rules_can_be_added_and_taken_away() {
    let tuples = || [Written::search(0, r#"{"_version":1,"n":1}"#, r#"{"_version":2,"n":2}"#)];
    let what = |rules: Rules| {
        let report = written(&tuples(), Settings { rules, ..Settings::default() });
        report.mismatches.first().map(|mismatch| mismatch.what.clone())
    };
    let mut rules = Rules::default();
    assert_eq!(what(rules.clone()).as_deref(), Some("200: /n"));
    rules.ignore("/n".parse().unwrap());
    assert_eq!(what(rules.clone()), None);
    assert!(rules.compare("_version"));
    assert_eq!(what(rules).as_deref(), Some("200: /_version"));
}

#[test]
fn thresholds_are_kept_or_passed() {
    let tuples = [Written::default(), Written { offset: 1, target: Ok((500, "{}")), ..Written::default() }];
    let thresholds = Thresholds {
        status_mismatch: Some(Limit::Share(0.5)),
        errors: Some(Limit::Count(0)),
        bulk_mismatch: Some(Limit::Count(0)),
        latency: vec![
            "p50=1.9".parse().unwrap(),
            "_search:max=2".parse().unwrap(),
            "_bulk:p50=2".parse().unwrap(),
        ],
        ..Thresholds::default()
    };
    let report = written(&tuples, Settings { thresholds, ..Settings::default() });
    let judged: Vec<_> =
        report.thresholds.iter().map(|j| (j.name.as_str(), j.found.as_str(), j.is_within)).collect();
    let expected = [
        ("max-status-mismatch", "1 of 2 (50%)", true),
        ("max-errors", "0 of 2 (0%)", true),
        ("max-bulk-mismatch", "nothing was compared", false),
        ("max-latency-ratio p50", "2.000", false),
        ("max-latency-ratio _search:max", "2.000", true),
        ("max-latency-ratio _bulk:p50", "no times to compare", false),
    ];
    assert_eq!(judged.len(), expected.len());
    for ((name, found, is_within), expected) in judged.into_iter().zip(expected) {
        // Quantiles but the longest are those of their bucket.
        let is_near = found.parse::<f64>().ok().zip(expected.1.parse::<f64>().ok());
        let same = is_near.map_or(found == expected.1, |(left, right)| (left / right - 1.0).abs() < 0.01);
        assert!(same && (name, is_within) == (expected.0, expected.2), "{name}: {found}");
    }
    assert!(!report.is_good());
}

#[test]
fn a_request_that_is_no_http_is_of_no_class() {
    let line = r#"{"sourceRequest":{"Exception":"x"},"sourceResponse":{"Status-Code":400,"response_time_ms":1},"targetResponses":[{"Status-Code":200}],"connectionId":"c.0","numRequests":1}"#;
    let report = report(&[("a.ndjson", line)], Settings::default());
    let mismatch = &report.mismatches[0];
    assert_eq!((mismatch.class.as_str(), mismatch.what.as_str()), ("not known", "400 → 200"));
    assert_eq!((mismatch.examples[0].request.as_str(), report.count(Outcome::Better)), ("? ?", 1));
}

#[test]
fn a_place_without_tuples_is_an_error() {
    let folder = std::env::temp_dir().join(format!("ferry-report-empty-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("progress-1.log"), "x").unwrap();
    let errors = [folder.clone(), folder.join("nowhere"), folder.join("nowhere.ndjson.gz")]
        .map(|place| report_of(place, Settings::default()).unwrap_err());
    std::fs::remove_dir_all(&folder).unwrap();
    for error in errors {
        assert!(matches!(error, Error::NoTuples { .. }), "{error}");
    }
}
