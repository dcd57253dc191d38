//! `ferry backfill`.

mod cluster;
mod lines;
mod plan;
pub(crate) mod rate;
mod session;
mod status;

use crate::args::{OutputArgs, RepositoryArgs, SelectionArgs, bytes};
use crate::output::{ExitStatus, Output};
use crate::signals::Stop;
use crate::telemetry::TelemetryArgs;
use clap::{Args, Subcommand};
use codecs::snapshot::version::Version;
use engine::backfill::{self, Excluded, Outcome};
use engine::ndjson::LineTarget;
use engine::snapshot::{Exclusion, IndexSelection};
use std::num::NonZeroUsize;
use std::str::FromStr;

/// Copy the documents of a snapshot, read straight from its segment files
///
/// Into a cluster, any number of processes can share the work: start the same command as often as you like. Stopped or
/// killed, the same command goes on where it was. `ferry backfill status` shows how far it is.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackfillArgs {
    #[command(subcommand)]
    command: Option<BackfillCommand>,
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Snapshot to read
    #[arg(long, value_name = "NAME", env = "FERRY_SNAPSHOT", required = true)]
    snapshot: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Where the documents go: a cluster (`https://host:9200`), `ndjson:DIR` (files under `DIR/<index>/`), `-` (standard
    /// output), or, for measuring, `null:` (lines nowhere) and `null-bulk:` (bulk requests nowhere)
    #[arg(long, value_name = "TARGET", env = "FERRY_TARGET", allow_hyphen_values = true, required = true)]
    target: Option<Target>,
    /// Show what would be done: work items, documents, bytes to fetch
    #[arg(long, env = "FERRY_DRY_RUN")]
    dry_run: bool,
    /// Where failed documents are recorded: a file for lines; for a cluster a folder or `s3://bucket/prefix`
    /// [default: `failed-documents.ndjson` in the target's directory, or here; `failed-documents` in the state directory]
    #[arg(long, value_name = "PLACE", env = "FERRY_FAILED_DOCUMENTS")]
    failed_documents: Option<String>,
    /// Memory for the data in flight
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512MiB", env = "FERRY_MEMORY")]
    memory: u64,
    /// Threads that decode [default: one for each core]
    #[arg(long, value_name = "N", env = "FERRY_THREADS")]
    threads: Option<NonZeroUsize>,
    /// Version of the cluster that made the snapshot, such as `6.8` or `os-2.19` [default: as the snapshot says]
    #[arg(long, value_name = "VERSION", env = "FERRY_SOURCE_VERSION")]
    source_version: Option<Version>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    lines: lines::LineArgs,
    #[command(flatten)]
    cluster: cluster::ClusterArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[derive(Debug, Subcommand)]
enum BackfillCommand {
    Status(Box<status::StatusArgs>),
}

/// Where documents go.
#[derive(Debug, Clone)]
enum Target {
    Lines(LineTarget),
    Cluster(String),
    /// Bulk requests that are not sent.
    NullBulk,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Cluster(text.to_owned()));
        }
        match text {
            "null-bulk:" => Ok(Self::NullBulk),
            _ => text.parse().map(Self::Lines).map_err(|_| {
                "expected the URL of a cluster (`https://host:9200`), `ndjson:DIR`, `-`, `null:` or `null-bulk:`"
                    .to_owned()
            }),
        }
    }
}

impl BackfillArgs {
    /// Who is told how the run is. `status` and `--dry-run` may have the environment of a run that goes on.
    pub(crate) fn telemetry(&self) -> TelemetryArgs {
        let is_run = self.command.is_none() && !self.dry_run;
        if is_run { self.telemetry.clone() } else { TelemetryArgs::default() }
    }

    fn selection(&self) -> IndexSelection {
        IndexSelection::new(self.selection.indices.clone())
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

pub(crate) async fn run(args: BackfillArgs, stop: &Stop, output: &mut Output) -> anyhow::Result<ExitStatus> {
    if let Some(BackfillCommand::Status(args)) = args.command {
        return status::run(*args, output).await;
    }
    let (Some(name), Some(target)) = (&args.snapshot, &args.target) else {
        anyhow::bail!("`--snapshot` and `--target` are needed");
    };
    if matches!(target, Target::Lines(_)) {
        args.cluster.refuse_without_cluster()?;
    }
    let repository = args.repository.open().await?;
    let snapshot = repository.snapshot(name).await?;
    if args.dry_run {
        let plan = backfill::plan(&snapshot, &args.selection()).await?;
        return plan::report(&plan, args.output.output, output);
    }
    match target {
        Target::Lines(target) => lines::run(&args, &snapshot, target, output).await,
        Target::Cluster(url) => cluster::run(&args, &snapshot, Some(url), stop, output).await,
        Target::NullBulk => cluster::run(&args, &snapshot, None, stop, output).await,
    }
}

const fn status_of(outcome: Outcome) -> ExitStatus {
    match outcome {
        Outcome::Complete => ExitStatus::Complete,
        Outcome::CompleteWithFailures => ExitStatus::WithFailures,
        Outcome::Unbalanced => ExitStatus::Failed,
    }
}

/// A line for each index that is left out, but one for all that no pattern selects: that was the wish.
fn left_out(excluded: &[Excluded]) -> Vec<String> {
    let not_selected = Exclusion::NotSelected.to_string();
    let (quiet, told): (Vec<_>, Vec<_>) =
        excluded.iter().partition(|excluded| excluded.reason == not_selected);
    let mut lines: Vec<String> =
        told.iter().map(|excluded| format!("left out: `{}`: {}", excluded.index, excluded.reason)).collect();
    if !quiet.is_empty() {
        lines.push(format!("left out: {} indices that no pattern selects", quiet.len()));
    }
    lines
}
