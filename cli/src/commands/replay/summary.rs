//! What a replay came to, in words.

use crate::args::OutputForm;
use crate::output::{ExitStatus, Output, number, table};
use engine::replay::{Quantiles, Report};

/// How a replay ends.
pub(super) fn status(report: &Report) -> ExitStatus {
    let (summary, traffic) = (&report.summary, &report.traffic);
    let is_quarantined = traffic.quarantined > 0 || traffic.quarantined_requests > 0;
    if report.stopped {
        ExitStatus::Failed
    } else if summary.unanswered > 0 || summary.failed_transforms > 0 || is_quarantined {
        ExitStatus::WithFailures
    } else {
        ExitStatus::Complete
    }
}

pub(super) fn print(report: &Report, form: OutputForm, output: &Output) -> anyhow::Result<()> {
    match form {
        OutputForm::Json => output.json(report),
        OutputForm::Text => Ok(output.text(&text(report))?),
    }
}

fn text(report: &Report) -> String {
    let (traffic, summary) = (&report.traffic, &report.summary);
    let mut lines = vec![format!(
        "read {} records: {} requests on {} connections, in {:.1} s",
        number(traffic.records),
        number(summary.requests),
        number(traffic.connections),
        report.seconds
    )];
    let skipped: u64 = summary.skipped.values().sum();
    let of = |count: u64, what: &str| format!("{} {what}", number(count));
    let parts = [
        of(summary.answered, "answered by the target"),
        of(summary.unanswered, "without an answer"),
        of(skipped, "not selected"),
        of(summary.dropped, "dropped by a transform"),
        of(summary.failed_transforms, "not sent because a transform failed"),
    ];
    lines.push(parts.join(", "));
    lines.push(format!(
        "{} attempts beyond the first, {} tuples stored",
        number(summary.retries),
        number(summary.tuples)
    ));
    let odd = [
        (summary.abandoned, "left to another process or a later run"),
        (traffic.quarantined, "records in quarantine"),
        (traffic.quarantined_requests, "requests in quarantine"),
        (traffic.gaps, "gaps in the records of a connection"),
        (traffic.missing, "records missing"),
        (traffic.duplicates, "records twice"),
        (traffic.expired, "connections silent for too long"),
        (traffic.cut_requests, "requests without their end"),
        (traffic.dropped_requests, "requests that the proxy dropped"),
    ];
    let odd: Vec<String> =
        odd.iter().filter(|(count, _)| *count > 0).map(|(count, what)| of(*count, what)).collect();
    if !odd.is_empty() {
        lines.push(odd.join(", "));
    }
    if !summary.statuses.is_empty() {
        let rows = summary.statuses.iter().map(|(pair, count)| {
            let (source, target) = pair.split_once('>').unwrap_or((pair, ""));
            vec![source.to_owned(), target.to_owned(), number(*count)]
        });
        lines.push(table(&["SOURCE", "TARGET", ">REQUESTS"], rows));
    }
    lines.push(format!("late by {}; the target took {}", times(&summary.lag), times(&summary.took)));
    if report.stopped {
        lines.push("stopped: what is not done is replayed by the next run".to_owned());
    }
    lines.join("\n")
}

fn times(times: &Quantiles) -> String {
    let Quantiles { p50, p90, p99, max } = times;
    format!("{p50:.1} ms (half), {p90:.1} ms (90 %), {p99:.1} ms (99 %), {max:.1} ms (at most)")
}
