//! `ferry` moves Elasticsearch and OpenSearch clusters to OpenSearch, and proves that nothing was lost.

mod args;
mod commands;
mod output;
mod progress;
mod report_error;

use clap::Parser;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let mut output = Output::new();
    match commands::run(cli.command, &mut output) {
        Ok(status) => status.into(),
        Err(error) => {
            report_error::report(&error);
            output::ExitStatus::Failed.into()
        }
    }
}
