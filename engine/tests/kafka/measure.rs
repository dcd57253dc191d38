//! Not a test: how fast a topic is read.

use crate::broker::Broker;
use crate::member::{Member, options};
use crate::topic::{Topic, unique};
use engine::traffic::kafka::{Input, KafkaOptions};
use std::time::Instant;

/// CPU time of this process in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// `cargo test --release -p engine --test kafka -- --ignored --nocapture measured`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measured() {
    for (size, count, partitions) in
        [(1000, 1_000_000, 1), (1000, 1_000_000, 8), (100_000, 10_000, 1), (1_000_000, 1000, 4)]
    {
        let topic = Topic::new(&Broker::usual().plain(), partitions).await;
        for partition in 0..partitions {
            topic.put(partition, 0..count / i64::from(partitions), |_| vec![b'x'; size]);
        }
        let mut member =
            Member::start(KafkaOptions { until_end: true, ..options(&topic, &unique("group")) }).await;
        for _ in 0..partitions {
            member.assigned().await;
        }
        let (begun, used) = (Instant::now(), cpu());
        let mut read = 0;
        loop {
            match member.input().await {
                Input::Record(_) => read += 1,
                Input::CaughtUp => break,
                other => panic!("{other:?}"),
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rate = read as f64 / seconds;
        println!(
            "{size} bytes, {partitions} partitions: {read} records, {rate:.0}/s, {:.0} MB/s, {:.1} s CPU",
            rate * size as f64 / 1e6,
            cpu() - used
        );
        member.source.close().await;
    }
}
