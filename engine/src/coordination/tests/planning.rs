//! Planning, and the end.

use super::world::*;
use crate::coordination::*;

pub(super) async fn work_begins_when_it_is_planned_and_ends_when_it_is_done(world: World) {
    let planned = items(2, 10);
    let store = world.join("a", PATIENT).await;
    let error = store.acquire(1).await.unwrap_err();
    let expected = format!("session `{}` in `{}` is not planned yet", world.session, store.backend().name());
    assert_eq!(error.to_string(), expected);
    assert_eq!(store.finish().await.unwrap_err().to_string(), expected);
    store.plan(&planned).await.unwrap();
    assert_eq!(world.open("b", Settings::default()).await.join(&job()).await.unwrap(), SessionState::Running);

    let mut leases = acquire(&store, 2).await;
    assert_eq!(finish(&store).await, Completion::Working { items: 2 });
    for left in [1, 0] {
        let ended = store.complete(leases.pop().unwrap(), &written(10)).await.unwrap();
        assert_eq!(ended, Ended::As(ItemState::Done));
        let expected = if left > 0 {
            Completion::Working { items: left }
        } else {
            Completion::Complete { quarantined: 0 }
        };
        assert_eq!(finish(&store).await, expected);
    }
    assert_eq!(
        world.open("c", Settings::default()).await.join(&job()).await.unwrap(),
        SessionState::Complete
    );
    assert_eq!(finish(&store).await, Completion::Complete { quarantined: 0 });
    assert_covered(&store, &planned).await;
}

pub(super) async fn several_workers_may_plan_at_once(world: World) {
    let planned = items(120, 10);
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..3_usize {
        let store = world.join(&format!("w-{number}"), PATIENT).await;
        let mut planned = planned.clone();
        planned.rotate_left(number * 40);
        workers.spawn(async move { store.plan(&planned).await.unwrap() });
    }
    let plans = workers.join_all().await;
    assert!(plans.iter().all(|plan| *plan == plans[0]));
    let status = world.status().await;
    assert_eq!((status.state, status.totals.items.open), (SessionState::Running, 120));
    // One that is late keeps what has been done.
    let store = world.join("late", PATIENT).await;
    let lease = acquire(&store, 1).await.pop().unwrap();
    store.complete(lease, &written(10)).await.unwrap();
    assert_eq!(store.plan(&planned).await.unwrap(), plans[0]);
    assert_eq!(world.status().await.totals.items.done, 1);
}

pub(super) async fn another_plan_is_refused(world: World) {
    let store = world.join("a", PATIENT).await;
    dies_after(&store, 1); // the plan is announced, and there is no item yet
    store.plan(&items(2, 10)).await.unwrap_err();
    let other = world.join("b", PATIENT).await;
    let error = other.plan(&items(3, 10)).await.unwrap_err().to_string();
    let start =
        format!("session `{}` in `{}` was planned in another way: ", world.session, other.backend().name());
    assert!(error.starts_with(&format!("{start}2 items with 20 documents (digest ")), "{error}");
    assert!(error.ends_with("here, and the two cannot be mixed"), "{error}");
    assert!(other.plan(&items(2, 10)).await.is_ok());
}

pub(super) async fn a_plan_of_nothing_is_complete_at_once(world: World) {
    let store = world.planned("a", &[]).await;
    assert!(acquire(&store, 5).await.is_empty());
    assert_eq!(finish(&store).await, Completion::Complete { quarantined: 0 });
}

pub(super) async fn planning_survives_a_kill_at_every_write(world: World) {
    let planned = items(1200, 2); // three bulk requests
    for writes in 0..5 {
        let killed = world.join(&format!("killed-{writes}"), PATIENT).await;
        dies_after(&killed, writes);
        assert!(killed.plan(&planned).await.is_err() || writes == 4, "{writes}");
    }
    world.planned("last", &planned).await;
    let status = world.status().await;
    assert_eq!((status.state, status.totals.items.open), (SessionState::Running, 1200));
    assert_eq!(status.totals.documents, 2400);
}
