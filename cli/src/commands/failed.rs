//! `ferry failed list|show|retry`.

use crate::args::{OutputArgs, OutputForm, bytes};
use crate::cluster_args::TargetArgs;
use crate::output::{ExitStatus, Output, number, table};
use clap::{Args, Subcommand};
use engine::bulk::{
    self, BatchLimits, BulkSink, FailedDocuments, FailedFiles, FailedOptions, FailedRecord, FailedSummary,
    Filter, PathForm, RetryReport, RetrySettings, SinkSettings,
};
use engine::flow::ConcurrencyLimit;
use engine::storage::{Location, S3Options};
use engine::target::{self, Client};
use url::Url;

/// Look at documents that failed, and send them again
#[derive(Debug, Subcommand)]
pub(crate) enum FailedCommand {
    /// Count failed documents by index and reason
    List(ListArgs),
    /// Print failed documents with all that is known of them, one line of JSON each
    Show(ShowArgs),
    /// Send failed documents again; exit status 1 when some fail again
    Retry(Box<RetryArgs>),
}

/// Where failed documents are recorded, and which of them are meant.
#[derive(Debug, Args)]
struct RecordArgs {
    /// Where they are recorded: a folder, one file, or `s3://bucket/prefix`; of ferry or of the Java migrator
    #[arg(value_name = "LOCATION", env = "FERRY_FAILED_DOCUMENTS")]
    location: Location,
    /// Only those of this index of the target
    #[arg(long, value_name = "NAME")]
    index: Option<String>,
    /// AWS region of the bucket [default: from the environment or the AWS profile]
    #[arg(long, value_name = "REGION", env = "FERRY_S3_REGION", help_heading = "S3")]
    s3_region: Option<String>,
    /// Endpoint of an S3-compatible server, such as `http://127.0.0.1:9000`
    #[arg(long, value_name = "URL", env = "FERRY_S3_ENDPOINT", help_heading = "S3")]
    s3_endpoint: Option<String>,
    /// Address the bucket in the path, not in the host name
    #[arg(long, env = "FERRY_S3_PATH_STYLE", help_heading = "S3")]
    s3_path_style: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    records: RecordArgs,
    /// Only those with this `_id`
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Documents to print, at most
    #[arg(long, value_name = "N", default_value = "10", env = "FERRY_LIMIT")]
    limit: u64,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    records: RecordArgs,
    /// Only those with this `_id`
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Cluster to send them to
    #[arg(long, value_name = "URL", env = "FERRY_TARGET")]
    target: Url,
    #[command(flatten)]
    cluster: TargetArgs,
    /// Where documents are recorded that fail again [default: nowhere, they stay where they are]
    #[arg(long, value_name = "LOCATION", env = "FERRY_FAILED_AGAIN")]
    failed_again: Option<Location>,
    /// Types of errors that count as success, such as `version_conflict_engine_exception`
    #[arg(long, value_name = "TYPES", value_delimiter = ',', env = "FERRY_ALLOW_DOC_ERRORS")]
    allow_doc_errors: Vec<String>,
    /// Bytes of a bulk request; a larger document goes alone
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10MiB", env = "FERRY_BATCH_BYTES")]
    batch_bytes: u64,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is known of the target before documents are sent to it.
struct Target {
    client: Client,
    path: PathForm,
    without_types: bool,
}

impl RecordArgs {
    fn s3(&self) -> S3Options {
        S3Options {
            region: self.s3_region.clone(),
            endpoint: self.s3_endpoint.clone(),
            force_path_style: self.s3_path_style,
            ..S3Options::default()
        }
    }

    async fn open(&self) -> engine::Result<FailedFiles> {
        FailedFiles::open(&self.location, &self.s3()).await
    }

