//! Readers in processes of their own, which are killed, and stopped for a while.

use crate::broker::Broker;
use crate::member::{LONG, Member, options, place, with};
use crate::topic::{Topic, unique};
use engine::traffic::kafka::Input;
use engine::traffic::{Ledger, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Brokers, topic, group, and the file of what is done; only in a child.
const CHILD: &str = "FERRY_TEST_KAFKA_CHILD";
/// A member that is gone is noticed after this time.
const SESSION: [(&str, &str); 3] =
    [("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "300"), ("max.poll.interval.ms", "5000")];

/// Not a test: what the child does. It is one of the tests only because a test has one program.
#[tokio::test]
#[ignore = "what a child of another test does"]
async fn reading_child() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let [brokers, topic, group, file] = arguments.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let topic = Topic { brokers: brokers.to_owned(), name: topic.to_owned() };
    let mut member = Member::start(with(options(&topic, group), &SESSION)).await;
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    let mut ledgers: BTreeMap<i32, Ledger> = BTreeMap::new();
    let mut tick = tokio::time::interval(Duration::from_millis(30));
    loop {
        tokio::select! {
            input = member.inputs.recv() => match input.unwrap() {
                Input::Record(record) => write_down(&mut file, record).await,
                Input::Assigned(ledger) => {
                    println!("assigned {} {}", ledger.partition(), ledger.done());
                    ledgers.insert(ledger.partition(), ledger);
                }
                Input::Revoked(ledger, drained) => {
                    ledgers.remove(&ledger.partition());
                    let committed = member.source.commit(&ledger, ledger.done()).await.is_ok();
                    println!("revoked {} lost {} committed {committed}", ledger.partition(), ledger.is_revoked());
                    let _ = drained.send(());
                }
                other => println!("{other:?}"),
            },
            _ = tick.tick() => {
                for ledger in ledgers.values() {
                    let _ = member.source.commit(ledger, ledger.done()).await;
                }
            }
        }
    }
}

/// Its outcome is recorded before its token is dropped.
async fn write_down(file: &mut File, record: Record) {
    let (partition, offset, _) = place(&record);
    file.write_all(format!("{partition} {offset}\n").as_bytes()).unwrap();
    if offset % 50 == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Reading {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Reading {
    fn start(topic: &Topic, group: &str, file: &Path) -> Self {
        let arguments = [&topic.brokers, &topic.name, group, file.to_str().unwrap()].join("\n");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "child::reading_child", "--nocapture"]).env(CHILD, arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn line(&self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap_or_else(|_| panic!("no line `{beginning}…`"));
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is written down, by partition.
fn written(file: &Path) -> BTreeMap<i32, BTreeSet<i64>> {
    let mut written: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        if let Some((partition, offset)) = line.split_once(' ') {
            written.entry(partition.parse().unwrap()).or_default().insert(offset.parse().unwrap());
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_reader_that_is_killed_at_any_moment_leaves_nothing_out() {
    const COUNT: i64 = 20_000;
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..COUNT, |_| vec![b'x'; 300]);
    }
    let (group, file) = (unique("group"), std::env::temp_dir().join(unique("ferry-kafka-killed")));
    let mut progress = Vec::new();
    for kill in 0..5 {
        let reading = Reading::start(&topic, &group, &file);
        reading.line("assigned");
        tokio::time::sleep(Duration::from_millis(120 + 67 * kill)).await;
        drop(reading); // By SIGKILL.
        let written = written(&file);
        for partition in 0..2 {
            let committed = topic.committed(&group, partition).unwrap_or(0);
            let done = written
                .get(&partition)
                .map_or(0, |offsets| (0..).take_while(|at| offsets.contains(at)).count());
            assert!(committed <= done as i64, "committed {committed}, written down to {done}");
            progress.push(committed);
        }
    }
    println!("committed after each kill: {progress:?}");
    assert!(
        progress.iter().any(|committed| (1..COUNT).contains(committed)),
        "no kill came in between: {progress:?}"
    );
    let _reading = Reading::start(&topic, &group, &file);
    let all = async {
        while (0..2).any(|partition| topic.committed(&group, partition) != Some(COUNT)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONG, all).await.unwrap();
    let written = written(&file);
    for partition in 0..2 {
        assert_eq!(written[&partition].len() as i64, COUNT);
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_reader_that_was_stopped_for_too_long_commits_nothing_of_what_it_lost() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..10, |_| b"x".to_vec());
    let (group, file) = (unique("group"), std::env::temp_dir().join(unique("ferry-kafka-stopped")));
    let reading = Reading::start(&topic, &group, &file);
    reading.line("assigned 0 0");
    while topic.committed(&group, 0) != Some(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    reading.signal("-STOP");
    let mut member = Member::start(with(options(&topic, &group), &SESSION)).await;
    assert_eq!(member.assigned().await.done(), 10);
    topic.put(0, 10..20, |_| b"x".to_vec());
    let records = member.records(10).await;
    reading.signal("-CONT");
    assert_eq!(reading.line("revoked"), "revoked 0 lost true committed false");
    // The other one has it, and has not committed.
    assert_eq!(topic.committed(&group, 0), Some(10));
    drop(records);
    member.source.close().await;
    reading.line("assigned 0 10");
    std::fs::remove_file(file).unwrap();
}
