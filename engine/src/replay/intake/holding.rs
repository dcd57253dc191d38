//! What holds the intake back, and what lets it go on: the clock, memory, and the backlog of tuples.

use super::Intake;
use crate::error::Result;
use crate::traffic::Ledger;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Without anything moving for so long while memory is used up, something is given up.
const STUCK: Duration = Duration::from_secs(2);

impl Intake {
    /// Whether more may be read.
    pub(super) fn is_open(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) < self.settings.most_backlog
    }

    /// `is_idle`: all inputs that were given out are taken.
    pub(super) fn tick(&mut self, is_idle: bool) -> Result<()> {
        self.settings.accumulator.quarantine.check()?;
        let is_waiting = is_idle && self.is_open();
        let is_held = |asked: Option<i32>| {
            self.held.keys().any(|(_, partition)| asked.is_none_or(|asked| asked == *partition))
        };
        let is_quiet = |partition| is_waiting && !is_held(partition) && (self.is_quiet)(partition);
        let mut events = Vec::new();
        self.accumulator.tick(Instant::now(), is_quiet, &mut |event| events.push(event));
        self.dispatch(events);
        self.shared.counts.publish_traffic(self.accumulator.counts());
        self.let_go();
        self.unstick();
        Ok(())
    }

    /// Holds a partition back that is ahead of the clock by more than the window. Not one that was lost: it may be here again by
    /// now, and the number is the same.
    pub(super) fn hold_back(&mut self, ledger: &Ledger, latest: Option<SystemTime>) {
        if ledger.is_revoked() {
            return;
        }
        let (Some(latest), Some(now)) = (latest, self.shared.clock.now()) else { return };
        let Some(until) = latest.checked_sub(self.settings.window).filter(|until| *until > now) else {
            return;
        };
        let key = (Arc::clone(ledger.topic()), ledger.partition());
        if self.held.insert(key, (ledger.clone(), until)).is_none() {
            (self.hold)(ledger, true);
        }
    }

    /// Forgets that a partition that goes is held back: nobody would let it go on when it comes back.
    pub(super) fn hold_no_more(&mut self, ledger: &Ledger) {
        if self.held.remove(&(Arc::clone(ledger.topic()), ledger.partition())).is_some() {
            (self.hold)(ledger, false);
        }
    }

    /// Lets partitions go on whose time has come.
    fn let_go(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let is_due = |until: &SystemTime| now.is_none_or(|now| now >= *until);
        let due: Vec<_> =
            self.held.iter().filter(|(_, (_, until))| is_due(until)).map(|(key, _)| key.clone()).collect();
        for key in due {
            if let Some((ledger, _)) = self.held.remove(&key) {
                (self.hold)(&ledger, false);
            }
        }
    }

    /// Whether the writer has something to do. Memory comes back when that is done: a slow place of tuples is no reason to give
    /// anything up.
    fn is_written(&self) -> bool {
        let finished = &self.shared.finished;
        self.shared.counts.is_writing() || finished.capacity() < finished.max_capacity()
    }

    /// Gives something up when nothing more can be read, because memory or the backlog of tuples is used up, and nothing moves
    /// any more: first the source's responses that are waited for, then, if that does not help, the largest message.
    fn unstick(&mut self) {
        let counts = &self.shared.counts;
        let summary_done = counts.done();
        let is_full = self.memory.held().saturating_mul(100) >= self.memory.bytes().saturating_mul(95)
            || !self.is_open();
        // What waits for its time will be sent, and then gives memory back.
        let is_busy = counts.in_flight() > 0 || counts.waiting() > 0 || self.is_written();
        if !is_full || is_busy || summary_done != self.moved.0 {
            self.moved = (summary_done, Instant::now());
            self.shared.given_up.send_if_modified(std::mem::take);
            return;
        }
        if self.moved.1.elapsed() < STUCK {
            return;
        }
        self.moved.1 = Instant::now();
        self.accumulator.let_go();
        if !self.shared.given_up.send_replace(true) {
            tracing::warn!("memory is used up: the source's responses are waited for no longer");
            return;
        }
        let mut events = Vec::new();
        self.accumulator.evict_largest(&mut |event| events.push(event));
        self.dispatch(events);
    }
}
