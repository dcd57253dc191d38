//! `ferry replay convert`.

use super::input::{InputArgs, RangeArgs, end};
use crate::args::{OutputArgs, OutputForm};
use crate::output::{ExitStatus, Output, number, size};
use clap::{Args, ValueEnum};
use engine::traffic::inspect::{self, ConvertSettings, ConvertTarget};
use std::path::PathBuf;

/// Write captured traffic in another form, or a part of it
///
/// Exit status 1: some of it is no captured traffic.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Form to write
    #[arg(long, value_enum, value_name = "FORM", env = "FERRY_FORM", help_heading = None::<&str>)]
    form: ConvertForm,
    /// File to write, which is not there yet; a folder, for raw records; `-` for standard output
    #[arg(long, value_name = "PATH", default_value = "-", env = "FERRY_TO", help_heading = None::<&str>)]
    to: PathBuf,
    /// Compress it
    #[arg(long, env = "FERRY_GZIP", help_heading = None::<&str>)]
    gzip: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    range: RangeArgs,
}

/// A form of captured traffic.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConvertForm {
    /// One file a record, `connection id_number.protocap`
    Raw,
    /// Records behind their lengths, as varints
    Delimited,
    /// Lines of base64, which the Java replayer reads
    Base64,
    /// Lines of `key|base64`, which `kafkaImport.sh` reads
    Keyed,
}

pub(super) async fn run(args: ConvertArgs, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let selection = args.range.selection();
    let (stream, quarantine) = args.input.open(&selection).await?;
    let target =
        if args.to.as_os_str() == "-" { ConvertTarget::Stdout } else { ConvertTarget::Path(args.to) };
    if target == ConvertTarget::Stdout {
        output.results_on_stderr();
    }
    let settings = ConvertSettings {
        form: match args.form {
            ConvertForm::Raw => inspect::ConvertForm::Raw,
            ConvertForm::Delimited => inspect::ConvertForm::Delimited,
            ConvertForm::Base64 => inspect::ConvertForm::Base64,
            ConvertForm::Keyed => inspect::ConvertForm::Keyed,
        },
        target,
        gzip: args.gzip,
        selection,
        quarantine: quarantine.clone(),
    };
    let report = inspect::convert(stream, settings).await?;
    match args.output.output {
        OutputForm::Json => output.json(&report)?,
        OutputForm::Text => output.text(&format!(
            "{} records written ({}), {} left out, {} in quarantine",
            number(report.written),
            size(report.bytes),
            number(report.left_out),
            number(report.quarantined),
        ))?,
    }
    end(report.errors, report.quarantined, &quarantine)
}
