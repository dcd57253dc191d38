//! `ferry backfill` into a cluster.

use super::rate::{Rate, limits};
use super::session::SessionArgs;
use super::status::describe_quarantined;
use super::{BackfillArgs, left_out, status_of};
use crate::args::{OutputForm, bytes};
use crate::cluster_args::{CoordinatorArgs, TargetArgs};
use crate::output::{ExitStatus, Output, number, size, table};
use crate::progress::Watch;
use crate::signals::{PauseSwitch, Stop};
use clap::{Args, ValueEnum};
use codecs::bulk::OpType;
use engine::backfill::cluster::{self, Destination, IndexRow, Report, Settings};
use engine::backfill::{Outcome, Progress};
use engine::bulk::{
    BatchLimits, BulkSink, FailedDocuments, FailedOptions, OperationWriter, PathForm, SinkSettings,
    request_limit,
};
use engine::coordination::{self, Fingerprint, WorkStore, Worker};
use engine::flow::{Cancel, ConcurrencyLimit, Pause, RateLimit};
use engine::snapshot::Snapshot;
use engine::storage::Location;
use engine::target::{self, Client, Cluster, cluster_url};
use engine::transform::Chain;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How documents are sent to a cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sending")]
pub(super) struct ClusterArgs {
    /// File of transforms (YAML or JSON) that documents go through, see docs/transforms.md
    #[arg(long, value_name = "FILE", env = "FERRY_TRANSFORM")]
    transform: Option<PathBuf>,
    /// What is done with each document
    #[arg(long, value_enum, value_name = "TYPE", default_value_t, env = "FERRY_OP_TYPE")]
    op_type: OpTypeArg,
    /// Bytes of a bulk request; a larger document goes alone
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "10MiB", env = "FERRY_BATCH_BYTES")]
    batch_bytes: u64,
    /// Documents of a bulk request, at most
    #[arg(long, value_name = "N", default_value = "20000", env = "FERRY_BATCH_DOCUMENTS")]
    batch_documents: NonZeroU32,
    /// Bulk requests at once, at least
    #[arg(long, value_name = "N", default_value = "1", env = "FERRY_MIN_CONCURRENCY")]
    min_concurrency: NonZeroUsize,
    /// Bulk requests at once, at most; in between, the answers of the target decide
    #[arg(long, value_name = "N", default_value = "16", env = "FERRY_MAX_CONCURRENCY")]
    max_concurrency: NonZeroUsize,
    /// Documents or bytes a second, at most, such as `5000` or `20MB`; both with a comma between
    #[arg(long, value_name = "RATE", value_delimiter = ',', env = "FERRY_MAX_RATE")]
    max_rate: Vec<Rate>,
    /// Types of errors that count as success, such as `version_conflict_engine_exception`
    #[arg(long, value_name = "TYPES", value_delimiter = ',', env = "FERRY_ALLOW_DOC_ERRORS")]
    allow_doc_errors: Vec<String>,
    /// Compress requests: less network, more work on both sides
    #[arg(long, env = "FERRY_GZIP")]
    gzip: bool,
    /// How long the target may take nothing before the run stops, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", env = "FERRY_RETRY_BUDGET")]
    retry_budget: NonZeroU32,
    #[command(flatten)]
    session: SessionArgs,
    /// Name of this worker [default: host and process]
    #[arg(long, value_name = "NAME", env = "FERRY_WORKER", help_heading = "Session")]
    worker: Option<String>,
    /// Put work items back first that were given up
    #[arg(long, env = "FERRY_RETRY_QUARANTINED", help_heading = "Session")]
    retry_quarantined: bool,
    /// Compressed bytes of a work item; the same for all workers of a session
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "128MiB", env = "FERRY_ITEM_BYTES", help_heading = "Session")]
    item_bytes: u64,
    /// Work items that this worker copies at once
    #[arg(
        long,
        value_name = "N",
        default_value = "4",
        env = "FERRY_ITEMS_AT_ONCE",
        help_heading = "Session"
    )]
    items_at_once: NonZeroUsize,
    /// How long a worker may be silent before others take its work items, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(10..), env = "FERRY_LEASE", help_heading = "Session")]
    lease: u32,
    /// Attempts at a work item without progress before it is given up
    #[arg(long, value_name = "N", default_value = "5", env = "FERRY_MAX_ATTEMPTS", help_heading = "Session")]
    max_attempts: NonZeroU32,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    coordinator: CoordinatorArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OpTypeArg {
    /// Write it, over one of the same `_id`
    #[default]
    Index,
    /// Write it if there is none of the same `_id`: what data streams need
    Create,
}

