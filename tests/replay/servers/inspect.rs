//! `ferry replay dump|stats|convert` of a topic.

use crate::broker::Broker;
use crate::captured::{connection, connection_after};
use crate::support::{ferry_in, scratch};
use crate::topic::Topic;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A topic with three connections in partition 0 and one in partition 1.
struct Captured {
    topic: Topic,
    folder: PathBuf,
}

impl Captured {
    fn new(name: &str) -> Self {
        let topic = Topic::new(&Broker::usual().plain(), name, 2);
        let of = |seconds, name: &str| connection_after(seconds, name, &format!("/library/_doc/{name}"));
        topic.put_into(Some(0), &[connection("a", "/library/_doc/a"), of(10, "b"), of(20, "c")]);
        topic.put_into(Some(1), &[of(15, "d")]);
        Self { topic, folder: scratch(name) }
    }

    /// Exit status, standard output, standard error.
    fn run(&self, command: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let topic = ["--kafka-brokers", &self.topic.brokers, "--kafka-topic", &self.topic.name];
        let output = ferry_in(&self.folder, &[&["replay", command], &topic[..], more].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&self.topic.name, "TOPIC");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Lines of a dump, which must succeed: partitions come in any order.
    fn dump(&self, more: &[&str]) -> Vec<String> {
        let (status, output, errors) = self.run("dump", more);
        assert_eq!(status, Some(0), "{errors}");
        let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// Partitions and offsets that are dumped.
    fn places(&self, more: &[&str]) -> Vec<(i64, i64)> {
        let lines = self.dump(&[&["--output", "json"], more].concat());
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut places: Vec<_> = lines
            .map(|line| (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap()))
            .collect();
        places.sort_unstable();
        places
    }
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_a_dump_shows_what_a_topic_has_and_commits_nothing() {
    let captured = Captured::new("dump-topic");
    let http = captured.dump(&["--form", "http"]);
    assert_eq!(http.iter().filter(|line| line.contains("REQ[")).count(), 4);
    let request = "p:1 o:0 ncs:node.d.0: REQ[67] PUT /library/_doc/d HTTP/1.1";
    assert!(http.iter().any(|line| line.ends_with(request)), "{http:#?}");
    assert_eq!(captured.places(&[]), [(0, 0), (0, 1), (0, 2), (1, 0)]);
    assert_eq!(captured.places(&["--start-offset", "1"]), [(0, 1), (0, 2)]);
    assert_eq!(captured.places(&["--start-offset", "1", "--end-offset", "2"]), [(0, 1)]);
    let times = ["--start-time", "1770000010", "--end-time", "1770000020"];
    assert_eq!(captured.places(&times), [(0, 1), (1, 0)]);
    assert_eq!(captured.places(&["--connections", "c,d"]), [(0, 2), (1, 0)]);
    // Later than any record was written.
    assert!(captured.places(&["--start-time", "2999-01-01T00:00:00Z"]).is_empty());
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_stats_count_what_a_topic_has() {
    let captured = Captured::new("stats-topic");
    let expected = "\
METHOD  ENDPOINT  REQUESTS  BYTES P50   MAX  RESPONSE P50   MAX  MS P50  P99  2XX  3XX  4XX  5XX  OTHER
PUT     _doc             4       67 B  67 B          40 B  40 B       0    0    4    0    0    0      0

TOPIC OR FILE  PARTITION  FIRST  LAST  RECORDS
TOPIC                  0      0     2        3
TOPIC                  1      0     0        1

time: 2026-02-02T02:40:00.000Z to 2026-02-02T02:40:20.000Z (20.000 s)
records: 4 (680 B)
connections: 4 sessions, 4 closed, 0 expired, 0 under way before
requests: 4 (268 B), 0 never whole, 0 taken back
responses: 4 whole (160 B), 0 cut, 0 expired, 0 lost in gaps, 0 missing at the end
gaps: 0 (0 records missing)
duplicates: 0
";
    let (status, output, errors) = captured.run("stats", &[]);
    let squeezed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!((status, squeezed(&output)), (Some(0), squeezed(expected)), "{errors}");
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_a_conversion_of_a_topic_is_read_as_the_topic_is() {
    let captured = Captured::new("convert-topic");
    let to = ["--form", "keyed", "--to", "export"];
    let line = "4 records written (680 B), 0 left out, 0 in quarantine\n";
    assert_eq!(captured.run("convert", &to), (Some(0), line.to_owned(), String::new()));
    let export = fs::read_to_string(captured.folder.join("export")).unwrap();
    let mut keys: Vec<_> = export.lines().map(|line| line.split_once('|').unwrap().0).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "c", "d"]);
    let output = ferry_in(&captured.folder, &["replay", "dump", "--form", "http", "export"]);
    let requests = |text: &str| {
        let lines = text.lines().filter_map(|line| Some(line.split_once("ncs:")?.1.to_owned()));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        lines
    };
    let of_topic = captured.dump(&["--form", "http"]).join("\n");
    assert_eq!(requests(&String::from_utf8_lossy(&output.stdout)), requests(&of_topic));
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_a_topic_that_is_not_there_and_a_group_are_refused() {
    let mut captured = Captured::new("no-topic");
    let (status, output, errors) = captured.run("dump", &["--kafka-group", "g"]);
    let refused =
        "error: `--kafka-group` is of no use here: all partitions are read, and nothing is committed\n";
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(2), "", refused));
    captured.topic.name = "missing".to_owned();
    for command in ["dump", "stats"] {
        let (status, _, errors) = captured.run(command, &[]);
        assert_eq!(status, Some(2), "{command}");
        assert!(errors.contains("hint: check the name of the topic"), "{errors}");
    }
}
