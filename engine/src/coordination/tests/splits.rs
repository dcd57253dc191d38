//! Splitting, with every crash in between.

use super::world::*;
use crate::coordination::record::Record;
use crate::coordination::*;

pub(super) async fn a_large_item_is_split_on_request(world: World) {
    let planned = items(1, 100);
    let (holder, idle) = (world.planned("holder", &planned).await, world.join("idle", PATIENT).await);
    let mut lease = acquire_one(&holder).await;
    idle.backend().refresh().await.unwrap();
    assert_eq!(idle.request_split().await.unwrap().as_deref(), Some("orders:0:_0:0"));
    idle.backend().refresh().await.unwrap();
    assert_eq!(idle.request_split().await.unwrap(), None); // once is enough
    let saved = holder.save(&mut lease, Some(&at(20)), &written(20)).await.unwrap();
    assert_eq!(saved, Saved::Kept { split_requested: true });
    let middle = lease.item().halve_after(Some(&at(20))).unwrap();
    let tail = "orders:0:_0:60".to_owned();
    assert_eq!(holder.split_off(&mut lease, &middle).await.unwrap(), Split::Done { tail });
    assert_eq!((lease.item().span(), lease.item().bytes, lease.cursor()), (60, 600, Some(&at(20))));
    let saved = holder.save(&mut lease, Some(&at(30)), &written(30)).await.unwrap();
    assert_eq!(saved, Saved::Kept { split_requested: false });

    let tail = acquire_one(&idle).await;
    assert_eq!((tail.item().id.as_str(), tail.item().span()), ("orders:0:_0:60", 40));
    assert_eq!((tail.cursor(), tail.attempt()), (None, 1));
    assert_eq!(idle.complete(tail, &written(40)).await.unwrap(), Ended::As(ItemState::Done));
    assert_eq!(finish(&idle).await, Completion::Working { items: 1 });
    assert_eq!(holder.complete(lease, &written(60)).await.unwrap(), Ended::As(ItemState::Done));
    assert_eq!(finish(&idle).await, Completion::Complete { quarantined: 0 });
    assert_covered(&idle, &planned).await;
}

pub(super) async fn small_items_are_not_asked_for(world: World) {
    let store = world.planned("a", &items(1, 20)).await;
    let mut lease = acquire_one(&store).await;
    store.save(&mut lease, Some(&at(11)), &written(11)).await.unwrap();
    store.backend().refresh().await.unwrap();
    assert_eq!(store.request_split().await.unwrap(), None); // 90 bytes are left, and 100 are needed
}

pub(super) async fn a_split_at_the_wrong_place_changes_nothing(world: World) {
    let planned = items(1, 100);
    let store = world.planned("a", &planned).await;
    let mut lease = acquire_one(&store).await;
    store.save(&mut lease, Some(&at(20)), &written(20)).await.unwrap();
    for document in [0, 10, 20, 100, 101] {
        let split = store.split_off(&mut lease, &at(document)).await.unwrap();
        assert_eq!(split, Split::Impossible, "{document}");
    }
    assert_eq!(lease.item(), &planned[0]);
    store.complete(lease, &written(100)).await.unwrap();
    assert_covered(&store, &planned).await;
}

pub(super) async fn a_split_survives_a_kill_at_every_write(world: World) {
    // One item for each number of writes before the kill: none, tail created, parent shrunk, tail opened.
    let planned = items(4, 100);
    world.planned("planner", &planned).await;
    let mut all_killed = Vec::new();
    for writes in 0..4 {
        let killed = world.join(&format!("killed-{writes}"), PATIENT).await;
        let mut lease = acquire(&killed, 1).await.pop().unwrap();
        killed.save(&mut lease, Some(&at(20)), &written(20)).await.unwrap();
        dies_after(&killed, writes);
        let split = killed.split_off(&mut lease, &at(60)).await;
        assert_eq!(split.is_ok(), writes >= 3, "{writes}");
        all_killed.push((killed, lease));
    }
    let store = do_all(&world).await;
    assert_covered(&store, &planned).await;
    // Twice the parent had said so: one tail was open, the other was opened by who found it.
    let done = records(&store, ItemState::Done).await;
    assert_eq!((done.len(), records(&store, ItemState::Abandoned).await.len()), (6, 1));
}

/// A holder that has created a tail, and no more.
async fn stopped_in_a_split(world: &World, place: u32) -> (WorkStore, Lease, Record) {
    let store = world.join("stopped", PATIENT).await;
    let lease = acquire_one(&store).await;
    let (_, tail) = lease.item().split_at(&at(place)).unwrap();
    let tail = Record::tail(tail, &lease.record);
    store.create_tail(&tail).await.unwrap().unwrap();
    (store, lease, tail)
}

/// The write that decides.
async fn shrink(store: &WorkStore, lease: &mut Lease, tail: &Record) -> Result<bool, StoreError> {
    let whole = lease.item().clone();
    let (head, _) = whole.split_at(&at(tail.item.pieces[0].documents.start)).unwrap();
    store.shrink(lease, &whole, &head, tail).await
}

