//! Holding items.

use super::world::*;
use crate::coordination::*;
use std::collections::BTreeSet;

pub(super) async fn another_job_under_the_same_name_is_refused_with_what_differs(world: World) {
    let store = world.open("a", Settings::default()).await;
    let with_password = Fingerprint { target: "https://me:secret-word@target:9200/".to_owned(), ..job() };
    assert_eq!(store.join(&with_password).await.unwrap(), SessionState::Planning);
    assert_eq!(store.join(&job()).await.unwrap(), SessionState::Planning);
    let other = Fingerprint { snapshot: "weekly".to_owned(), transform: "ab12".to_owned(), ..job() };
    let error = world.open("b", Settings::default()).await.join(&other).await.unwrap_err();
    let expected = format!(
        "session `{}` in `{}` belongs to another job: snapshot is `nightly` there and `weekly` here, transform is \
         `` there and `ab12` here",
        world.session,
        store.backend().name()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hint(), Some("give this job a session of its own with `--session NAME`"));
    assert!(!format!("{:?}", world.status().await).contains("secret-word"));
}

pub(super) async fn no_item_is_taken_twice_by_workers_at_once(world: World) {
    let planned = items(60, 10);
    world.planned("planner", &planned).await;
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..4 {
        let store = world.join(&format!("w-{number}"), PATIENT).await;
        workers.spawn(async move {
            let (mut leases, mut empty) = (Vec::new(), 0);
            while empty < 10 {
                let mut more = acquire(&store, 5).await;
                empty = if more.is_empty() { empty + 1 } else { 0 };
                leases.append(&mut more);
            }
            leases
        });
    }
    let leases: Vec<Lease> = workers.join_all().await.into_iter().flatten().collect();
    let ids: BTreeSet<&str> = leases.iter().map(|lease| lease.item().id.as_str()).collect();
    assert_eq!((leases.len(), ids.len()), (60, 60));
    assert!(leases.iter().all(|lease| (lease.attempt(), lease.epoch()) == (1, 1)));
}

pub(super) async fn the_next_holder_goes_on_at_the_cursor_with_its_counts(world: World) {
    let first = world.planned("first", &items(1, 100)).await;
    let mut lease = acquire_one(&first).await;
    assert_eq!((lease.cursor(), lease.counts()), (None, &Counts::default()));
    let mut counts = written(30);
    counts.excluded = 7;
    counts.failed.insert("mapper_parsing_exception".to_owned(), 3);
    let saved = first.save(&mut lease, Some(&at(40)), &counts).await.unwrap();
    assert_eq!(saved, Saved::Kept { split_requested: false });
    drop(first); // killed

    let second = world.join("second", IMPATIENT).await;
    let lease = acquire_one(&second).await;
    assert_eq!((lease.cursor(), lease.counts()), (Some(&at(40)), &counts));
    assert_eq!((lease.attempt(), lease.epoch()), (2, 2));
}

pub(super) async fn a_stale_holder_is_fenced(world: World) {
    let (stale, thief) = (world.planned("stale", &items(1, 100)).await, world.join("thief", IMPATIENT).await);
    let mut stopped = acquire_one(&stale).await; // SIGSTOP
    let lease = acquire_one(&thief).await;
    assert_eq!(stale.save(&mut stopped, Some(&at(50)), &written(50)).await.unwrap(), Saved::Lost);
    assert_eq!(stale.split_off(&mut stopped, &at(50)).await.unwrap(), Split::Lost);
    assert_eq!(stale.complete(stopped, &written(100)).await.unwrap(), Ended::Lost);
    assert_eq!(thief.release(lease, Some(&at(20)), &written(20)).await.unwrap(), Ended::As(ItemState::Open));

    let stopped = acquire_one(&stale).await;
    let mut lease = acquire_one(&thief).await;
    assert_eq!(stale.release(stopped, Some(&at(90)), &written(90)).await.unwrap(), Ended::Lost);
    assert_eq!((lease.cursor(), lease.counts()), (Some(&at(20)), &written(20)));
    let kept = thief.save(&mut lease, Some(&at(30)), &written(30)).await.unwrap();
    assert_eq!(kept, Saved::Kept { split_requested: false });
    drop(lease);

    let stopped = acquire_one(&thief).await;
    let lease = acquire_one(&world.join("third", IMPATIENT).await).await;
    assert_eq!(thief.fail(stopped, "too late").await.unwrap(), Ended::Lost);
    assert_eq!((lease.cursor(), lease.counts()), (Some(&at(30)), &written(30)));
}

