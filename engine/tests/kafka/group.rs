//! Several members of one group.

use crate::broker::Broker;
use crate::member::{LONG, Member, options, place, with};
use crate::topic::{Topic, put_one, unique};
use engine::traffic::kafka::{Input, KafkaOptions};
use engine::traffic::{Ledger, Record};
use rdkafka::producer::Producer;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What was done: partition, offset, when.
type Log = Arc<Mutex<Vec<(i32, i64, Instant)>>>;

/// How long a record is under way.
const UNDER_WAY: Duration = Duration::from_millis(200);

/// Reads, is done with each record after a while, and commits as it goes; on a revocation it ends what is under way.
struct Worker {
    member: Member,
    log: Log,
    under_way: VecDeque<(Instant, Record)>,
    ledgers: BTreeMap<i32, Ledger>,
}

impl Worker {
    fn start(member: Member, log: &Log) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let (stop, stopped) = oneshot::channel();
        let worker =
            Self { member, log: Arc::clone(log), under_way: VecDeque::new(), ledgers: BTreeMap::new() };
        (stop, tokio::spawn(worker.run(stopped)))
    }

    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                input = self.member.inputs.recv() => self.take(input.unwrap()).await,
                _ = tick.tick() => {
                    // One time for all: otherwise a later record may be over where an earlier one was not.
                    let now = Instant::now();
                    self.finish(|since, _| now.duration_since(*since) >= UNDER_WAY);
                    self.commit().await;
                }
                _ = &mut stopped => break,
            }
        }
        self.finish(|_, _| true);
        self.commit().await;
        self.member.source.close().await;
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Record(record) => self.under_way.push_back((Instant::now(), record)),
            Input::Assigned(ledger) => {
                assert!(self.ledgers.insert(ledger.partition(), ledger).is_none(), "assigned twice");
            }
            Input::Revoked(ledger, drained) => {
                assert!(!ledger.is_revoked(), "lost");
                let held = self.ledgers.remove(&ledger.partition()).unwrap();
                assert!(held.is_same(&ledger));
                self.finish(|_, record| record.token.ledger().is_same(&ledger));
                assert_eq!(ledger.under_way(), 0);
                drained.send(()).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }

    fn finish(&mut self, is_over: impl Fn(&Instant, &Record) -> bool) {
        for (since, record) in std::mem::take(&mut self.under_way) {
            if is_over(&since, &record) {
                let (partition, offset, key) = place(&record);
                assert_eq!(offset, key);
                self.log.lock().unwrap().push((partition, offset, Instant::now()));
            } else {
                self.under_way.push_back((since, record));
            }
        }
    }

    async fn commit(&self) {
        for ledger in self.ledgers.values() {
            // A partition that goes meanwhile refuses; its revocation commits.
            let _ = self.member.source.commit(ledger, ledger.done()).await;
        }
    }
}

