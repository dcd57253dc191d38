//! `ferry replay`.

mod convert;
#[cfg(test)]
mod documented;
mod dump;
mod input;
mod report;
mod report_text;
mod selection;
mod stats;
mod summary;
mod timing;
mod tuples;

use crate::args::{OutputArgs, bytes};
use crate::cluster_args::TargetArgs;
use crate::kafka_args::KafkaArgs;
use crate::output::{ExitStatus, Output};
use crate::progress::Watch;
use crate::signals::{PauseSwitch, Stop};
use crate::telemetry::TelemetryArgs;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use engine::flow::{Cancel, MemoryBudget};
use engine::replay::{
    self, Destination, GroupNotes, Monitor, RequestTransforms, RetryPolicy, Settings, Source,
};
use engine::target::Dialer;
use engine::traffic::kafka::KafkaSource;
use engine::traffic::{AccumulatorSettings, FileInput, FileSource, Quarantine};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Send captured traffic to a target, on time and in order, and record what source and target answered
///
/// The traffic comes from a Kafka topic that a capture proxy filled, or from files. Any number of processes with one `--kafka-group`
/// share the work; stopped or killed, the same command goes on where it was, so a request is sent at least once.
///
/// Exit status 0 means that every selected request has an answer of the target; 1 that some have none; 2 that the replay could not
/// run or was stopped. What source and target answered differently is for `ferry replay report` to say.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ReplayArgs {
    #[command(subcommand)]
    command: Option<ReplayCommand>,
    /// File or folder with captured traffic, or `-` for standard input, instead of Kafka: raw records, base64 lines, exports
    /// with keys, each also as gzip
    #[arg(
        long,
        short = 'i',
        value_name = "PATH",
        env = "FERRY_INPUT",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    input: Vec<FileInput>,
    #[command(flatten)]
    kafka: KafkaArgs,
    /// End at what is the end of the topic now, instead of waiting for more
    #[arg(long, env = "FERRY_UNTIL_END", help_heading = "Kafka")]
    until_end: bool,
    /// Cluster that gets the requests: `http://host:port` or `https://host:port`
    #[arg(long, value_name = "URL", env = "FERRY_TARGET", required = true, help_heading = None::<&str>, aliases = ["target-uri", "targetUri"])]
    target: Option<String>,
    #[command(flatten)]
    target_cluster: TargetArgs,
    #[command(flatten)]
    timing: timing::TimingArgs,
    #[command(flatten)]
    selection: selection::SelectionArgs,
    /// File of transforms of requests: see docs/replay-transforms.md
    #[arg(long, value_name = "FILE", env = "FERRY_TRANSFORM", help_heading = "What is changed", aliases = ["transformer-config-file", "transformerConfigFile"])]
    transform: Option<PathBuf>,
    /// The transforms themselves, as the Java replayer takes them
    #[arg(long, value_name = "TEXT", hide = true, conflicts_with = "transform")]
    transform_text: Option<String>,
    /// Send a request that a transform fails on as it was, instead of not at all
    #[arg(long, env = "FERRY_SEND_UNTRANSFORMED", help_heading = "What is changed")]
    send_untransformed: bool,
    /// Let the target make ids of its own for documents that the client gave none, instead of those that the source made
    #[arg(long, env = "FERRY_NEW_IDS", help_heading = "What is changed")]
    new_ids: bool,
    /// Remove `Authorization` from every request
    #[arg(
        long,
        env = "FERRY_REMOVE_AUTH_HEADER",
        help_heading = "What is changed",
        alias = "removeAuthHeader"
    )]
    remove_auth_header: bool,
    /// What `Host` says: `target`, its host and port; `source`, what the client said; or this text
    #[arg(
        long,
        value_name = "HOST",
        env = "FERRY_HOST",
        help_heading = "What is changed",
        default_value = "target"
    )]
    host: replay::HostHeader,
    /// Added to the user agent of every request
    #[arg(
        long,
        value_name = "TEXT",
        env = "FERRY_USER_AGENT",
        help_heading = "What is changed",
        alias = "userAgent"
    )]
    user_agent: Option<String>,
    #[command(flatten)]
    tuples: tuples::TupleArgs,
    /// Times that a request is sent at most while the target is overloaded or gives no answer
    #[arg(
        long,
        value_name = "N",
        env = "FERRY_MAX_ATTEMPTS",
        help_heading = "Sending again",
        default_value = "20"
    )]
    max_attempts: NonZeroU32,
    /// How long a request is sent again at most; a target that cannot be reached for longer is given up
    #[arg(
        long,
        value_name = "SECONDS",
        env = "FERRY_RETRY_BUDGET",
        help_heading = "Sending again",
        default_value = "300"
    )]
    retry_budget: NonZeroU32,
    /// Errors of items of bulk requests for which these are not sent again [default: those of the Java replayer]
    #[arg(long, value_name = "TYPES", env = "FERRY_FINAL_ERRORS", help_heading = "Sending again", value_delimiter = ',', aliases = ["non-retryable-doc-exception-types", "nonRetryableDocExceptionTypes"])]
    final_errors: Vec<String>,
    /// Where records and requests are kept that cannot be used [default: they are counted and logged]
    #[arg(long, value_name = "FILE", env = "FERRY_QUARANTINE", help_heading = "Limits")]
    quarantine: Option<PathBuf>,
    /// Memory for the traffic under way
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512MiB", env = "FERRY_MEMORY", help_heading = "Limits")]
    memory: u64,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
    /// Where it can be looked at while it runs.
    #[arg(skip)]
    monitor: Monitor,
}

