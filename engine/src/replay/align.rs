//! Keeps the processes of a group at one time: the baseline that was set last is that of all.
//!
//! It is carried by the group's commits, so it is there for whoever comes later, and after a restart of all. A process reads it when
//! partitions come to it, and every now and then; it writes it when its clock starts, or is changed.

use super::clock::{SourceClock, Speed};
use super::settings::Settings;
use super::shared_baseline::{Refusal, SharedBaseline};
use crate::error::{Result, chain};
use crate::traffic::kafka::KafkaSource;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

/// How often it is looked what others have set, while something is new,
const SOON: Duration = Duration::from_secs(3);
/// which it is for so long;
const NEW: Duration = Duration::from_secs(30);
/// and how often then.
const LATER: Duration = Duration::from_secs(30);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Has commits carry a note.
pub type WriteNote = Box<dyn Fn(&str, bool) -> Result<()> + Send + Sync>;

/// The notes of a group: short texts that its commits carry, for all members to read.
pub struct GroupNotes {
    /// Those that were found when partitions came last.
    pub found: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Looks for them.
    pub look: Box<dyn Fn() -> BoxFuture<'static, Result<Vec<String>>> + Send + Sync>,
    /// From now on commits carry this one; with `true` one is made for that.
    pub write: WriteNote,
}

/// Keeps a clock at the time of its group.
pub(super) struct Alignment {
    notes: GroupNotes,
    clock: SourceClock,
    /// What was set before does not count.
    not_before: Option<SystemTime>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What our commits carry, and when the clock was set to it.
    own: Option<(SystemTime, SharedBaseline)>,
    /// The latest one of another speed.
    ignored: Option<SharedBaseline>,
    /// It was said that there is a note that is no baseline.
    has_warned: bool,
    has_partitions: bool,
    /// When something was new last.
    changed: Option<Instant>,
}

impl GroupNotes {
    /// Those of the group that reads a topic.
    #[must_use]
    pub fn of(source: &Arc<KafkaSource>) -> Self {
        let [finding, looking, writing] = std::array::from_fn(|_| Arc::clone(source));
        Self {
            found: Box::new(move || finding.notes()),
            look: Box::new(move || {
                let source = Arc::clone(&looking);
                Box::pin(async move { source.look_for_notes().await })
            }),
            write: Box::new(move |note, at_once| writing.note(note, at_once)),
        }
    }
}

/// Begins to keep the clock at the time of the group, as long as the task is not ended.
pub(super) fn start(notes: Option<GroupNotes>, settings: &Settings) -> (Option<Arc<Alignment>>, JoinSet<()>) {
    let mut tasks = JoinSet::new();
    let Some(notes) = notes else { return (None, tasks) };
    let alignment = Arc::new(Alignment::new(notes, settings.clock.clone(), settings.new_baseline));
    let aligning = Arc::clone(&alignment);
    tasks.spawn(async move { aligning.run().await });
    (Some(alignment), tasks)
}

impl Alignment {
    fn new(notes: GroupNotes, clock: SourceClock, is_new: bool) -> Self {
        let not_before = is_new.then(SystemTime::now);
        Self { notes, clock, not_before, state: Mutex::default() }
    }

    /// Takes over what the group has, before any request of a partition that comes is looked at.
    pub(super) fn partition_comes(&self) {
        let mut state = self.state();
        (state.has_partitions, state.changed) = (true, Some(Instant::now()));
        drop(state);
        self.consider(&(self.notes.found)());
    }

    /// Reads and writes until it is dropped.
    pub(super) async fn run(&self) {
        let mut changes = self.clock.changes();
        loop {
            self.write_own();
            let is_new = self.state().changed.is_some_and(|changed| changed.elapsed() < NEW);
            let is_unset = self.clock.setting().is_none();
            let wait = if is_new || is_unset { SOON } else { LATER };
            tokio::select! {
                // Never an error: the clock is ours too.
                _ = changes.changed() => {}
                () = tokio::time::sleep(wait) => self.look().await,
            }
        }
    }