/// Puts records into all partitions until it is told to stop; returns how many each has.
fn load(topic: &Topic, partitions: i32, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<i64> {
    let topic = topic.clone();
    std::thread::spawn(move || {
        let producer = topic.producer();
        let mut next = 0;
        while !stop.load(Ordering::Relaxed) {
            for partition in 0..partitions {
                put_one(&producer, &topic.name, partition, next, &[b'x'; 1000]);
            }
            next += 1;
            std::thread::sleep(Duration::from_millis(3));
        }
        producer.flush(LONG).unwrap();
        next
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Kafka broker"]
async fn defect_1_kafka_members_that_come_and_go_leave_nothing_out_and_do_nothing_twice() {
    let topic = Topic::new(&Broker::usual().plain(), 6).await;
    let (group, log) = (unique("group"), Log::default());
    let stop = Arc::new(AtomicBool::new(false));
    let load = load(&topic, 6, Arc::clone(&stop));
    let member = || Member::start(options(&topic, &group));
    let wait = || tokio::time::sleep(Duration::from_secs(4));
    let (stop_first, first) = Worker::start(member().await, &log);
    wait().await;
    let (stop_second, second) = Worker::start(member().await, &log);
    wait().await;
    let (stop_third, third) = Worker::start(member().await, &log);
    wait().await;
    stop_first.send(()).unwrap();
    first.await.unwrap();
    wait().await;
    stop_third.send(()).unwrap();
    third.await.unwrap();
    wait().await;
    stop.store(true, Ordering::Relaxed);
    let count = load.join().unwrap();
    let all = async {
        while log.lock().unwrap().len() < 6 * count as usize {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, all).await.expect("all is read");
    stop_second.send(()).unwrap();
    second.await.unwrap();

    let log = log.lock().unwrap();
    let mut longest = Duration::ZERO;
    for partition in 0..6 {
        let done: Vec<_> = log.iter().filter(|(of, _, _)| *of == partition).collect();
        let offsets: Vec<i64> = done.iter().map(|(_, offset, _)| *offset).collect();
        if let Some(at) = offsets.iter().zip(0..).position(|(found, expected)| *found != expected) {
            let around = &offsets[at.saturating_sub(3)..];
            panic!("partition {partition}, record {at}: {:?}", &around[..around.len().min(20)]);
        }
        assert_eq!(offsets.len(), count as usize, "partition {partition}");
        assert_eq!(topic.committed(&group, partition), Some(count));
        longest = done.windows(2).map(|pair| pair[1].2 - pair[0].2).max().unwrap().max(longest);
    }
    println!("{count} records in each partition; the longest pause of one was {longest:?}");
}

/// Two members that share four partitions, and records that are under way in the first one.
async fn two_members(drain: Duration) -> (Topic, String, Member, Member, Vec<Record>) {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..100, |_| b"x".to_vec());
    }
    let group = unique("group");
    let mut first = Member::start(KafkaOptions { drain, ..options(&topic, &group) }).await;
    first.assigned().await;
    first.assigned().await;
    let records = first.records(200).await;
    let second = Member::start(options(&topic, &group)).await;
    (topic, group, first, second, records)
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_what_does_not_end_in_time_is_read_again_by_the_next_member() {
    let (topic, group, mut first, mut second, records) = two_members(Duration::from_secs(1)).await;
    let (ledger, drained) = first.revoked().await;
    assert!(!ledger.is_revoked());
    let ours = |record: &Record| record.token.ledger().is_same(&ledger);
    // 40 of them are done, one is not, and nobody answers.
    let (mut ours, others): (Vec<_>, Vec<_>) = records.into_iter().partition(ours);
    ours.drain(..40);
    let taken = second.assigned().await;
    assert!(ledger.is_revoked());
    assert_eq!((taken.partition(), taken.done()), (ledger.partition(), 0));
    drop((drained, ours));
    // It is too late: not even what is done is committed.
    let error = first.source.commit(&ledger, 100).await.unwrap_err();
    assert!(engine::error::chain(&error).contains("the partition is not read here any more"), "{error}");
    assert_eq!(topic.committed(&group, ledger.partition()), None);
    drop(others);
    first.source.close().await;
    second.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_drain_that_ends_commits_what_is_done() {
    let (topic, group, mut first, mut second, records) = two_members(LONG).await;
    let (ledger, drained) = first.revoked().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(records);
    drained.send(()).unwrap();
    let taken = second.assigned().await;
    assert_eq!((taken.partition(), taken.done()), (ledger.partition(), 100));
    assert_eq!(topic.committed(&group, ledger.partition()), Some(100));
    first.source.close().await;
    second.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_drain_that_was_cancelled_commits_only_what_it_was_asked_for() {
    let (topic, group, mut first, mut second, mut records) = two_members(LONG).await;
    let (ledger, drained) = first.revoked().await;
    records.retain(|record| !record.token.ledger().is_same(&ledger) || record.token.offset() >= 30);
    first.source.commit(&ledger, 30).await.unwrap();
    ledger.revoke();
    drop(records);
    drained.send(()).unwrap();
    let taken = second.assigned().await;
    assert_eq!((taken.partition(), taken.done()), (ledger.partition(), 30));
    assert_eq!(topic.committed(&group, ledger.partition()), Some(30));
    first.source.close().await;
    second.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_member_stays_one_however_slow_its_records_are_taken() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..3000, |_| vec![b'x'; 1000]);
    }
    let limits =
        [("max.poll.interval.ms", "3000"), ("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "500")];
    let mut member = Member::start(with(options(&topic, &unique("group")), &limits)).await;
    let ledgers = [member.assigned().await, member.assigned().await];
    // Nothing is taken, more than fits into the queue; then one partition is held back.
    tokio::time::sleep(Duration::from_secs(7)).await;
    drop(member.records(2000).await);
    member.source.pause(0);
    let mut seen = [0; 2];
    let slow = async {
        while let Input::Record(record) = member.input().await {
            seen[place(&record).0 as usize] += 1;
        }
    };
    // What was in the queue still comes.
    let _ = tokio::time::timeout(Duration::from_secs(7), slow).await;
    member.source.resume(0);
    let done = async {
        while ledgers.iter().any(|ledger| ledger.done() < 3000) {
            match member.input().await {
                Input::Record(record) => drop(record),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(LONG, done).await.unwrap();
    for ledger in &ledgers {
        assert!(!ledger.is_revoked());
        member.source.commit(ledger, 3000).await.unwrap();
    }
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_partitions_are_held_back_one_by_one() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    let mut member = Member::start(options(&topic, &unique("group"))).await;
    member.assigned().await;
    member.assigned().await;
    member.source.pause(1);
    for partition in 0..2 {
        topic.put(partition, 0..100, |_| b"x".to_vec());
    }
    for record in member.records(100).await {
        assert_eq!(place(&record).0, 0);
    }
    // Long enough for librdkafka to forget what it had fetched.
    member.nothing(Duration::from_secs(3)).await;
    member.source.resume(1);
    let offsets: Vec<_> = member.records(100).await.iter().map(place).collect();
    assert_eq!(offsets, (0..100).map(|offset| (1, offset, offset)).collect::<Vec<_>>());
    member.source.close().await;
}
