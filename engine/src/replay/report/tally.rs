//! Adds up what tuples say, one after the other.

use super::Settings;
use super::compare::Difference;
use super::compare::SearchComparison;
use super::duplicates;
use super::groups::Groups;
use super::noise::Noise;
use super::outcome::{Answer, Outcome, error_kind};
use super::seen::{Body, Bulk, Seen};
use super::summary::*;
use super::timeline::Timeline;
use crate::replay::histogram::Histogram;
use std::collections::BTreeMap;

/// Bad lines that are named; more are counted only.
const MOST_BAD: usize = 100;

/// Reasons, and kinds of items, that are told apart: their words come from outside.
const MOST_REASONS: usize = 200;

/// What was counted so far.
pub(super) struct Tally<'s> {
    settings: &'s Settings,
    report: Report,
    duplicates: duplicates::Duplicates,
    noise: Noise,
    groups: Groups,
    statuses: BTreeMap<(Answer, Answer), u64>,
    outcomes: BTreeMap<Outcome, u64>,
    no_answer: BTreeMap<String, u64>,
    not_sent: BTreeMap<String, u64>,
    not_compared: BTreeMap<String, u64>,
    items: BTreeMap<(String, String), u64>,
    latency: BTreeMap<String, (Histogram, Histogram)>,
    throughput: (Timeline, Timeline),
    overlap: f64,
}

