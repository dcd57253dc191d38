//! Where captured traffic comes from, and which part of it is meant.

use crate::args::bytes;
use crate::kafka_args::KafkaArgs;
use crate::output::ExitStatus;
use crate::report_error;
use anyhow::bail;
use clap::Args;
use engine::flow::MemoryBudget;
use engine::traffic::inspect::{Instant, RecordSelection};
use engine::traffic::kafka::{KafkaOptions, KafkaSource, KafkaStart};
use engine::traffic::{AccumulatorSettings, FileInput, FileSource, Quarantine, RecordStream};
use std::path::PathBuf;
use std::time::Duration;

/// Captured traffic.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Files or folders with captured traffic, `-` for standard input: raw records, base64 lines, exports with keys, each also as
    /// gzip [default: standard input, unless Kafka is given]
    #[arg(value_name = "INPUT")]
    inputs: Vec<FileInput>,
    /// The same as INPUT
    #[arg(
        long,
        short = 'i',
        value_name = "PATH",
        value_delimiter = ',',
        allow_hyphen_values = true,
        env = "FERRY_INPUT"
    )]
    input: Vec<FileInput>,
    #[command(flatten)]
    kafka: KafkaArgs,
    /// Where things are kept that are no captured traffic, a line of JSON each [default: they are counted and logged]
    #[arg(long, value_name = "FILE", env = "FERRY_QUARANTINE", help_heading = "Limits")]
    quarantine: Option<PathBuf>,
    /// Memory for the traffic under way
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "256MiB", env = "FERRY_MEMORY", help_heading = "Limits")]
    memory: u64,
}

/// A part of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which records")]
pub(super) struct RangeArgs {
    /// First offset of each partition; of a file, first record, from 0
    #[arg(long, value_name = "OFFSET", env = "FERRY_START_OFFSET", alias = "startOffset")]
    start_offset: Option<i64>,
    /// Offset to stop before
    #[arg(long, value_name = "OFFSET", env = "FERRY_END_OFFSET", alias = "endOffset")]
    end_offset: Option<i64>,
    /// Records with something at this time or later: seconds since 1970, or `2026-01-31T10:00:00Z`; offsets win
    #[arg(long, value_name = "TIME", env = "FERRY_START_TIME", alias = "startTime")]
    start_time: Option<Instant>,
    /// Records with something before this time
    #[arg(long, value_name = "TIME", env = "FERRY_END_TIME", alias = "endTime")]
    end_time: Option<Instant>,
    /// Records of these connections only
    #[arg(long, value_name = "IDS", value_delimiter = ',', env = "FERRY_CONNECTIONS")]
    connections: Vec<String>,
}

/// How requests and responses are found.
#[derive(Debug, Args)]
pub(super) struct AccumulatorArgs {
    /// Seconds, by the source's clock, after which a silent connection is taken to be over
    #[arg(
        long,
        value_name = "SECONDS",
        short = 't',
        env = "FERRY_CONNECTION_TIMEOUT",
        default_value = "360",
        help_heading = None::<&str>,
        aliases = ["packet-timeout-seconds", "packetTimeoutSeconds", "observedPacketConnectionTimeout"]
    )]
    connection_timeout: u64,
}

impl InputArgs {
    /// Opens it; what is no captured traffic goes to the quarantine. Of a topic, what is there now is read.
    pub(super) async fn open(&self, range: &RecordSelection) -> anyhow::Result<(RecordStream, Quarantine)> {
        let quarantine = Quarantine::new(self.quarantine.clone());
        let memory = MemoryBudget::new(self.memory);
        let files = [&*self.inputs, &*self.input].concat();
        let stream = match (self.kafka.options()?, files.is_empty()) {
            (Some(_), false) => {
                bail!("files and `--kafka-…` exclude each other: the traffic comes from files or from Kafka")
            }
            (Some(options), true) => topic(options, range, memory).await?,
            (None, is_stdin) => {
                let files = if is_stdin { vec![FileInput::Stdin] } else { files };
                FileSource::find(&files)?.read(memory, quarantine.clone())
            }
        };
        Ok((stream, quarantine))
    }
}

async fn topic(
    options: KafkaOptions,
    range: &RecordSelection,
    memory: MemoryBudget,
) -> anyhow::Result<RecordStream> {
    if options.group.is_some() {
        bail!("`--kafka-group` is of no use here: all partitions are read, and nothing is committed");
    }
    let start = match (range.start_offset, range.start_time) {
        (Some(offset), _) => KafkaStart::Offset(offset),
        // A record is written after what is in it was observed.
        (None, Some(time)) if range.end_offset.is_none() => KafkaStart::Time(time.0),
        _ => KafkaStart::Earliest,
    };
    let (kafka, inputs) =
        KafkaSource::start(KafkaOptions { start, until_end: true, ..options }, memory).await?;
    Ok(RecordStream::of_inputs(inputs, kafka))
}

impl RangeArgs {
    pub(super) fn selection(self) -> RecordSelection {
        let Self { start_offset, end_offset, start_time, end_time, connections } = self;
        RecordSelection { start_offset, end_offset, start_time, end_time, connections }
    }
}

impl AccumulatorArgs {
    pub(super) fn settings(&self, quarantine: Quarantine) -> AccumulatorSettings {
        let expiry = Duration::from_secs(self.connection_timeout);
        AccumulatorSettings { expiry, quarantine, ..AccumulatorSettings::default() }
    }
}

/// Tells of files that could not be read to their end, and of the quarantine; how the command ends.
pub(super) fn end(
    errors: Vec<engine::Error>,
    quarantined: u64,
    quarantine: &Quarantine,
) -> anyhow::Result<ExitStatus> {
    let has_errors = !errors.is_empty();
    // Of a topic that cannot be read nothing more comes; of files, others do.
    let is_cut = errors.iter().any(|error| matches!(error, engine::Error::Kafka { .. }));
    for error in errors {
        report_error::report(&error.into());
    }
    let file = quarantine.finish()?;
    if quarantined > 0 {
        let file = file.map(|file| file.display().to_string());
        tracing::warn!(file, "{quarantined} things are no captured traffic");
    }
    if is_cut {
        return Ok(ExitStatus::Failed);
    }
    Ok(if has_errors || quarantined > 0 { ExitStatus::WithFailures } else { ExitStatus::Complete })
}
