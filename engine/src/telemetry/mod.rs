//! What ferry tells about itself: metrics, whether it goes on, and where both can be asked for.
//!
//! | file | what |
//! |---|---|
//! | `metric`, `label` | every name that there is |
//! | `meters` | what code that works calls |
//! | `pulse` | whether a run goes on |
//! | `recording` | where values are kept, and the text of Prometheus |
//! | `page` | values that are kept elsewhere, and asked for when somebody looks |
//! | `server` | `/metrics` and `/healthz`, and what a run adds to them |
//! | `otlp`, `exposition` | the export to a collector of OpenTelemetry |
//!
//! Nothing is recorded before [`install`], and then what [`meters`] are told costs next to nothing.

mod exposition;
mod label;
mod meters;
mod metric;
mod otlp;
mod page;
mod pulse;
mod recording;
mod server;

pub(crate) use label::Label;
pub use label::{
    CommitOutcome, Comparison, ConnectionEvent, FailedClass, ItemOutcome, LeaseEvent, QuarantinedThing,
    ReplayOutcome, ReplayRetry, RequestOutcome, RetryCause, Stage,
};
pub use meters::Meters;
pub use metric::{Kind, Metric, Unit};
pub use otlp::{METRICS_PATH, Sender};
pub use page::{Figures, Page};
pub use pulse::{Health, STUCK_AFTER, State};
pub use recording::{Recording, install, meters};
pub use server::{ListenError, Reply, Routes, Server};

use http::{Method, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often new values are put into their histograms.
const SETTLE: Duration = Duration::from_secs(5);

/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// Whom a process tells about itself.
#[derive(Default)]
pub struct Options {
    /// `HOST:PORT` of the server.
    pub listen: Option<String>,
    /// The collector of OpenTelemetry.
    pub export: Option<Sender>,
    /// What the server answers beside `/metrics` and `/healthz`.
    pub routes: Routes,
    /// Figures of the run that are asked for when somebody looks.
    pub figures: Option<Figures>,
}

/// Tells about the process until it is stopped or dropped.
#[derive(Debug, Default)]
pub struct Telemetry {
    server: Option<Server>,
    exporter: Option<Exporter>,
    settling: Option<Aborted>,
}

#[derive(Debug)]
struct Exporter {
    stop: watch::Sender<bool>,
    task: Aborted,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
struct Aborted(JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Telemetry {
    /// Starts what the options ask for; nothing at all is recorded when they ask for nothing.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn start(options: Options) -> Result<Self, ListenError> {
        if options.listen.is_none() && options.export.is_none() {
            return Ok(Self::default());
        }
        let recording = install();
        if let Some(figures) = options.figures {
            recording.watch(figures);
        }
        let server = match options.listen {
            Some(listen) => Some(Server::start(&listen, routes(recording).and(options.routes)).await?),
            None => None,
        };
        let exporter = options.export.map(|send| {
            let (stop, stopped) = watch::channel(false);
            Exporter { stop, task: Aborted(tokio::spawn(otlp::export(recording, send, stopped))) }
        });
        Ok(Self { server, exporter, settling: Some(Aborted(tokio::spawn(settle(recording)))) })
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Server::address)
    }

    /// Exports what came last, and stops.
    pub async fn stop(self, failed: bool) {
        if self.settling.is_none() {
            return;
        }
        install().end(failed);
        if let Some(Exporter { stop, mut task }) = self.exporter {
            stop.send_replace(true);
            let _ = tokio::time::timeout(LAST_EXPORT, &mut task.0).await; // It is cut then.
        }
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

async fn settle(recording: &'static Recording) {
    let mut ticks = tokio::time::interval(SETTLE);
    loop {
        ticks.tick().await;
        recording.settle();
    }
}

/// `/metrics` and `/healthz`.
fn routes(recording: &'static Recording) -> Routes {
    let health = || {
        let health = recording.health();
        let status = if health.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Reply::json(status, &health)
    };
    Routes::default().with(Method::GET, "/metrics", || Reply::metrics(recording.text())).with(
        Method::GET,
        "/healthz",
        health,
    )
}
