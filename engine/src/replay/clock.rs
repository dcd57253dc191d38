//! When a request is due: the source's time, shifted to now and sped up.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// Requests that are due this far ahead count as due: a timer is not more exact.
const SLACK: Duration = Duration::from_micros(500);

/// Nothing was captured later than now; clocks differ.
const TOLERANCE: Duration = Duration::from_secs(86_400);

/// Whether it can be a moment of the source. Others are those of damaged records, or of records without a time: one of them must not
/// start the clock, and what has it is due at once.
pub(super) fn is_believed(at: SystemTime) -> bool {
    let is_late = at.duration_since(SystemTime::now()).is_ok_and(|ahead| ahead > TOLERANCE);
    !is_late && at > SystemTime::UNIX_EPOCH
}

/// How fast the source's time goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many source seconds a second.
    Factor(f64),
    /// Everything is due at once: as fast as the target takes it.
    Unlimited,
}

impl Speed {
    /// How many times as fast as the source a replay can be.
    pub const FACTORS: RangeInclusive<f64> = 0.000_001..=1_000_000.0;

    /// So many source seconds a second, if that can be.
    #[must_use]
    pub fn times(factor: f64) -> Option<Self> {
        Self::FACTORS.contains(&factor).then_some(Self::Factor(factor))
    }
}

/// Which moment of the source's time is which moment of ours: the same for all processes of a replay, and after a restart.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Baseline {
    /// A moment of the source's clock.
    pub source: SystemTime,
    /// The moment of our clock at which it is replayed.
    pub real: SystemTime,
}

/// The source's time as it goes by in the replay. Clones share it; it can be paused, and its speed changed, while it runs.
#[derive(Debug, Clone)]
pub struct SourceClock {
    pace: Arc<watch::Sender<Pace>>,
    /// The latest moment of the source of which something was sent: microseconds since 1970, 0 for none.
    reached: Arc<AtomicU64>,
}

/// How the source's time goes by, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// None before the first request.
    start: Option<Start>,
    speed: Speed,
    /// Since when it stands still, if it does.
    paused: Option<Instant>,
    /// How long it stood still before.
    held: Duration,
    /// When the last pause ended.
    resumed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    source: SystemTime,
    real: Instant,
    /// How long before `real` the source's moment was due: after a restart.
    late: Duration,
    /// The moment of our clock at which the source's moment is due.
    due: SystemTime,
    /// When this was set, here or in another process.
    set: SystemTime,
}

/// What the clock is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) baseline: Baseline,
    pub(super) speed: Speed,
    /// When it was set.
    pub(super) set: SystemTime,
}

impl Start {
    /// This moment of the source is now.
    fn now(source: SystemTime) -> Self {
        let now = SystemTime::now();
        Self { source, real: Instant::now(), late: Duration::ZERO, due: now, set: now }
    }
}

impl SourceClock {
    /// A clock that starts with the first request.
    #[must_use]
    pub fn new(speed: Speed) -> Self {
        let pace = Pace { start: None, speed, paused: None, held: Duration::ZERO, resumed: None };
        Self { pace: Arc::new(watch::Sender::new(pace)), reached: Arc::default() }
    }

    /// Starts it at this moment of the source, if it has not started.
    pub fn start_at(&self, source: SystemTime) {
        if self.pace.borrow().start.is_some() || !is_believed(source) {
            return;
        }
        self.pace.send_if_modified(|pace| {
            let starts = pace.start.is_none();
            if starts {
                pace.start = Some(Start::now(source));
            }
            starts
        });
    }

    /// Takes over a baseline, of another process or of this one before it was restarted.
    pub fn adopt(&self, baseline: Baseline) {
        self.adopt_set(baseline, SystemTime::now());
    }

    /// The same, of a baseline that was set at this moment.
    pub(super) fn adopt_set(&self, baseline: Baseline, set: SystemTime) {
        let now = SystemTime::now();
        let late = now.duration_since(baseline.real).unwrap_or_default();
        let ahead = baseline.real.duration_since(now).unwrap_or_default();
        let real = Instant::now().checked_add(ahead).unwrap_or_else(Instant::now);
        let start = Start { source: baseline.source, real, late, due: baseline.real, set };
        self.pace.send_modify(|pace| pace.start = Some(start));
    }

