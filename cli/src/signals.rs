//! Signals that stop a run, hold it back, and let it go on.

use engine::flow::{Cancel, Pause};
use engine::replay::{self, SourceClock};
use engine::telemetry::meters;
use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// How long a command may take to come to an end by itself.
const GRACE: Duration = Duration::from_secs(60);

/// What `SIGINT` and `SIGTERM` do: they end a command at once, unless it can come to an end by itself.
#[derive(Debug, Default)]
pub(crate) struct Stop(OnceLock<Cancel>);

impl Stop {
    /// From now on, the command ends by itself when it is told to stop by this switch.
    pub(crate) fn is_taken_over_by(&self, cancel: Cancel) {
        let _ = self.0.set(cancel); // A command has one switch.
    }

    /// Does `work` until it is done, or until a signal stops it.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut work = std::pin::pin!(work);
        let name = tokio::select! {
            result = &mut work => return result,
            _ = interrupt.recv() => "an interrupt",
            _ = terminate.recv() => "SIGTERM",
        };
        let Some(cancel) = self.0.get() else { anyhow::bail!("stopped by {name} before the end") };
        tracing::warn!("stopping: what is under way comes to its end, a second signal stops at once");
        cancel.cancel();
        tokio::select! {
            result = work => result,
            _ = interrupt.recv() => anyhow::bail!("stopped at once by a second signal"),
            _ = terminate.recv() => anyhow::bail!("stopped at once by a second signal"),
            () = tokio::time::sleep(GRACE) => {
                anyhow::bail!("stopped by {name}; it did not come to an end in {} s", GRACE.as_secs())
            }
        }
    }
}

/// `SIGUSR1` pauses and `SIGUSR2` resumes, until it is dropped.
#[derive(Debug)]
pub(crate) struct PauseSwitch(JoinHandle<()>);

impl PauseSwitch {
    /// Of a worker that copies documents.
    pub(crate) fn of_backfill(pause: Pause) -> io::Result<Self> {
        Self::listen(move |is_paused| {
            if is_paused {
                tracing::warn!("paused: SIGUSR2 resumes");
                pause.pause();
            } else {
                tracing::warn!("resumed");
                pause.resume();
            }
            meters().paused(is_paused);
        })
    }

    /// Of a replay, which has other ways to be paused, too.
    pub(crate) fn of_replay(clock: SourceClock) -> io::Result<Self> {
        Self::listen(move |is_paused| if is_paused { replay::pause(&clock) } else { replay::resume(&clock) })
    }

    fn listen(hold: impl Fn(bool) + Send + 'static) -> io::Result<Self> {
        let mut pause = signal(SignalKind::user_defined1())?;
        let mut resume = signal(SignalKind::user_defined2())?;
        Ok(Self(tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = pause.recv() => hold(true),
                    _ = resume.recv() => hold(false),
                }
            }
        })))
    }
}

impl Drop for PauseSwitch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
