//! `ferry snapshot list|show|check`.

use crate::args::{OutputArgs, OutputForm, RepositoryArgs, SelectionArgs, bytes};
use crate::output::{ExitStatus, Output, date, number, size, table};
use clap::{Args, Subcommand};
use engine::inspect::{self, CheckReport, CheckSettings, Shown, SnapshotRow};
use engine::snapshot::IndexSelection;
use std::num::NonZeroUsize;

/// Look into a snapshot repository
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// List the snapshots of a repository
    List(ListArgs),
    /// Show indices, shards and segments of a snapshot
    Show(ShowArgs),
    /// Read and verify what a backfill needs of a snapshot: a row for each fault
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Snapshot to show
    #[arg(long, value_name = "NAME", env = "FERRY_SNAPSHOT")]
    snapshot: String,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Snapshot to check [default: all of the repository]
    #[arg(long, value_name = "NAME", env = "FERRY_SNAPSHOT")]
    snapshot: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Verify every blob, also those that a backfill does not need
    #[arg(long, env = "FERRY_ALL")]
    all: bool,
    /// Memory for the data in flight
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512MiB", env = "FERRY_MEMORY")]
    memory: u64,
    /// Threads that decode [default: one for each core]
    #[arg(long, value_name = "N", env = "FERRY_THREADS")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(command: SnapshotCommand, output: &mut Output) -> anyhow::Result<ExitStatus> {
    match command {
        SnapshotCommand::List(args) => list(args, output).await,
        SnapshotCommand::Show(args) => show(args, output).await,
        SnapshotCommand::Check(args) => check(args, output).await,
    }
}

fn status(faults: usize) -> ExitStatus {
    if faults == 0 { ExitStatus::Complete } else { ExitStatus::WithFailures }
}

async fn list(args: ListArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let repository = args.repository.open().await?;
    let rows = inspect::list(&repository).await;
    match args.output.output {
        OutputForm::Json => output.json(&rows)?,
        OutputForm::Text => output.text(&describe_list(&rows))?,
    }
    Ok(status(rows.iter().filter(|row| row.fault.is_some()).count()))
}

fn describe_list(rows: &[SnapshotRow]) -> String {
    let columns = ["SNAPSHOT", "STATE", "MADE BY", "STARTED", "ENDED", ">INDICES", ">SHARDS", ">MISSING"];
    let cells = rows.iter().map(|row| {
        vec![
            row.name.clone(),
            row.state.unwrap_or("?").to_owned(),
            row.version.clone().unwrap_or_else(|| "?".to_owned()),
            date(row.start_millis),
            date(row.end_millis),
            number(row.indices as u64),
            number(row.shards),
            number(row.missing_shards),
        ]
    });
    let mut lines = vec![table(&columns, cells)];
    let faults = rows.iter().filter_map(|row| Some((&row.name, row.fault.as_ref()?)));
    lines.extend(faults.map(|(name, fault)| format!("fault: `{name}`: {fault}")));
    lines.join("\n")
}

async fn show(args: ShowArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let repository = args.repository.open().await?;
    let snapshot = repository.snapshot(&args.snapshot).await?;
    let patterns = args.selection.indices;
    let selection = (!patterns.is_empty()).then(|| IndexSelection::new(patterns));
    let shown = inspect::show(&snapshot, selection.as_ref()).await?;
    match args.output.output {
        OutputForm::Json => output.json(&shown)?,
        OutputForm::Text => output.text(&describe_shown(&shown))?,
    }
    Ok(status(shown.indices.iter().map(|index| index.faults.len()).sum()))
}

fn describe_shown(shown: &Shown) -> String {
    let mut lines = vec![match &shown.version {
        Some(version) => format!("snapshot `{}`, made by {version}", shown.snapshot),
        None => format!("snapshot `{}`", shown.snapshot),
    }];
    let columns = ["INDEX", ">SHARDS", ">SEGMENTS", ">LIVE", ">DELETED", ">STORED FIELDS", ">ALL FILES"];
    let rows = shown.indices.iter().map(|index| {
        let numbers =
            [index.shards.into(), index.segments.len() as u64, index.live_documents, index.deleted_documents];
        let numbers = numbers.into_iter().map(number);
        let sizes = [size(index.stored_bytes), size(index.total_bytes)];
        std::iter::once(index.index.clone()).chain(numbers).chain(sizes).collect()
    });
    lines.push(table(&columns, rows));
    lines.push(String::new());
    let columns = ["INDEX", ">SHARD", "SEGMENT", ">LIVE", ">DELETED", ">STORED FIELDS", "FORMAT", "CODEC"];
    let segments =
        shown.indices.iter().flat_map(|index| index.segments.iter().map(move |segment| (index, segment)));
    let rows = segments.map(|(index, segment)| {
        vec![
            index.index.clone(),
            segment.shard.to_string(),
            segment.segment.clone(),
            number(segment.live_documents),
            number(segment.deleted_documents),
            size(segment.stored_bytes),
            segment.stored_fields.clone(),
            segment.codec.clone(),
        ]
    });
    lines.push(table(&columns, rows));
    for index in &shown.indices {
        lines.extend(index.left_out.as_ref().map(|reason| {
            format!(
                "note: `{}` is left out of a backfill unless `--indices` asks for it: {reason}",
                index.index
            )
        }));
        lines.extend(index.faults.iter().map(|fault| format!("fault: `{}`: {fault}", index.index)));
    }
    lines.join("\n")
}

async fn check(args: CheckArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let repository = args.repository.open().await?;
    let settings = CheckSettings {
        selection: args.selection.selection_of_all(),
        all_blobs: args.all,
        memory: args.memory,
        threads: args
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN),
    };
    let reports = match args.snapshot {
        Some(name) => vec![inspect::check(&repository.snapshot(&name).await?, &settings).await?],
        None => inspect::check_all(&repository, &settings).await?,
    };
    match args.output.output {
        OutputForm::Json => output.json(&reports)?,
        OutputForm::Text => output.text(&describe_check(&reports))?,
    }
    Ok(status(reports.iter().map(|report| report.faults.len()).sum()))
}

fn describe_check(reports: &[CheckReport]) -> String {
    let mut lines = Vec::new();
    if reports.iter().any(|report| !report.faults.is_empty()) {
        let columns = ["SNAPSHOT", "INDEX", ">SHARD", "BLOB", ">OFFSET", "PROBLEM"];
        let faults = reports.iter().flat_map(|report| report.faults.iter().map(move |fault| (report, fault)));
        let rows = faults.map(|(report, fault)| {
            let place = |place: Option<u64>| place.map_or_else(|| "-".to_owned(), |place| place.to_string());
            vec![
                report.snapshot.clone(),
                fault.index.clone(),
                place(fault.shard.map(u64::from)),
                fault.blob.clone(),
                place(fault.offset),
                fault.problem.clone(),
            ]
        });
        lines.push(table(&columns, rows));
    }
    for report in reports {
        lines.push(format!(
            "snapshot `{}`: {} indices, {} shards, {} documents read, checksums of {} files ({}) computed, {} faults",
            report.snapshot,
            number(report.indices),
            number(report.shards),
            number(report.documents),
            number(report.files),
            size(report.bytes),
            report.faults.len(),
        ));
    }
    lines.join("\n")
}