#[derive(Debug, Subcommand)]
enum ReplayCommand {
    Convert(Box<convert::ConvertArgs>),
    Dump(Box<dump::DumpArgs>),
    Report(Box<report::ReportArgs>),
    Stats(Box<stats::StatsArgs>),
}

impl ReplayArgs {
    /// Who is told how the run is.
    pub(crate) fn telemetry(&self) -> TelemetryArgs {
        if self.command.is_some() {
            return TelemetryArgs::default();
        }
        self.telemetry.clone().of_replay(self.monitor.clone())
    }

    fn settings(&self) -> Settings {
        let budget = Duration::from_secs(self.retry_budget.get().into());
        let mut policy = RetryPolicy { attempts: self.max_attempts.get(), budget, ..RetryPolicy::default() };
        if !self.final_errors.is_empty() {
            policy.final_errors = self.final_errors.iter().cloned().collect();
        }
        let accumulator = AccumulatorSettings {
            quarantine: Quarantine::new(self.quarantine.clone()),
            expiry: self.timing.expiry(),
            most_message: AccumulatorSettings::default().most_message.min(self.memory / 4),
            ..AccumulatorSettings::default()
        };
        let most_backlog = self.memory / 4;
        let monitor = self.monitor.clone();
        self.timing.apply(Settings { accumulator, policy, most_backlog, monitor, ..Settings::default() })
    }

    async fn destination(&self) -> anyhow::Result<Destination> {
        let Some(target) = &self.target else { bail!("`--target` is needed") };
        let options = self.target_cluster.client_options(target)?;
        let transforms = match (&self.transform, &self.transform_text) {
            (Some(file), _) => RequestTransforms::from_file(file)?,
            (None, Some(text)) => RequestTransforms::from_text("the transforms", text)?,
            (None, None) => RequestTransforms::default(),
        };
        let auth = match (&options.auth, self.remove_auth_header) {
            (engine::target::Auth::None, false) => replay::ReplayAuth::Source,
            (engine::target::Auth::None, true) => replay::ReplayAuth::Removed,
            (auth, _) => replay::ReplayAuth::As(auth.clone()),
        };
        let finisher = replay::Finisher::new(&replay::FinishSettings {
            url: options.url.clone(),
            host: self.host.clone(),
            auth,
            user_agent: self.user_agent.clone(),
        })?;
        let preparation = replay::Preparation {
            selection: self.selection.selection(),
            transforms,
            finisher,
            keeps_ids: !self.new_ids,
            sends_untransformed: self.send_untransformed,
        };
        Ok(Destination { dialer: Dialer::new(&options)?, preparation, tuples: self.tuples.open().await? })
    }