impl<'s> Tally<'s> {
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            report: Report::default(),
            duplicates: duplicates::Duplicates::default(),
            noise: Noise::default(),
            groups: Groups::new(settings.examples),
            statuses: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            no_answer: BTreeMap::new(),
            not_sent: BTreeMap::new(),
            not_compared: BTreeMap::new(),
            items: BTreeMap::new(),
            latency: BTreeMap::new(),
            throughput: (Timeline::default(), Timeline::default()),
            overlap: 0.0,
        }
    }

    /// A line that is no tuple.
    pub(super) fn add_bad(&mut self, file: &str, line: u64, reason: String) {
        self.report.bad_lines = self.report.bad_lines.saturating_add(1);
        if self.report.bad.len() < MOST_BAD {
            self.report.bad.push(BadLine { file: file.to_owned(), line, reason });
        }
    }

    /// A file was read.
    pub(super) fn end_file(&mut self) {
        self.report.files = self.report.files.saturating_add(1);
        self.duplicates.end_file();
    }

    /// A tuple.
    pub(super) fn add(&mut self, seen: Seen<'_>, file: &str, line: u64) {
        if let Some(place) = &seen.place {
            self.duplicates.note(place.topic_hash, place.partition, place.offset);
        }
        if !seen.identity.is_none_or(|identity| self.duplicates.is_first(identity)) {
            return;
        }
        self.report.tuples = self.report.tuples.saturating_add(1);
        self.report.attempts = self.report.attempts.saturating_add(seen.attempts);
        count(&mut self.report.retried, seen.attempts > 1);
        count(&mut self.report.coarse_times, seen.is_coarse && seen.latency.is_some());
        increase(self.statuses.entry((seen.source, seen.target)).or_default());
        increase(self.outcomes.entry(seen.outcome).or_default());
        self.add_times(&seen);
        if let Some(repeat) = &seen.repeat {
            self.noise.learn(&seen.endpoint, self.settings.subject(&seen.endpoint), repeat);
        }
        self.add_outcome(&seen, file, line);
        self.add_body(seen, file, line);
    }

    fn add_times(&mut self, seen: &Seen<'_>) {
        let (source, target) = seen.times;
        source.into_iter().for_each(|time| self.throughput.0.add(time));
        target.into_iter().for_each(|time| self.throughput.1.add(time));
        let Some((source, target)) = seen.latency else { return };
        for class in [Latency::ALL, &seen.endpoint.name] {
            let (sources, targets) = self.latency.entry(class.to_owned()).or_default();
            sources.add(source);
            targets.add(target);
        }
    }

    fn add_outcome(&mut self, seen: &Seen<'_>, file: &str, line: u64) {
        let reason = seen.reason.as_deref().unwrap_or_default();
        match seen.outcome {
            Outcome::NoAnswer => {
                let kind = error_kind(reason);
                increase_one(&mut self.no_answer, kind);
                let example = || example(seen, file, line, None);
                self.groups.add(MismatchKind::NoAnswer, &seen.endpoint.name, kind, example);
            }
            Outcome::NotSent => increase_one(&mut self.not_sent, reason),
            Outcome::SameClass | Outcome::Better | Outcome::Worse => {
                let what = format!("{} → {}", seen.source, seen.target);
                let example = || example(seen, file, line, None);
                self.groups.add(MismatchKind::Status, &seen.endpoint.name, &what, example);
            }
            Outcome::SameStatus | Outcome::NoSourceAnswer => {}
        }
    }

    fn add_body(&mut self, mut seen: Seen<'_>, file: &str, line: u64) {
        let body = std::mem::replace(&mut seen.body, Body::NotCompared(""));
        let (differences, has_more, searches, bulk) = match body {
            Body::NotCompared(reason) => return increase_one(&mut self.not_compared, reason),
            Body::Compared { differences, has_more, searches, bulk } => {
                (differences, has_more, searches, bulk)
            }
        };
        searches.iter().for_each(|search| self.add_search(search));
        bulk.into_iter().for_each(|bulk| self.add_bulk(bulk));
        let example = || example(&seen, file, line, None);
        self.groups.add_body(&seen.endpoint.name, &seen.source.to_string(), differences, has_more, example);
    }

    fn add_search(&mut self, search: &SearchComparison) {
        let searches = &mut self.report.searches;
        increase(&mut searches.searches);
        if let Some((source, target)) = search.totals {
            increase(&mut searches.totals_compared);
            count(&mut searches.totals_agree, search.totals_agree);
            count(&mut searches.totals_more, !search.totals_agree && target > source);
            count(&mut searches.totals_fewer, !search.totals_agree && target < source);
        }
        count(&mut searches.cut_in_tie, search.is_cut_in_tie);
        if let Some(overlap) = search.overlap {
            increase(&mut searches.overlap_compared);
            self.overlap += overlap;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10")]
            let tenth = (overlap * 10.0) as usize;
            searches.overlap_tenths.get_mut(tenth).into_iter().for_each(increase);
        }
    }

    fn add_bulk(&mut self, bulk: Bulk) {
        let all = &mut self.report.bulk;
        increase(&mut all.requests);
        all.items = all.items.saturating_add(bulk.items);
        all.same = all.same.saturating_add(bulk.same);
        all.different = all.different.saturating_add(bulk.different.len() as u64);
        for pair in bulk.different {
            let is_kept = self.items.len() < MOST_REASONS || self.items.contains_key(&pair);
            let others = || ("(others)".to_owned(), "(others)".to_owned());
            increase(self.items.entry(if is_kept { pair } else { others() }).or_default());
        }
    }

    /// The report of all that was added.
    pub(super) fn finish(mut self, locations: Vec<String>) -> Report {
        let noise = &self.noise;
        let (bodies, mismatches) = self.groups.finish(|class, place| noise.is_noise(class, place));
        let mut report = self.report;
        report.locations = locations;
        report.duplicates = Duplicates {
            tuples: self.duplicates.count(),
            is_exact: !self.duplicates.is_partial(),
            overlapping_files: self.duplicates.overlapping(),
        };
        let outcome = |outcome| OutcomeCount {
            outcome,
            count: self.outcomes.get(&outcome).copied().unwrap_or_default(),
        };
        report.outcomes = Outcome::ALL.into_iter().map(outcome).collect();
        let pair = |((source, target), count)| StatusPair { source, target, count };
        report.statuses = self.statuses.into_iter().map(pair).collect();
        report.no_answer = reasons(self.no_answer);
        report.not_sent = reasons(self.not_sent);
        report.latency = latencies(std::mem::take(&mut self.latency));
        report.bodies = Bodies { not_compared: reasons(self.not_compared), ..bodies };
        let item = |((source, target), count)| ItemPair { source, target, count };
        report.bulk.kinds = self.items.into_iter().map(item).collect();
        report.bulk.kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        report.searches.top_k = self.settings.rules.top_k as u64;
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = self.overlap / report.searches.overlap_compared.max(1) as f64;
        report.searches.overlap_mean = (report.searches.overlap_compared > 0).then_some(mean);
        report.ignored = self.settings.rules.ignored();
        let place = |((class, place), repeats): (&(String, String), &u64)| NoisePlace {
            class: class.clone(),
            place: place.clone(),
            repeats: *repeats,
        };
        report.noise = self.noise.places().iter().map(place).collect();
        report.repeats = self.noise.repeats();
        report.mismatches = mismatches;
        report.throughput =
            Throughput { source: series(&self.throughput.0), target: series(&self.throughput.1) };
        report.thresholds = self.settings.thresholds.judge(&report);
        report
    }
}

