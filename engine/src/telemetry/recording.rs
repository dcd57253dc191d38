//! Where the values of the metrics are kept.

use super::exposition::{self, Series};
use super::meters::Meters;
use super::metric::{Kind, Metric, Unit};
use super::page::{Figures, Page};
use super::pulse::{Health, Pulse};
use metrics::{KeyName, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::fmt;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Upper bounds of histograms, in seconds: from the read of a file to a request that waited for its turn.
pub(crate) const BOUNDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

static INSTALLED: OnceLock<Recording> = OnceLock::new();
static NOTHING: LazyLock<Meters> = LazyLock::new(Meters::without_recorder);

/// Starts to record what this process does. Later calls return what the first one started.
pub fn install() -> &'static Recording {
    INSTALLED.get_or_init(Recording::new)
}

/// The meters of this process. They do nothing before [`install`]: ask for them where they are used, keep none.
pub fn meters() -> &'static Meters {
    INSTALLED.get().map_or_else(|| &*NOTHING, |recording| &recording.meters)
}

/// All that was recorded.
pub struct Recording {
    meters: Meters,
    handle: PrometheusHandle,
    /// What is only asked for when somebody looks.
    figures: Mutex<Option<Figures>>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("meters", &self.meters).finish_non_exhaustive()
    }
}

impl Recording {
    pub(super) fn new() -> Self {
        // An error means that there are no bounds.
        let builder =
            PrometheusBuilder::new().set_buckets(&BOUNDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        Metric::ALL.iter().for_each(|metric| describe(&recorder, *metric));
        let meters = Meters::new(&recorder, Some(Pulse::start()));
        Self { meters, handle: recorder.handle(), figures: Mutex::default() }
    }

    /// Its meters.
    #[must_use]
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Where to ask for the figures of the run: whenever somebody looks, and only then. A later call takes the place of an earlier one.
    pub fn watch(&self, figures: Figures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }

    /// All values, in the text format of Prometheus.
    ///
    /// Spec: [Exposition formats, 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/)
    #[must_use]
    pub fn text(&self) -> String {
        let figures = self.figures();
        self.meters.sample();
        let mut text = self.handle.render();
        text.push_str(&figures);
        text
    }

    fn figures(&self) -> String {
        let mut page = Page::default();
        if let Some(figures) = &*self.figures.lock().unwrap_or_else(PoisonError::into_inner) {
            figures(&mut page);
        }
        page.into_text()
    }

    /// How the run is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.figures(); // Whoever is asked for them says whether the run goes on.
        self.pulse().map_or_else(|| Pulse::start().health(), Pulse::health)
    }

    /// The run came to its end.
    pub(super) fn end(&self, failed: bool) {
        self.pulse().into_iter().for_each(|pulse| pulse.end(failed));
    }

    /// Puts the values that came since the last call into their histograms; without it they would pile up.
    pub(super) fn settle(&self) {
        self.handle.run_upkeep();
    }

    /// All values.
    pub(super) fn series(&self) -> Vec<Series> {
        exposition::read(&self.text())
    }

    /// When it began, since 1970.
    pub(super) fn started(&self) -> Duration {
        self.pulse().map_or(Duration::ZERO, Pulse::started)
    }

    const fn pulse(&self) -> Option<&Pulse> {
        self.meters.pulse()
    }
}

fn describe(recorder: &PrometheusRecorder, metric: Metric) {
    let name = KeyName::from_const_str(metric.name());
    let unit = match metric.unit() {
        Unit::Bytes => metrics::Unit::Bytes,
        Unit::Seconds => metrics::Unit::Seconds,
        _ => metrics::Unit::Count,
    };
    let help = metric.help().into();
    match metric.kind() {
        Kind::Counter => recorder.describe_counter(name, Some(unit), help),
        Kind::Gauge => recorder.describe_gauge(name, Some(unit), help),
        Kind::Histogram => recorder.describe_histogram(name, Some(unit), help),
    }
}