pub(super) async fn a_graceful_stop_opens_the_item_at_once_and_costs_no_attempt(world: World) {
    let store = world.planned("a", &items(1, 100)).await;
    for turn in 1..=7_u32 {
        let lease = acquire_one(&store).await;
        assert_eq!((lease.attempt(), lease.epoch()), (1, turn.into()));
        // The cursor does not move, and still nothing is used up.
        let ended = store.release(lease, Some(&at(5)), &written(5)).await.unwrap();
        assert_eq!(ended, Ended::As(ItemState::Open));
    }
    assert_eq!(acquire_one(&store).await.cursor(), Some(&at(5)));
}

pub(super) async fn a_failing_item_is_quarantined_with_its_last_error(world: World) {
    let store = world.planned("a", &items(1, 100)).await;
    for attempt in 1..=5 {
        let lease = acquire_one(&store).await;
        assert_eq!(lease.attempt(), attempt);
        let expected = if attempt < 5 { ItemState::Open } else { ItemState::Quarantined };
        let ended = store.fail(lease, &format!("`_0.fdt`: corrupt, attempt {attempt}")).await.unwrap();
        assert_eq!(ended, Ended::As(expected));
    }
    assert!(acquire(&store, 5).await.is_empty());
    assert_eq!(finish(&store).await, Completion::Complete { quarantined: 1 });
    let status = world.status().await;
    assert_eq!(status.state, SessionState::Complete);
    assert_eq!(status.quarantined.len(), 1);
    let quarantined = &status.quarantined[0];
    assert_eq!((quarantined.item.as_str(), quarantined.attempts), ("orders:0:_0:0", 5));
    assert_eq!(quarantined.reason, "`_0.fdt`: corrupt, attempt 5");
}

pub(super) async fn an_item_that_kills_its_workers_is_quarantined(world: World) {
    world.planned("planner", &items(1, 100)).await;
    for attempt in 1..=5 {
        let lease = acquire_one(&world.join("w-3", IMPATIENT).await).await;
        assert_eq!(lease.attempt(), attempt); // kill -9
    }
    let store = world.join("w-4", IMPATIENT).await;
    assert!(acquire(&store, 5).await.is_empty());
    assert_eq!(finish(&store).await, Completion::Complete { quarantined: 1 });
    let status = world.status().await;
    assert_eq!(status.quarantined[0].reason, "worker `w-3` stopped without a word 5 times");
    assert_eq!((status.totals.items.quarantined, status.held.len()), (1, 0));
}

pub(super) async fn quarantined_items_can_be_put_back(world: World) {
    let planned = items(3, 10);
    let store = world.planned("a", &planned).await;
    for _ in 0..5 {
        for lease in acquire(&store, 5).await {
            store.fail(lease, "no such blob").await.unwrap();
        }
    }
    assert_eq!(finish(&store).await, Completion::Complete { quarantined: 3 });
    assert_eq!(store.retry_quarantined().await.unwrap(), 3);
    assert_eq!(world.status().await.state, SessionState::Running);
    assert_covered(&do_all(&world).await, &planned).await;
    assert_eq!(store.retry_quarantined().await.unwrap(), 0);
}

