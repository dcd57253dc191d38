//! `ferry backfill` into files, standard output, or nowhere.

use super::{left_out, status_of};
use crate::args::{OutputForm, bytes};
use crate::output::{ExitStatus, Output, number, size, table};
use crate::progress::Watch;
use clap::{Args, ValueEnum};
use engine::backfill::{self, Counts, Outcome, Progress, Report, Settings};
use engine::ndjson::{FileOptions, LineCompression, LineFormat, LineTarget};
use engine::snapshot::Snapshot;
use std::path::PathBuf;
use std::sync::Arc;

/// Name of the file of failed documents, where none is given.
const FAILED_DOCUMENTS: &str = "failed-documents.ndjson";

/// How documents become lines.
#[derive(Debug, Args)]
#[command(next_help_heading = "NDJSON")]
pub(super) struct LineArgs {
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

impl LineArgs {
    fn format(&self) -> LineFormat {
        match self.ndjson_format {
            NdjsonFormat::Document => LineFormat::Document,
            NdjsonFormat::Bulk => LineFormat::Bulk,
        }
    }

    fn files(&self) -> FileOptions {
        FileOptions {
            compression: match self.compression {
                Compression::None => LineCompression::None,
                Compression::Gzip => LineCompression::Gzip,
                Compression::Zstd => LineCompression::Zstd,
            },
            rotate_bytes: self.rotate_bytes,
            overwrite: self.overwrite,
        }
    }
}

pub(super) async fn run(
    args: &super::BackfillArgs,
    snapshot: &Snapshot<'_>,
    target: &LineTarget,
    output: &mut Output,
) -> anyhow::Result<ExitStatus> {
    let failed_documents = match (&args.failed_documents, target) {
        (Some(path), _) => PathBuf::from(path),
        (None, LineTarget::Directory(directory)) => directory.join(FAILED_DOCUMENTS),
        (None, _) => PathBuf::from(FAILED_DOCUMENTS),
    };
    let settings = Settings {
        selection: args.selection(),
        target: target.clone(),
        format: args.lines.format(),
        files: args.lines.files(),
        failed_documents,
        memory: args.memory,
        threads: args.threads(),
        source_version: args.source_version,
    };
    if settings.target == LineTarget::Stdout {
        output.results_on_stderr();
    }
    let progress = Arc::new(Progress::default());
    let watch = Watch::start(Arc::clone(&progress));
    let report = backfill::run(snapshot, &settings, &progress).await;
    drop(watch);
    report_run(&report?, args.output.output, output)
}

fn report_run(report: &Report, form: OutputForm, output: &Output) -> anyhow::Result<ExitStatus> {
    match form {
        OutputForm::Json => output.json(&report.to_json())?,
        OutputForm::Text => output.text(&describe(report))?,
    }
    Ok(status_of(report.outcome()))
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
        let untrusted = index.counts.untrusted_segments;
        if untrusted > 0 {
            lines.push(format!(
                "failed: `{}`: the checksum of {} segments is wrong or cut off: what was written of them may not be \
                 what was indexed",
                index.index,
                number(untrusted)
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
