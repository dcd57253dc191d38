//! How far a run is: a bar on a terminal, a line every ten seconds elsewhere.

use crate::output::{number, size};
use crate::telemetry::is_json;
use engine::backfill::{Progress, ProgressSnapshot};
use engine::replay::{Monitor, ReplayProgress};
use engine::verify;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shows the progress of a run until it is dropped.
pub(crate) struct Watch {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Watch {
    pub(crate) fn start(progress: Arc<Progress>) -> Self {
        Self::with(move |elapsed| {
            let now = progress.snapshot();
            (now.done, now.total, describe(&now, elapsed))
        })
    }

    pub(crate) fn of_verify(progress: Arc<verify::Progress>) -> Self {
        Self::with(move |elapsed| {
            let now = progress.snapshot();
            (now.done, now.selected, describe_verify(&now, elapsed))
        })
    }

    pub(crate) fn of_replay(monitor: Monitor) -> Self {
        Self::with(move |elapsed| {
            let now = monitor.progress().unwrap_or_default();
            (now.done, now.requests, describe_replay(&now, elapsed))
        })
    }

    /// Shows what `look` says of a run that has taken so long: what is done, of how much, and all in words.
    fn with(look: impl Fn(Duration) -> (u64, u64, String) + Send + 'static) -> Self {
        let bar = (std::io::stderr().is_terminal() && !is_json()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{bar:24} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        let task = tokio::spawn(watch(look, bar.clone()));
        Self { task, bar }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn watch(look: impl Fn(Duration) -> (u64, u64, String) + Send, bar: Option<ProgressBar>) {
    let start = Instant::now();
    let period = Duration::from_millis(if bar.is_some() { 200 } else { 10_000 });
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    loop {
        ticks.tick().await;
        let (done, total, text) = look(start.elapsed());
        match &bar {
            Some(bar) => {
                bar.set_length(total.max(1));
                bar.set_position(done);
                bar.set_message(text);
            }
            None if is_json() => tracing::info!(done, total, "{text}"),
            None => {
                let _ = writeln!(std::io::stderr().lock(), "{text}"); // Nobody is left to tell.
            }
        }
    }
}

fn describe(now: &ProgressSnapshot, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = now.done as f64 / seconds;
    // Documents of shards that are not open yet are guessed from those that are.
    let is_known = now.shards_opened == now.shards;
    let expected = match now.shards_opened {
        0 => now.total,
        opened => now.total.saturating_mul(now.shards) / opened,
    };
    let total = format!("{}{}", if is_known { "" } else { "about " }, number(expected));
    let failed = if now.failed > 0 { format!(", {} failed", number(now.failed)) } else { String::new() };
    let left = match now.done {
        0 => String::new(),
        done => format!(", {} left", duration(expected.saturating_sub(done) as f64 / rate)),
    };
    let waits = if now.writing > 0 {
        ", waits for the target"
    } else if now.fetching > 0 {
        ", waits for the repository"
    } else {
        ""
    };
    format!(
        "{} of {total} documents{failed}, {} read, {} written, {rate:.0} documents/s{left}{waits}",
        number(now.done),
        size(now.fetched),
        size(now.written),
    )
}

fn describe_verify(now: &verify::ProgressSnapshot, elapsed: Duration) -> String {
    let rate = now.done as f64 / elapsed.as_secs_f64().max(0.001);
    let differing =
        if now.differing > 0 { format!(", {} differ", number(now.differing)) } else { String::new() };
    format!(
        "{} of {} documents of the shards opened so far{differing}, {rate:.0} documents/s",
        number(now.done),
        number(now.selected),
    )
}

fn describe_replay(now: &ReplayProgress, elapsed: Duration) -> String {
    let rate = now.done as f64 / elapsed.as_secs_f64().max(0.001);
    let failed =
        if now.failed > 0 { format!(", {} without an answer", number(now.failed)) } else { String::new() };
    let behind = now.behind.map_or_else(String::new, |(records, seconds)| {
        format!(", {} records ({}) behind the end of the topic", number(records), duration(seconds))
    });
    let state = match () {
        () if now.is_cut_off => ", no Kafka broker can be reached",
        () if now.is_paused => ", paused",
        () => "",
    };
    format!(
        "{} of {} requests that were read{failed}, {} in flight, {rate:.0} requests/s{behind}{state}",
        number(now.done),
        number(now.requests),
        number(now.in_flight),
    )
}

/// A number of seconds in words.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds.round() {
        seconds if seconds < 60.0 => format!("{seconds} s"),
        seconds if seconds < 3600.0 => format!("{} min {} s", (seconds / 60.0).floor(), seconds % 60.0),
        seconds => format!("{} h {} min", (seconds / 3600.0).floor(), (seconds % 3600.0 / 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_what_is_left_and_what_it_waits_for() {
        let mut now = ProgressSnapshot {
            total: 3000,
            shards: 4,
            shards_opened: 2,
            done: 1500,
            failed: 0,
            fetched: 1 << 20,
            written: 3 << 20,
            written_documents: 1500,
            fetching: 1,
            writing: 0,
        };
        let line = |now: &ProgressSnapshot| describe(now, Duration::from_secs(10));
        assert_eq!(
            line(&now),
            "1 500 of about 6 000 documents, 1.0 MiB read, 3.0 MiB written, 150 documents/s, 30 s left, \
             waits for the repository"
        );
        (now.shards_opened, now.failed, now.fetching, now.writing) = (4, 7, 0, 1);
        assert_eq!(
            line(&now),
            "1 500 of 3 000 documents, 7 failed, 1.0 MiB read, 3.0 MiB written, 150 documents/s, 10 s left, \
             waits for the target"
        );
        now.done = 0;
        assert!(line(&now).starts_with("0 of 3 000 documents, 7 failed, 1.0 MiB read, "), "{}", line(&now));
        assert_eq!(duration(3_725.0), "1 h 2 min");
    }

    #[test]
    fn a_line_of_a_replay_says_what_is_done_and_how_far_behind_it_is() {
        let mut now =
            ReplayProgress { requests: 3000, done: 1500, in_flight: 12, ..ReplayProgress::default() };
        let line = |now: &ReplayProgress| describe_replay(now, Duration::from_secs(10));
        assert_eq!(line(&now), "1 500 of 3 000 requests that were read, 12 in flight, 150 requests/s");
        (now.failed, now.behind, now.is_paused) = (3, Some((4000, 70.0)), true);
        assert_eq!(
            line(&now),
            "1 500 of 3 000 requests that were read, 3 without an answer, 12 in flight, 150 requests/s, 4 000 records (1 min \
             10 s) behind the end of the topic, paused"
        );
        now.is_cut_off = true;
        assert!(line(&now).ends_with(" of the topic, no Kafka broker can be reached"), "{}", line(&now));
    }
}
