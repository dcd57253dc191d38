//! When a request is due: the source's time, shifted to now and sped up.

use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// Requests that are due this far ahead count as due: a timer is not more exact.
const SLACK: Duration = Duration::from_micros(500);

/// How fast the source's time goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many source seconds a second.
    Factor(f64),
    /// Everything is due at once: as fast as the target takes it.
    Unlimited,
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
pub struct SourceClock(Arc<watch::Sender<Pace>>);

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// None before the first request.
    start: Option<Start>,
    speed: Speed,
    paused: bool,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    source: SystemTime,
    real: Instant,
    /// How long before `real` the source's moment was due: after a restart.
    late: Duration,
}

impl SourceClock {
    /// A clock that starts with the first request.
    #[must_use]
    pub fn new(speed: Speed) -> Self {
        Self(Arc::new(watch::Sender::new(Pace { start: None, speed, paused: false })))
    }

    /// Starts it at this moment of the source, if it has not started.
    pub fn start_at(&self, source: SystemTime) {
        if self.0.borrow().start.is_some() {
            return;
        }
        self.0.send_if_modified(|pace| {
            let starts = pace.start.is_none();
            if starts {
                pace.start = Some(Start { source, real: Instant::now(), late: Duration::ZERO });
            }
            starts
        });
    }

    /// Takes over a baseline, of another process or of this one before it was restarted.
    pub fn adopt(&self, baseline: Baseline) {
        let now = SystemTime::now();
        let late = now.duration_since(baseline.real).unwrap_or_default();
        let ahead = baseline.real.duration_since(now).unwrap_or_default();
        let real = Instant::now().checked_add(ahead).unwrap_or_else(Instant::now);
        self.0.send_modify(|pace| pace.start = Some(Start { source: baseline.source, real, late }));
    }

    /// The baseline, once it has started.
    #[must_use]
    pub fn baseline(&self) -> Option<Baseline> {
        let start = self.0.borrow().start?;
        let since = start.real.elapsed().saturating_add(start.late);
        let real = SystemTime::now().checked_sub(since)?;
        Some(Baseline { source: start.source, real })
    }

    /// The source's time now; `None` before the start, and when everything is due at once.
    #[must_use]
    pub fn now(&self) -> Option<SystemTime> {
        let pace = *self.0.borrow();
        let Speed::Factor(factor) = pace.speed else { return None };
        let start = pace.start?;
        let passed = if pace.paused { start.late } else { start.real.elapsed().saturating_add(start.late) };
        start.source.checked_add(scaled(passed, factor))
    }

    /// The speed.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.0.borrow().speed
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.borrow().paused
    }

    /// From now on the source's time goes by at this speed.
    pub fn set_speed(&self, speed: Speed) {
        self.change(|pace| pace.speed = speed);
    }

    /// Nothing becomes due any more.
    pub fn pause(&self) {
        self.change(|pace| pace.paused = true);
    }

    /// The source's time goes on from where it was paused.
    pub fn resume(&self) {
        self.change(|pace| pace.paused = false);
    }

    /// When something of this moment of the source is due: `None` while paused.
    #[must_use]
    pub fn due(&self, at: SystemTime) -> Option<Instant> {
        self.0.borrow().due(at)
    }

    /// Waits until this moment of the source, less `early` of our time, is due. Returns when it was due.
    pub async fn wait(&self, at: SystemTime, early: Duration) -> Instant {
        let now = Instant::now();
        if let Some(due) = self.due(at).filter(|due| *due <= now + early + SLACK) {
            return due;
        }
        let mut changes = self.0.subscribe();
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

    /// Changes the pace, with the source's time of now as the new start.
    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let source = self.now();
        self.0.send_modify(|pace| {
            if let (Some(source), Some(_)) = (source, pace.start) {
                pace.start = Some(Start { source, real: Instant::now(), late: Duration::ZERO });
            }
            change(pace);
        });
    }
}

impl Pace {
    fn due(&self, at: SystemTime) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let (Speed::Factor(factor), Some(start)) = (self.speed, self.start) else {
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