    /// What it is set to; `None` before the start, and while it stands still.
    pub(super) fn setting(&self) -> Option<Setting> {
        let pace = *self.pace.borrow();
        let start = pace.start.filter(|_| pace.paused.is_none())?;
        let baseline = Baseline { source: start.source, real: start.due };
        Some(Setting { baseline, speed: pace.speed, set: start.set })
    }

    /// Tells of every change.
    pub(super) fn changes(&self) -> watch::Receiver<Pace> {
        self.pace.subscribe()
    }

    /// The baseline, once it has started. While it is paused: that of a replay that went on now.
    #[must_use]
    pub fn baseline(&self) -> Option<Baseline> {
        let pace = *self.pace.borrow();
        let start = pace.start?;
        let ahead = start.real.saturating_duration_since(Instant::now());
        let real = SystemTime::now().checked_add(ahead)?.checked_sub(pace.passed(&start))?;
        Some(Baseline { source: start.source, real })
    }

    /// The source's time now; `None` before the start, and when everything is due at once.
    #[must_use]
    pub fn now(&self) -> Option<SystemTime> {
        let pace = *self.pace.borrow();
        let Speed::Factor(factor) = pace.speed else { return None };
        let start = pace.start?;
        start.source.checked_add(scaled(pace.passed(&start), factor))
    }

    /// Where it is: the source's time now, or, when everything is due at once, the latest moment of which something was sent.
    /// `None` before the start.
    #[must_use]
    pub fn position(&self) -> Option<SystemTime> {
        let pace = *self.pace.borrow();
        match pace.speed {
            Speed::Factor(_) => self.now(),
            Speed::Unlimited => {
                let reached = Duration::from_micros(self.reached.load(Ordering::Relaxed));
                pace.start.map(|start| start.source.max(SystemTime::UNIX_EPOCH + reached))
            }
        }
    }

    /// Something of this moment of the source is sent.
    pub fn reached(&self, at: SystemTime) {
        if !is_believed(at) {
            return;
        }
        let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        self.reached.fetch_max(micros, Ordering::Relaxed);
    }

    /// The speed.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.pace.borrow().speed
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pace.borrow().paused.is_some()
    }

    /// From now on the source's time goes by at this speed.
    pub fn set_speed(&self, speed: Speed) {
        self.change(|pace| pace.speed = speed);
    }

    /// Nothing becomes due any more.
    pub fn pause(&self) {
        self.change(|pace| pace.paused = pace.paused.or_else(|| Some(Instant::now())));
    }

    /// The source's time goes on from where it was paused.
    pub fn resume(&self) {
        self.change(|pace| {
            if let Some(since) = pace.paused.take() {
                pace.held = pace.held.saturating_add(since.elapsed());
                pace.resumed = Some(Instant::now());
            }
        });
    }

    /// How long it stood still until now, in all.
    pub(super) fn held(&self) -> Duration {
        let pace = *self.pace.borrow();
        pace.held.saturating_add(pace.paused.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    /// Waits as long as it is paused; whether it was.
    pub async fn resumed(&self) -> bool {
        let is_paused = self.is_paused();
        if is_paused {
            // An error means that the sender is gone, which `self` has.
            let _ = self.pace.subscribe().wait_for(|pace| pace.paused.is_none()).await;
        }
        is_paused
    }

    /// When something was due that a pause may have held back after that: at the end of the pause.
    #[must_use]
    pub fn after_pause(&self, due: Instant) -> Instant {
        self.pace.borrow().resumed.map_or(due, |resumed| due.max(resumed))
    }

    /// When something of this moment of the source is due: `None` while paused.
    #[must_use]
    pub fn due(&self, at: SystemTime) -> Option<Instant> {
        self.pace.borrow().due(at)
    }

    /// Waits until this moment of the source, less `early` of our time, is due. Returns when it was due.
    pub async fn wait(&self, at: SystemTime, early: Duration) -> Instant {
        let now = Instant::now();
        if let Some(due) = self.due(at).filter(|due| *due <= now + early + SLACK) {
            return due;
        }
        let mut changes = self.pace.subscribe();
        loop {
            let due = changes.borrow_and_update().due(at);
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.checked_sub(early).unwrap_or(due)).await,
                    None => std::future::pending().await,
                }
                due
            };
            tokio::select! {
                due = sleep => return due.unwrap_or_else(Instant::now),
                changed = changes.changed() => if changed.is_err() { return Instant::now() },
            }
        }
    }

    /// Changes the pace, with the source's time of now as the new start; a start that is still to come stays.
    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let source = self.position();
        self.pace.send_modify(|pace| {
            let begun = pace.start.filter(|start| start.real <= Instant::now());
            if let (Some(source), Some(start)) = (source, begun) {
                let now = Start::now(source);
                // Not before what it takes the place of, whose process may have another clock.
                let set = now.set.max(start.set.checked_add(Duration::from_millis(1)).unwrap_or(now.set));
                pace.start = Some(Start { set, ..now });
            }
            change(pace);
        });
    }
}

