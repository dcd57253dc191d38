//! Members of a group that end at what there is, and others that have partitions before them.

use crate::broker::Broker;
use crate::member::{Member, options};
use crate::topic::{Topic, unique};
use engine::traffic::Record;
use engine::traffic::kafka::{Input, KafkaOptions};
use std::time::{Duration, Instant};

fn small(_: i64) -> Vec<u8> {
    b"x".to_vec()
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_run_to_the_end_waits_for_the_share_that_another_member_has_to_give_up_first() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..10, small);
    }
    let group = unique("group");
    let mut first = Member::start(options(&topic, &group)).await;
    let ledgers = [first.assigned().await, first.assigned().await];
    let records = first.records(20).await;
    let mut second = Member::start(KafkaOptions { until_end: true, ..options(&topic, &group) }).await;
    let (ledger, drained) = first.revoked().await;
    topic.put(ledger.partition(), 10..15, small);
    // What is under way takes its time, and the second one has nothing meanwhile.
    second.nothing(Duration::from_secs(5)).await;
    let is_ours = |record: &Record| record.token.ledger().is_same(&ledger);
    let (ours, others): (Vec<_>, Vec<_>) = records.into_iter().partition(is_ours);
    assert_eq!((ours.len(), ledgers.len()), (10, 2));
    drop(ours);
    drained.send(()).unwrap();
    let taken = second.assigned().await;
    assert_eq!((taken.partition(), taken.done()), (ledger.partition(), 10));
    second.records(5).await;
    assert!(matches!(second.input().await, Input::CaughtUp));
    drop(others);
    first.source.close().await;
    second.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_run_to_the_end_that_gets_no_partition_ends_after_the_longest_drain() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..10, small);
    let group = unique("group");
    let mut first = Member::start(options(&topic, &group)).await;
    first.assigned().await;
    let drain = Duration::from_secs(1);
    let mut second = Member::start(KafkaOptions { until_end: true, drain, ..options(&topic, &group) }).await;
    let begun = Instant::now();
    assert!(matches!(second.input().await, Input::CaughtUp));
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(11), "{took:?}");
    second.nothing(Duration::from_secs(1)).await;
    first.source.close().await;
    second.source.close().await;
}
