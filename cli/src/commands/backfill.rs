//! `ferry backfill`.

use crate::args::{OutputArgs, OutputForm, RepositoryArgs, SelectionArgs, bytes};
use crate::output::{ExitStatus, Output, number, size, table};
use crate::progress::Watch;
use clap::{Args, ValueEnum};
use codecs::snapshot::version::Version;
use engine::backfill::{self, Counts, Excluded, Outcome, Plan, Progress, Report, Settings};
use engine::ndjson::{FileOptions, LineCompression, LineFormat, LineTarget};
use engine::snapshot::{Exclusion, IndexSelection};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// Name of the file of failed documents, where none is given.
const FAILED_DOCUMENTS: &str = "failed-documents.ndjson";

/// Copy the documents of a snapshot, read straight from its segment files
#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Snapshot to read
    #[arg(long, value_name = "NAME", env = "FERRY_SNAPSHOT")]
    snapshot: String,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Where the documents go: `ndjson:DIR` (files under `DIR/<index>/`), `-` (standard output), or `null:` (nowhere,
    /// for measuring)
    #[arg(long, value_name = "TARGET", env = "FERRY_TARGET", allow_hyphen_values = true)]
    target: LineTarget,
    /// Show what would be done: work items, documents, bytes to fetch
    #[arg(long, env = "FERRY_DRY_RUN")]
    dry_run: bool,
    /// What a document becomes
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, env = "FERRY_NDJSON_FORMAT")]
    ndjson_format: NdjsonFormat,
    /// Compression of the lines
    #[arg(long, value_enum, value_name = "METHOD", default_value_t, env = "FERRY_COMPRESSION")]
    compression: Compression,
    /// Start a new file when one has this many bytes
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "1GiB", env = "FERRY_ROTATE_BYTES")]
    rotate_bytes: u64,
    /// Remove the files that an earlier run left for the same indices
    #[arg(long, env = "FERRY_OVERWRITE")]
    overwrite: bool,
    /// Where failed documents are recorded [default: `failed-documents.ndjson` in the target's directory, or here]
    #[arg(long, value_name = "FILE", env = "FERRY_FAILED_DOCUMENTS")]
    failed_documents: Option<PathBuf>,
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
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum NdjsonFormat {
    /// One line with `_index`, `_type`, `_id`, `_routing`, `_parent`, `_source`
    #[default]
    Document,
    /// An action line and a source line, as `_bulk` takes them
    Bulk,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

impl BackfillArgs {
    fn settings(&self) -> Settings {
        let failed_documents = match (&self.failed_documents, &self.target) {
            (Some(path), _) => path.clone(),
            (None, LineTarget::Directory(directory)) => directory.join(FAILED_DOCUMENTS),
            (None, _) => PathBuf::from(FAILED_DOCUMENTS),
        };
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Settings {
            selection: IndexSelection::new(self.selection.indices.clone()),
            target: self.target.clone(),
            format: match self.ndjson_format {
                NdjsonFormat::Document => LineFormat::Document,
                NdjsonFormat::Bulk => LineFormat::Bulk,
            },
            files: FileOptions {
                compression: match self.compression {
                    Compression::None => LineCompression::None,
                    Compression::Gzip => LineCompression::Gzip,
                    Compression::Zstd => LineCompression::Zstd,
                },
                rotate_bytes: self.rotate_bytes,
                overwrite: self.overwrite,
            },
            failed_documents,
            memory: self.memory,
            threads: self.threads.unwrap_or(cores),
            source_version: self.source_version,
        }
    }
}

pub(crate) async fn run(args: BackfillArgs, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let settings = args.settings();
    let repository = args.repository.open().await?;
    let snapshot = repository.snapshot(&args.snapshot).await?;
    if args.dry_run {
        let plan = backfill::plan(&snapshot, &settings.selection).await?;
        return report_plan(&plan, args.output.output, output);
    }
    if settings.target == LineTarget::Stdout {
        output.results_on_stderr();
    }
    let progress = Arc::new(Progress::default());
    let watch = Watch::start(Arc::clone(&progress));
    let report = backfill::run(&snapshot, &settings, &progress).await;
    drop(watch);
    report_run(&report?, args.output.output, output)
}

fn report_run(report: &Report, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    match form {
        OutputForm::Json => output.json(&report.to_json())?,
        OutputForm::Text => output.text(&describe(report))?,
    }
    Ok(match report.outcome() {
        Outcome::Complete => ExitStatus::Complete,
        Outcome::CompleteWithFailures => ExitStatus::WithFailures,
        Outcome::Unbalanced => ExitStatus::Failed,
    })
}

fn describe(report: &Report) -> String {
    let columns = ["INDEX", ">SHARDS", ">SELECTED", ">WRITTEN", ">EXCLUDED", ">FAILED", ">BYTES"];
    let row = |name: &str, shards: u64, counts: &Counts| {
        let numbers = [shards, counts.selected, counts.written, counts.excluded, counts.failed_total()];
        let numbers = numbers.into_iter().map(number);
        std::iter::once(name.to_owned()).chain(numbers).chain([size(counts.bytes)]).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> =
        report.indices.iter().map(|index| row(&index.index, index.shards.into(), &index.counts)).collect();
    let shards = report.indices.iter().map(|index| u64::from(index.shards)).sum();
    let total = report.total();
    rows.push(row("total", shards, &total));
    let mut lines = vec![table(&columns, rows)];
    if total.excluded > 0 {
        lines.push(
            "excluded: nested documents, which are part of the documents that they belong to".to_owned(),
        );
    }
    lines.extend(left_out(&report.excluded_indices));
    for index in &report.indices {
        lines.extend(index.note.as_ref().map(|note| format!("note: `{}`: {note}", index.index)));
    }
    for index in &report.indices {
        for (class, count) in &index.counts.failed {
            lines.push(format!("failed: `{}`: {} documents, {class}", index.index, number(*count)));
        }
        let unknown = index.counts.unknown_shards;
        if unknown > 0 {
            lines.push(format!(
                "failed: `{}`: {unknown} shards, their documents are not counted above",
                index.index
            ));
        }
        if let Some(reason) = &index.counts.first_failure {
            lines.push(format!("  first: {reason}"));
        }
    }
    if let Some(path) = &report.failed_documents {
        lines.push(format!("what failed is recorded in `{}`", path.display()));
    }
    lines.push(format!(
        "read {} in {} requests, {:.1} s, {:.0} documents/s",
        size(report.bytes_fetched),
        number(report.requests),
        report.seconds,
        total.written as f64 / report.seconds.max(0.001),
    ));
    lines.push(verdict(report, &total));
    lines.join("\n")
}

fn verdict(report: &Report, total: &Counts) -> String {
    match report.outcome() {
        Outcome::Complete => "complete: selected = written + excluded".to_owned(),
        Outcome::CompleteWithFailures => {
            "complete with failures: selected = written + excluded + failed".to_owned()
        }
        Outcome::Unbalanced => format!(
            "NOT complete: selected - written - excluded - failed = {}, which must be 0: this is a defect of ferry, \
             please report it",
            total.missing()
        ),
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

fn report_plan(plan: &Plan, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    let faults = plan.indices.iter().flat_map(|index| &index.faults).count();
    match form {
        OutputForm::Json => output.json(plan)?,
        OutputForm::Text => output.text(&describe_plan(plan))?,
    }
    Ok(if faults == 0 { ExitStatus::Complete } else { ExitStatus::WithFailures })
}

fn describe_plan(plan: &Plan) -> String {
    let columns = ["INDEX", ">SHARDS", ">SEGMENTS", ">WORK ITEMS", ">DOCUMENTS", ">TO FETCH", ">IN SNAPSHOT"];
    let mut total = backfill::IndexPlan { index: "total".to_owned(), ..Default::default() };
    for index in &plan.indices {
        total.shards += index.shards;
        total.segments += index.segments;
        total.work_items += index.work_items;
        total.documents += index.documents;
        total.bytes_to_fetch += index.bytes_to_fetch;
        total.bytes_total += index.bytes_total;
    }
    let rows = plan.indices.iter().chain([&total]).map(|index| {
        let numbers = [index.shards.into(), index.segments, index.work_items, index.documents];
        let numbers = numbers.into_iter().map(number);
        let sizes = [size(index.bytes_to_fetch), size(index.bytes_total)];
        std::iter::once(index.index.clone()).chain(numbers).chain(sizes).collect()
    });
    let mut lines = vec![table(&columns, rows)];
    lines.extend(left_out(&plan.excluded_indices));
    for index in &plan.indices {
        lines.extend(index.faults.iter().map(|fault| format!("fault: `{}`: {fault}", index.index)));
    }
    lines.push("nothing was written: this is what would be done".to_owned());
    lines.join("\n")
}
