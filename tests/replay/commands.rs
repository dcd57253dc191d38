//! `ferry replay dump|stats|convert`: exit status, standard output and standard error, whole.

use crate::capture::{expected, file};
use crate::support::{ferry_command, ferry_in, scratch};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = ferry_in(folder, &[&["replay"], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A folder with a scenario in it, as `in`.
fn with(scenario: &str, name: &str) -> std::path::PathBuf {
    let folder = scratch(name);
    fs::copy(file(scenario, "keyed"), folder.join("in")).unwrap();
    folder
}

#[test]
fn a_dump_shows_records_with_what_was_observed() {
    let folder = with("every-kind", "dump-raw");
    let expected = r#"[1970-01-01T00:16:40.000Z-1970-01-01T00:16:40.020Z] 0.000s 0.020s p:0 o:0 ncs:node-1.every-kind.1: BIND OPEN R[138]: POST /_bulk HTTP/1.1..Host: source:9200..Content-Type: applicati RELEASED EOM UNKNOWN W[43]: HTTP/1.1 201
[1970-01-01T00:16:40.030Z-1970-01-01T00:16:40.030Z] 0.030s 0.000s p:0 o:1 ncs:node-1.every-kind.2: R[69]: GET /library/_search?q=a HTTP/1.1..Host: source:9200..Accept: */ EOM W[83]: HTTP/1.1 200 EXCEPTION DISCONNECT CLOSE
"#;
    assert_eq!(
        run(&folder, &["dump", "in", "--preview-bytes-write", "12"]),
        (Some(0), expected.to_owned(), String::new())
    );
}

#[test]
fn a_dump_shows_requests_and_responses() {
    let folder = with("broken-off", "dump-http");
    let expected = r#"[1970-01-01T00:16:40.000Z] p:0 o:0 ncs:node-1.in-response.0: REQ[69] GET /library/_search?q=a HTTP/1.1
[1970-01-01T00:16:40.000Z] p:0 o:0 ncs:node-1.in-response.0: RSP[82] HTTP/1.1 200 OK 0 ms CUT
[1970-01-01T00:16:40.000Z] p:0 o:0 ncs:node-1.in-response: CLOSED (1 requests completed)
[1970-01-01T00:16:40.000Z] p:0 o:1 ncs:node-1.before-response.0: REQ[138] POST /_bulk HTTP/1.1
[?] p:0 o:2 ncs:node-1.before-response.0: RSP[0] CUT
[1970-01-01T00:16:40.000Z] p:0 o:2 ncs:node-1.before-response: CLOSED (1 requests completed)
[1970-01-01T00:16:40.000Z] p:0 o:3 ncs:node-1.in-request.0: REQ[69] GET /library/_search?q=a HTTP/1.1
[1970-01-01T00:16:40.000Z] p:0 o:3 ncs:node-1.in-request.0: RSP[83] HTTP/1.1 200 OK 0 ms
[1970-01-01T00:16:40.000Z] p:0 o:3 ncs:node-1.in-request: CLOSED (1 requests completed)
[1970-01-01T00:16:40.000Z] p:0 o:4 ncs:node-1.with-close.0: REQ[69] GET /library/_search?q=a HTTP/1.1
[1970-01-01T00:16:40.000Z] p:0 o:4 ncs:node-1.with-close.0: RSP[35] HTTP/1.0 200 OK 0 ms CLOSED
[1970-01-01T00:16:40.000Z] p:0 o:4 ncs:node-1.with-close: CLOSED (1 requests completed)
"#;
    assert_eq!(
        run(&folder, &["dump", "in", "--form", "http"]),
        (Some(0), expected.to_owned(), String::new())
    );
}

#[test]
fn a_dump_of_both_shows_what_each_record_makes() {
    let folder = with("golden", "dump-both");
    let expected = r#"{"type":"raw","first":"1970-01-01T00:00:01.000Z","last":"1970-01-01T00:00:01.000Z","since_start":0.0,"duration":0.0,"topic":"in","partition":0,"offset":0,"node":"byoc-fixture","connection":"conn-1","number":0,"pieces":[{"kind":"R","bytes":128,"preview":"PUT /byoc-e2e/_doc/1 HTTP/1.1..Host: opensearch-cluster-master-h"},{"kind":"EOM"},{"kind":"W","bytes":43,"preview":"HTTP/1.1 201 Created..Content-Length: 0...."},{"kind":"CLOSE"}]}
{"type":"http","at":"1970-01-01T00:00:01.000Z","partition":0,"offset":0,"node":"byoc-fixture","connection":"conn-1","session":0,"what":{"request":{"index":0,"bytes":128,"line":"PUT /byoc-e2e/_doc/1 HTTP/1.1"}}}
{"type":"http","at":"1970-01-01T00:00:01.000Z","partition":0,"offset":0,"node":"byoc-fixture","connection":"conn-1","session":0,"what":{"response":{"index":0,"bytes":43,"line":"HTTP/1.1 201 Created","millis":0,"end":"complete"}}}
{"type":"http","at":"1970-01-01T00:00:01.000Z","partition":0,"offset":0,"node":"byoc-fixture","connection":"conn-1","session":0,"what":{"closed":{"requests":1}}}
"#;
    assert_eq!(
        run(&folder, &["dump", "in", "--form", "both", "--output", "json"]),
        (Some(0), expected.to_owned(), String::new())
    );
}

#[test]
fn a_dump_shows_a_part_of_the_records() {
    let folder = with("segments", "dump-part");
    let offsets = |arguments: &[&str]| {
        let (status, output, _) = run(&folder, &[&["dump", "in", "--output", "json"], arguments].concat());
        assert_eq!(status, Some(0));
        let lines = output.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["offset"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let all = offsets(&[]);
    assert_eq!(all, (0..expected("segments")["records"].as_i64().unwrap()).collect::<Vec<_>>());
    assert_eq!(offsets(&["--start-offset", "2", "--end-offset", "5"]), [2, 3, 4]);
    let late = offsets(&["--start-time", "1000.03"]);
    let early = offsets(&["--end-time", "1970-01-01T00:16:40.030Z"]);
    assert_eq!(late, all[all.len() - late.len()..]);
    assert!(early.len() < all.len() && early == all[..early.len()] && early.len() + late.len() > all.len());
    assert!(offsets(&["--connections", "nobody"]).is_empty());
    assert_eq!(offsets(&["--connections", "nobody,segments"]), all);
}

#[test]
fn stats_count_what_there_is() {
    let folder = with("random-cuts", "stats");
    let expected = r#"METHOD  ENDPOINT  REQUESTS  BYTES P50      MAX  RESPONSE P50      MAX  MS P50  P99  2XX  3XX  4XX  5XX  OTHER
DELETE  _doc           188       85 B  2.1 KiB          65 B  2.1 KiB      17   93  188    0    0    0      0
GET     _doc           180       47 B     48 B          45 B  2.1 KiB      17  121  180    0    0    0      0
POST    _doc           178       81 B  2.2 KiB          58 B  2.1 KiB      19  121  178    0    0    0      0
PUT     _doc           178       87 B  2.1 KiB          65 B  2.1 KiB      18  135  178    0    0    0      0
HEAD    _doc           173       48 B     49 B          42 B     42 B      17   92  173    0    0    0      0

NODE    RECORDS      BYTES  CONNECTIONS  REQUESTS  FIRST                     LAST
node-0      625  225.5 KiB           40       317  1970-01-01T00:16:40.765Z  1970-01-01T00:18:11.422Z
node-1      374  179.4 KiB           40       293  1970-01-01T00:16:42.135Z  1970-01-01T00:18:17.281Z
node-2      334  175.1 KiB           40       287  1970-01-01T00:16:40.753Z  1970-01-01T00:17:58.021Z

time: 1970-01-01T00:16:40.753Z to 1970-01-01T00:18:17.281Z (96.528 s)
records: 1 333 (580.0 KiB)
connections: 120 sessions, 120 closed, 0 expired, 0 under way before
requests: 897 (221.0 KiB), 0 never whole, 0 taken back
responses: 897 whole (252.7 KiB), 0 cut, 0 expired, 0 lost in gaps, 0 missing at the end
gaps: 0 (0 records missing)
duplicates: 0
"#;
    assert_eq!(run(&folder, &["stats", "in"]), (Some(0), expected.to_owned(), String::new()));
}

#[test]
fn stats_say_what_is_wrong_with_a_capture() {
    let folder = with("gap", "stats-wrong");
    let mut lines = fs::read_to_string(folder.join("in")).unwrap();
    lines.push_str("key|AAAA\nkey|!\n");
    fs::write(folder.join("in"), lines).unwrap();
    let (status, output, errors) = run(&folder, &["stats", "in", "--quarantine", "bad"]);
    let expected = r#"METHOD  ENDPOINT  REQUESTS  BYTES P50   MAX  RESPONSE P50   MAX  MS P50  P99  2XX  3XX  4XX  5XX  OTHER
GET     _search          2       69 B  69 B          30 B  83 B       0    0    1    0    0    0      1

time: 1970-01-01T00:16:40.000Z to 1970-01-01T00:16:40.050Z (0.050 s)
records: 3 (551 B)
connections: 2 sessions, 1 closed, 0 expired, 1 under way before
requests: 2 (138 B), 0 never whole, 0 taken back
responses: 1 whole (113 B), 0 cut, 0 expired, 1 lost in gaps, 0 missing at the end
gaps: 1 (1 records missing)
duplicates: 0
note: 2 in quarantine
note: 98 bytes of requests that began before
note: 43 bytes of responses to nobody
"#;
    assert_eq!((status, output.as_str()), (Some(1), expected), "{errors}");
    assert!(errors.ends_with("2 things are no captured traffic file=\"bad\"\n"), "{errors}");
    let bad = fs::read_to_string(folder.join("bad")).unwrap();
    let bad: Vec<serde_json::Value> = bad.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut kinds: Vec<&str> = bad.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable(); // Lines are found out before records are looked into.
    assert_eq!(kinds, ["line", "record"]);
}

#[test]
fn a_conversion_of_an_export_and_back_is_the_same_export() {
    let folder = with("fragments", "convert");
    let there = run(&folder, &["convert", "in", "--form", "delimited", "--to", "out"]);
    let line = "25 records written (2.5 KiB), 0 left out, 0 in quarantine\n";
    assert_eq!(there, (Some(0), line.to_owned(), String::new()));
    let again = run(&folder, &["convert", "in", "--form", "delimited", "--to", "out"]);
    let refused = "error: could not write `out`\n  cause: File exists (os error 17)\n";
    assert_eq!(again, (Some(2), String::new(), refused.to_owned()));
    // The keys are not in the other form: they are made again as today's proxies make them.
    let (status, back, _) = run(&folder, &["convert", "out", "--form", "keyed"]);
    let export = fs::read_to_string(folder.join("in")).unwrap();
    let values =
        |text: &str| text.lines().map(|line| line.split_once('|').unwrap().1.to_owned()).collect::<Vec<_>>();
    assert_eq!((status, values(&back)), (Some(0), values(&export)));
    assert!(back.lines().all(|line| line.starts_with("fragments|")));
    let (_, same, _) = run(&folder, &["convert", "in", "--form", "keyed"]);
    assert_eq!(same, export);
}

#[test]
fn standard_input_is_read_as_it_comes() {
    let folder = with("golden", "stdin");
    let mut command = ferry_command(&folder, &["replay", "dump", "--form", "http"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(folder.join("in")).unwrap()).unwrap();
    input.write_all(b"\n").unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap(); // The input has not ended.
    assert!(line.contains("REQ[128] PUT /byoc-e2e/_doc/1 HTTP/1.1"), "{line}");
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_without_a_word() {
    let folder = with("random-cuts", "closed");
    for arguments in [&["dump", "in"][..], &["convert", "in", "--form", "keyed"]] {
        let mut command = ferry_command(&folder, &[&["replay"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        drop(output);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), errors.as_str()), (Some(141), ""), "{arguments:?}");
    }
}

#[test]
fn options_that_are_not_about_kafka_do_not_stand_under_its_heading() {
    let folder = scratch("headings");
    for command in [&[][..], &["dump"], &["stats"], &["convert"]] {
        let (_, help, _) = run(&folder, &[command, &["--help"]].concat());
        let options = help.lines().skip_while(|line| *line != "Kafka:").skip(1);
        let options = options.take_while(|line| line.is_empty() || line.starts_with(' '));
        let names: Vec<&str> = options.map(str::trim).filter(|line| line.starts_with("--")).collect();
        assert!(names.len() > 10, "{help}");
        let others = names.iter().filter(|name| !name.starts_with("--kafka-") && **name != "--until-end");
        assert_eq!(others.count(), 0, "{command:?}: {names:?}");
        let form = help.lines().position(|line| line.trim_start().starts_with("--output <FORM>")).unwrap();
        let heading = help.lines().take(form).filter(|line| line.ends_with(':') && !line.starts_with(' '));
        assert_eq!(heading.last(), Some("Options:"), "{command:?}");
    }
}
