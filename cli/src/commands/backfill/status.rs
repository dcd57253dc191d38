//! `ferry backfill status`.

use super::session::SessionArgs;
use crate::args::{OutputArgs, OutputForm};
use crate::cluster_args::CoordinatorArgs;
use crate::output::{ExitStatus, Output, number, size, table};
use crate::progress::duration;
use clap::Args;
use engine::coordination::{Held, Quarantined, SessionState, Status, Totals, WorkStore};
use serde::Serialize;
use std::time::Duration;

/// How long the session is watched to see how fast it is: longer than workers take to save.
const WATCHED: Duration = Duration::from_secs(4);

/// Show how far a backfill into a cluster is, and who works on it
///
/// Exit status 0 when it is complete or under way, 1 when documents failed, work items were given up, or checksums are wrong.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// Do not watch for 4 seconds to see how fast it is
    #[arg(long, env = "FERRY_NO_RATE")]
    no_rate: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    coordinator: CoordinatorArgs,
}

/// What a session does in a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Speed {
    documents_per_second: f64,
    bytes_per_second: u64,
    /// Seconds until the end, if it goes on like this.
    seconds_left: Option<f64>,
}

pub(super) async fn run(args: StatusArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let place = args.session.place(&args.coordinator, None)?;
    let look = || WorkStore::look(place.clone(), args.session.session.clone());
    let mut status = look().await?;
    let mut speed = None;
    if status.state == SessionState::Running && !status.held.is_empty() && !args.no_rate {
        tokio::time::sleep(WATCHED).await;
        let before = std::mem::replace(&mut status, look().await?);
        speed = Some(Speed::of(&before.totals, &status.totals, WATCHED));
    }
    match args.output.output {
        OutputForm::Json => output.json(&serde_json::json!({ "status": status, "speed": speed }))?,
        OutputForm::Text => output.text(&describe(&status, speed))?,
    }
    let Totals { failed, untrusted, .. } = status.totals;
    let is_fine = failed == 0 && untrusted == 0 && status.quarantined.is_empty();
    Ok(if is_fine { ExitStatus::Complete } else { ExitStatus::WithFailures })
}

impl Speed {
    fn of(before: &Totals, now: &Totals, time: Duration) -> Self {
        let a_second = |before: u64, now: u64| now.saturating_sub(before) as f64 / time.as_secs_f64();
        let documents_per_second = a_second(before.documents_known(), now.documents_known());
        let left = now.documents.saturating_sub(now.documents_known()) as f64;
        Self {
            documents_per_second,
            bytes_per_second: now.written_bytes.saturating_sub(before.written_bytes) / time.as_secs().max(1),
            seconds_left: (documents_per_second > 0.0).then(|| left / documents_per_second),
        }
    }
}

fn describe(status: &Status, speed: Option<Speed>) -> String {
    let mut lines = vec![format!(
        "session `{}` in `{}`: {}",
        status.session,
        status.store,
        match status.state {
            SessionState::Planning => "planning",
            SessionState::Running => "running",
            SessionState::Complete => "complete",
        }
    )];
    let job = &status.job;
    lines.push(format!("snapshot `{}` of `{}` to `{}`", job.snapshot, job.repository, job.target));
    let columns = [
        "INDEX",
        ">DOCUMENTS",
        ">WRITTEN",
        ">EXCLUDED",
        ">FAILED",
        ">LEFT",
        ">BYTES",
        ">ITEMS",
        ">QUARANTINED",
    ];
    let row = |name: &str, totals: &Totals| {
        let items = &totals.items;
        let unfinished = items.open.saturating_add(items.leased).saturating_add(items.splitting);
        let all = unfinished.saturating_add(items.done).saturating_add(items.quarantined);
        vec![
            name.to_owned(),
            number(totals.documents),
            number(totals.written),
            number(totals.excluded),
            number(totals.failed),
            number(totals.documents.saturating_sub(totals.documents_known())),
            size(totals.written_bytes),
            format!("{} of {}", number(items.done), number(all)),
            number(items.quarantined),
        ]
    };
    let rows = status.indices.iter().map(|index| row(&index.index, &index.totals));
    lines.push(table(&columns, rows.chain([row("total", &status.totals)])));
    if let Some(speed) = speed {
        let left = speed.seconds_left.map_or_else(String::new, |left| format!(", {} left", duration(left)));
        lines.push(format!(
            "{:.0} documents/s, {}/s{left}",
            speed.documents_per_second,
            size(speed.bytes_per_second)
        ));
    }
    if !status.held.is_empty() {
        lines.push(describe_held(&status.held));
    }
    lines.extend(status.quarantined.iter().map(describe_quarantined));
    if status.totals.untrusted > 0 {
        lines.push(format!(
            "not to be trusted: {} segments of which documents were written though their checksum is wrong; `ferry failed list` \
             of the records of failed documents names them",
            number(status.totals.untrusted)
        ));
    }
    lines.join("\n")
}

fn describe_held(held: &[Held]) -> String {
    let columns = ["WORKER", "WORK ITEM", "AT", ">WRITTEN", ">LEFT", ">ATTEMPT", "TROUBLE"];
    let row = |held: &Held| {
        vec![
            held.worker.clone(),
            held.item.clone(),
            held.cursor.as_ref().map_or_else(|| "start".to_owned(), ToString::to_string),
            number(held.counts.written),
            size(held.bytes_left),
            number(held.attempts.into()),
            held.trouble.clone(),
        ]
    };
    table(&columns, held.iter().map(row))
}

pub(super) fn describe_quarantined(item: &Quarantined) -> String {
    let at = item.cursor.as_ref().map_or_else(String::new, |cursor| format!(" from {cursor} on"));
    format!("quarantined: work item `{}`{at}, after {} attempts: {}", item.item, item.attempts, item.reason)
}
