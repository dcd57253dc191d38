//! Brokers that are gone for a while.

use crate::broker::Broker;
use crate::member::{LONG, Member, options, place, with};
use crate::topic::{Topic, unique};
use std::time::Duration;

async fn until(what: &str, is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
#[ignore = "needs a Kafka broker"]
async fn kafka_brokers_that_are_not_there_yet_or_go_and_come_back_are_waited_for() {
    let broker = Broker::start();
    let topic = Topic::new(&broker.plain(), 1).await;
    topic.put(0, 0..10, |_| b"x".to_vec());
    broker.down();
    let group = unique("group");
    // Longer than a broker takes to start on a busy machine.
    let options = with(options(&topic, &group), &[("session.timeout.ms", "60000")]);
    let mut member = Member::start(options).await;
    until("the trouble is seen", || member.source.status().connection.trouble.is_some()).await;
    member.nothing(Duration::from_secs(1)).await;
    broker.up();
    let ledger = member.assigned().await;
    drop(member.records(10).await);
    until("connected", || member.source.status().connection.is_up).await;
    until("all was given out, so that it is quiet", || member.source.is_quiet(None)).await;

    broker.down();
    until("the outage is seen", || !member.source.status().connection.is_up).await;
    let trouble = member.source.status().connection.trouble.unwrap();
    println!("trouble: {trouble}");
    assert!(trouble.contains("127.0.0.1"), "{trouble}");
    let commit = member.source.commit(&ledger, 10);
    let up = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.up();
    };
    // A commit waits for the broker.
    let (committed, ()) = tokio::join!(commit, up);
    committed.unwrap();
    topic.put(0, 10..20, |_| b"x".to_vec());
    let records = member.records(10).await;
    assert_eq!(
        records.iter().map(place).collect::<Vec<_>>(),
        (10..20).map(|at| (0, at, at)).collect::<Vec<_>>()
    );
    until("connected again", || member.source.status().connection.is_up).await;
    assert_eq!(member.source.status().connection.trouble, None);
    until("it is quiet again", || member.source.is_quiet(Some(0))).await;
    member.source.pause(0);
    until("what is held back is not quiet", || !member.source.is_quiet(None)).await;
    member.source.resume(0);
    drop(records);
    member.source.commit(&ledger, 20).await.unwrap();
    assert_eq!(topic.committed(&group, 0), Some(20));
    assert!(!ledger.is_revoked());
    until("it goes on", || member.source.is_quiet(Some(0))).await;
    broker.down();
    until("nobody knows whether it is quiet", || !member.source.is_quiet(Some(0))).await;
    member.source.close().await;
}

#[tokio::test]
async fn a_source_whose_brokers_never_come_ends_when_it_is_told_to() {
    let topic = Topic { brokers: "127.0.0.1:9".to_owned(), name: "traffic".to_owned() };
    let member = Member::start(options(&topic, "group")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    tokio::time::timeout(LONG, member.source.close()).await.unwrap();
}
