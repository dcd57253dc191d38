//! What only a database on this machine does.

use super::world::*;
use crate::coordination::*;
use std::time::Duration;
use tokio::time::advance;

#[tokio::test]
async fn leases_of_former_processes_need_not_be_waited_for() {
    let world = World::local();
    let store = world.planned("killed", &items(2, 100)).await;
    let mut lease = acquire(&store, 1).await.pop().unwrap();
    store.save(&mut lease, Some(&at(40)), &written(40)).await.unwrap();
    drop((store, lease)); // kill -9 takes the lock along

    let store = world.join("next", PATIENT).await;
    let mut leases = acquire(&store, 5).await;
    leases.sort_by_key(|lease| lease.cursor().is_none());
    assert_eq!(leases.len(), 2);
    assert_eq!((leases[0].cursor(), leases[0].counts(), leases[0].epoch()), (Some(&at(40)), &written(40), 2));
    assert_eq!((leases[1].cursor(), leases[1].epoch()), (None, 1));
}

#[tokio::test]
async fn leases_of_a_process_that_runs_are_left_alone_by_one_that_starts() {
    let world = World::local();
    let store = world.planned("running", &items(1, 100)).await;
    let mut lease = acquire_one(&store).await;
    let second = world.join("second", PATIENT).await;
    assert!(acquire(&second, 5).await.is_empty());
    assert_eq!(
        store.save(&mut lease, Some(&at(1)), &written(1)).await.unwrap(),
        Saved::Kept { split_requested: false }
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_expires_when_one_observer_saw_no_heartbeat_for_the_lease_time() {
    let (world, second) = (World::local(), Duration::from_secs(1));
    let lease_time = second * 30;
    world.planned("planner", &items(1, 100)).await;
    let (holder, observer) = (world.join("a", lease_time).await, world.join("b", lease_time).await);
    let mut lease = acquire_one(&holder).await;
    for document in 1..=20 {
        advance(second * 5).await;
        assert!(acquire(&observer, 5).await.is_empty());
        holder.save(&mut lease, Some(&at(document)), &written(document.into())).await.unwrap();
        assert_eq!(lease.held_until(), tokio::time::Instant::now() + lease_time);
    }
    // The holder stops. The observer sees that now, and nobody who came later takes its word for it.
    assert!(acquire(&observer, 5).await.is_empty());
    advance(second * 29).await;
    let late = world.join("c", lease_time).await;
    assert!(acquire(&observer, 5).await.is_empty() && acquire(&late, 5).await.is_empty());
    advance(second).await;
    assert!(acquire(&late, 5).await.is_empty());
    let taken = acquire_one(&observer).await;
    assert_eq!((taken.cursor(), taken.epoch()), (Some(&at(20)), 2));
    assert_eq!(holder.save(&mut lease, Some(&at(21)), &written(21)).await.unwrap(), Saved::Lost);
}

#[tokio::test]
async fn looking_makes_nothing() {
    let world = World::local();
    let error = WorkStore::look(world.place.clone(), world.session.clone()).await.unwrap_err();
    let folder = &world.folder.as_ref().unwrap().0;
    let expected = format!("there is no session `test` in `{}`", folder.join("ferry.sqlite").display());
    assert_eq!(error.to_string(), expected);
    assert!(!folder.exists());
    world.planned("a", &[]).await;
    let other = "other".parse().unwrap();
    assert_eq!(
        WorkStore::look(world.place.clone(), other).await.unwrap_err().to_string(),
        expected.replace("`test`", "`other`")
    );
}

#[tokio::test]
async fn looking_leaves_the_leases_of_a_killed_process_to_the_next_one() {
    let world = World::local();
    let store = world.planned("killed", &items(1, 100)).await;
    drop(acquire_one(&store).await);
    drop(store);
    let status = world.status().await;
    assert_eq!((status.totals.items.leased, status.held[0].worker.as_str()), (1, "killed"));
}

#[tokio::test]
async fn sessions_of_one_directory_do_not_mix() {
    let (one, mut two) = (World::local(), World::local());
    (two.place, two.session) = (one.place.clone(), "two".parse().unwrap());
    one.planned("a", &items(2, 100)).await;
    two.planned("b", &items(3, 100)).await;
    assert_eq!((one.status().await.totals.items.open, two.status().await.totals.items.open), (2, 3));
}

async fn refused(content: impl FnOnce(&std::path::Path)) -> String {
    let world = World::local();
    let folder = &world.folder.as_ref().unwrap().0;
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("ferry.sqlite");
    content(&path);
    let opened =
        WorkStore::open(world.place.clone(), world.session.clone(), Worker::new("a"), Settings::default());
    let error = opened.await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    error.to_string().replace(&path.display().to_string(), "FILE")
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let error = refused(|path| std::fs::write(path, "words ".repeat(2000)).unwrap()).await;
    assert_eq!(error, "`FILE` cannot keep a session: it is not an SQLite database");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_not_changed() {
    let make = |path: &std::path::Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    };
    let error = refused(make).await;
    assert_eq!(error, "`FILE` cannot keep a session: it is a database of another program");
}

#[tokio::test]
async fn a_database_of_another_format_is_refused() {
    let make = |path: &std::path::Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA application_id = 0x46525259; PRAGMA user_version = 1").unwrap();
    };
    let error = refused(make).await;
    assert_eq!(error, "`FILE` cannot keep a session: it has format 1, this version of ferry knows 2");
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let world = World::local();
    let store = world.planned("a", &items(1000, 100)).await;
    drop(store);
    let path = world.folder.as_ref().unwrap().0.join("ferry.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 100_000);
    bytes[20_000..60_000].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let opened =
        WorkStore::open(world.place.clone(), world.session.clone(), Worker::new("a"), Settings::default());
    let error = opened.await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    assert!(error.to_string().contains("it is damaged: "), "{error}");
}

#[tokio::test]
async fn items_that_somebody_deleted_are_noticed_at_the_end() {
    let world = World::local();
    let store = world.planned("a", &items(3, 100)).await;
    let path = world.folder.as_ref().unwrap().0.join("ferry.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("DELETE FROM documents WHERE id = 'orders:1:_0:0'", []).unwrap();
    for lease in acquire(&store, 5).await {
        store.complete(lease, &written(100)).await.unwrap();
    }
    let error = store.finish().await.unwrap_err().to_string();
    let problem = "planned were 3 items with 300 documents, done are 2 with 200";
    assert!(error.ends_with(&format!("document `session`: {problem}")), "{error}");
}
