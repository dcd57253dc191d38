//! `ferry replay stats`.

use super::input::{AccumulatorArgs, InputArgs, RangeArgs, end};
use crate::args::{OutputArgs, OutputForm};
use crate::output::{ExitStatus, Output, number, size, table};
use clap::Args;
use engine::traffic::AccumulatorCounts;
use engine::traffic::inspect::{
    self, EndpointStats, Instant, NodeStats, Offsets, StatsReport, StatsSettings,
};

/// Count what there is in captured traffic: requests by kind, connections, gaps, duplicates
///
/// Exit status 1: some of it is no captured traffic.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    accumulator: AccumulatorArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    range: RangeArgs,
}

pub(super) async fn run(args: StatsArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let selection = args.range.selection();
    let (stream, quarantine) = args.input.open(&selection).await?;
    let accumulator = args.accumulator.settings(quarantine.clone());
    let report = inspect::stats(stream, StatsSettings { selection, accumulator }).await;
    match args.output.output {
        OutputForm::Json => output.json(&report)?,
        OutputForm::Text => output.text(&describe(&report))?,
    }
    end(report.errors, report.quarantined, &quarantine)
}

fn describe(report: &StatsReport) -> String {
    let mut lines = Vec::new();
    if !report.endpoints.is_empty() {
        lines.push(endpoints(&report.endpoints));
        lines.push(String::new());
    }
    if report.nodes.len() > 1 {
        lines.push(nodes(&report.nodes));
        lines.push(String::new());
    }
    if report.offsets.len() > 1 {
        lines.push(offsets(&report.offsets));
        lines.push(String::new());
    }
    lines.extend(totals(report));
    lines.extend(remarks(&report.counts, report.quarantined));
    lines.join("\n")
}

fn endpoints(rows: &[EndpointStats]) -> String {
    let columns = [
        "METHOD",
        "ENDPOINT",
        ">REQUESTS",
        ">BYTES P50",
        ">MAX",
        ">RESPONSE P50",
        ">MAX",
        ">MS P50",
        ">P99",
        ">2XX",
        ">3XX",
        ">4XX",
        ">5XX",
        ">OTHER",
    ];
    let cells = rows.iter().map(|row| {
        let [informational, successes, redirections, client, server, none] = row.statuses;
        vec![
            row.method.clone(),
            row.endpoint.clone(),
            number(row.requests),
            size(row.request_bytes.p50),
            size(row.request_bytes.max),
            size(row.response_bytes.p50),
            size(row.response_bytes.max),
            number(row.millis.p50),
            number(row.millis.p99),
            number(successes),
            number(redirections),
            number(client),
            number(server),
            number(informational.saturating_add(none)),
        ]
    });
    table(&columns, cells)
}

fn nodes(rows: &[NodeStats]) -> String {
    let columns = ["NODE", ">RECORDS", ">BYTES", ">CONNECTIONS", ">REQUESTS", "FIRST", "LAST"];
    let cells = rows.iter().map(|row| {
        vec![
            if row.node.is_empty() { "-".to_owned() } else { row.node.clone() },
            number(row.records),
            size(row.bytes),
            number(row.connections),
            number(row.requests),
            time(row.first),
            time(row.last),
        ]
    });
    table(&columns, cells)
}

fn offsets(rows: &[Offsets]) -> String {
    let columns = ["TOPIC OR FILE", ">PARTITION", ">FIRST", ">LAST", ">RECORDS"];
    let cells = rows.iter().map(|row| {
        let offsets = [row.first.to_string(), row.last.to_string(), number(row.records)];
        [vec![row.topic.clone(), row.partition.to_string()], offsets.to_vec()].concat()
    });
    table(&columns, cells)
}

fn totals(report: &StatsReport) -> Vec<String> {
    let counts = &report.counts;
    let span = match (report.first, report.last) {
        (Some(first), Some(last)) => {
            let seconds = last.0.duration_since(first.0).unwrap_or_default().as_secs_f64();
            format!("{first} to {last} ({seconds:.3} s)")
        }
        _ => "no time".to_owned(),
    };
    let responses = counts.responses;
    vec![
        format!("time: {span}"),
        format!("records: {} ({})", number(counts.records), size(counts.bytes)),
        format!(
            "connections: {} sessions, {} closed, {} expired, {} under way before",
            number(counts.connections),
            number(counts.closed),
            number(counts.expired),
            number(counts.resumed),
        ),
        format!(
            "requests: {} ({}), {} never whole, {} taken back",
            number(counts.requests),
            size(report.request_bytes.sum),
            number(counts.cut_requests),
            number(counts.dropped_requests),
        ),
        format!(
            "responses: {} whole ({}), {} cut, {} expired, {} lost in gaps, {} missing at the end",
            number(responses.complete.saturating_add(responses.closed)),
            size(report.response_bytes.sum),
            number(responses.cut),
            number(responses.expired),
            number(responses.gap),
            number(responses.interrupted),
        ),
        format!("gaps: {} ({} records missing)", number(counts.gaps), number(counts.missing)),
        format!("duplicates: {}", number(counts.duplicates)),
    ]
}

/// What is not in every capture.
fn remarks(counts: &AccumulatorCounts, quarantined: u64) -> Vec<String> {
    let remarks = [
        ("in quarantine", quarantined),
        ("records without observations", counts.empty_records),
        ("records put in order", counts.reordered),
        ("requests without framing of their own", counts.unframed_requests),
        ("responses without framing of their own", counts.unframed_responses),
        ("interim responses left out", counts.interim_responses),
        ("connections that went over to another protocol", counts.upgraded),
        ("bytes of requests that began before", counts.skipped_read_bytes),
        ("bytes of responses to nobody", counts.skipped_written_bytes),
    ];
    let there = remarks.into_iter().filter(|(_, count)| *count > 0);
    there.map(|(what, count)| format!("note: {} {what}", number(count))).collect()
}

fn time(instant: Option<Instant>) -> String {
    instant.map_or_else(|| "-".to_owned(), |instant| instant.to_string())
}
