//! Large records, and little memory for them.

use crate::broker::Broker;
use crate::member::{Member, options, place};
use crate::topic::{Topic, unique};
use engine::flow::MemoryBudget;
use engine::traffic::kafka::{Input, KafkaOptions};
use std::time::Duration;

const MIB: usize = 1 << 20;

fn large(size: usize) -> impl Fn(i64) -> Vec<u8> {
    move |number| (0..size).map(|at| (at as i64 * 31 + number) as u8).collect()
}

/// Memory of this process that is in use, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_records_wait_for_memory() {
    let topic = Topic::new(&Broker::usual().plain(), 4).await;
    for partition in 0..4 {
        topic.put(partition, 0..60, large(MIB));
    }
    let budget = MemoryBudget::new(8 << 20);
    let options = KafkaOptions { prefetch: Some(8 << 20), ..options(&topic, &unique("group")) };
    let mut member = Member::with_memory(options, budget.clone()).await;
    for _ in 0..4 {
        member.assigned().await;
    }
    let before = resident();
    // All that fits: seven records, each a little larger than a MiB.
    let mut held = member.records(7).await;
    member.nothing(Duration::from_secs(3)).await;
    assert!(member.source.status().waits_for_memory.is_some());
    let (mut count, mut most) = (held.len(), 0);
    while count < 240 {
        held.remove(0);
        let Input::Record(record) = member.input().await else { panic!() };
        assert_eq!(record.value, large(MIB)(place(&record).2));
        held.push(record);
        count += 1;
        most = most.max(resident().saturating_sub(before));
    }
    println!("{} MiB on top, {} MiB of them records", most / MIB, budget.peak() as usize / MIB);
    assert!(budget.peak() <= budget.bytes());
    // Of 240 MiB: the budget, the prefetch, answers of the broker, and what other tests take meanwhile.
    assert!(most < 128 * MIB, "{} MiB", most / MIB);
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_record_that_is_larger_than_all_memory_travels_alone() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..3, large(8 * MIB));
        topic.put(partition, 3..6, large(10));
    }
    let budget = MemoryBudget::new(4 << 20);
    let mut member = Member::with_memory(options(&topic, &unique("group")), budget.clone()).await;
    member.assigned().await;
    member.assigned().await;
    let mut next = [0; 2];
    for _ in 0..12 {
        let record = member.record().await;
        let (partition, offset, number) = place(&record);
        assert_eq!((offset, number), (next[partition as usize], offset));
        let size = if number < 3 { 8 * MIB } else { 10 };
        assert!(record.value == large(size)(number), "record {number}");
        next[partition as usize] += 1;
    }
    assert_eq!((next, budget.peak()), ([6; 2], 4 << 20));
    member.source.close().await;
}
