//! What the program tells about itself while it runs: logs, metrics, health.

use clap::{Args, ValueEnum};
use engine::replay::Monitor;
use engine::target::collector;
use engine::telemetry::{Options, Telemetry};
use std::future::Future;
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// Whether standard error is for programs.
static JSON: AtomicBool = AtomicBool::new(false);

/// How logs are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogArgs {
    /// Form of what goes to standard error: `text`, or `json`, one object a line
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        env = "FERRY_LOG_FORMAT",
        hide_possible_values = true
    )]
    log_format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `warn,engine::bulk=debug`
    /// [default: RUST_LOG, or `warn`]
    #[arg(long, global = true, value_name = "LEVEL", env = "FERRY_LOG_LEVEL", value_parser = log_filter)]
    log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

fn log_filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            Err(format!("{error}; a filter is a level, or something like `warn,engine::bulk=debug`"))
        }
    }
}

impl LogArgs {
    /// Logs from now on.
    pub(crate) fn init(&self) {
        let filter = match &self.log_level {
            Some(level) => EnvFilter::new(level),
            None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        };
        let registry = registry().with(filter).with(FilterFn::new(is_free_of_secrets));
        let layer = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
        match self.log_format {
            LogFormat::Text => registry.with(layer).init(),
            LogFormat::Json => {
                JSON.store(true, Ordering::Relaxed);
                registry.with(layer.json()).init();
            }
        }
    }
}

/// The AWS libraries trace requests and answers whole, with session tokens and keys.
fn is_free_of_secrets(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::DEBUG || !metadata.target().starts_with("aws_")
}

/// Whether every line on standard error has to be a JSON object.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Who is told how a run is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct TelemetryArgs {
    /// Serve `/metrics` (Prometheus) and `/healthz` there, such as `127.0.0.1:9464`, of a replay also `/replay`, which pauses it
    /// and sets its speed; see docs/metrics.md
    #[arg(long, value_name = "HOST:PORT", env = "FERRY_LISTEN", value_parser = address)]
    listen: Option<String>,
    /// Send the metrics to this collector of OpenTelemetry, such as `http://127.0.0.1:4318` (OTLP over HTTP)
    #[arg(long, value_name = "URL", env = "FERRY_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// The replay that is told about.
    #[arg(skip)]
    replay: Option<Monitor>,
}

fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err(
            "expected `HOST:PORT`, such as `127.0.0.1:9464`, or `0.0.0.0:9464` for all addresses of this machine"
                .to_owned(),
        ),
    }
}

impl TelemetryArgs {
    /// The same, of a replay.
    pub(crate) fn of_replay(self, monitor: Monitor) -> Self {
        Self { replay: Some(monitor), ..self }
    }

    /// Does `run`, and tells about it meanwhile.
    pub(crate) async fn during<T>(self, run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let export = self.otlp_endpoint.as_deref().map(collector).transpose()?;
        let replay = self.replay.as_ref();
        let (routes, figures) =
            (replay.map(Monitor::routes).unwrap_or_default(), replay.map(Monitor::figures));
        let telemetry = Telemetry::start(Options { listen: self.listen, export, routes, figures }).await?;
        if let Some(address) = telemetry.address() {
            tracing::info!(%address, "`/metrics` and `/healthz` are served");
        }
        let result = run.await;
        telemetry.stop(result.is_err()).await;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["127.0.0.1:9464", "localhost:0", "[::1]:80"] {
            assert_eq!(address(text).as_deref(), Ok(text));
        }
        for text in ["9464", ":9464", "host:", "host:http", "host:70000"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_is_checked_before_anything_is_done() {
        assert_eq!(log_filter("warn,engine::bulk=debug").as_deref(), Ok("warn,engine::bulk=debug"));
        assert!(log_filter("engine=loud").unwrap_err().ends_with("like `warn,engine::bulk=debug`"));
    }

    #[test]
    fn what_aws_libraries_trace_is_never_logged() {
        use std::sync::{Arc, Mutex};
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let written = lines.clone();
        let registry = registry().with(EnvFilter::new("trace")).with(FilterFn::new(is_free_of_secrets));
        let subscriber = registry.with(fmt::layer().with_writer(move || written.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws_smithy_runtime::client", "hunter2");
            tracing::debug!(target: "aws_smithy_runtime::client", "said");
            tracing::trace!(target: "engine::bulk", "said");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!((text.matches("said").count(), text.contains("hunter2")), (2, false), "{text}");
    }
}
