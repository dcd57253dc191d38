//! `ferry replay report`.

use crate::run_in;
use crate::support::scratch;
use std::fs;
use std::path::PathBuf;

/// A tuple of Java: a search with one hit.
fn tuple(number: u32, target_status: u16, target_id: &str) -> String {
    let hits = |id: &str| {
        format!(r#"{{"took":1,"hits":{{"total":1,"hits":[{{"_index":"a","_id":"{id}","_score":1.0}}]}}}}"#)
    };
    let response = |status: u16, millis: u32, id: &str| {
        format!(
            r#"{{"Status-Code":{status},"response_time_ms":{millis},"payload":{{"inlinedJsonBody":{}}}}}"#,
            hits(id)
        )
    };
    let request = format!(
        r#"{{"Authorization":["Basic hunter2"],"Request-URI":"/a/_search?n={number}","Method":"GET","payload":{{"inlinedTextBody":""}}}}"#
    );
    format!(
        r#"{{"sourceRequest":{request},"sourceResponse":{},"targetRequest":{request},"targetResponses":[{}],"connectionId":"c.{number}","numRequests":1,"numErrors":0}}"#,
        response(200, 10, "1"),
        response(target_status, 20, target_id)
    )
}

fn folder(name: &str, lines: &[String]) -> PathBuf {
    let folder = scratch(name);
    fs::create_dir_all(folder.join("tuples")).unwrap();
    fs::write(folder.join("tuples/tuples.log"), lines.join("\n")).unwrap();
    folder
}

#[test]
fn a_report_is_printed_and_within_its_thresholds() {
    let folder = folder("replay-report", &[tuple(0, 200, "1"), tuple(1, 500, "1"), tuple(2, 200, "2")]);
    let arguments = "replay report tuples --max-status-mismatch 50% --max-errors 0 --html page.html";
    let (status, stdout, stderr) = run_in(&folder, arguments);
    let expected = "\
3 tuples in 1 file of `file://FOLDER/tuples`

OUTCOME       REQUESTS   SHARE
same status          2  66.67%
target worse         1  33.33%

SOURCE \\ TARGET  200  500
200                2    1

LATENCY IN MS  REQUESTS           P50   P90   P95   P99  P99.9   MAX
all                   3  source  10.0  10.0  10.0  10.0   10.0  10.0
                         target  20.0  20.0  20.0  20.0   20.0  20.0
                         ratio   2.00  2.00  2.00  2.00   2.00  2.00
_search               3  source  10.0  10.0  10.0  10.0   10.0  10.0
                         target  20.0  20.0  20.0  20.0   20.0  20.0
                         ratio   2.00  2.00  2.00  2.00   2.00  2.00
note: 3 tuples are of the Java replayer: whole milliseconds, and the target's with the time to connect

BODIES   COMPARED  EQUAL  BUT FOR NOISE  DIFFERENT   SHARE
all             2      1              0          1  50.00%
_search         2      1              0          1  50.00%
not compared: 1 × the status is not the same, or not known of both

searches: 2; number of hits: 2 of 2 agree, the target has more in 0, fewer in 0
overlap of the first 10 hits: 50.00% on average of 2 searches, 100% in 1

1 × status, _search: 200 → 500
    GET /a/_search?n=1
      connection c.1, `tuples.log` line 2
1 × body, _search: 200: /hits/hits/*/_id
    GET /a/_search?n=2
      /hits/hits/0/_id: \"1\" → \"2\"
      connection c.2, `tuples.log` line 3

within: `--max-status-mismatch` allows 50%, found 1 of 3 (33.3333%)
within: `--max-errors` allows 0, found 0 of 3 (0%)
";
    let stdout = stdout.replace(folder.to_str().unwrap(), "FOLDER");
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (Some(0), expected, ""));
    let page = fs::read_to_string(folder.join("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("hunter2"));
}

#[test]
fn a_threshold_that_is_exceeded_is_named_and_is_exit_status_1() {
    let folder = folder("replay-report-beyond", &[tuple(0, 200, "1"), tuple(1, 200, "2")]);
    let arguments =
        "replay report tuples/tuples.log --max-body-mismatch 0.1% --max-latency-ratio _search:p99=1.5";
    let (status, stdout, _) = run_in(&folder, arguments);
    assert_eq!(status, Some(1));
    assert!(stdout.contains("BEYOND: `--max-body-mismatch` allows 0.1%, found 1 of 2 (50%)"), "{stdout}");
    assert!(stdout.contains("BEYOND: `--max-latency-ratio _search:p99` allows 1.5, found 2.000"), "{stdout}");
    let ignoring = "replay report tuples --max-body-mismatch 0 --ignore /hits/hits/*/_id --output json";
    let (status, stdout, _) = run_in(&folder, ignoring);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    // A hit that the target lacks is a difference of its id.
    assert_eq!((status, report["bodies"]["different"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn a_line_that_is_no_tuple_is_named_and_is_exit_status_1() {
    let folder = folder("replay-report-bad", &[tuple(0, 200, "1"), "{\"sourceRequest\":".to_owned()]);
    let (status, stdout, _) = run_in(&folder, "replay report tuples");
    assert_eq!(status, Some(1));
    assert!(
        stdout.ends_with("not a tuple: `tuples.log` line 2: EOF while parsing a value at line 1 column 17\n"),
        "{stdout}"
    );
}

#[test]
fn what_cannot_be_compared_is_exit_status_2() {
    let folder = folder("replay-report-none", &[]);
    let (status, _, stderr) = run_in(&folder, "replay report missing");
    assert_eq!(status, Some(2), "{stderr}");
    let (status, _, stderr) = run_in(&folder, "replay report tuples --compare nonsense");
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("there is no such rule"), "{stderr}");
    fs::remove_file(folder.join("tuples/tuples.log")).unwrap();
    let (status, _, stderr) = run_in(&folder, "replay report tuples");
    assert_eq!(status, Some(2));
    assert!(stderr.contains("there is no file of tuples in"), "{stderr}");
}