    fn filter(&self, id: Option<String>) -> Filter {
        Filter { index: self.index.clone(), id, class: None }
    }
}

impl RetryArgs {
    /// Connects to the target and asks what it is.
    async fn connect(&self) -> anyhow::Result<Target> {
        let client = self.cluster.client(self.target.as_str())?;
        let cluster = target::detect(&client).await?;
        let path = PathForm::of(&cluster);
        let without_types = !cluster.has_types();
        Ok(Target { client: client.with_gzip(cluster.accepts_gzip), path, without_types })
    }
}

pub(crate) async fn run(command: FailedCommand, output: &mut Output) -> anyhow::Result<ExitStatus> {
    match command {
        FailedCommand::List(args) => list(args, output).await,
        FailedCommand::Show(args) => show(args, output).await,
        FailedCommand::Retry(args) => retry(*args, output).await,
    }
}

async fn list(args: ListArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let files = args.records.open().await?;
    let summary = bulk::summarize(&files, &args.records.filter(None)).await?;
    match args.output.output {
        OutputForm::Json => output.json(&summary)?,
        OutputForm::Text => output.text(&describe_summary(&summary, files.url()))?,
    }
    Ok(status(summary.bad_lines))
}

fn describe_summary(summary: &FailedSummary, url: &str) -> String {
    let columns = ["INDEX", "CLASS", "ERROR", ">DOCUMENTS"];
    let row = |row: &bulk::FailedRow| {
        let error = row.error_type.clone().unwrap_or_else(|| "-".to_owned());
        vec![row.index.clone(), row.class.to_string(), error, number(row.documents)]
    };
    let mut lines = Vec::new();
    if !summary.rows.is_empty() {
        lines.push(table(&columns, summary.rows.iter().map(row)));
    }
    lines.extend(describe_bad(&summary.bad, summary.bad_lines));
    let documents = summary.rows.iter().fold(0, |sum: u64, row| sum.saturating_add(row.documents));
    let (records, files) = (number(summary.records), number(summary.files));
    let documents = number(documents);
    lines.push(format!("{documents} documents failed: {records} records in {files} files of `{url}`"));
    lines.join("\n")
}

fn describe_bad(bad: &[bulk::BadRecord], count: u64) -> Vec<String> {
    let mut lines: Vec<String> = bad.iter().map(|bad| format!("not a record: {bad}")).collect();
    let more = count.saturating_sub(bad.len() as u64);
    if more > 0 {
        lines.push(format!("not a record: {} more lines", number(more)));
    }
    lines
}

async fn show(args: ShowArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let files = args.records.open().await?;
    let print = |record: &FailedRecord<'_>| -> anyhow::Result<()> {
        Ok(output.text(&serde_json::to_string(record)?)?)
    };
    let selection = bulk::select(&files, &args.records.filter(args.id), args.limit, print).await?;
    for line in describe_bad(&selection.bad, selection.bad_lines) {
        tracing::warn!("{line}");
    }
    if selection.has_more {
        tracing::warn!("there are more than {} documents: `--limit` shows more", selection.shown);
    }
    Ok(status(selection.bad_lines))
}

async fn retry(args: RetryArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let files = args.records.open().await?;
    let target = args.connect().await?;
    let limits = BatchLimits {
        bytes: usize::try_from(args.batch_bytes).unwrap_or(usize::MAX),
        ..BatchLimits::default()
    };
    let settings = SinkSettings {
        path: target.path,
        allowed: args.allow_doc_errors.iter().cloned().collect(),
        max_request_bytes: bulk::request_limit(&target.client).await.ok().flatten(),
        usual: limits,
        ..SinkSettings::default()
    };
    let sink = BulkSink::new(target.client, settings, ConcurrencyLimit::new(1, 1));
    let failed = args.failed_again.as_ref().map(|location| {
        let options = FailedOptions::new(location.clone(), "retry", "ferry");
        FailedDocuments::new(FailedOptions { s3: args.records.s3(), ..options })
    });
    let retry = RetrySettings { limits, without_types: target.without_types };
    let report =
        bulk::retry(&files, &args.records.filter(args.id.clone()), &sink, retry, failed.as_ref()).await?;
    match args.output.output {
        OutputForm::Json => output.json(&report)?,
        OutputForm::Text => output.text(&describe_retry(&report))?,
    }
    Ok(status(report.failed.saturating_add(report.without_source).saturating_add(report.bad_lines)))
}

fn describe_retry(report: &RetryReport) -> String {
    let mut lines = Vec::new();
    for failure in &report.failures {
        let id = failure.id.as_deref().map_or_else(|| "?".to_owned(), shown_id);
        let error = failure.error_type.as_deref().unwrap_or("error");
        lines.push(format!("failed again: `{}` `{id}`: {error}: {}", failure.index, failure.reason));
    }
    let more = report.failed.saturating_sub(report.failures.len() as u64);
    if more > 0 {
        lines.push(format!("failed again: {} more documents", number(more)));
    }
    lines.extend(describe_bad(&report.bad, report.bad_lines));
    if report.possible_duplicates > 0 {
        let count = number(report.possible_duplicates);
        lines.push(format!("note: {count} documents without `_id` may be there twice: an answer was lost"));
    }
    if report.without_source > 0 {
        let count = number(report.without_source);
        lines.push(format!("note: {count} records have no document: only a new backfill can bring it"));
    }
    lines.push(format!(
        "{} records selected: {} indexed, {} with an allowed error, {} failed again, {} without document",
        number(report.selected),
        number(report.indexed),
        number(report.allowed),
        number(report.failed),
        number(report.without_source),
    ));
    lines.join("\n")
}

/// An id in a line of text: ids have any characters, and may be long.
fn shown_id(id: &str) -> String {
    const LONGEST: usize = 64;
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = id.chars().take(LONGEST).map(printable).collect();
    if id.chars().nth(LONGEST).is_some() { shown + "…" } else { shown }
}

const fn status(faults: u64) -> ExitStatus {
    if faults == 0 { ExitStatus::Complete } else { ExitStatus::WithFailures }
}