pub(super) async fn a_tail_without_its_parents_word_is_abandoned_and_its_holder_fenced(world: World) {
    let planned = items(1, 100);
    world.planned("planner", &planned).await;
    let (stopped, mut lease, tail) = stopped_in_a_split(&world, 60).await;
    let thief = world.join("thief", IMPATIENT).await;
    let taken = acquire_one(&thief).await;
    assert!(acquire(&thief, 5).await.is_empty());
    assert_eq!(records(&thief, ItemState::Abandoned).await.len(), 1);
    // The stopped one goes on where it was.
    assert!(!shrink(&stopped, &mut lease, &tail).await.unwrap());
    assert_eq!(taken.item().span(), 100);
    thief.complete(taken, &written(100)).await.unwrap();
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn a_tail_that_its_holder_is_at_is_left_alone(world: World) {
    let planned = items(1, 100);
    world.planned("planner", &planned).await;
    let (stopped, mut lease, tail) = stopped_in_a_split(&world, 60).await;
    let other = world.join("other", PATIENT).await;
    assert!(acquire(&other, 5).await.is_empty());
    assert_eq!(finish(&other).await, Completion::Working { items: 2 });
    assert_eq!(records(&other, ItemState::PendingSplit).await, std::slice::from_ref(&tail));
    assert!(shrink(&stopped, &mut lease, &tail).await.unwrap());
    // Now the parent says so, and whoever finds it may have it.
    assert_eq!(acquire_one(&other).await.item().id, "orders:0:_0:60");
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn the_place_of_an_abandoned_tail_can_be_used_again(world: World) {
    let planned = items(1, 100);
    world.planned("planner", &planned).await;
    drop(stopped_in_a_split(&world, 60).await);
    let thief = world.join("thief", IMPATIENT).await;
    let mut lease = acquire_one(&thief).await;
    assert!(acquire(&thief, 5).await.is_empty()); // abandons the tail
    let tail = "orders:0:_0:60".to_owned();
    assert_eq!(thief.split_off(&mut lease, &at(60)).await.unwrap(), Split::Done { tail });
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn a_place_can_be_used_by_an_heir_of_the_parent(world: World) {
    let planned = items(1, 100);
    world.planned("planner", &planned).await;
    drop(stopped_in_a_split(&world, 60).await);
    let thief = world.join("thief", IMPATIENT).await;
    let mut lease = acquire_one(&thief).await;
    let tail = "orders:0:_0:30".to_owned();
    assert_eq!(thief.split_off(&mut lease, &at(30)).await.unwrap(), Split::Done { tail });
    // The heir has 30..100, and finds a tail of its parent at 60 that never was one.
    let heir = world.join("heir", PATIENT).await;
    let mut inherited = acquire_one(&heir).await;
    assert_eq!(inherited.item().id, "orders:0:_0:30");
    let tail = "orders:0:_0:60".to_owned();
    assert_eq!(heir.split_off(&mut inherited, &at(60)).await.unwrap(), Split::Done { tail });
    assert_eq!((lease.item().span(), inherited.item().span()), (30, 30));
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn opening_a_tail_late_does_not_disturb_who_has_it(world: World) {
    let planned = items(1, 100);
    world.planned("planner", &planned).await;
    let (stopped, mut lease, tail) = stopped_in_a_split(&world, 60).await;
    assert!(shrink(&stopped, &mut lease, &tail).await.unwrap());
    let pending = stopped.backend().get::<Record>(&tail.item.id).await.unwrap().unwrap();
    let other = world.join("other", PATIENT).await;
    let mut taken = acquire_one(&other).await;
    other.save(&mut taken, Some(&at(70)), &written(10)).await.unwrap();
    assert_eq!(stopped.backend().replace(pending.version, &tail.opened()).await.unwrap(), None);
    let saved = other.save(&mut taken, Some(&at(80)), &written(20)).await.unwrap();
    assert_eq!(saved, Saved::Kept { split_requested: false });
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn a_stale_holder_does_not_touch_the_tail_of_the_one_after_it(world: World) {
    let planned = items(1, 100);
    let stale = world.planned("stale", &planned).await;
    let mut stopped = acquire_one(&stale).await; // before it splits at 60
    let thief = world.join("thief", IMPATIENT).await;
    let mut lease = acquire_one(&thief).await;
    thief.split_off(&mut lease, &at(80)).await.unwrap();
    let (_, tail) = lease.item().split_at(&at(60)).unwrap();
    let tail = Record::tail(tail, &lease.record);
    assert!(thief.create_tail(&tail).await.unwrap().is_some());
    // Its tail would have 60..100, and 80..100 has been given away.
    assert_eq!(stale.split_off(&mut stopped, &at(60)).await.unwrap(), Split::Lost);
    assert!(shrink(&thief, &mut lease, &tail).await.unwrap());
    assert_eq!(stale.split_off(&mut stopped, &at(60)).await.unwrap(), Split::Lost);
    assert_covered(&do_all(&world).await, &planned).await;
}

pub(super) async fn a_split_whose_answer_never_came_is_not_cut_again(world: World) {
    let planned = items(1, 100);
    let store = world.planned("a", &planned).await;
    let mut lease = acquire_one(&store).await;
    let (before, version) = (lease.record.clone(), lease.version);
    let tail = "orders:0:_0:60".to_owned();
    assert_eq!(store.split_off(&mut lease, &at(60)).await.unwrap(), Split::Done { tail });
    // What the holder knows when there was no answer.
    (lease.record, lease.version) = (before.clone(), version);
    let error = store.save(&mut lease, Some(&at(70)), &written(70)).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot save work item `orders:0:_0:0` at `_0:70`: it is not in the item");
    (lease.record, lease.version) = (before, version);
    assert_eq!(store.split_off(&mut lease, &at(30)).await.unwrap(), Split::Impossible);
    assert_eq!(lease.item().span(), 60);
    let tail = "orders:0:_0:30".to_owned();
    assert_eq!(store.split_off(&mut lease, &at(30)).await.unwrap(), Split::Done { tail });
    assert_covered(&do_all(&world).await, &planned).await;
}
