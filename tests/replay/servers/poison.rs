//! Records, targets and transforms that do harm: what comes after them is replayed, and what became of them is recorded.

use crate::broker::Broker;
use crate::captured::{Seen, connection, exchange, record};
use crate::recorded::remove;
use crate::replay::Replay;
use crate::target;
use crate::topic::Topic;
use crate::tuples::{self, Tuple};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// The offset of the group gets past the harm within this time.
const MOST: Duration = Duration::from_secs(30);

const THROWS: &str = "function main() { return (m) => { if (m.URI.includes('/harm/')) throw new Error('no'); return m; }; }\nmain";
const LOOPS: &str =
    "function main() { return (m) => { while (m.URI.includes('/harm/')) {} return m; }; }\nmain";

/// What became of one kind of harm.
struct Outcome {
    /// Of `/harm/…`, or of what is no request.
    harm: Option<Tuple>,
    quarantine: Vec<Value>,
    report: Value,
}

impl Outcome {
    fn quarantined(&self, kind: &str) -> usize {
        self.quarantine.iter().filter(|line| line["kind"] == kind).count()
    }

    fn harm(&self) -> &Tuple {
        self.harm.as_ref().expect("a tuple")
    }

    fn error(&self) -> &str {
        self.harm().error.as_deref().expect("an error")
    }
}

/// Replays records between good ones, from one partition, until the group has committed all of them.
fn replayed(kind: &str, harm: &[(String, Vec<u8>)], url: &str, script: Option<&str>) -> Outcome {
    let topic = Topic::new(&Broker::usual().plain(), kind, 1);
    let options =
        "--as-fast-as-possible --tuple-seconds 1 --target-timeout 2 --max-attempts 3 --retry-budget 8";
    let replay = Replay::new(kind, &topic, url, &format!("{options} --quarantine quarantine.ndjson"));
    let mut more = String::new();
    if let Some(script) = script {
        fs::write(replay.folder.join("script.js"), script).unwrap();
        fs::write(
            replay.folder.join("transform.yaml"),
            "- javascript:\n    initialization_script_file: script.js\n",
        )
        .unwrap();
        more = "--transform transform.yaml".to_owned();
    }
    let good = |name: &str| {
        (0..5).map(|n| connection(&format!("{name}-{n}"), &format!("/good/{name}/{n}"))).collect()
    };
    let (before, after): (Vec<_>, Vec<_>) = (good("before"), good("after"));
    let records = [&before[..], harm, &after].concat();
    topic.put(&records);
    let mut process = replay.start("one", &more);
    let start = Instant::now();
    while replay.topic.lag(&replay.group) > 0 {
        assert!(start.elapsed() < MOST, "{kind}: {:?}\n{}", topic.progress(&replay.group), process.log());
        assert!(process.is_alive(), "{kind}: it ended\n{}", process.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = start.elapsed().as_secs_f64();
    process.stop();
    process.wait(Duration::from_secs(20));
    let report = serde_json::from_slice(&fs::read(replay.folder.join("logs/one.out")).unwrap()).unwrap();
    let tuples = tuples::read(&replay.tuples());
    let goods = tuples.values().flatten().filter(|tuple| tuple.path.starts_with("/good/")).count();
    assert_eq!(goods, 10, "{kind}: what comes before and after is in tuples");
    let harm = tuples
        .values()
        .flatten()
        .find(|tuple| tuple.path.contains("/harm") || tuple.path.is_empty())
        .cloned();
    let quarantine = lines(&replay.folder.join("quarantine.ndjson"));
    println!(
        "poison {kind}: all {} records committed after {took:.1} s; tuple {}; quarantine {:?}",
        records.len(),
        harm.as_ref().map_or("none".to_owned(), |tuple| format!(
            "{} attempts, status {:?}, transform {}, error {:?}",
            tuple.attempts, tuple.target, tuple.transform, tuple.error
        )),
        quarantine.iter().map(|line| format!("{}: {}", line["kind"], line["reason"])).collect::<Vec<_>>()
    );
    remove(&replay.folder);
    Outcome { harm, quarantine, report }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn url() -> String {
    format!("http://127.0.0.1:{}", target::start())
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_records_that_do_harm_are_recorded_and_passed() {
    let url = url();
    let garbage = replayed("garbage", &[("k".to_owned(), vec![0xff; 1000])], &url, None);
    assert_eq!(garbage.quarantined("record"), 1);

    let empty = replayed("no-observations", &[record("empty", 1, true, &[])], &url, None);
    assert_eq!(empty.report["traffic"]["empty_records"], 1);

    let part = |index, is_last, path: &str| {
        record("harm", index, is_last, &[exchange(path), vec![Seen::Close]].concat())
    };
    let open = |index, path: &str| record("harm", index, false, &exchange(path));
    let gap = replayed("gap", &[open(1, "/a"), part(3, true, "/harm/gap")], &url, None);
    assert_eq!([&gap.report["traffic"]["gaps"], &gap.report["traffic"]["missing"]], [1, 1]);
    assert_eq!(gap.harm().target, Some(200), "what comes after the gap is replayed");

    let duplicate = replayed(
        "duplicate",
        &[open(1, "/harm/twice"), open(1, "/harm/twice"), part(2, true, "/b")],
        &url,
        None,
    );
    assert_eq!([&duplicate.report["traffic"]["duplicates"], &duplicate.report["requests"]], [1, 12]);

    let mut endless = vec![record("harm", 1, false, &[Seen::Read(b"GET /harm HTTP/1.1\r\n".to_vec())])];
    let line = format!("X-{}: {}\r\n", "a".repeat(80), "b".repeat(900)).repeat(900);
    endless.extend((2..6).map(|n| record("harm", n, false, &[Seen::Read(line.clone().into_bytes())])));
    let endless = replayed("endless-headers", &endless, &url, None);
    assert_eq!(endless.quarantined("request"), 1);

    let head = "POST /harm/_bulk HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n";
    let seen = [Seen::Read(head.into()), Seen::End, Seen::Close];
    let chunk = replayed("bad-chunk", &[record("harm", 1, true, &seen)], &url, None);
    assert_eq!((chunk.harm().transform.as_str(), chunk.harm().attempts), ("failed", 0));
    assert!(chunk.error().contains("chunk"), "{}", chunk.error());
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_targets_that_do_harm_are_recorded_and_passed() {
    let url = url();
    let harm = |path: &str| [connection("harm", path)];
    let hangs = replayed("target-hangs", &harm("/hang/harm"), &url, None);
    assert_eq!((hangs.harm().target, hangs.harm().attempts), (None, 3), "{}", hangs.error());

    let resets = replayed("target-resets", &harm("/reset/harm"), &url, None);
    assert_eq!((resets.harm().target, resets.harm().attempts), (None, 3), "{}", resets.error());

    let busy = replayed("429-storm", &harm("/busy/harm"), &url, None);
    assert_eq!((busy.harm().target, busy.harm().attempts), (Some(429), 3));

    // A target that does not speak TLS.
    let tls = replayed("tls-failure", &harm("/harm/tls"), &url.replace("http:", "https:"), None);
    assert!((tls.harm().target, tls.error().is_empty()) == (None, false));
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn replay_quick_transforms_that_do_harm_are_recorded_and_passed() {
    let url = url();
    for (kind, script) in [("transform-throws", THROWS), ("transform-loops", LOOPS)] {
        let outcome = replayed(kind, &[connection("harm", "/harm/1")], &url, Some(script));
        assert_eq!((outcome.harm().transform.as_str(), outcome.harm().attempts), ("failed", 0));
        assert!(!outcome.error().is_empty());
    }
}
