//! Sends the metrics to a collector of OpenTelemetry: all values so far, every ten seconds and at the end.
//!
//! A request that is lost costs nothing but its point in time, so there are no retries but at the end.

use super::exposition::{Distribution, Labels, Series, Value};
use super::metric::Kind;
use super::recording::Recording;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Where metrics go, after the URL of the collector.
pub const METRICS_PATH: &str = "/v1/metrics";

/// How often they go.
const PERIOD: Duration = Duration::from_secs(10);

/// While it fails, that is said this often.
const COMPLAIN: Duration = Duration::from_secs(300);

/// How often the last request is tried, and how long to wait in between.
const LAST_ATTEMPTS: u32 = 3;
const LAST_WAIT: Duration = Duration::from_millis(500);

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u32 = 2;

/// Posts a body to the collector: status and body of the answer, or why there is none.
pub type Sender = Box<dyn Fn(Json) -> BoxFuture<'static, Result<(u16, Bytes), String>> + Send + Sync>;

/// Exports until it is told to stop, and then once more.
pub(super) async fn export(recording: &'static Recording, send: Sender, mut stop: watch::Receiver<bool>) {
    let resource = resource();
    let mut complaints = Complaints::default();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await; // At once: there is nothing to say yet.
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = stop.changed() => break,
            _ = ticks.tick() => complaints.note(once(recording, &resource, &send).await),
        }
    }
    for attempt in 1..=LAST_ATTEMPTS {
        match once(recording, &resource, &send).await {
            Err(_) if attempt < LAST_ATTEMPTS => tokio::time::sleep(LAST_WAIT).await,
            outcome => return complaints.note_last(outcome),
        }
    }
}

async fn once(recording: &Recording, resource: &Json, send: &Sender) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (status, body) = send(request(resource, &recording.series(), recording.started(), now)).await?;
    understand(status, &body)
}

/// What the answer of the collector says.
fn understand(status: u16, body: &[u8]) -> Result<(), String> {
    const LONGEST: usize = 200;
    if !(200..300).contains(&status) {
        let text = String::from_utf8_lossy(body.get(..LONGEST).unwrap_or(body)).into_owned();
        let text = text.replace(|character: char| character.is_control(), " ");
        return Err(format!("status {status}: {text}"));
    }
    let answer: Json = serde_json::from_slice(body).unwrap_or_default();
    let partial = answer.get("partialSuccess");
    let rejected = partial.and_then(|partial| partial.get("rejectedDataPoints"));
    // A number of 64 bits is a string there, but not everywhere.
    let rejected = rejected.map(|rejected| rejected.as_str().unwrap_or("some").to_owned());
    match rejected.filter(|rejected| rejected != "0") {
        Some(rejected) => {
            let message = partial.and_then(|partial| partial.get("errorMessage")?.as_str());
            Err(format!("{rejected} values were refused: {}", message.unwrap_or("no reason was given")))
        }
        None => Ok(()),
    }
}

/// Says now and then that the export does not work; it never stops the run.
#[derive(Debug, Default)]
struct Complaints {
    failures: u64,
    last: Option<Instant>,
}

impl Complaints {
    fn note(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if self.failures > 0 => {
                tracing::info!(failures = self.failures, "metrics are exported again");
                *self = Self::default();
            }
            Ok(()) => {}
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.last.is_none_or(|last| last.elapsed() >= COMPLAIN) {
                    self.last = Some(Instant::now());
                    tracing::warn!(failures = self.failures, "could not export metrics: {error}");
                }
            }
        }
    }

    fn note_last(&mut self, outcome: Result<(), String>) {
        self.last = None;
        self.note(outcome);
    }
}

/// Who sends: this process.
fn resource() -> Json {
    let instance = format!("{:016x}", rand::random::<u64>());
    let attributes = [
        ("service.name".to_owned(), "ferry".to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), instance),
    ];
    let pid = json!({"key": "process.pid", "value": {"intValue": std::process::id().to_string()}});
    let attributes = attributes.iter().map(attribute).chain([pid]).collect::<Vec<_>>();
    json!({ "attributes": attributes })
}

/// The body of a request.
///
/// Spec: [ExportMetricsServiceRequest, 1.3.2](https://github.com/open-telemetry/opentelemetry-proto/blob/v1.3.2/opentelemetry/proto/metrics/v1/metrics.proto)
/// in its [JSON form](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): names in lower camel case, numbers of
/// 64 bits as strings.
fn request(resource: &Json, series: &[Series], started: Duration, now: Duration) -> Json {
    let times = Times { start: nanos(started), now: nanos(now) };
    let metrics = series.chunk_by(|left, right| left.metric == right.metric);
    let metrics = metrics.map(|series| metric(series, &times)).collect::<Vec<_>>();
    let scope = json!({"name": "ferry", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceMetrics": [{
        "resource": resource,
        "scopeMetrics": [{"scope": scope, "metrics": metrics}],
    }]})
}

struct Times {
    start: String,
    now: String,
}

fn nanos(since_1970: Duration) -> String {
    since_1970.as_nanos().to_string()
}