impl ClusterArgs {
    /// An error if an option is given that lines of JSON would not heed.
    pub(super) fn refuse_without_cluster(&self) -> anyhow::Result<()> {
        let given = [
            ("--transform", self.transform.is_some()),
            ("--op-type create", matches!(self.op_type, OpTypeArg::Create)),
            ("--max-rate", !self.max_rate.is_empty()),
            ("--allow-doc-errors", !self.allow_doc_errors.is_empty()),
            ("--coordinator", self.session.is_shared()),
            ("--retry-quarantined", self.retry_quarantined),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => anyhow::bail!(
                "`{option}` needs a cluster as the target (or `null-bulk:`): for lines of JSON it does nothing, so leave it out"
            ),
            None => Ok(()),
        }
    }

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            bytes: usize::try_from(self.batch_bytes).unwrap_or(usize::MAX),
            operations: usize::try_from(self.batch_documents.get()).unwrap_or(usize::MAX),
        }
    }

    fn writer(&self, target: Option<&Cluster>) -> OperationWriter {
        OperationWriter {
            op: match self.op_type {
                OpTypeArg::Index => OpType::Index,
                OpTypeArg::Create => OpType::Create,
            },
            server_ids: target.is_some_and(|target| !target.takes_ids()),
            types: target.is_some_and(Cluster::has_types),
            parents: target.is_some_and(Cluster::has_types),
        }
    }

    async fn sink(&self, client: &Client, target: &Cluster, switches: (Pause, Cancel)) -> BulkSink {
        let settings = SinkSettings {
            path: PathForm::of(target),
            allowed: self.allow_doc_errors.iter().cloned().collect(),
            retry_budget: Duration::from_secs(self.retry_budget.get().into()),
            max_request_bytes: request_limit(client).await.ok().flatten(),
            usual: self.limits(),
            ..SinkSettings::default()
        };
        let limit = ConcurrencyLimit::new(self.min_concurrency.get(), self.max_concurrency.get());
        let client = client.clone().with_gzip(self.gzip && target.accepts_gzip);
        let (documents, bytes) = limits(&self.max_rate);
        BulkSink::new(client, settings, limit)
            .with_rate(RateLimit::new(documents, bytes))
            .with_switches(switches.0, switches.1)
    }

    fn worker(&self) -> Worker {
        let host = || {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let name = name.trim();
            format!("{}:{}", if name.is_empty() { "worker" } else { name }, std::process::id())
        };
        Worker::new(&self.worker.clone().unwrap_or_else(host))
    }

    fn coordination(&self) -> coordination::Settings {
        coordination::Settings {
            lease: Duration::from_secs(self.lease.into()),
            max_attempts: self.max_attempts.get(),
            ..coordination::Settings::default()
        }
    }
}

pub(super) async fn run(
    args: &BackfillArgs,
    snapshot: &Snapshot<'_>,
    url: Option<&str>,
    stop: &Stop,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let options = &args.cluster;
    let chain = options.transform.as_deref().map(Chain::from_file).transpose()?;
    let (pause, cancel) = (Pause::default(), Cancel::default());
    let client = url.map(|url| options.target.client(url)).transpose()?;
    let (sink, writer) = match &client {
        None => (None, options.writer(None)),
        Some(client) => {
            let target = target::detect(client).await?;
            tracing::info!(%target, "connected to the target");
            let sink = options.sink(client, &target, (pause.clone(), cancel.clone())).await;
            (Some(sink), options.writer(Some(&target)))
        }
    };
    let place = options.session.place(&options.coordinator, client.as_ref())?;
    let worker = options.worker();
    let failed = failed_documents(args, worker.name())?;
    let store =
        WorkStore::open(place, options.session.session.clone(), worker, options.coordination()).await?;
    let settings = Settings {
        selection: args.selection(),
        job: Fingerprint {
            repository: snapshot.repository().store().url().to_owned(),
            snapshot: snapshot.name().to_owned(),
            snapshot_uuid: snapshot.uuid().to_owned(),
            selection: selection(args),
            target: url.map_or(Ok("null-bulk:".to_owned()), |url| cluster_url(url).map(Into::into))?,
            transform: chain.as_ref().map(|chain| chain.digest().to_owned()).unwrap_or_default(),
        },
        item_bytes: options.item_bytes,
        items_at_once: options.items_at_once,
        memory: args.memory,
        threads: args.threads(),
        retry_quarantined: options.retry_quarantined,
        source_version: args.source_version,
    };
    let destination = Destination {
        sink,
        most_requests: options.max_concurrency.get(),
        writer,
        limits: options.limits(),
        chain,
        failed,
        cancel: cancel.clone(),
    };
    let progress = Arc::new(Progress::default());
    let watch = Watch::start(Arc::clone(&progress));
    let switch = PauseSwitch::of_backfill(pause)?;
    stop.is_taken_over_by(cancel);
    let report = cluster::run(snapshot, &store, &settings, destination, &progress).await;
    drop((watch, switch));
    report_run(&report?, args.output.output, output)
}

