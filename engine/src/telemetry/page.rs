//! Values that are kept elsewhere, as lines of the text format of Prometheus.

use super::metric::Metric;
use super::recording::BOUNDS;
use std::fmt::Write as _;

/// Writes the figures of a run when somebody looks.
pub type Figures = Box<dyn Fn(&mut Page) + Send + Sync>;

/// Metrics whose values are asked for when somebody looks. All series of a metric are written one after the other.
///
/// Spec: [Exposition formats, 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/)
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    last: Option<Metric>,
}

impl Page {
    /// A counter or a gauge; `values` are those of its labels, in their order, without quotes in them.
    pub fn number(&mut self, metric: Metric, values: &[&str], number: f64) {
        self.head(metric);
        self.line(metric, "", values, None, number);
    }

    /// A histogram without labels: `up_to` has how many there are up to each of [`Self::BOUNDS`].
    pub fn histogram(&mut self, metric: Metric, up_to: &[u64], count: u64, sum: f64) {
        self.head(metric);
        for (bound, up_to) in BOUNDS.iter().zip(up_to) {
            self.line(metric, "_bucket", &[], Some(&bound.to_string()), *up_to as f64);
        }
        self.line(metric, "_bucket", &[], Some("+Inf"), count as f64);
        self.line(metric, "_sum", &[], None, sum);
        self.line(metric, "_count", &[], None, count as f64);
    }

    /// Upper bounds of the buckets of histograms, in seconds.
    pub const BOUNDS: &[f64] = &BOUNDS;

    /// All that was written.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, metric: Metric) {
        if self.last.replace(metric) != Some(metric) {
            let (name, help, kind) = (metric.name(), metric.help(), metric.kind().name());
            // A string takes everything.
            let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        }
    }

    fn line(&mut self, metric: Metric, part: &str, values: &[&str], bound: Option<&str>, number: f64) {
        let _ = write!(self.text, "{}{part}", metric.name());
        let labels = metric.labels().iter().copied().zip(values.iter().copied());
        for (at, (label, value)) in labels.chain(bound.map(|bound| ("le", bound))).enumerate() {
            let _ = write!(self.text, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' });
        }
        let close = if bound.is_some() || !values.is_empty() { "}" } else { "" };
        let _ = writeln!(self.text, "{close} {number}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::{self, Distribution, Value};
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut page = Page::default();
        page.number(Metric::ReplayStatuses, &["200", "404"], 3.0);
        page.number(Metric::ReplayStatuses, &["200", "none"], 1e15);
        let up_to: Vec<u64> = (1..=16).collect();
        page.histogram(Metric::ReplayScheduleLag, &up_to, 20, 1.5);
        page.number(Metric::ReplaySpeed, &[], 0.5);
        let text = page.into_text();
        assert_eq!(text.matches("# TYPE ferry_replay_statuses_total counter\n").count(), 1);
        assert!(
            text.contains("\nferry_replay_statuses_total{source=\"200\",target=\"none\"} 1000000000000000\n")
        );
        let series = exposition::read(&text);
        let values: Vec<_> = series.into_iter().map(|series| (series.metric, series.value)).collect();
        let buckets = BOUNDS.into_iter().zip(up_to).collect();
        let expected = [
            (Metric::ReplayStatuses, Value::Number(3.0)),
            (Metric::ReplayStatuses, Value::Number(1e15)),
            (Metric::ReplayScheduleLag, Value::Histogram(Distribution { buckets, count: 20, sum: 1.5 })),
            (Metric::ReplaySpeed, Value::Number(0.5)),
        ];
        assert_eq!(values, expected);
    }
}
