//! How a replay stands, as `/replay` says it.

use super::clock::Speed;
use super::monitor::{Monitor, Running};
use super::summary::Summary;
use crate::traffic::AccumulatorCounts;
use crate::traffic::inspect::Instant;
use crate::traffic::kafka::{KafkaStatus, PartitionLag};
use serde::{Serialize, Serializer};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// How the source's time goes by.
#[derive(Debug, Serialize)]
pub(super) struct Pace {
    state: State,
    #[serde(serialize_with = "speed")]
    speed: Speed,
    /// The moment of the source that is replayed now.
    source_time: Option<Instant>,
    /// How long ago that was.
    source_age_seconds: Option<f64>,
    /// As `--baseline` takes it.
    baseline: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Paused,
    /// It was told to stop, and lets what is in flight come to its end.
    Stopping,
}

/// How a replay stands.
#[derive(Debug, Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    pace: Pace,
    in_flight: u64,
    most_in_flight: usize,
    target_connections: usize,
    /// How late the request was that was sent last.
    schedule_lag_seconds: f64,
    /// How long the oldest record that is not committed has been under way.
    uncommitted_seconds: f64,
    tuple_backlog_bytes: u64,
    /// How far behind the end of the topic it is; none for files.
    lag: Option<Lag>,
    #[serde(flatten)]
    summary: Summaries,
}

/// How far a replay is, for a line of progress.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReplayProgress {
    /// Requests of the source that are whole.
    pub requests: u64,
    /// Of these, through: answered, not selected, dropped, or failed.
    pub done: u64,
    /// Of these, without an answer of the target, or not sent because a transform failed.
    pub failed: u64,
    /// Requests that the target has now.
    pub in_flight: u64,
    /// Records between what is done and the end of the topic, and the age of the oldest of them in seconds; none for files, and while no
    /// partition is read.
    pub behind: Option<(u64, f64)>,
    /// Whether a topic is read, and no broker can be reached.
    pub is_cut_off: bool,
    /// Whether it is paused.
    pub is_paused: bool,
}

/// The same as in the report at the end.
#[derive(Debug, Serialize)]
struct Summaries {
    traffic: AccumulatorCounts,
    replayed: Summary,
}

/// How far behind the end of a topic a replay is.
#[derive(Debug, Serialize)]
struct Lag {
    records: u64,
    /// Of the partition that is furthest behind.
    seconds: f64,
    partitions: Vec<Partition>,
}

#[derive(Debug, Serialize)]
struct Partition {
    partition: i32,
    records: u64,
    /// Age of the oldest record that is not done, by its time in Kafka.
    seconds: f64,
    /// The offset of the next record to be read.
    next: i64,
    /// The offset after the last record.
    end: i64,
    /// Whether it is held back, because it is ahead of the source's time, or memory is short.
    is_held: bool,
}

impl Pace {
    pub(super) fn of(running: &Running) -> Self {
        let clock = &running.clock;
        let state = match () {
            () if running.cancel.is_cancelled() => State::Stopping,
            () if clock.is_paused() => State::Paused,
            () => State::Running,
        };
        let (speed, source) = (clock.speed(), clock.position());
        let baseline = clock.baseline().filter(|_| speed != Speed::Unlimited);
        let baseline =
            baseline.map(|baseline| format!("{}={}", Instant(baseline.source), Instant(baseline.real)));
        let age = source.map(|source| SystemTime::now().duration_since(source).unwrap_or_default());
        Self {
            state,
            speed,
            source_time: source.map(Instant),
            source_age_seconds: age.map(seconds),
            baseline,
        }
    }
}

impl View {
    pub(super) fn of(running: &Running, monitor: &Monitor) -> Self {
        let counts = &running.counts;
        Self {
            pace: Pace::of(running),
            in_flight: counts.in_flight(),
            most_in_flight: running.most_in_flight,
            target_connections: running.dialer.open_connections(),
            schedule_lag_seconds: seconds(counts.times().last_lag),
            uncommitted_seconds: seconds(counts.uncommitted()),
            tuple_backlog_bytes: running.backlog.load(Ordering::Relaxed),
            lag: monitor.topic().as_ref().map(Lag::of),
            summary: Summaries { traffic: counts.traffic(), replayed: counts.summary() },
        }
    }
}

impl Monitor {
    /// How far the replay is, once it has begun.
    #[must_use]
    pub fn progress(&self) -> Option<ReplayProgress> {
        let running = self.running()?;
        let (counts, topic) = (&running.counts, self.topic());
        let summary = counts.summary();
        let lag = topic.as_ref().map(Lag::of).filter(|lag| !lag.partitions.is_empty());
        Some(ReplayProgress {
            requests: summary.requests,
            done: counts.done(),
            failed: summary.unanswered.saturating_add(summary.failed_transforms),
            in_flight: counts.in_flight(),
            behind: lag.map(|lag| (lag.records, lag.seconds)),
            is_cut_off: topic.is_some_and(|topic| !topic.connection.is_up),
            is_paused: running.clock.is_paused(),
        })
    }
}

impl Lag {
    fn of(status: &KafkaStatus) -> Self {
        let partitions: Vec<_> = status.partitions.iter().map(Partition::of).collect();
        Self {
            records: partitions.iter().map(|partition| partition.records).sum(),
            seconds: partitions.iter().map(|partition| partition.seconds).fold(0.0, f64::max),
            partitions,
        }
    }
}

impl Partition {
    fn of(lag: &PartitionLag) -> Self {
        let PartitionLag { partition, records, behind, next, end, is_paused, .. } = *lag;
        Self { partition, records, seconds: seconds(behind), next, end, is_held: is_paused }
    }
}

/// To the millisecond: what people read.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn speed<S: Serializer>(speed: &Speed, serializer: S) -> Result<S::Ok, S::Error> {
    match speed {
        Speed::Factor(factor) => serializer.serialize_f64(*factor),
        Speed::Unlimited => serializer.serialize_str("max"),
    }
}
