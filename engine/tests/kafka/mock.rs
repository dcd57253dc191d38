//! Errors that a real broker does not make when it is told to: librdkafka has a mock of a cluster.

use crate::member::{LONG, Member, options, place, with};
use crate::topic::{Topic, unique};
use engine::traffic::kafka::{Input, KafkaOptions};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::Duration;

pub(crate) type Mock = MockCluster<'static, DefaultProducerContext>;

pub(crate) fn cluster() -> (Mock, Topic) {
    let mock = MockCluster::new(1).unwrap();
    let topic = Topic { brokers: mock.bootstrap_servers(), name: unique("traffic") };
    mock.create_topic(&topic.name, 1, 1).unwrap();
    topic.put(0, 0..10, |_| b"x".to_vec());
    (mock, topic)
}

/// The mock has a member that left be one until its session ends.
fn short(topic: &Topic) -> KafkaOptions {
    with(options(topic, "group"), &[("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "300")])
}

#[tokio::test]
async fn a_commit_is_tried_again_while_it_may_succeed() {
    let (mock, topic) = cluster();
    let mut member = Member::start(options(&topic, "group")).await;
    let ledger = member.assigned().await;
    drop(member.records(10).await);
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    mock.request_errors(RDKafkaApiKey::OffsetCommit, &passing);
    member.source.commit(&ledger, 7).await.unwrap();
    assert_eq!(topic.committed("group", 0), Some(7));

    mock.request_errors(
        RDKafkaApiKey::OffsetCommit,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED],
    );
    let error = member.source.commit(&ledger, 8).await.unwrap_err();
    let text = engine::error::chain(&error);
    assert!(text.ends_with("GroupAuthorizationFailed (Broker: Group authorization failed)"), "{text}");
    assert_eq!(error.hint().as_deref(), Some("the user needs the right to read the consumer group"));
    member.source.commit(&ledger, 9).await.unwrap();
    assert_eq!(topic.committed("group", 0), Some(9));
    member.source.close().await;
}

/// The thread that reads ends when nobody takes its inputs.
#[tokio::test]
async fn a_commit_after_the_end_of_the_reading_is_refused_and_not_waited_for() {
    let (_mock, topic) = cluster();
    let mut member = Member::start(options(&topic, "group")).await;
    let ledger = member.assigned().await;
    drop(member.records(10).await);
    drop(member.inputs);
    while !ledger.is_revoked() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let committed = tokio::time::timeout(LONG, member.source.commit(&ledger, 10)).await;
    let error = committed.expect("an answer in time").unwrap_err();
    assert!(engine::error::chain(&error).contains("the partition is not read here any more"), "{error}");
    let found = tokio::time::timeout(LONG, member.source.look_for_notes()).await;
    assert!(found.expect("an answer in time").is_err());
}

#[tokio::test]
async fn a_group_that_forgot_a_member_has_it_begin_anew_and_takes_no_commit_for_the_old_ledger() {
    let (mock, topic) = cluster();
    let mut member = Member::start(short(&topic)).await;
    let old = member.assigned().await;
    let records = member.records(10).await;
    mock.request_errors(RDKafkaApiKey::Heartbeat, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
    let (revoked, drained) = member.revoked().await;
    assert!(revoked.is_same(&old) && old.is_revoked());
    drop(records);
    let _ = drained.send(());
    let error = member.source.commit(&old, 10).await.unwrap_err();
    assert!(engine::error::chain(&error).contains("the partition is not read here any more"), "{error}");
    let new = member.assigned().await;
    assert!(!new.is_same(&old) && !new.is_revoked());
    assert_eq!((new.done(), place(&member.record().await)), (0, (0, 0, 0)));
    member.source.close().await;
}

#[tokio::test]
async fn records_come_in_spite_of_errors_of_fetches_and_metadata() {
    let (mock, topic) = cluster();
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    mock.request_errors(RDKafkaApiKey::Fetch, &passing);
    mock.request_errors(RDKafkaApiKey::ListOffsets, &passing);
    mock.request_errors(RDKafkaApiKey::OffsetFetch, &passing[1..]);
    let mut member = Member::start(options(&topic, "group")).await;
    assert_eq!(member.assigned().await.done(), 0);
    assert_eq!(member.records(10).await.len(), 10);
    member.source.close().await;
}

#[tokio::test]
async fn a_topic_that_may_not_be_read_is_an_error() {
    let (mock, topic) = cluster();
    mock.topic_error(&topic.name, RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    let error = Member::start(options(&topic, "group")).await.failed().await;
    assert_eq!(error.hint().as_deref(), Some("the user needs the right to read and to describe the topic"));
}

#[tokio::test]
async fn a_source_that_is_dropped_leaves_its_group() {
    let (_mock, topic) = cluster();
    let mut first = Member::start(short(&topic)).await;
    first.assigned().await;
    drop(first);
    let mut second = Member::start(short(&topic)).await;
    second.assigned().await;
    let third = Member::start(short(&topic)).await;
    let left = async {
        third.source.close().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::time::timeout(LONG, left).await.unwrap();
    // Whoever takes no inputs any more does not keep a source from ending.
    let Member { source, inputs } = second;
    drop(inputs);
    tokio::time::timeout(LONG, source.close()).await.unwrap();
}

#[tokio::test]
async fn a_source_ends_while_nobody_takes_its_records() {
    let (_mock, topic) = cluster();
    topic.put(0, 10..5000, |_| b"x".to_vec());
    let mut member = Member::start(options(&topic, "group")).await;
    member.assigned().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    tokio::time::timeout(LONG, member.source.close()).await.unwrap();
    let mut count = 0;
    while let Some(Input::Record(_)) = member.inputs.recv().await {
        count += 1;
    }
    assert!(count < 5000, "{count}");
}
