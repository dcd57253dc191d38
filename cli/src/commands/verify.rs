//! `ferry verify`.

use crate::args::{OutputArgs, OutputForm, RepositoryArgs, SelectionArgs, bytes};
use crate::cluster_args::{SourceArgs, TargetArgs};
use crate::output::{ExitStatus, Output, number, table};
use crate::progress::Watch;
use crate::telemetry::TelemetryArgs;
use clap::{ArgGroup, Args};
use codecs::snapshot::version::Version;
use engine::snapshot::IndexSelection;
use engine::transform::Chain;
use engine::verify::{
    self, Counts, Excluded, Kind, Outcome, Progress, Record, Report, Sample, Settings, Source,
};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// `--repo` and `--snapshot` belong together, and not to `--source`.
const USAGE: &str = "\
ferry verify [OPTIONS] --repo <URI> --snapshot <NAME> --target <URL>
       ferry verify [OPTIONS] --source <URL> --target <URL>";

/// Compare a target with a snapshot, or with a living cluster, document by document
///
/// For every selected document: is it in the target, with the same routing, and does its `_source` say the same? The order
/// of names, white space, escapes and the way a number is written (1, 1.0, 1e0) make no difference. Then: does the target have
/// documents that the source does not?
///
/// Exit status 0 means that the target holds what the source holds; 1 that something differs; 2 that it could not be compared.
#[derive(Debug, Args)]
#[command(override_usage = USAGE)]
#[command(group(ArgGroup::new("from").required(true).args(["snapshot", "source"])))]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    repository: Option<RepositoryArgs>,
    /// Snapshot to compare with
    #[arg(long, value_name = "NAME", env = "FERRY_SNAPSHOT", requires = "repo")]
    snapshot: Option<String>,
    /// Living cluster to compare with, instead of a snapshot: `http://host:port` or `https://host:port`
    #[arg(long, value_name = "URL", env = "FERRY_SOURCE", conflicts_with_all = ["repo", "source_version"])]
    source: Option<Url>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Cluster that should have the documents: `http://host:port` or `https://host:port`
    #[arg(long, value_name = "URL", env = "FERRY_TARGET")]
    target: Url,
    #[command(flatten)]
    target_cluster: TargetArgs,
    #[command(flatten)]
    source_cluster: SourceArgs,
    /// File of transforms that the backfill was given: documents are compared as they come out of them
    #[arg(long, value_name = "FILE", env = "FERRY_TRANSFORM")]
    transform: Option<PathBuf>,
    /// Compare only a part of the documents, the same in every run: `1%`, `0.05%`
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "100%",
        hide_default_value = true,
        env = "FERRY_SAMPLE"
    )]
    sample: Sample,
    /// Documents may change meanwhile: look at what differs again (after 1, 3 and 9 seconds) before it is reported
    #[arg(long, env = "FERRY_LIVE")]
    live: bool,
    /// Send documents that are missing or different again, and compare them once more
    #[arg(long, env = "FERRY_REPAIR")]
    repair: bool,
    /// Where each difference is recorded, as a line of JSON: kind, index, _id, routing, pointer, expected, found
    #[arg(long, value_name = "FILE", default_value = "verify-report.ndjson", env = "FERRY_REPORT")]
    report: PathBuf,
    /// Memory for the data in flight
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512MiB", env = "FERRY_MEMORY")]
    memory: u64,
    /// Threads that decode and compare [default: one for each core]
    #[arg(long, value_name = "N", env = "FERRY_THREADS")]
    threads: Option<NonZeroUsize>,
    /// Version of the cluster that made the snapshot, such as `6.8` or `os-2.19` [default: as the snapshot says]
    #[arg(long, value_name = "VERSION", env = "FERRY_SOURCE_VERSION")]
    source_version: Option<Version>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

pub(crate) async fn run(args: VerifyArgs, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let target = verify::probe(args.target_cluster.client(args.target.as_str())?).await?;
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let settings = Settings {
        selection: IndexSelection::new(args.selection.indices),
        transforms: args.transform.as_deref().map(Chain::from_file).transpose()?,
        sample: args.sample,
        live: args.live,
        repair: args.repair.then(|| verify::resend_by_bulk(&target)),
        differences: args.report,
        memory: args.memory,
        threads: args.threads.unwrap_or(cores),
        source_version: args.source_version,
    };
    let progress = Arc::new(Progress::default());
    let report = match (args.source, args.repository, args.snapshot) {
        (Some(source), ..) => {
            let source = Source::Cluster(verify::probe(args.source_cluster.client(source.as_str())?).await?);
            let _watch = Watch::of_verify(Arc::clone(&progress));
            verify::run(&source, target, &settings, &progress).await?
        }
        (None, Some(repository), Some(snapshot)) => {
            let repository = repository.open().await?;
            let snapshot = repository.snapshot(&snapshot).await?;
            let _watch = Watch::of_verify(Arc::clone(&progress));
            verify::run(&Source::Snapshot(&snapshot), target, &settings, &progress).await?
        }
        _ => anyhow::bail!("give `--repo` and `--snapshot`, or `--source`"),
    };
    report_run(&report, args.output.output, output)
}

fn report_run(report: &Report, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    match form {
        OutputForm::Json => output.json(&report.to_json())?,
        OutputForm::Text => output.text(&describe(report))?,
    }
    Ok(match report.outcome() {
        Outcome::Equal => ExitStatus::Complete,
        Outcome::Different => ExitStatus::WithFailures,
        Outcome::Unbalanced => ExitStatus::Failed,
    })
}

