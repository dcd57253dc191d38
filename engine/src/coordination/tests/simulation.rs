//! Workers that do anything at any time, and die in the middle of it.

use super::world::*;
use crate::coordination::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Documents that the target has acknowledged to some worker.
type Acknowledged = Arc<Mutex<BTreeSet<(u32, String, u32)>>>;

/// A worker with the items that it has, and how far it is in each.
struct Actor {
    store: WorkStore,
    leases: Vec<Lease>,
}

fn plan() -> Vec<WorkItem> {
    let piece = |segment: &str, documents| Piece { segment: segment.to_owned(), documents };
    let item = |shard: u32| {
        let pieces = vec![piece("_0", 0..20), piece("_0", 25..30 + shard), piece("_4", 7..40)];
        WorkItem::new("orders", shard, pieces, 5000, 50).unwrap()
    };
    (0..12).map(item).collect()
}

impl Actor {
    async fn new(world: &World, name: &str, lease: Duration) -> Self {
        // No item is given up here: nothing is wrong with it, only with its workers.
        let settings = Settings { lease, max_attempts: 10_000, min_split_bytes: 10 };
        let store = world.open(name, settings).await;
        store.join(&job()).await.unwrap();
        Self { store, leases: Vec::new() }
    }

    /// Does one thing. An error is a death in the middle of it.
    async fn act(&mut self, random: &mut StdRng, acknowledged: &Acknowledged) -> Result<(), StoreError> {
        let action = random.random_range(0..100);
        if self.leases.is_empty() || action < 10 {
            if random.random_ratio(1, 4) {
                self.store.backend().refresh().await?;
            }
            let mut leases = self.store.acquire(random.random_range(1..4)).await?;
            self.leases.append(&mut leases);
            if self.leases.is_empty() {
                self.store.request_split().await?;
            }
            return Ok(());
        }
        let mut lease = self.leases.swap_remove(random.random_range(0..self.leases.len()));
        match action {
            10..15 => {
                self.store.fail(lease, "a passing trouble").await?;
                return Ok(());
            }
            15..25 => {
                self.store.request_split().await?;
            }
            25..40 => {
                let at = lease.item().halve_after(lease.cursor());
                if let Some(at) = at
                    && self.store.split_off(&mut lease, &at).await? == Split::Lost
                {
                    return Ok(());
                }
            }
            _ => return self.work(lease, random, acknowledged).await,
        }
        self.leases.push(lease);
        Ok(())
    }

    /// Does some documents, and saves, releases or completes.
    async fn work(
        &mut self,
        mut lease: Lease,
        random: &mut StdRng,
        acknowledged: &Acknowledged,
    ) -> Result<(), StoreError> {
        let item = lease.item().clone();
        let from = lease.cursor().map_or(0, |cursor| item.position(cursor).unwrap());
        let to = (from + random.random_range(0..20)).min(item.span());
        let (cursor, counts) = (item.place(to), written(lease.counts().written + to - from));
        let places = (from..to).map(|position| item.place(position).unwrap());
        let documents = places.map(|place| (item.shard, place.segment, place.document));
        acknowledged.lock().unwrap().extend(documents);
        if to == item.span() {
            self.store.complete(lease, &counts).await?;
        } else if random.random_ratio(1, 10) {
            self.store.release(lease, cursor.as_ref(), &counts).await?;
        } else if self.store.save(&mut lease, cursor.as_ref(), &counts).await? != Saved::Lost {
            self.leases.push(lease);
        }
        Ok(())
    }
}

async fn check(world: &World, acknowledged: &Acknowledged, planned: &[WorkItem]) {
    let last = world.open("check", Settings::default()).await;
    last.join(&job()).await.unwrap();
    assert_eq!(finish(&last).await, Completion::Complete { quarantined: 0 });
    assert_covered(&last, planned).await;
    let acknowledged = acknowledged.lock().unwrap();
    let expected: u64 = planned.iter().map(WorkItem::span).sum();
    assert_eq!(acknowledged.len() as u64, expected);
}

/// One thing happens at a time, in an order that a seed decides (`FERRY_TEST_SEED`).
pub(super) async fn every_document_is_covered_once_whoever_dies(world: World) {
    let seed = std::env::var("FERRY_TEST_SEED").map_or(0xfe44, |seed| seed.parse().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    let planned = plan();
    world.planned("planner", &planned).await;
    let acknowledged = Acknowledged::default();
    let mut actors = Vec::new();
    for number in 0..4 {
        actors.push(Actor::new(&world, &format!("w-{number}"), PATIENT).await);
    }
    let mut deaths = 0;
    for step in 0..400 {
        // Whoever is not chosen stands still; the thief takes its items.
        let thieves = random.random_ratio(1, 20);
        let chosen = random.random_range(0..actors.len());
        if random.random_ratio(1, 12) {
            dies_after(&actors[chosen].store, random.random_range(0..3));
        }
        if actors[chosen].act(&mut random, &acknowledged).await.is_err() {
            deaths += 1;
            actors[chosen] = Actor::new(&world, &format!("w-{chosen}-{step}"), PATIENT).await;
        }
        if thieves {
            let lease = IMPATIENT;
            actors[chosen] = Actor::new(&world, &format!("thief-{step}"), lease).await;
            actors[chosen].act(&mut random, &acknowledged).await.unwrap();
        }
    }
    assert!(deaths > 5, "{deaths}");
    drop(actors);
    let mut last = Actor::new(&world, "last", IMPATIENT).await;
    for _ in 0..10_000 {
        last.act(&mut random, &acknowledged).await.unwrap();
        if last.leases.is_empty() && finish(&last.store).await == (Completion::Complete { quarantined: 0 }) {
            break;
        }
    }
    check(&world, &acknowledged, &planned).await;
}

/// Workers that run at once, some of them thieves, each killed several times.
pub(super) async fn every_document_is_covered_once_by_workers_at_once(world: World) {
    let planned = plan();
    world.planned("planner", &planned).await;
    let (acknowledged, world) = (Acknowledged::default(), Arc::new(world));
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..5_u64 {
        let (world, acknowledged) = (Arc::clone(&world), Arc::clone(&acknowledged));
        workers.spawn(async move {
            let mut random = StdRng::seed_from_u64(number);
            for life in 0..6 {
                let lease = if (number + life) % 4 == 0 { IMPATIENT } else { PATIENT };
                let mut actor = Actor::new(&world, &format!("w-{number}-{life}"), lease).await;
                let writes = if life < 5 { random.random_range(3..15) } else { u64::MAX };
                dies_after(&actor.store, writes);
                for _ in 0..40 {
                    if actor.act(&mut random, &acknowledged).await.is_err() {
                        break; // dead
                    }
                }
            }
        });
    }
    workers.join_all().await;
    let mut random = StdRng::seed_from_u64(99);
    let mut last = Actor::new(&world, "last", IMPATIENT).await;
    for _ in 0..10_000 {
        last.act(&mut random, &acknowledged).await.unwrap();
        if last.leases.is_empty() && finish(&last.store).await == (Completion::Complete { quarantined: 0 }) {
            break;
        }
    }
    check(&world, &acknowledged, &planned).await;
}