/// The patterns as they were given: all workers of a session have the same.
fn selection(args: &BackfillArgs) -> String {
    let patterns = args.selection.indices.iter().map(ToString::to_string);
    patterns.collect::<Vec<_>>().join(",")
}

fn failed_documents(args: &BackfillArgs, worker: &str) -> anyhow::Result<FailedDocuments> {
    let session = &args.cluster.session;
    let location = match &args.failed_documents {
        Some(place) => place.parse::<Location>()?,
        None => session.state.join("failed-documents").to_string_lossy().parse()?,
    };
    let options = FailedOptions::new(location, session.session.as_str(), worker);
    Ok(FailedDocuments::new(FailedOptions { s3: args.repository.s3(), ..options }))
}

fn report_run(report: &Report, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    match form {
        OutputForm::Json => output.json(&report.to_json())?,
        OutputForm::Text => output.text(&describe(report))?,
    }
    Ok(status_of(report.outcome()))
}

fn describe(report: &Report) -> String {
    let columns = ["INDEX", ">SELECTED", ">WRITTEN", ">EXCLUDED", ">FAILED", ">QUARANTINED", ">BYTES"];
    let row = |row: &IndexRow| {
        let numbers = [row.selected, row.written, row.excluded, row.failed, row.quarantined].map(number);
        std::iter::once(row.index.clone()).chain(numbers).chain([size(row.bytes)]).collect::<Vec<_>>()
    };
    let total = report.total();
    let mut lines = vec![table(&columns, report.indices.iter().chain([&total]).map(row))];
    if total.excluded > 0 {
        lines.push(
            "excluded: nested documents, which are part of the documents that they belong to, and what transforms leave out"
                .to_owned(),
        );
    }
    lines.extend(left_out(&report.excluded_indices));
    for failure in &report.failures {
        lines.push(format!("failed: `{}`: {}, first: {}", failure.index, failure.class, failure.reason));
    }
    lines.extend(report.quarantined.iter().map(describe_quarantined));
    for (segment, problem) in &report.untrusted_segments {
        lines.push(format!("not to be trusted: {segment}: {problem}"));
    }
    if total.untrusted > 0 {
        lines.push(format!(
            "not to be trusted: {} segments in all, of which documents were written though their checksum is wrong",
            number(total.untrusted)
        ));
    }
    if total.failed > 0 || total.untrusted > 0 {
        lines.push(format!(
            "what failed is recorded in `{}`: `ferry failed list` shows it",
            report.failed_documents
        ));
    }
    if total.quarantined_items > 0 {
        lines.push("`--retry-quarantined` tries work items again that were given up".to_owned());
    }
    lines.extend(describe_worker(report));
    lines.push(verdict(report, &total));
    lines.join("\n")
}

fn describe_worker(report: &Report) -> Vec<String> {
    let worker = &report.worker;
    let mut lines = Vec::new();
    if worker.allowed > 0 {
        lines
            .push(format!("note: {} operations had an error that counts as success", number(worker.allowed)));
    }
    if worker.possible_duplicates > 0 {
        let count = number(worker.possible_duplicates);
        lines.push(format!("note: {count} documents without `_id` may be there twice: an answer was lost, or a work item was begun again"));
    }
    if worker.busy + worker.faults > 0 {
        lines.push(format!(
            "the target had no room for {} requests, {} had no usable answer; {} operations were sent again",
            number(worker.busy),
            number(worker.faults),
            number(worker.resent),
        ));
    }
    lines.push(format!(
        "this worker: {} documents of {} work items, {:.1} s, {:.0} documents/s; read {} in {} requests, sent {} in {}",
        number(worker.written),
        number(worker.items),
        worker.seconds,
        worker.written as f64 / worker.seconds.max(0.001),
        size(worker.bytes_fetched),
        number(worker.requests),
        size(worker.bulk_bytes),
        number(worker.bulk_requests),
    ));
    lines
}

fn verdict(report: &Report, total: &IndexRow) -> String {
    match report.outcome() {
        Outcome::Complete => "complete: selected = written + excluded".to_owned(),
        Outcome::CompleteWithFailures => {
            "complete with failures: selected = written + excluded + failed + quarantined".to_owned()
        }
        Outcome::Unbalanced => format!(
            "NOT complete: selected - written - excluded - failed - quarantined = {}, which must be 0: this is a defect of \
             ferry, please report it",
            total.missing()
        ),
    }
}
