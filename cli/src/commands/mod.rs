//! One file a command: parse, plan, run, report.

pub(crate) mod backfill;
pub(crate) mod failed;
pub(crate) mod snapshot;
pub(crate) mod verify;

use crate::args::Command;
use crate::output::{ExitStatus, Output};
use std::time::Duration;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// How long work that cannot be interrupted may go on after the end.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// Runs a command until it is done, or until it is told to stop.
pub(crate) fn run(command: Command, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            result = dispatch(command, output) => result,
            _ = interrupt.recv() => Err(anyhow::anyhow!("stopped by an interrupt before the end")),
            _ = terminate.recv() => Err(anyhow::anyhow!("stopped by SIGTERM before the end")),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

async fn dispatch(command: Command, output: &mut Output) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Backfill(args) => backfill::run(args, output).await,
        Command::Failed(command) => failed::run(command, output).await,
        Command::Snapshot(command) => snapshot::run(command, output).await,
        Command::Verify(args) => verify::run(*args, output).await,
    }
}