impl Pace {
    /// How much of our time went by since the start.
    fn passed(&self, start: &Start) -> Duration {
        let since = if self.paused.is_some() { Duration::ZERO } else { start.real.elapsed() };
        since.saturating_add(start.late)
    }

    fn due(&self, at: SystemTime) -> Option<Instant> {
        if self.paused.is_some() {
            return None;
        }
        let (Speed::Factor(factor), Some(start), true) = (self.speed, self.start, is_believed(at)) else {
            return Some(Instant::now());
        };
        let ahead = at.duration_since(start.source).unwrap_or_default();
        let after = scaled(ahead, factor.recip()).saturating_sub(start.late);
        // So far away that the clock cannot say it: a day from now it is asked again, if anybody still waits.
        start.real.checked_add(after).or_else(|| start.real.checked_add(Duration::from_secs(86_400)))
    }
}

fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn source(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_ten_seconds_later_is_due_one_second_later_at_ten_times_the_speed() {
        let clock = SourceClock::new(Speed::Factor(10.0));
        let begin = Instant::now();
        clock.start_at(source(0));
        clock.start_at(source(5)); // Only the first counts.
        assert_eq!(clock.due(source(10)), Some(begin + SECOND));
        clock.wait(source(10), Duration::ZERO).await;
        assert_eq!(begin.elapsed().as_millis(), 1000);
        assert!(clock.now().unwrap() >= source(10));
    }

    #[tokio::test(start_paused = true)]
    async fn moments_that_cannot_be_start_no_clock_and_are_due_at_once() {
        let clock = SourceClock::new(Speed::Factor(1.0));
        let far = SystemTime::now() + Duration::from_secs(10 * 365 * 86_400);
        for damaged in [SystemTime::UNIX_EPOCH, far] {
            clock.start_at(damaged);
            assert_eq!(clock.now(), None);
        }
        clock.start_at(source(0));
        let begin = Instant::now();
        for damaged in [SystemTime::UNIX_EPOCH, far] {
            clock.reached(damaged);
            clock.wait(damaged, Duration::ZERO).await;
        }
        assert_eq!((begin.elapsed(), clock.due(source(5))), (Duration::ZERO, Some(begin + 5 * SECOND)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_stops_time_and_a_new_speed_counts_from_its_moment() {
        let clock = SourceClock::new(Speed::Factor(1.0));
        clock.start_at(source(0));
        tokio::time::advance(10 * SECOND).await;
        clock.pause();
        tokio::time::advance(100 * SECOND).await;
        assert_eq!((clock.due(source(20)), clock.now()), (None, Some(source(10))));
        clock.resume();
        let resumed = Instant::now();
        assert_eq!(clock.due(source(20)), Some(resumed + 10 * SECOND));
        clock.set_speed(Speed::Factor(5.0));
        assert_eq!(clock.due(source(20)), Some(resumed + 2 * SECOND));
        clock.set_speed(Speed::Unlimited);
        assert_eq!(clock.due(source(1_000_000)), Some(resumed));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_known_how_long_it_stood_still() {
        let clock = SourceClock::new(Speed::Factor(1.0));
        tokio::time::advance(SECOND).await;
        assert_eq!(clock.held(), Duration::ZERO);
        for expected in [2, 4] {
            clock.pause();
            tokio::time::advance(SECOND).await;
            clock.pause(); // It is paused already.
            tokio::time::advance(SECOND).await;
            assert_eq!(clock.held(), expected * SECOND);
            clock.resume();
            clock.resume();
            tokio::time::advance(SECOND).await;
            assert_eq!(clock.held(), expected * SECOND);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_that_was_as_fast_as_possible_goes_on_from_what_was_sent_last() {
        let clock = SourceClock::new(Speed::Unlimited);
        assert_eq!(clock.position(), None);
        clock.start_at(source(0));
        tokio::time::advance(SECOND).await;
        clock.reached(source(3600));
        clock.reached(source(3000));
        assert_eq!((clock.now(), clock.position()), (None, Some(source(3600))));
        clock.set_speed(Speed::Factor(2.0));
        assert_eq!(
            (clock.now(), clock.due(source(3610))),
            (Some(source(3600)), Some(Instant::now() + 5 * SECOND))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_before_the_baseline_does_not_bring_the_start_forward() {
        let clock = SourceClock::new(Speed::Factor(1.0));
        clock.adopt(Baseline { source: source(0), real: SystemTime::now() + 100 * SECOND });
        let start = clock.due(source(0)).unwrap();
        clock.pause();
        tokio::time::advance(50 * SECOND).await;
        clock.resume();
        assert_eq!(clock.due(source(0)), Some(start));
        clock.pause();
        tokio::time::advance(80 * SECOND).await;
        clock.resume();
        assert_eq!(
            (clock.now(), clock.due(source(10))),
            (Some(source(0)), Some(Instant::now() + 10 * SECOND))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_end_of_a_pause_is_told_that_there_was_one() {
        let clock = SourceClock::new(Speed::Unlimited);
        assert!(!clock.resumed().await);
        clock.pause();
        let mut waiting = Box::pin(clock.resumed());
        assert!(futures::poll!(&mut waiting).is_pending());
        let due = Instant::now();
        tokio::time::advance(SECOND).await;
        clock.resume();
        assert!(waiting.await);
        assert_eq!(clock.after_pause(due), due + SECOND);
        assert_eq!(clock.after_pause(due + 2 * SECOND), due + 2 * SECOND);
    }

    #[test]
    fn a_speed_is_a_number_that_time_can_be_divided_by() {
        assert_eq!(Speed::times(2.5), Some(Speed::Factor(2.5)));
        for factor in [0.0, -1.0, 1e-320, 1e7, f64::INFINITY, f64::NAN] {
            assert_eq!(Speed::times(factor), None, "{factor}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_who_waits_notices_a_pause_and_a_new_speed() {
        let clock = SourceClock::new(Speed::Factor(1.0));
        clock.start_at(source(0));
        let begin = Instant::now();
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.wait(source(1000), Duration::ZERO).await }
        });
        tokio::time::sleep(SECOND).await;
        clock.pause();
        tokio::time::sleep(5000 * SECOND).await;
        assert!(!waiting.is_finished());
        clock.resume();
        clock.set_speed(Speed::Factor(999.0));
        waiting.await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 5002);
    }

    #[tokio::test(start_paused = true)]
    async fn a_baseline_of_the_past_makes_up_for_the_time_between() {
        let clock = SourceClock::new(Speed::Factor(2.0));
        clock.adopt(Baseline { source: source(0), real: SystemTime::now() - 10 * SECOND });
        let wait = clock.due(source(30)).unwrap() - Instant::now();
        assert!((4.9..5.1).contains(&wait.as_secs_f64()), "{wait:?}");
        assert!(clock.due(source(19)).unwrap() <= Instant::now());
        assert_eq!(clock.baseline().unwrap().source, source(0));
    }
}
