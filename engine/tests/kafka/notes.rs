//! Notes beside committed offsets, which members of a group leave for each other.

use crate::broker::Broker;
use crate::member::{LONG, Member, options};
use crate::mock::cluster;
use crate::topic::{Topic, unique};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::Duration;

/// Until the group's commits carry these notes.
async fn until(member: &Member, notes: &[&str]) {
    let found = async {
        while member.source.look_for_notes().await.unwrap() != notes {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, found).await.unwrap();
    assert_eq!(member.source.notes(), notes);
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_a_note_is_found_by_other_members_and_after_a_restart_and_moves_no_offset() {
    let topic = Topic::new(&Broker::usual().plain(), 2).await;
    for partition in 0..2 {
        topic.put(partition, 0..10, |_| b"x".to_vec());
    }
    let group = unique("group");
    let mut first = Member::start(options(&topic, &group)).await;
    assert!(first.source.notes().is_empty());
    first.source.note("one", true).unwrap(); // Nothing is read here yet.
    let ledgers = [first.assigned().await, first.assigned().await];
    until(&first, &["one"]).await;
    // Where the group is: at the beginning, in one partition only.
    let committed = || [0, 1].map(|partition| topic.committed(&group, partition));
    let mut places = committed();
    places.sort_unstable();
    assert_eq!(places, [None, Some(0)]);
    drop(first.records(20).await);
    for ledger in &ledgers {
        first.source.commit(ledger, 7).await.unwrap();
    }
    // Later commits carry it too, and the next one; a repetition commits nothing that was not committed.
    first.source.note("two", true).unwrap();
    until(&first, &["one", "two"]).await;
    assert_eq!(committed(), [Some(7), Some(7)]);
    first.source.note("three", false).unwrap();
    first.source.commit(&ledgers[0], 8).await.unwrap();
    first.source.commit(&ledgers[1], 9).await.unwrap();
    until(&first, &["three"]).await;

    let mut second = Member::start(options(&topic, &group)).await;
    let (_, drained) = first.revoked().await;
    drained.send(()).unwrap();
    second.assigned().await;
    assert_eq!(second.source.notes(), ["three"], "it is there with the partition");
    first.source.close().await;
    second.source.close().await;
    let mut again = Member::start(options(&topic, &group)).await;
    again.assigned().await;
    assert_eq!(again.source.notes(), ["three"]);
    again.source.close().await;
}

#[tokio::test]
async fn a_note_is_written_although_a_commit_fails_at_first() {
    let (mock, topic) = cluster();
    let mut member = Member::start(options(&topic, "group")).await;
    let ledger = member.assigned().await;
    let passing = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS; 2];
    mock.request_errors(RDKafkaApiKey::OffsetCommit, &passing);
    member.source.note("one", true).unwrap();
    let committed = async {
        while topic.committed("group", 0) != Some(0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, committed).await.unwrap();
    assert_eq!(ledger.done(), 0);
    member.source.close().await;
}

#[tokio::test]
async fn a_note_that_is_too_long_is_refused_and_without_a_group_there_is_none() {
    let (_mock, topic) = cluster();
    let member =
        Member::start(engine::traffic::kafka::KafkaOptions { group: None, ..options(&topic, "group") }).await;
    let error = member.source.note(&"é".repeat(300), true).unwrap_err().to_string();
    assert!(error.ends_with("it has 600 bytes, 512 at most"), "{error}");
    member.source.note("one", true).unwrap();
    assert!(member.source.look_for_notes().await.unwrap().is_empty());
    member.source.close().await;
}