    async fn look(&self) {
        if !self.state().has_partitions || self.clock.is_paused() {
            return;
        }
        match timeout(ANSWER, (self.notes.look)()).await {
            Ok(Ok(notes)) => self.consider(&notes),
            Ok(Err(error)) => debug!(error = chain(&error), "could not read the time baseline of the group"),
            Err(_) => debug!("the brokers do not say the time baseline of the group"),
        }
    }

    /// Takes over the baseline that was set last, or has ours written again where it is not found.
    fn consider(&self, notes: &[String]) {
        // While the clock stands still it is not known when it will go on.
        if self.clock.is_paused() {
            return;
        }
        self.write_own();
        let now = SystemTime::now();
        let found = notes.iter().filter_map(|note| self.read(note, now));
        let newest = found.max_by_key(SharedBaseline::rank);
        let own = self.state().own.map(|(_, own)| own);
        match (newest, own) {
            (Some(newest), own) if own.is_none_or(|own| newest.rank() > own.rank()) => self.meet(newest),
            // It was not written yet, or another partition's commit took its place.
            (newest, Some(own)) if newest != Some(own) => self.write(&own, true),
            _ => {}
        }
    }

    fn read(&self, note: &str, now: SystemTime) -> Option<SharedBaseline> {
        match SharedBaseline::read(note, now) {
            Ok(read) => Some(read).filter(|read| self.not_before.is_none_or(|first| read.set >= first)),
            Err(refusal) => {
                if !std::mem::replace(&mut self.state().has_warned, true) {
                    let reason = match refusal {
                        Refusal::Form => "it is no time baseline, or one of another version",
                        Refusal::Time => "its times are too far away to be meant",
                    };
                    warn!(metadata = ?note, reason, "the metadata of a commit of the group is ignored");
                }
                None
            }
        }
    }

    /// Takes over a baseline that is newer than ours, if it is for a clock like ours.
    fn meet(&self, newest: SharedBaseline) {
        let speed = self.clock.speed();
        let mut state = self.state();
        if !newest.is_for(speed) {
            let is_known = state.ignored.replace(newest) == Some(newest);
            if let (Some((_, other)), Speed::Factor(factor), false) = (newest.pace, speed, is_known) {
                warn!(
                    speed = factor,
                    other,
                    "the time baseline of the group is for another speed and is ignored: processes of one replay need one speed"
                );
            }
            return;
        }
        state.own = Some((newest.set, newest));
        state.changed = Some(Instant::now());
        drop(state);
        if let Some((baseline, _)) = newest.pace {
            let (source, due, set) = (millis(baseline.source), millis(baseline.real), millis(newest.set));
            info!(source, due, set, "keeping to the time baseline of the group");
            self.clock.adopt_set(baseline, newest.set);
        }
        self.write(&newest, false);
    }

    /// Writes what the clock was set to, if that is not known yet.
    fn write_own(&self) {
        let Some(setting) = self.clock.setting() else { return };
        let mut state = self.state();
        // Where everything is due at once it does not matter when that was set.
        let is_known = |(set, own): (SystemTime, SharedBaseline)| {
            own.is_for(setting.speed) && (own.pace.is_none() || set == setting.set)
        };
        if state.own.is_some_and(is_known) {
            return;
        }
        // Another process, whose clock may be ahead of ours, set what this takes the place of.
        let after = state.ignored.and_then(|ignored| ignored.set.checked_add(Duration::from_millis(1)));
        let own = SharedBaseline::of(&setting, after.map_or(setting.set, |after| after.max(setting.set)));
        state.own = Some((setting.set, own));
        state.changed = Some(Instant::now());
        drop(state);
        self.write(&own, true);
    }

    fn write(&self, baseline: &SharedBaseline, at_once: bool) {
        if let Err(error) = (self.notes.write)(&baseline.to_string(), at_once) {
            warn!(error = chain(&error), "could not write the time baseline of the group");
        }
    }

    /// Poison is of no concern: whoever holds the lock only moves values.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}

#[cfg(test)]
mod tests;
