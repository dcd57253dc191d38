//! What happens when memory is used up.

use crate::capture::{Recorded, Replay, answered};
use crate::target::{Reply, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const OK: &str = "{\"ok\":true}";

fn ok() -> String {
    answered(200, OK)
}

/// All requests are due at once, each on a connection of its own. The Java replayer reads all of them then.
#[tokio::test]
async fn defect_11_requests_that_wait_hold_their_memory_so_that_no_more_are_read() {
    const BODY: usize = 64 << 10;
    const FIT: u64 = 8;
    let mut replay = Replay::new("burst");
    replay.memory = FIT * BODY as u64;
    replay.settings.most_in_flight = 2;
    let (given, most) = (Arc::clone(&replay.given), Arc::new(AtomicU64::new(0)));
    let (begun, beyond) = (AtomicU64::new(0), Arc::clone(&most));
    let target = Target::start(move |_| {
        let through = begun.fetch_add(1, Ordering::Relaxed).saturating_sub(1);
        beyond.fetch_max(given.load(Ordering::Relaxed) - through, Ordering::Relaxed);
        Reply::Late(Duration::from_millis(10), 200, OK)
    })
    .await;
    let body = "x".repeat(BODY);
    let record = |n: usize| {
        Recorded::new(&format!("c{n}")).exchange("PUT", &format!("/i/_doc/{n}"), &body, &ok()).close()
    };
    let report = replay.run(&target, (0..60).map(record).collect()).await;
    assert_eq!((report.summary.answered, replay.committed()), (60, Some(60)));
    let most = most.load(Ordering::Relaxed);
    assert!((2..=FIT).contains(&most), "{most} records were held at once");
}

/// While the first commit takes its time, finished requests wait for the writer, and use up the memory that the rest of a request needs.
#[tokio::test]
async fn nothing_is_given_up_while_memory_waits_for_the_writer() {
    let target = Target::start(|_| Reply::json(200, OK)).await;
    let mut replay = Replay::new("slow-writer");
    replay.memory = 1 << 20;
    replay.commit_takes = Duration::from_secs(4);
    let first = Recorded::new("a").exchange("GET", "/a", "", &ok()).close();
    let (half, large) = ("y".repeat(50 << 10), "z".repeat(940 << 10));
    let head =
        format!("PUT /i/_doc/1 HTTP/1.1\r\nHost: source\r\nContent-Length: {}\r\n\r\n", 2 * half.len());
    replay.late = (
        Duration::from_millis(700),
        vec![
            Recorded::new("c").exchange("PUT", "/i/_doc/2", &large, &ok()).close(),
            Recorded::new("b").number(1).read(&head).read(&half).open(),
            Recorded::new("b").number(2).read(&half).write(&ok()).close(),
        ],
    );
    let report = replay.run(&target, vec![first]).await;
    assert_eq!((report.summary.answered, report.traffic.quarantined_requests), (3, 0));
    assert_eq!((replay.tuples().len(), replay.committed()), (3, Some(4)));
}
