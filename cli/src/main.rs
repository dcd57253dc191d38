//! `ferry` moves Elasticsearch and OpenSearch clusters to OpenSearch, and proves that nothing was lost.

mod args;
mod cluster_args;
mod commands;
mod config;
mod java_options;
#[allow(dead_code, reason = "the command that reads a topic takes them")]
mod kafka_args;
mod output;
mod progress;
mod report_error;
mod signals;
mod telemetry;

use clap::{CommandFactory, Parser};
use output::Output;
use std::process::ExitCode;

/// Gives large buffers back to the operating system when they are freed: `--memory` is about what the process takes.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = match config::arguments(&args::Cli::command()) {
        Ok(arguments) => arguments,
        Err(error) => {
            report_error::report(&error);
            return output::ExitStatus::Failed.into();
        }
    };
    let cli = args::Cli::parse_from(arguments);
    cli.logs.init();
    let mut output = Output::new();
    match commands::run(cli.command, &mut output) {
        Ok(status) => status.into(),
        Err(error) if output::is_closed(&error) => output::ExitStatus::OutputClosed.into(),
        Err(error) => {
            report_error::report(&error);
            output::ExitStatus::Failed.into()
        }
    }
}
