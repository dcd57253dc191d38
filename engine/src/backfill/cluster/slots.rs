//! Several work items at once, one after the other, until there are none.

use super::catalog::Catalog;
use super::context::Context;
use super::error::Result;
use super::item::copy_item;
use crate::coordination::{Completion, Lease, WorkStore};
use crate::telemetry::meters;
use futures::future::join_all;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// How long to wait when there is no item to take.
const WAIT: Duration = Duration::from_secs(1);

/// Takes items and copies them.
pub(super) struct Slots<'a, 's, 'c> {
    context: &'a Arc<Context>,
    catalog: &'a Catalog<'c, 's>,
    store: &'a WorkStore,
    /// One slot at a time looks for an item.
    looking: Mutex<()>,
    /// Slots that have an item.
    busy: AtomicU64,
    /// An item came to its end.
    ended: Notify,
    is_complete: AtomicBool,
    items: AtomicU64,
}

impl<'a, 's, 'c> Slots<'a, 's, 'c> {
    pub(super) fn new(context: &'a Arc<Context>, catalog: &'a Catalog<'c, 's>, store: &'a WorkStore) -> Self {
        Self {
            context,
            catalog,
            store,
            looking: Mutex::default(),
            busy: AtomicU64::new(0),
            ended: Notify::new(),
            is_complete: AtomicBool::new(false),
            items: AtomicU64::new(0),
        }
    }

    /// Copies up to `at_once` items at a time, until the session is complete or the run is told to stop.
    pub(super) async fn run(&self, at_once: NonZeroUsize) -> Result<()> {
        let slots = (0..at_once.get()).map(|_| async {
            let result = self.slot().await;
            if result.is_err() {
                self.context.cancel.cancel();
            }
            result
        });
        // All come to their end, also after an error: each gives its item back.
        join_all(slots).await.into_iter().collect()
    }

    /// How many items were taken.
    pub(super) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    async fn slot(&self) -> Result<()> {
        while let Some(lease) = self.next().await? {
            self.items.fetch_add(1, Ordering::Relaxed);
            let result = copy_item(self.context, self.catalog, self.store, lease).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
            self.ended.notify_one();
            result?;
        }
        Ok(())
    }

    /// The next item; none when all are done, or the run is told to stop.
    async fn next(&self) -> Result<Option<Lease>> {
        let _looking = self.looking.lock().await;
        loop {
            if self.context.cancel.is_cancelled() || self.is_complete.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Some(lease) = self.store.acquire(1).await?.pop() {
                self.busy.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(lease));
            }
            if self.busy.load(Ordering::Relaxed) == 0 {
                if let Completion::Complete { .. } = self.store.finish().await? {
                    self.is_complete.store(true, Ordering::Relaxed);
                    continue;
                }
                self.store.request_split().await?;
                meters().alive(); // Others have all the items.
            }
            let wait = async {
                tokio::select! {
                    () = tokio::time::sleep(WAIT) => {}
                    () = self.ended.notified() => {}
                }
            };
            self.context.cancel.unless(wait).await;
        }
    }
}
