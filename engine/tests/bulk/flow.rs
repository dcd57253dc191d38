//! What holds requests back.

use super::server::{Cluster, Reply, batch, batch_of, done, items, send, settings};
use codecs::bulk::OpType;
use engine::bulk::{BulkSink, FailedDocuments, FailedOptions, SinkError};
use engine::flow::{Cancel, ConcurrencyLimit, MemoryBudget, Pause, RateLimit, fence};
use engine::storage::Location;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_batch_that_waits_for_its_retry_lets_others_pass() {
    let cluster =
        Cluster::start(|number, seen| if number == 0 { Reply::RetryAfter(429, 1) } else { done(seen) });
    let cluster = cluster.await;
    let sink =
        BulkSink::new(cluster.client(Duration::from_secs(20)), settings(), ConcurrencyLimit::new(1, 1));
    let first = send(&sink, batch_of(OpType::Index, &[("first", "{}")]));
    let second = async {
        while cluster.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        send(&sink, batch_of(OpType::Index, &[("second", "{}")])).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap().0, second.unwrap().0), (1, 1));
    assert_eq!(cluster.ids(), ["first", "second", "first"]);
}

#[tokio::test]
async fn no_more_requests_than_the_limit_are_under_way() {
    let cluster = Cluster::start(|_, seen| done(seen)).await;
    let sink =
        BulkSink::new(cluster.client(Duration::from_secs(20)), settings(), ConcurrencyLimit::new(2, 2));
    let batches = (0..20).map(|_| async {
        let sent = send(&sink, batch(1)).await.unwrap();
        assert!(sink.limit().in_flight() <= 2);
        sent.0
    });
    let sent: u64 = futures::future::join_all(batches).await.into_iter().sum();
    assert_eq!((sent, sink.limit().in_flight(), sink.limit().limit()), (20, 0, 2));
}

#[tokio::test]
async fn a_paused_sink_sends_nothing_until_it_is_resumed() {
    let cluster = Cluster::start(|_, seen| done(seen)).await;
    let (pause, cancel) = (Pause::default(), Cancel::default());
    let sink = cluster.sink(settings()).with_switches(pause.clone(), cancel);
    pause.pause();
    let mut sending = Box::pin(send(&sink, batch(1)));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut sending).await.is_err());
    assert_eq!(cluster.seen().len(), 0);
    pause.resume();
    assert_eq!(sending.await.unwrap().0, 1);
}

#[tokio::test]
async fn a_sink_that_is_stopped_waits_for_no_retry() {
    let cluster = Cluster::start(|_, _| Reply::RetryAfter(503, 100)).await;
    let cancel = Cancel::default();
    let sink = cluster.sink(settings()).with_switches(Pause::default(), cancel.clone());
    let start = Instant::now();
    let stop = async {
        while cluster.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (sent, ()) = tokio::join!(send(&sink, batch(1)), stop);
    assert!(matches!(sent, Err(SinkError::Cancelled)));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(matches!(send(&sink, batch(1)).await, Err(SinkError::Cancelled)));
    assert_eq!(cluster.seen().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_spaces_batches() {
    let cluster = Cluster::start(|_, seen| done(seen)).await;
    let sink = cluster.sink(settings()).with_rate(RateLimit::new(NonZeroU64::new(100), None));
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(send(&sink, batch(20)).await.unwrap().0, 20);
    }
    assert!(start.elapsed() >= Duration::from_millis(400)); // The first goes at once.
}

#[tokio::test]
async fn what_waits_for_longer_than_its_lease_is_not_sent_when_another_worker_has_it() {
    let cluster = Cluster::start(|_, seen| done(seen)).await;
    let sink = cluster.sink(settings()).with_rate(RateLimit::new(NonZeroU64::new(100), None));
    let (keeper, lease) = fence((Instant::now() + Duration::from_millis(100)).into());
    assert_eq!(sink.send_fenced(batch(20), &lease).await.unwrap().indexed, 20); // The next one waits for 200 ms.
    let mut waiting = Box::pin(sink.send_fenced(batch(20), &lease));
    assert!(tokio::time::timeout(Duration::from_millis(400), &mut waiting).await.is_err());
    assert_eq!((cluster.seen().len(), sink.limit().in_flight()), (1, 0));
    keeper.close();
    assert!(matches!(waiting.await, Err(SinkError::LeaseLost)));
    assert_eq!(cluster.seen().len(), 1);
}

#[tokio::test]
async fn memory_is_held_until_failed_operations_are_dropped() {
    let cluster =
        Cluster::start(|number, seen| if number == 0 { done(seen) } else { items(&[(400, "x")]) }).await;
    let sink = cluster.sink(settings());
    let budget = MemoryBudget::new(1 << 20);
    let done = sink.send(batch(1).holding(budget.reserve(1000).await)).await.unwrap();
    assert_eq!((budget.held(), done.buffer.len()), (0, 0));
    assert!(done.buffer.capacity() > 0);
    let failed = sink.send(batch(1).holding(budget.reserve(1000).await)).await.unwrap();
    assert_eq!((budget.held(), failed.buffer.capacity()), (1024, 0));
    drop(failed);
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn a_sink_and_the_record_of_failures_work_in_tasks_of_their_own() {
    let cluster = Cluster::start(|_, _| items(&[(400, "x")])).await;
    let sink = Arc::new(cluster.sink(settings()));
    let location = Location::File(std::env::temp_dir().join(format!("ferry-tasks-{}", std::process::id())));
    let failed = Arc::new(FailedDocuments::new(FailedOptions::new(location, "s", "w")));
    let tasks = (0..4).map(|_| {
        let (sink, failed) = (Arc::clone(&sink), Arc::clone(&failed));
        tokio::spawn(async move {
            let outcome = sink.send(batch(1)).await.unwrap();
            failed.record("item", "i", &outcome.failed[0]).await.unwrap();
            outcome.failed.len()
        })
    });
    let done = futures::future::join_all(tasks).await;
    assert_eq!(done.into_iter().map(Result::unwrap).sum::<usize>(), 4);
    assert_eq!(failed.records(), 4);
}
