//! When requests are sent, and how many at once.

use crate::commands::backfill::rate::{Rate, limits};
use clap::{Args, ValueEnum};
use engine::flow::RateLimit;
use engine::replay::{Baseline, Settings, SourceClock, Speed};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// When requests are due, in which order, and how many may be under way.
#[derive(Debug, Args)]
#[command(next_help_heading = "Timing and order")]
pub(crate) struct TimingArgs {
    /// How many times as fast as the source's clock
    #[arg(long, value_name = "FACTOR", env = "FERRY_SPEEDUP_FACTOR", default_value = "1", value_parser = factor, alias = "speedupFactor")]
    speedup_factor: f64,
    /// As fast as the target takes it: requests are due at once, in order
    #[arg(long, env = "FERRY_AS_FAST_AS_POSSIBLE", conflicts_with_all = ["baseline", "new_baseline"])]
    as_fast_as_possible: bool,
    /// Which moment of the source is which moment of ours, such as `2026-01-31T10:00:00Z=2026-02-01T08:00:00Z`; for all processes
    /// of the Kafka group [default: what the group has; in a new group, and for files, the first request is now]
    #[arg(long, value_name = "SOURCE=REAL", env = "FERRY_BASELINE", value_parser = baseline)]
    baseline: Option<Baseline>,
    /// The first request is now, whatever baseline the Kafka group had before; what was captured in between is not made up for
    #[arg(long, env = "FERRY_NEW_BASELINE", conflicts_with = "baseline")]
    new_baseline: bool,
    /// What keeps its order: the requests of each `connection`, or also operations on one `document` over all connections
    #[arg(long, value_enum, value_name = "WHAT", env = "FERRY_ORDER", default_value_t)]
    order: Order,
    /// Share connections to the target, instead of one for each connection of a client
    #[arg(long, env = "FERRY_POOL")]
    pool: bool,
    /// Requests that wait for an answer, at most
    #[arg(
        long,
        value_name = "N",
        env = "FERRY_MAX_CONCURRENT_REQUESTS",
        default_value = "1000",
        alias = "maxConcurrentRequests"
    )]
    max_concurrent_requests: NonZeroUsize,
    /// Requests or bytes a second at most, such as `500` or `20MB`; may be given for both
    #[arg(long, value_name = "RATE", env = "FERRY_MAX_RATE", value_delimiter = ',')]
    max_rate: Vec<Rate>,
    /// How far reading is ahead of the source's clock at most
    #[arg(long, value_name = "SECONDS", env = "FERRY_WINDOW", default_value = "400", aliases = ["lookahead-time-window", "lookaheadTimeWindow", "lookahead-time-seconds", "lookaheadTimeSeconds"])]
    window: NonZeroU32,
    /// A connection that is silent for longer, by the source's clock, is over
    #[arg(long, short = 't', value_name = "SECONDS", env = "FERRY_CONNECTION_TIMEOUT", default_value = "360", aliases = ["packet-timeout-seconds", "packetTimeoutSeconds", "observedPacketConnectionTimeout"])]
    connection_timeout: NonZeroU32,
    /// Delay of the first request of a connection that was under way before
    #[arg(
        long,
        value_name = "MILLISECONDS",
        env = "FERRY_QUIESCENT_PERIOD_MS",
        default_value = "5000",
        alias = "quiescentPeriodMs"
    )]
    quiescent_period_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Order {
    /// The requests of each connection
    #[default]
    Connection,
    /// Also operations on the same index and id, whatever connection they came over
    Document,
}

impl TimingArgs {
    /// How long a connection may be silent.
    pub(super) fn expiry(&self) -> Duration {
        Duration::from_secs(self.connection_timeout.get().into())
    }

    /// The settings with what these options say.
    pub(super) fn apply(&self, settings: Settings) -> Settings {
        let speed =
            if self.as_fast_as_possible { Speed::Unlimited } else { Speed::Factor(self.speedup_factor) };
        let clock = SourceClock::new(speed);
        if let Some(baseline) = self.baseline {
            clock.adopt(baseline);
        }
        let (requests, bytes) = limits(&self.max_rate);
        Settings {
            clock,
            new_baseline: self.new_baseline,
            rate: RateLimit::new(requests, bytes),
            most_in_flight: self.max_concurrent_requests.get(),
            window: Duration::from_secs(self.window.get().into()),
            quiescent: Duration::from_millis(self.quiescent_period_ms.into()),
            keeps_document_order: self.order == Order::Document,
            pools: self.pool,
            ..settings
        }
    }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: Option<f64> = text.parse().ok();
    let (least, most) = (Speed::FACTORS.start(), Speed::FACTORS.end());
    factor
        .filter(|factor| Speed::times(*factor).is_some())
        .ok_or_else(|| format!("expected a number from {least} to {most}, such as `2` or `0.5`"))
}

fn baseline(text: &str) -> Result<Baseline, String> {
    let expected =
        "expected two moments, such as `2026-01-31T10:00:00Z=2026-02-01T08:00:00Z`: the source's, and ours";
    let moment = |text: &str| {
        OffsetDateTime::parse(text, &Rfc3339).map(SystemTime::from).map_err(|_| expected.to_owned())
    };
    let (source, real) = text.split_once('=').ok_or(expected)?;
    Ok(Baseline { source: moment(source)?, real: moment(real)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_above_zero_and_a_baseline_two_moments() {
        assert_eq!(factor("1.5"), Ok(1.5));
        for wrong in ["0", "-1", "inf", "NaN", "fast", ""] {
            assert!(factor(wrong).is_err(), "{wrong}");
        }
        let parsed = baseline("1970-01-01T00:00:10Z=1970-01-01T01:00:20+01:00").unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(parsed, Baseline { source: at(10), real: at(20) });
        assert!(baseline("1970-01-01T00:00:10Z").is_err());
    }
}