fn example(seen: &Seen<'_>, file: &str, line: u64, difference: Option<Difference>) -> Example {
    let place = seen.place.as_ref();
    let place =
        place.map(|place| format!("{}, partition {}, offset {}", place.topic, place.partition, place.offset));
    Example {
        request: seen.request(),
        connection: super::redact::cut(&seen.connection),
        file: file.to_owned(),
        line,
        place,
        source: seen.source,
        target: seen.target,
        error: seen.reason.clone(),
        difference,
    }
}

fn increase(count: &mut u64) {
    *count = count.saturating_add(1);
}

fn count(count: &mut u64, is_one: bool) {
    *count = count.saturating_add(u64::from(is_one));
}

fn increase_one(counts: &mut BTreeMap<String, u64>, reason: &str) {
    let is_kept = counts.len() < MOST_REASONS || counts.contains_key(reason);
    increase(counts.entry(if is_kept { reason } else { "(others)" }.to_owned()).or_default());
}

/// The most frequent first.
fn reasons(counts: BTreeMap<String, u64>) -> Vec<Reason> {
    let mut reasons: Vec<_> = counts.into_iter().map(|(reason, count)| Reason { reason, count }).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    reasons
}

fn series(timeline: &Timeline) -> Series {
    let (span_seconds, requests) = timeline.series();
    let (first_ms, last_ms) = timeline.range().unzip();
    Series { first_ms, last_ms, span_seconds, requests }
}

/// All classes first, then by name.
fn latencies(mut histograms: BTreeMap<String, (Histogram, Histogram)>) -> Vec<Latency> {
    let all = histograms.remove_entry(Latency::ALL);
    all.into_iter()
        .chain(histograms)
        .map(|(class, (source, target))| latency(class, &source, &target))
        .collect()
}

fn latency(class: String, source: &Histogram, target: &Histogram) -> Latency {
    let (sources, targets) = (quantiles(source), quantiles(target));
    let pairs = Latency::QUANTILES.iter().zip(sources.all().into_iter().zip(targets.all()));
    let ratio = pairs.map(|((name, _), (source, target))| (*name, (source > 0.0).then(|| target / source)));
    let limits = limits(source.max().max(target.max()));
    let counts = source.up_to(&limits).into_iter().zip(target.up_to(&limits));
    let cumulated = |(up_to_ms, (source, target))| Cumulated { up_to_ms, source, target };
    Latency {
        class,
        requests: source.total(),
        source: sources,
        target: targets,
        ratio: ratio.collect(),
        distribution: limits.iter().copied().zip(counts).map(cumulated).collect(),
    }
}

fn quantiles(histogram: &Histogram) -> Quantiles {
    let [p50, p90, p95, p99, p99_9, max] =
        Latency::QUANTILES.map(|(_, share)| histogram.quantile(share).unwrap_or_default());
    Quantiles { p50, p90, p95, p99, p99_9, max }
}

/// Limits of a distribution: four for each doubling, from 0.1 ms to beyond the longest time.
fn limits(longest: f64) -> Vec<f64> {
    const MOST: usize = 160;
    let steps = std::iter::successors(Some(0.1_f64), |limit| Some(limit * 2.0_f64.powf(0.25)));
    let mut limits = Vec::new();
    for limit in steps.take(MOST) {
        limits.push((limit * 1000.0).round() / 1000.0);
        if limit >= longest {
            break;
        }
    }
    limits
}
