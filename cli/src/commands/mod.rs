//! One file a command: parse, plan, run, report.

pub(crate) mod backfill;
pub(crate) mod failed;
pub(crate) mod replay;
pub(crate) mod snapshot;
pub(crate) mod verify;

use crate::args::Command;
use crate::output::{ExitStatus, Output};
use crate::signals::Stop;
use crate::telemetry::TelemetryArgs;
use std::time::Duration;
use tokio::runtime;

/// How long work that cannot be interrupted may go on after the end.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// Runs a command until it is done, or until it is told to stop.
pub(crate) fn run(command: Command, output: &mut Output) -> anyhow::Result<ExitStatus> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = Stop::default();
    let telemetry = telemetry(&command);
    let result = runtime.block_on(telemetry.during(stop.unless_stopped(dispatch(command, &stop, output))));
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

/// Who is told how the run is; nobody when the command is over in a moment.
fn telemetry(command: &Command) -> TelemetryArgs {
    match command {
        Command::Backfill(args) => args.telemetry(),
        Command::Verify(args) => args.telemetry.clone(),
        Command::Replay(args) => args.telemetry(),
        Command::Failed(_) | Command::Snapshot(_) => TelemetryArgs::default(),
    }
}

async fn dispatch(command: Command, stop: &Stop, output: &mut Output) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Backfill(args) => backfill::run(*args, stop, output).await,
        Command::Failed(command) => failed::run(command, output).await,
        Command::Replay(args) => replay::run(*args, stop, output).await,
        Command::Snapshot(command) => snapshot::run(command, output).await,
        Command::Verify(args) => verify::run(*args, output).await,
    }
}
