//! Reads the text format of Prometheus as our own recorder writes it: the one place that gives all values.

use super::metric::{Kind, Metric};
use std::collections::BTreeMap;

/// The value of a metric for some values of its labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) metric: Metric,
    /// Names and values.
    pub(super) labels: Labels,
    pub(super) value: Value,
}

pub(super) type Labels = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Histogram(Distribution),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Distribution {
    /// Upper bounds, each with the number of values up to it; without the infinite one.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// All series of our metrics, in the order of [`Metric`] and of their labels. A line that is none of ours is passed over.
pub(super) fn read(text: &str) -> Vec<Series> {
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(sample) = Sample::read(line) {
            sample.add_to(&mut series);
        }
    }
    series.into_iter().map(|((metric, labels), value)| Series { metric, labels, value }).collect()
}

/// One line: a name, maybe labels in braces, a value.
struct Sample<'a> {
    metric: Metric,
    /// What the line says of a histogram: `bucket`, `sum`, `count`.
    part: &'a str,
    labels: Labels,
    value: &'a str,
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, read_labels(labels.strip_suffix('}')?)?),
            None => (series, Labels::new()),
        };
        let (metric, part) = Metric::ALL.iter().find_map(|metric| {
            let part = name.strip_prefix(metric.name())?;
            let part = if part.is_empty() { part } else { part.strip_prefix('_')? };
            let is_part = matches!(part, "bucket" | "sum" | "count");
            (is_part == (metric.kind() == Kind::Histogram) && (is_part || part.is_empty()))
                .then_some((*metric, part))
        })?;
        Some(Self { metric, part, labels, value })
    }

    fn add_to(mut self, series: &mut BTreeMap<(Metric, Labels), Value>) {
        let bound = self.labels.iter().position(|(name, _)| name == "le").map(|at| self.labels.remove(at));
        let value = series.entry((self.metric, self.labels));
        if self.part.is_empty() {
            value.insert_entry(Value::Number(self.value.parse().unwrap_or_default()));
            return;
        }
        let Value::Histogram(distribution) =
            value.or_insert_with(|| Value::Histogram(Distribution::default()))
        else {
            return;
        };
        let whole = self.value.parse().unwrap_or_default();
        match (self.part, bound.and_then(|(_, bound)| bound.parse::<f64>().ok())) {
            ("bucket", Some(bound)) if bound.is_finite() => distribution.buckets.push((bound, whole)),
            ("count", _) => distribution.count = whole,
            ("sum", _) => distribution.sum = self.value.parse().unwrap_or_default(),
            _ => {} // The infinite bucket is the count.
        }
    }
}

/// `a="b",c="d"`; none of our values has a quote in it.
fn read_labels(text: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    for pair in text.split("\",").map(|pair| pair.trim_end_matches('"')) {
        let (name, value) = pair.split_once("=\"")?;
        labels.push((name.to_owned(), value.to_owned()));
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::super::label::{FailedClass, Stage};
    use super::super::recording::{BOUNDS, Recording};
    use super::*;
    use std::time::Duration;

    fn value(series: &[Series], metric: Metric, label: Option<(&str, &str)>) -> Value {
        let labels: Labels = label.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let found: Vec<_> =
            series.iter().filter(|series| (series.metric, &series.labels) == (metric, &labels)).collect();
        assert_eq!(found.len(), 1, "{metric:?} {labels:?}");
        found[0].value.clone()
    }

    #[test]
    fn what_was_recorded_is_read() {
        let recording = Recording::new();
        let meters = recording.meters();
        meters.fetched(1 << 20, Duration::from_micros(31_250));
        meters.fetched(1, Duration::from_millis(500));
        meters.failed(FailedClass::TooLarge, 7);
        meters.watch_memory(|| (1024, 4096));
        let series = recording.series();
        assert_eq!(value(&series, Metric::FetchedBytes, None), Value::Number(1_048_577.0));
        assert_eq!(value(&series, Metric::DocumentsFailed, Some(("class", "too_large"))), Value::Number(7.0));
        assert_eq!(value(&series, Metric::MemoryHeld, None), Value::Number(1024.0));
        let Value::Histogram(fetch) = value(&series, Metric::StageSeconds, Some(("stage", "fetch"))) else {
            panic!("not a histogram")
        };
        let bounds: Vec<f64> = fetch.buckets.iter().map(|(bound, _)| *bound).collect();
        let up_to = |bound| fetch.buckets.iter().find(|bucket| bucket.0 == bound).unwrap().1;
        assert_eq!(bounds, BOUNDS);
        assert_eq!([0.025, 0.05, 0.25, 0.5, 300.0].map(up_to), [0, 1, 1, 2, 2]);
        assert_eq!((fetch.count, fetch.sum), (2, 0.53125));
    }

    #[test]
    fn every_metric_is_there_from_the_start_with_every_value_of_its_label() {
        let series = Recording::new().series();
        for metric in Metric::ALL.iter().filter(|metric| !metric.is_of_replay()) {
            let of_metric: Vec<_> = series.iter().filter(|series| series.metric == *metric).collect();
            assert!(!of_metric.is_empty(), "{metric:?}");
            for series in of_metric {
                let names: Vec<_> = series.labels.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(names, metric.labels());
            }
        }
        let stages = series.iter().filter(|series| series.metric == Metric::StageSeconds).count();
        assert_eq!(stages, <Stage as super::super::label::Label>::ALL.len());
    }

    #[test]
    fn lines_that_are_not_ours_are_passed_over() {
        for line in ["", "x", "other 1", "ferry_fetched_bytes_total{ 1", "ferry_stage_seconds_max 1"] {
            assert_eq!(read(line), [], "{line}");
        }
    }
}