pub(super) async fn an_item_that_this_process_holds_is_not_taken_again_and_one_that_it_dropped_is(
    world: World,
) {
    world.planned("planner", &items(1, 100)).await;
    let store = world.join("a", IMPATIENT).await;
    let mut lease = acquire_one(&store).await;
    assert!(acquire(&store, 5).await.is_empty());
    assert!(acquire(&store.clone(), 5).await.is_empty());
    assert_eq!(
        store.save(&mut lease, Some(&at(9)), &written(9)).await.unwrap(),
        Saved::Kept { split_requested: false }
    );
    drop(lease);
    let patient = world.join("a", PATIENT).await;
    assert!(acquire(&patient, 5).await.is_empty()); // the same name is not the same process
    let lease = acquire_one(&store).await;
    assert_eq!((lease.cursor(), lease.epoch()), (Some(&at(9)), 2));
}

pub(super) async fn a_cursor_outside_the_item_or_backwards_is_refused(world: World) {
    let store = world.planned("a", &items(1, 100)).await;
    let mut lease = acquire_one(&store).await;
    store.save(&mut lease, Some(&at(50)), &written(50)).await.unwrap();
    let error = store.save(&mut lease, Some(&at(101)), &written(101)).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot save work item `orders:0:_0:0` at `_0:101`: it is not in the item");
    let error = store.save(&mut lease, Some(&at(49)), &written(49)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot save work item `orders:0:_0:0` at `_0:49`: it is before the saved cursor"
    );
    assert_eq!((lease.cursor(), lease.counts()), (Some(&at(50)), &written(50)));
}

pub(super) async fn the_status_says_who_has_what_and_what_came_of_it(world: World) {
    let mut planned = items(3, 100);
    let pieces = vec![Piece { segment: "_0".to_owned(), documents: 0..20 }];
    planned.push(WorkItem::new("users", 0, pieces, 200, 20).unwrap());
    let store = world.planned("a", &planned).await;
    for mut lease in acquire(&store, 4).await {
        let mut counts = written(30);
        counts.failed.insert("mapper_parsing_exception".to_owned(), 2);
        match (lease.item().index.as_str(), lease.item().shard) {
            ("orders", 0) => drop(store.complete(lease, &counts).await.unwrap()),
            ("orders", 1) => {
                (counts.excluded, counts.untrusted) = (8, 1);
                store.save(&mut lease, Some(&at(40)), &counts).await.unwrap();
            }
            ("orders", _) => drop(store.release(lease, None, &Counts::default()).await.unwrap()),
            _ => drop(store.complete(lease, &written(20)).await.unwrap()),
        }
    }
    let status = world.status().await;
    assert_eq!((status.state, status.job), (SessionState::Running, job()));
    let planned = status.planned.unwrap();
    assert_eq!((planned.items, planned.span, planned.documents, planned.bytes), (4, 320, 320, 3200));
    let counts = ItemCounts { open: 1, leased: 1, done: 2, quarantined: 0, splitting: 0 };
    let expected = Totals {
        items: counts,
        documents: 320,
        bytes: 3200,
        documents_of_done: 120,
        bytes_of_done: 1200,
        written: 80,
        written_bytes: 8000,
        excluded: 8,
        failed: 4,
        untrusted: 1,
    };
    assert_eq!(status.totals, expected);
    let indices: Vec<(&str, u64, u64)> = status
        .indices
        .iter()
        .map(|index| (index.index.as_str(), index.totals.documents, index.totals.written))
        .collect();
    assert_eq!(indices, [("orders", 300, 60), ("users", 20, 20)]);
    let held = &status.held[0];
    assert_eq!((held.item.as_str(), held.worker.as_str(), held.attempts), ("orders:1:_0:0", "a", 1));
    assert_eq!((held.cursor.as_ref(), held.bytes_left, held.counts.failed_total()), (Some(&at(40)), 600, 2));
}

pub(super) async fn a_lease_that_is_not_due_is_left_alone(world: World) {
    let store = world.planned("a", &items(1, 100)).await;
    let mut lease = acquire_one(&store).await;
    let observer = world.join("b", PATIENT).await;
    for document in 1..5 {
        assert!(acquire(&observer, 5).await.is_empty());
        let kept = store.save(&mut lease, Some(&at(document)), &written(document.into())).await.unwrap();
        assert_eq!(kept, Saved::Kept { split_requested: false });
    }
}
