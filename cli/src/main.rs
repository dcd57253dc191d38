//! `ferry` moves Elasticsearch and OpenSearch clusters to OpenSearch, and proves that nothing was lost.

mod args;
mod cluster_args;
mod commands;
mod config;
mod output;
mod progress;
mod report_error;
mod signals;

use clap::{CommandFactory, Parser};
use output::Output;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

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
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut output = Output::new();
    match commands::run(cli.command, &mut output) {
        Ok(status) => status.into(),
        Err(error) => {
            report_error::report(&error);
            output::ExitStatus::Failed.into()
        }
    }
}
