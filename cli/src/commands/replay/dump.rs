//! `ferry replay dump`.

use super::input::{AccumulatorArgs, InputArgs, RangeArgs, end};
use crate::args::{OutputArgs, OutputForm};
use crate::output::{ExitStatus, Output};
use clap::{Args, ValueEnum};
use engine::traffic::inspect::{self, DumpLine, DumpSettings};
use std::io;

/// Show captured records, or the requests and responses in them, a line each
///
/// Exit status 1: some of it is no captured traffic.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    #[command(flatten)]
    input: InputArgs,
    /// What is shown
    #[arg(long, value_enum, value_name = "FORM", default_value_t, env = "FERRY_FORM", help_heading = None::<&str>)]
    form: DumpForm,
    /// Bytes of each read that are shown
    #[arg(
        long,
        value_name = "N",
        default_value = "64",
        env = "FERRY_PREVIEW_BYTES_READ",
        alias = "previewBytesRead",
        help_heading = None::<&str>
    )]
    preview_bytes_read: usize,
    /// Bytes of each write that are shown
    #[arg(
        long,
        value_name = "N",
        default_value = "64",
        env = "FERRY_PREVIEW_BYTES_WRITE",
        alias = "previewBytesWrite",
        help_heading = None::<&str>
    )]
    preview_bytes_write: usize,
    #[command(flatten)]
    accumulator: AccumulatorArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    range: RangeArgs,
}

/// What a dump shows.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum DumpForm {
    /// Each record, with what was observed
    #[default]
    Raw,
    /// Each request and its response
    Http,
    /// Both
    Both,
}

pub(super) async fn run(args: DumpArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let selection = args.range.selection();
    let (stream, quarantine) = args.input.open(&selection).await?;
    let settings = DumpSettings {
        form: match args.form {
            DumpForm::Raw => inspect::DumpForm::Raw,
            DumpForm::Http => inspect::DumpForm::Http,
            DumpForm::Both => inspect::DumpForm::Both,
        },
        read_preview: args.preview_bytes_read,
        write_preview: args.preview_bytes_write,
        selection,
        accumulator: args.accumulator.settings(quarantine.clone()),
    };
    let form = args.output.output;
    let show = |line: DumpLine| match form {
        OutputForm::Text => output.text(&line.to_string()),
        OutputForm::Json => output.text(&serde_json::to_string(&line).map_err(io::Error::from)?),
    };
    let report = inspect::dump(stream, settings, show).await?;
    end(report.errors, report.quarantined, &quarantine)
}
