//! Whether a run goes on.

use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A run without progress for so long is stuck, unless more was allowed: longer than the ten minutes in which a batch is
/// sent again and again before the run gives up by itself.
pub const STUCK_AFTER: Duration = Duration::from_secs(15 * 60);

/// How much longer than a run may be silent it has to be to count as stuck.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// How a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was read yet.
    Starting,
    /// It goes on.
    Running,
    /// The operator holds it back.
    Paused,
    /// There was no progress for too long.
    Stuck,
    /// It came to its end.
    Done,
    /// It could not go on.
    Failed,
}

/// How a run is, as `/healthz` says it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Health {
    /// In a word.
    pub state: State,
    /// How long there was no progress.
    pub seconds_since_progress: f64,
}

impl Health {
    /// Whether whoever watches may leave it alone.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        !matches!(self.state, State::Stuck | State::Failed)
    }
}

/// When there was progress last.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    start_since_1970: Duration,
    /// In milliseconds since the start; 0 for never.
    last: AtomicU64,
    /// In milliseconds: longer without progress is stuck.
    patience: AtomicU64,
    has_progress: AtomicBool,
    paused: AtomicBool,
    done: AtomicBool,
    failed: AtomicBool,
}

impl Pulse {
    pub(super) fn start() -> Self {
        Self {
            start: Instant::now(),
            start_since_1970: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            last: AtomicU64::new(0),
            patience: AtomicU64::new(millis(STUCK_AFTER)),
            has_progress: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            done: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// When it was started, since 1970.
    pub(super) const fn started(&self) -> Duration {
        self.start_since_1970
    }

    /// Something was done.
    pub(super) fn beat(&self) {
        self.alive();
        self.has_progress.store(true, Ordering::Relaxed);
    }

    /// Nothing was done, and there was nothing to do.
    pub(super) fn alive(&self) {
        self.last.fetch_max(millis(self.start.elapsed()), Ordering::Relaxed);
    }

    /// Silence of so long is no fault.
    pub(super) fn allow_silence(&self, silence: Duration) {
        self.patience.fetch_max(millis(silence.saturating_add(MARGIN)), Ordering::Relaxed);
    }

    pub(super) fn pause(&self, paused: bool) {
        self.alive(); // The time of a pause does not count.
        self.paused.store(paused, Ordering::Relaxed);
    }

    pub(super) fn end(&self, failed: bool) {
        let end = if failed { &self.failed } else { &self.done };
        end.store(true, Ordering::Relaxed);
    }

    /// When there was progress last, in seconds since 1970; 0 for never.
    pub(super) fn last_progress(&self) -> f64 {
        if !self.has_progress.load(Ordering::Relaxed) {
            return 0.0;
        }
        let since_start = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.start_since_1970.saturating_add(since_start).as_secs_f64()
    }

    pub(super) fn health(&self) -> Health {
        self.health_after(self.start.elapsed())
    }

    /// So long after the start.
    fn health_after(&self, elapsed: Duration) -> Health {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let idle = elapsed.saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)));
        let state = match () {
            () if is(&self.failed) => State::Failed,
            () if is(&self.done) => State::Done,
            () if is(&self.paused) => State::Paused,
            () if millis(idle) >= self.patience.load(Ordering::Relaxed) => State::Stuck,
            () if is(&self.has_progress) => State::Running,
            () => State::Starting,
        };
        Health { state, seconds_since_progress: (idle.as_secs_f64() * 1000.0).round() / 1000.0 }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pulse: &Pulse, minutes: u64) -> State {
        pulse.health_after(Duration::from_secs(60 * minutes)).state
    }

    #[test]
    fn a_run_without_progress_is_stuck_in_the_end() {
        let pulse = Pulse::start();
        assert_eq!(
            [0, 14, 15].map(|minutes| state(&pulse, minutes)),
            [State::Starting, State::Starting, State::Stuck]
        );
        pulse.beat();
        assert_eq!((state(&pulse, 1), state(&pulse, 16)), (State::Running, State::Stuck));
        pulse.last.store(10 * 60_000, Ordering::Relaxed);
        assert_eq!((state(&pulse, 24), state(&pulse, 25)), (State::Running, State::Stuck));
    }

    #[test]
    fn silence_that_is_allowed_is_not_stuck() {
        let pulse = Pulse::start();
        pulse.allow_silence(Duration::from_secs(60 * 60));
        pulse.allow_silence(Duration::from_secs(60));
        assert_eq!((state(&pulse, 64), state(&pulse, 65)), (State::Starting, State::Stuck));
    }

    #[test]
    fn a_pause_is_not_a_fault_and_the_end_of_a_run_stays() {
        let pulse = Pulse::start();
        pulse.pause(true);
        assert_eq!(state(&pulse, 600), State::Paused);
        pulse.pause(false);
        assert_eq!(state(&pulse, 1), State::Starting);
        pulse.end(false);
        assert_eq!(state(&pulse, 600), State::Done);
        pulse.end(true);
        assert_eq!(state(&pulse, 600), State::Failed);
        assert!(!pulse.health().is_well());
    }

    #[test]
    fn the_time_of_the_last_progress_is_a_date() {
        let pulse = Pulse::start();
        assert_eq!(pulse.last_progress(), 0.0);
        pulse.alive();
        assert_eq!(pulse.last_progress(), 0.0);
        pulse.beat();
        pulse.last.store(90_000, Ordering::Relaxed);
        assert_eq!(pulse.last_progress(), (pulse.started() + Duration::from_secs(90)).as_secs_f64());
    }
}