fn describe(report: &Report) -> String {
    let total = report.total();
    let mut lines = vec![counts_table(report, &total)];
    lines.extend(remarks(report, &total));
    lines.extend(report.examples.iter().map(example));
    let differing = total.missing + total.different + total.extra + total.unreadable;
    let shown = report.examples.len() as u64;
    if let Some(path) = &report.differences {
        let rest = if differing > shown {
            format!("and {} more; ", number(differing - shown))
        } else {
            String::new()
        };
        lines.push(format!("{rest}all differences are in `{}`", path.display()));
    }
    let rate = total.checked() as f64 / report.seconds.max(0.001);
    let checked = number(total.checked());
    lines.push(format!("compared {checked} documents in {:.1} s, {rate:.0} documents/s", report.seconds));
    lines.push(verdict(report, &total));
    lines.join("\n")
}

fn counts_table(report: &Report, total: &Counts) -> String {
    let columns = [
        "INDEX",
        ">SELECTED",
        ">CHECKED",
        ">EQUAL",
        ">MISSING",
        ">DIFFERENT",
        ">EXTRA",
        ">UNREADABLE",
        ">EXCLUDED",
        ">NOT SAMPLED",
        ">IN TARGET",
    ];
    let row = |name: &str, counts: &Counts, in_target: String| {
        let numbers = [
            counts.selected,
            counts.checked(),
            counts.equal,
            counts.missing,
            counts.different,
            counts.extra,
            counts.unreadable,
            counts.excluded,
            counts.not_sampled,
        ];
        let numbers = numbers.into_iter().map(number);
        std::iter::once(name.to_owned()).chain(numbers).chain([in_target]).collect::<Vec<_>>()
    };
    let in_target = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), number);
    let rows =
        report.indices.iter().map(|index| row(&index.index, &index.counts, in_target(index.in_target)));
    let sum = report.indices.iter().filter_map(|index| index.in_target).sum();
    table(&columns, rows.chain([row("total", total, number(sum))]))
}

fn remarks(report: &Report, total: &Counts) -> Vec<String> {
    let mut lines = Vec::new();
    if total.excluded > 0 {
        lines.push("excluded: nested documents, which are compared as part of the documents that they belong to, and what a living source deleted meanwhile".to_owned());
    }
    if total.repaired > 0 {
        lines.push(format!(
            "repaired: {} documents were sent again and are equal now",
            number(total.repaired)
        ));
    }
    for index in &report.indices {
        if index.in_target.is_none() {
            lines.push(format!("note: `{}`: the target has no such index", index.index));
        }
        lines.extend(index.notes.iter().map(|note| format!("note: `{}`: {note}", index.index)));
        if index.counts.unknown_shards > 0 {
            let unknown = index.counts.unknown_shards;
            lines.push(format!(
                "unreadable: `{}`: {unknown} shards, their documents are not counted above",
                index.index
            ));
        }
        if index.counts.untrusted_segments > 0 {
            let untrusted = number(index.counts.untrusted_segments);
            lines.push(format!(
                "unreadable: `{}`: the checksum of {untrusted} segments is wrong or cut off: what was compared of them \
                 may not be what was indexed",
                index.index
            ));
        }
    }
    lines.extend(left_out(&report.excluded_indices));
    lines
}

/// A line for each index that is left out, but one for all that no pattern selects: that was the wish.
fn left_out(excluded: &[Excluded]) -> Vec<String> {
    let (quiet, told): (Vec<_>, Vec<_>) =
        excluded.iter().partition(|excluded| excluded.reason == "not selected");
    let mut lines: Vec<String> =
        told.iter().map(|excluded| format!("left out: `{}`: {}", excluded.index, excluded.reason)).collect();
    if !quiet.is_empty() {
        lines.push(format!("left out: {} indices that no pattern selects", quiet.len()));
    }
    lines
}

fn example(record: &Record) -> String {
    let kind = match record.kind {
        Kind::Missing => "missing",
        Kind::Different => "different",
        Kind::Extra => "extra",
        Kind::Unreadable => "unreadable",
    };
    let mut line = format!("{kind}: `{}`", record.index);
    if let Some(id) = &record.id {
        line.push_str(&format!(" `{id}`"));
    }
    if let Some(routing) = &record.routing {
        line.push_str(&format!(" (routing `{routing}`)"));
    }
    match record.pointer.as_deref() {
        Some("") => line.push_str(" as a whole"),
        Some(pointer) => line.push_str(&format!(" at {pointer}")),
        None => {}
    }
    if record.expected.is_some() || record.found.is_some() {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        line.push_str(&format!(": expected {}, found {}", side(&record.expected), side(&record.found)));
    }
    if let Some(reason) = &record.reason {
        line.push_str(&format!(": {reason}"));
    }
    line
}

fn verdict(report: &Report, total: &Counts) -> String {
    let books = "selected = equal + missing + different + unreadable + excluded + not sampled";
    match report.outcome() {
        Outcome::Equal if total.not_sampled > 0 => {
            format!("equal, as far as the sample says: {} holds what {} holds", report.target, report.source)
        }
        Outcome::Equal => format!("equal: {} holds what {} holds", report.target, report.source),
        Outcome::Different if total.holds_what_is_read() => format!(
            "NOT proven: {} holds what could be read of {}, which is not all, or cannot be trusted",
            report.target, report.source
        ),
        Outcome::Different => {
            format!("NOT equal: {} does not hold what {} holds", report.target, report.source)
        }
        Outcome::Unbalanced => format!(
            "NOT complete: {books} does not hold, by {}: this is a defect of ferry, please report it",
            total.unaccounted()
        ),
    }
}
