//! The metrics of a replay, as `/metrics` has them: all out of what is counted anyway.

use super::clock::{SourceClock, Speed};
use super::counts::{Counts, Times};
use super::histogram::Histogram;
use super::monitor::{Monitor, Running};
use super::summary::Summary;
use crate::telemetry::{
    CommitOutcome, ConnectionEvent, Figures, Label, Metric, Page, QuarantinedThing, ReplayOutcome,
    ReplayRetry,
};
use crate::traffic::AccumulatorCounts;
use crate::traffic::kafka::KafkaStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

impl Monitor {
    /// Writes the metrics whenever somebody looks. Every series is there from the start, with 0, but those of partitions and statuses,
    /// which come and go with what they are about.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let monitor = self.clone();
        Box::new(move |page| monitor.write(page))
    }

    fn write(&self, page: &mut Page) {
        let running = self.running();
        if let Some(running) = &running {
            self.tell_health(running);
        }
        let counts = running.as_ref().map_or_else(Arc::default, |running| Arc::clone(&running.counts));
        let summary = counts.summary();
        write_traffic(page, &counts.traffic());
        write_lag(page, self.topic().as_ref());
        write_commits(page, &counts);
        write_requests(page, &counts, &summary);
        write_times(page, &counts.times());
        write_pace(page, running.as_deref());
        one(page, Metric::ReplayTuples, summary.tuples);
        one(page, Metric::ReplayTupleFiles, counts.files());
    }
}

/// A number without labels.
fn one(page: &mut Page, metric: Metric, number: u64) {
    page.number(metric, &[], number as f64);
}

/// A number for each value of a label.
fn each<L: Label>(page: &mut Page, metric: Metric, number: impl Fn(L) -> u64) {
    for value in L::ALL {
        page.number(metric, &[value.value()], number(*value) as f64);
    }
}

fn write_traffic(page: &mut Page, traffic: &AccumulatorCounts) {
    one(page, Metric::ReplayRecords, traffic.records);
    one(page, Metric::ReplayReadBytes, traffic.bytes);
    one(page, Metric::ReplayMissingRecords, traffic.missing);
    each(page, Metric::ReplayQuarantined, |thing| match thing {
        QuarantinedThing::Record => traffic.quarantined,
        QuarantinedThing::Request => traffic.quarantined_requests,
    });
    each(page, Metric::ReplaySourceConnections, |event| match event {
        ConnectionEvent::Begun => traffic.connections,
        ConnectionEvent::Closed => traffic.closed,
        ConnectionEvent::Expired => traffic.expired,
        ConnectionEvent::CrowdedOut => traffic.crowded_out,
    });
    one(page, Metric::ReplaySourceConnectionsOpen, traffic.open_connections);
}

fn write_lag(page: &mut Page, topic: Option<&KafkaStatus>) {
    let partitions = || topic.into_iter().flat_map(|status| &status.partitions);
    for lag in partitions() {
        page.number(Metric::ReplayLagRecords, &[&lag.partition.to_string()], lag.records as f64);
    }
    for lag in partitions() {
        page.number(Metric::ReplayLagSeconds, &[&lag.partition.to_string()], lag.behind.as_secs_f64());
    }
}

fn write_commits(page: &mut Page, counts: &Counts) {
    page.number(Metric::ReplayUncommittedSeconds, &[], counts.uncommitted().as_secs_f64());
    let (committed, failed) = counts.commits();
    each(page, Metric::ReplayCommits, |outcome| match outcome {
        CommitOutcome::Committed => committed,
        CommitOutcome::Failed => failed,
    });
    page.number(Metric::ReplayLastCommit, &[], counts.last_commit().as_secs_f64());
}

fn write_requests(page: &mut Page, counts: &Counts, summary: &Summary) {
    one(page, Metric::ReplayRequestsRead, summary.requests);
    each(page, Metric::ReplayRequests, |outcome| match outcome {
        ReplayOutcome::Answered => summary.answered,
        ReplayOutcome::Unanswered => summary.unanswered,
        ReplayOutcome::Skipped => summary.skipped.values().sum(),
        ReplayOutcome::Dropped => summary.dropped,
        ReplayOutcome::TransformFailed => summary.failed_transforms,
        ReplayOutcome::Abandoned => summary.abandoned,
    });
    for (pair, count) in &summary.statuses {
        let (source, target) = pair.split_once('>').unwrap_or((pair, ""));
        let [source, target] = [source, target].map(|status| if status == "-" { "none" } else { status });
        page.number(Metric::ReplayStatuses, &[source, target], *count as f64);
    }
    one(page, Metric::ReplayAttempts, counts.sent_total().saturating_add(summary.retries));
    each::<ReplayRetry>(page, Metric::ReplayRetries, |cause| counts.retries(cause));
    one(page, Metric::ReplayInFlight, summary.in_flight);
}

fn write_times(page: &mut Page, times: &Times) {
    histogram(page, Metric::ReplayScheduleLag, &times.lag);
    histogram(page, Metric::ReplayResponse, &times.took);
}

fn histogram(page: &mut Page, metric: Metric, times: &Histogram) {
    let limits: Vec<f64> = Page::BOUNDS.iter().map(|seconds| seconds * 1000.0).collect();
    page.histogram(metric, &times.up_to(&limits), times.total(), times.sum());
}

fn write_pace(page: &mut Page, running: Option<&Running>) {
    let clock = running.map(|running| &running.clock);
    let speed = match clock.map(SourceClock::speed) {
        Some(Speed::Factor(factor)) => factor,
        Some(Speed::Unlimited) | None => 0.0,
    };
    let position = clock.and_then(SourceClock::position).unwrap_or(UNIX_EPOCH);
    let since_1970 = position.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.number(Metric::ReplaySpeed, &[], speed);
    one(page, Metric::ReplayPaused, clock.is_some_and(SourceClock::is_paused).into());
    page.number(Metric::ReplaySourceTime, &[], since_1970.as_secs_f64());
    one(page, Metric::ReplayInFlightLimit, running.map_or(0, |running| running.most_in_flight as u64));
    let connections = running.map_or(0, |running| running.dialer.open_connections());
    one(page, Metric::ReplayTargetConnections, connections as u64);
    let backlog = running.map_or(0, |running| running.backlog.load(Ordering::Relaxed));
    one(page, Metric::ReplayTupleBacklog, backlog);
}