/// All series of one metric.
fn metric(series: &[Series], times: &Times) -> Json {
    let Some(first) = series.first() else { return Json::Null };
    let points = series.iter().map(|series| point(series, times)).collect::<Vec<_>>();
    let (name, data) = match first.metric.kind() {
        Kind::Counter => {
            ("sum", json!({"aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points}))
        }
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => ("histogram", json!({"aggregationTemporality": CUMULATIVE, "dataPoints": points})),
    };
    json!({
        "name": first.metric.name(),
        "description": first.metric.help(),
        "unit": first.metric.unit().ucum(),
        name: data,
    })
}

fn point(series: &Series, times: &Times) -> Json {
    let mut point = match &series.value {
        Value::Number(number) => json!({ "asDouble": number }),
        Value::Histogram(distribution) => json!({
            "count": distribution.count.to_string(),
            "sum": distribution.sum,
            "bucketCounts": counts(distribution),
            "explicitBounds": distribution.buckets.iter().map(|(bound, _)| *bound).collect::<Vec<_>>(),
        }),
    };
    if let Some(fields) = point.as_object_mut() {
        fields.insert("attributes".to_owned(), attributes(&series.labels));
        fields.insert("startTimeUnixNano".to_owned(), json!(times.start));
        fields.insert("timeUnixNano".to_owned(), json!(times.now));
    }
    point
}

/// Values in each bucket by itself, the infinite one at the end; Prometheus counts all up to a bound.
fn counts(distribution: &Distribution) -> Vec<String> {
    let mut before = 0;
    let ends = distribution.buckets.iter().map(|(_, up_to)| *up_to).chain([distribution.count]);
    ends.map(|up_to| u64::saturating_sub(up_to, std::mem::replace(&mut before, up_to)).to_string()).collect()
}

fn attributes(labels: &Labels) -> Json {
    Json::Array(labels.iter().map(attribute).collect())
}

fn attribute((name, value): &(String, String)) -> Json {
    json!({"key": name, "value": {"stringValue": value}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metric::Metric;

    fn series(metric: Metric, labels: &[(&str, &str)], value: Value) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Series { metric, labels, value }
    }

    #[test]
    fn a_request_has_the_form_of_the_specification() {
        let buckets = vec![(0.1, 1), (1.0, 4)];
        let series = [
            series(Metric::FetchedBytes, &[], Value::Number(7.0)),
            series(
                Metric::BulkRequestSeconds,
                &[("outcome", "busy")],
                Value::Histogram(Distribution { buckets, count: 9, sum: 12.5 }),
            ),
            series(Metric::ConcurrencyLimit, &[], Value::Number(4.0)),
        ];
        let request =
            request(&json!({"attributes": []}), &series, Duration::from_secs(1), Duration::from_nanos(5));
        assert_eq!(
            request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"],
            json!([
                {
                    "name": "ferry_fetched_bytes_total",
                    "description": "Bytes of stored fields that were fetched from the repository",
                    "unit": "By",
                    "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
                        {"asDouble": 7.0, "attributes": [], "startTimeUnixNano": "1000000000", "timeUnixNano": "5"},
                    ]},
                },
                {
                    "name": "ferry_bulk_request_seconds",
                    "description": "From a bulk request to its answer, by outcome; each attempt counts",
                    "unit": "s",
                    "histogram": {"aggregationTemporality": 2, "dataPoints": [{
                        "count": "9", "sum": 12.5, "bucketCounts": ["1", "3", "5"], "explicitBounds": [0.1, 1.0],
                        "attributes": [{"key": "outcome", "value": {"stringValue": "busy"}}],
                        "startTimeUnixNano": "1000000000", "timeUnixNano": "5",
                    }]},
                },
                {
                    "name": "ferry_concurrency_limit",
                    "description": "Bulk requests that may be under way at once, as the target's answers have made it",
                    "unit": "{request}",
                    "gauge": {"dataPoints": [
                        {"asDouble": 4.0, "attributes": [], "startTimeUnixNano": "1000000000", "timeUnixNano": "5"},
                    ]},
                },
            ])
        );
    }

    #[test]
    fn an_answer_is_a_success_only_when_nothing_was_refused() {
        assert_eq!(understand(200, b"{}"), Ok(()));
        assert_eq!(understand(200, b""), Ok(()));
        assert_eq!(understand(200, br#"{"partialSuccess":{"rejectedDataPoints":"0"}}"#), Ok(()));
        let partly = br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
        assert_eq!(understand(200, partly), Err("3 values were refused: too old".to_owned()));
        assert_eq!(understand(404, b"no\nsuch path"), Err("status 404: no such path".to_owned()));
    }

    #[test]
    fn a_failing_export_is_complained_about_once_in_a_while() {
        let mut complaints = Complaints::default();
        complaints.note(Err("down".to_owned()));
        let first = complaints.last;
        complaints.note(Err("down".to_owned()));
        assert_eq!((complaints.failures, complaints.last), (2, first));
        complaints.note(Ok(()));
        assert_eq!((complaints.failures, complaints.last), (0, None));
    }
}