    /// What is read. The consumer of the topic lives as long as it is held.
    async fn source(
        &self,
        memory: &MemoryBudget,
        settings: &Settings,
    ) -> anyhow::Result<(Source, Option<Arc<KafkaSource>>)> {
        let kafka = self.kafka.options()?;
        match (kafka, self.input.is_empty()) {
            (Some(_), false) => bail!(
                "`--input` and `--kafka-…` exclude each other: the traffic comes from files or from Kafka"
            ),
            (None, true) => bail!(
                "nothing to replay: give `--kafka-brokers`, `--kafka-topic` and `--kafka-group`, or `--input`"
            ),
            (None, false) => {
                let files = FileSource::find(&self.input)?;
                let records = files.read(memory.clone(), settings.accumulator.quarantine.clone());
                Ok((replay::from_files(records), None))
            }
            (Some(mut options), true) => {
                if options.group.is_none() {
                    bail!(
                        "`--kafka-group` is missing: it keeps what was replayed, so that a later run goes on there"
                    );
                }
                options.until_end = self.until_end;
                let (kafka, inputs) = KafkaSource::start(options, memory.clone()).await?;
                let kafka = Arc::new(kafka);
                let (holding, committing, watching) =
                    (Arc::clone(&kafka), Arc::clone(&kafka), Arc::clone(&kafka));
                let source = Source {
                    inputs,
                    hold: Box::new(move |ledger, hold| match hold {
                        true => holding.pause(ledger.partition()),
                        false => holding.resume(ledger.partition()),
                    }),
                    commit: Arc::new(move |ledger, offset| {
                        let kafka = Arc::clone(&committing);
                        Box::pin(async move { kafka.commit(&ledger, offset).await })
                    }),
                    is_quiet: Box::new(move |partition| watching.is_quiet(partition)),
                    ends: self.until_end,
                    notes: Some(GroupNotes::of(&kafka)),
                };
                Ok((source, Some(kafka)))
            }
        }
    }
}

pub(crate) async fn run(args: ReplayArgs, stop: &Stop, output: &mut Output) -> anyhow::Result<ExitStatus> {
    match args.command {
        None => replay_traffic(&args, stop, output).await,
        Some(ReplayCommand::Convert(args)) => convert::run(*args, output).await,
        Some(ReplayCommand::Dump(args)) => dump::run(*args, output).await,
        Some(ReplayCommand::Report(args)) => report::run(*args, output).await,
        Some(ReplayCommand::Stats(args)) => stats::run(*args, output).await,
    }
}

async fn replay_traffic(args: &ReplayArgs, stop: &Stop, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let settings = args.settings();
    let switch = PauseSwitch::of_replay(settings.clock.clone())?;
    let destination = args.destination().await?;
    let memory = MemoryBudget::new(args.memory / 4).measured();
    let (source, kafka) = args.source(&memory, &settings).await?;
    let cancel = Cancel::default();
    stop.is_taken_over_by(cancel.clone());
    if let Some(kafka) = &kafka {
        let kafka = Arc::downgrade(kafka);
        args.monitor.watch_topic(move || kafka.upgrade().map(|kafka| kafka.status()));
    }
    // On the threads that its other tasks are on: each record would wake up this one.
    let running = tokio::spawn(replay::run(source, destination, settings, memory, cancel));
    let watch = Watch::of_replay(args.monitor.clone());
    let replayed = running.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    drop((switch, watch));
    args.monitor.unwatch_topic();
    let report = replayed.context("the replay ended early")?;
    if let Some(kafka) = kafka.and_then(Arc::into_inner) {
        kafka.close().await;
    }
    summary::print(&report, args.output.output, output)?;
    Ok(summary::status(&report))
}
