//! What comes, in which order, and from where on.

use crate::broker::Broker;
use crate::member::{LONG, Member, options, place};
use crate::topic::{Topic, unique};
use engine::traffic::kafka::{Input, KafkaOptions, KafkaStart};
use std::time::{Duration, SystemTime};

fn small(number: i64) -> Vec<u8> {
    format!("value {number}").into_bytes()
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_records_come_in_the_order_of_their_partition_with_their_keys() {
    let topic = Topic::new(&Broker::usual().plain(), 3).await;
    for partition in 0..3 {
        topic.put(partition, 0..1000, small);
    }
    let mut member = Member::start(options(&topic, &unique("group"))).await;
    for _ in 0..3 {
        assert_eq!(member.assigned().await.done(), 0);
    }
    let mut next = [0; 3];
    for record in member.records(3000).await {
        let (partition, offset, key) = place(&record);
        assert_eq!((offset, key), (next[partition as usize], offset));
        assert_eq!(record.value, small(offset));
        next[partition as usize] += 1;
    }
    assert_eq!(next, [1000; 3]);
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_restart_goes_on_where_the_contiguous_run_was_committed() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..20, small);
    let group = unique("group");
    let mut member = Member::start(options(&topic, &group)).await;
    let ledger = member.assigned().await;
    let mut records = member.records(20).await;
    records.retain(|record| record.token.offset() == 5);
    assert_eq!(ledger.done(), 5);
    let refused = member.source.commit(&ledger, 6).await.unwrap_err();
    let text = engine::error::chain(&refused);
    assert!(text.starts_with("could not commit offset 6 of partition 0 of topic `traffic-"), "{text}");
    assert!(text.ends_with("records before it are still under way"), "{text}");
    member.source.commit(&ledger, 5).await.unwrap();
    assert_eq!(topic.committed(&group, 0), Some(5));
    drop(records);
    // Dropped without a word, as in a crash: nothing more is committed.
    drop(member);

    let mut again = Member::start(options(&topic, &group)).await;
    assert_eq!(again.assigned().await.done(), 5);
    assert_eq!(place(&again.record().await), (0, 5, 5));
    assert_eq!(topic.committed(&group, 0), Some(5));
    again.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_run_to_the_end_gives_out_what_was_there_when_it_began() {
    let topic = Topic::new(&Broker::usual().plain(), 4).await;
    topic.put(0, 0..100, small);
    topic.put(2, 0..50, small);
    let mut member =
        Member::start(KafkaOptions { until_end: true, ..options(&topic, &unique("group")) }).await;
    for _ in 0..4 {
        member.assigned().await;
    }
    // Later than the beginning.
    topic.put(0, 100..200, small);
    topic.put(1, 0..10, small);
    let mut counts = [0; 4];
    loop {
        match member.input().await {
            Input::Record(record) => counts[place(&record).0 as usize] += 1,
            Input::CaughtUp => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [100, 0, 50, 0]);
    member.nothing(Duration::from_secs(1)).await;
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_without_a_group_reading_begins_where_it_is_told() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    topic.put(0, 0..10, small);
    topic.put(1, 0..3, small);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let time = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    topic.put(0, 10..12, small);
    let starts = [
        (KafkaStart::Earliest, vec![(0, 0), (1, 0)], 15),
        (KafkaStart::Offset(8), vec![(0, 8), (1, 3)], 4),
        (KafkaStart::Time(time), vec![(0, 10), (1, 3)], 2),
    ];
    for (start, beginnings, count) in starts {
        let options =
            KafkaOptions { start, until_end: true, ..KafkaOptions::new(&topic.brokers, &topic.name, None) };
        let mut member = Member::start(options).await;
        let mut ledgers = [member.assigned().await, member.assigned().await];
        ledgers.sort_by_key(engine::traffic::Ledger::partition);
        let found: Vec<_> = ledgers.iter().map(|ledger| (ledger.partition(), ledger.done())).collect();
        assert_eq!(found, beginnings, "{start:?}");
        member.records(count).await;
        assert!(matches!(member.input().await, Input::CaughtUp), "{start:?}");
        let error = member.source.commit(&ledgers[0], 1).await.unwrap_err();
        assert!(engine::error::chain(&error).ends_with("there is no consumer group"), "{error}");
        member.source.close().await;
    }
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_topic_that_is_not_there_is_waited_for() {
    let topic = Topic { brokers: Broker::usual().plain(), name: unique("late") };
    let mut member = Member::start(options(&topic, &unique("group"))).await;
    member.nothing(Duration::from_secs(2)).await;
    topic.create(1).await;
    topic.put(0, 0..1, small);
    member.assigned().await;
    assert_eq!(place(&member.record().await), (0, 0, 0));
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_run_to_the_end_of_a_topic_that_is_not_there_is_an_error() {
    let topic = Topic { brokers: Broker::usual().plain(), name: unique("missing") };
    let mut member =
        Member::start(KafkaOptions { until_end: true, ..options(&topic, &unique("group")) }).await;
    let error = member.failed().await;
    assert_eq!(error.hint().as_deref(), Some("check the name of the topic"));
    assert!(engine::error::chain(&error).contains("Unknown topic"), "{}", engine::error::chain(&error));
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_records_that_were_deleted_unread_are_counted() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..100, small);
    let group = unique("group");
    let mut member = Member::start(options(&topic, &group)).await;
    let ledger = member.assigned().await;
    drop(member.records(100).await);
    member.source.commit(&ledger, 10).await.unwrap();
    member.source.close().await;
    topic.delete_before(0, 40).await;

    let mut member = Member::start(options(&topic, &group)).await;
    let ledger = member.assigned().await;
    assert_eq!(ledger.done(), 40);
    drop(member.records(60).await);
    let status = member.source.status();
    assert_eq!((status.resets, status.deleted), (1, 30));
    // While it is read: held back long enough that nothing is fetched, and then what comes next is gone.
    member.source.pause(0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    topic.put(0, 100..200, small);
    topic.delete_before(0, 150).await;
    member.source.resume(0);
    assert_eq!(place(&member.record().await), (0, 150, 150));
    let status = member.source.status();
    assert_eq!((status.resets, status.deleted), (2, 80));
    drop(member.records(49).await);
    member.source.commit(&ledger, ledger.done()).await.unwrap();
    assert_eq!(topic.committed(&group, 0), Some(200));
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_topic_that_was_made_anew_is_read_from_its_beginning() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..100, small);
    let group = unique("group");
    let mut member = Member::start(options(&topic, &group)).await;
    let ledger = member.assigned().await;
    drop(member.records(100).await);
    member.source.commit(&ledger, 100).await.unwrap();
    member.source.close().await;
    topic.delete().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    topic.create(1).await;
    topic.put(0, 0..10, small);

    let mut member = Member::start(options(&topic, &group)).await;
    let ledger = member.assigned().await;
    drop(member.records(10).await);
    assert_eq!(ledger.done(), 10);
    member.source.commit(&ledger, 10).await.unwrap();
    assert_eq!(topic.committed(&group, 0), Some(10));
    member.source.close().await;
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_the_lag_is_known_in_records_and_in_time() {
    let topic = Topic::new(&Broker::usual().plain(), 1).await;
    topic.put(0, 0..100, small);
    let mut member = Member::start(options(&topic, &unique("group"))).await;
    let ledger = member.assigned().await;
    let records = member.records(100).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let lag = member.source.lag().remove(0);
    assert_eq!((lag.partition, lag.records, lag.next, lag.end), (0, 100, 100, 100));
    assert!((Duration::from_secs(2)..LONG).contains(&lag.behind), "{:?}", lag.behind);
    drop(records);
    assert_eq!(ledger.done(), 100);
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let lag = member.source.lag().remove(0);
    assert_eq!((lag.records, lag.behind), (0, Duration::ZERO));
    // What nobody reads counts too, once the brokers are asked again.
    member.source.pause(0);
    topic.put(0, 100..150, small);
    let grown = async {
        while member.source.lag().remove(0).records != 50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONG, grown).await.unwrap();
    member.source.close().await;
}
