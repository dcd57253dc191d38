//! A report as text.

use crate::output::{number, table};
use engine::replay::report::{Answer, Example, Judged, Latency, Mismatch, OutcomeCount, Reason, Report};
use std::collections::BTreeSet;

/// Mismatches that are shown; the others are counted.
const MOST_MISMATCHES: usize = 20;

/// The whole report.
pub(super) fn describe(report: &Report) -> String {
    let parts = [
        head(report),
        outcomes(report),
        statuses(report),
        latency(report),
        bodies(report),
        searches(report),
        bulk(report),
        mismatches(report),
        thresholds(report),
        bad_lines(report),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

fn head(report: &Report) -> String {
    let (tuples, files) = (count(report.tuples, "tuple"), count(report.files, "file"));
    let mut lines = vec![format!("{tuples} in {files} of `{}`", report.locations.join("`, `"))];
    let duplicates = &report.duplicates;
    if duplicates.tuples > 0 || duplicates.overlapping_files > 0 {
        let how = if duplicates.is_exact { "" } else { ", as far as they are near each other" };
        lines.push(format!(
            "duplicates: {} tuples left out{how}; {} files with offsets in the range of another",
            number(duplicates.tuples),
            number(duplicates.overlapping_files)
        ));
    }
    if report.retried > 0 {
        let (retried, attempts) = (count(report.retried, "request"), number(report.attempts));
        lines.push(format!("{retried} sent again: {attempts} attempts in all"));
    }
    lines.join("\n")
}

fn count(value: u64, word: &str) -> String {
    format!("{} {word}{}", number(value), if value == 1 { "" } else { "s" })
}

fn share(part: u64, all: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let percent = part as f64 / all.max(1) as f64 * 100.0;
    match percent {
        _ if all == 0 => "-".to_owned(),
        percent if part < all && percent > 99.99 => ">99.99%".to_owned(),
        percent if part > 0 && percent < 0.01 => "<0.01%".to_owned(),
        percent => format!("{percent:.2}%"),
    }
}

fn outcomes(report: &Report) -> String {
    let seen = report.outcomes.iter().filter(|count| count.count > 0);
    let row = |count: &OutcomeCount| {
        vec![count.outcome.words().to_owned(), number(count.count), share(count.count, report.tuples)]
    };
    let mut lines = vec![table(&["OUTCOME", ">REQUESTS", ">SHARE"], seen.map(row))];
    lines.extend(reasons("no answer", &report.no_answer));
    lines.extend(reasons("not sent", &report.not_sent));
    lines.join("\n")
}

fn reasons(words: &str, reasons: &[Reason]) -> Vec<String> {
    let line = |reason: &Reason| format!("{words}: {} × {}", number(reason.count), reason.reason);
    reasons.iter().map(line).collect()
}

/// A row for each status of the source, a column for each of the target.
fn statuses(report: &Report) -> String {
    let sources: BTreeSet<_> = report.statuses.iter().map(|pair| pair.source).collect();
    let targets: BTreeSet<_> = report.statuses.iter().map(|pair| pair.target).collect();
    let mut columns = vec!["SOURCE \\ TARGET".to_owned()];
    columns.extend(targets.iter().map(|target| format!(">{target}")));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let cell = |source, target| {
        let pair = report.statuses.iter().find(|pair| pair.source == source && pair.target == target);
        pair.map_or_else(|| ".".to_owned(), |pair| number(pair.count))
    };
    let row = |source: &Answer| {
        let mut row = vec![source.of_source()];
        row.extend(targets.iter().map(|target| cell(*source, *target)));
        row
    };
    if sources.is_empty() { String::new() } else { table(&columns, sources.iter().map(row)) }
}

fn latency(report: &Report) -> String {
    if report.latency.is_empty() {
        return "latency: no tuple has the times of both".to_owned();
    }
    let mut columns = vec!["LATENCY IN MS", ">REQUESTS", ""];
    let names = Latency::QUANTILES.map(|(name, _)| format!(">{}", name.to_uppercase()));
    columns.extend(names.iter().map(String::as_str));
    let mut rows = Vec::new();
    for latency in &report.latency {
        let mut class = [latency.class.clone(), number(latency.requests)].to_vec();
        for (name, quantiles) in [("source", latency.source), ("target", latency.target)] {
            let mut row = std::mem::replace(&mut class, vec![String::new(), String::new()]);
            row.push(name.to_owned());
            row.extend(quantiles.all().map(millis));
            rows.push(row);
        }
        let mut row = [class, vec!["ratio".to_owned()]].concat();
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        row.extend(latency.ratio.iter().map(|(_, value)| ratio(*value)));
        rows.push(row);
    }
    let mut lines = vec![table(&columns, rows)];
    if report.coarse_times > 0 {
        lines.push(format!(
            "note: {} tuples are of the Java replayer: whole milliseconds, and the target's with the time to connect",
            number(report.coarse_times)
        ));
    }
    lines.join("\n")
}

fn millis(millis: f64) -> String {
    match millis {
        millis if millis >= 1000.0 => format!("{millis:.0}"),
        millis if millis >= 10.0 => format!("{millis:.1}"),
        millis => format!("{millis:.2}"),
    }
}

fn bodies(report: &Report) -> String {
    let bodies = &report.bodies;
    let columns = ["BODIES", ">COMPARED", ">EQUAL", ">BUT FOR NOISE", ">DIFFERENT", ">SHARE"];
    let row = |name: &str, counts: [u64; 4]| {
        let [compared, .., different] = counts;
        let mut row = vec![name.to_owned()];
        row.extend(counts.map(number));
        row.push(share(different, compared));
        row
    };
    let mut rows =
        vec![row("all", [bodies.compared, bodies.equal, bodies.equal_but_for_noise, bodies.different])];
    rows.extend(bodies.classes.iter().map(|class| {
        row(&class.class, [class.compared, class.equal, class.equal_but_for_noise, class.different])
    }));
    let mut lines = vec![table(&columns, rows)];
    lines.extend(reasons("not compared", &bodies.not_compared));
    for noise in &report.noise {
        let repeats = number(noise.repeats);
        lines.push(format!("noise: {} `{}` differs in {repeats} repeats", noise.class, noise.place));
    }
    lines.join("\n")
}

fn searches(report: &Report) -> String {
    let searches = &report.searches;
    if searches.searches == 0 {
        return String::new();
    }
    let mut lines = vec![format!(
        "searches: {}; number of hits: {} of {} agree, the target has more in {}, fewer in {}",
        number(searches.searches),
        number(searches.totals_agree),
        number(searches.totals_compared),
        number(searches.totals_more),
        number(searches.totals_fewer)
    )];
    if let Some(mean) = searches.overlap_mean {
        let (k, compared) = (searches.top_k, number(searches.overlap_compared));
        let whole = searches.overlap_tenths.last().copied().unwrap_or_default();
        lines.push(format!(
            "overlap of the first {k} hits: {:.2}% on average of {compared} searches, 100% in {}",
            mean * 100.0,
            number(whole)
        ));
    }
    if searches.cut_in_tie > 0 {
        let pages = number(searches.cut_in_tie);
        lines.push(format!("{pages} pages end between tied hits: hits that only one shows are not compared"));
    }
    lines.join("\n")
}

fn bulk(report: &Report) -> String {
    let bulk = &report.bulk;
    if bulk.requests == 0 {
        return String::new();
    }
    let mut lines = vec![format!(
        "bulk items: {} in {} requests, {} the same, {} different",
        number(bulk.items),
        number(bulk.requests),
        number(bulk.same),
        number(bulk.different)
    )];
    for kind in bulk.kinds.iter().take(MOST_MISMATCHES) {
        lines.push(format!("  {} × {} → {}", number(kind.count), kind.source, kind.target));
    }
    lines.join("\n")
}

fn mismatches(report: &Report) -> String {
    let mut lines = Vec::new();
    for mismatch in report.mismatches.iter().take(MOST_MISMATCHES) {
        lines.push(describe_mismatch(mismatch));
    }
    let more = report.mismatches.len().saturating_sub(MOST_MISMATCHES);
    if more > 0 {
        lines.push(format!("{} more kinds of mismatch: see `--output json`", number(more as u64)));
    }
    lines.join("\n")
}

fn describe_mismatch(mismatch: &Mismatch) -> String {
    let Mismatch { kind, class, what, count, examples } = mismatch;
    let mut lines = vec![format!("{} × {}, {class}: {what}", number(*count), kind.words())];
    lines.extend(examples.iter().map(describe_example));
    lines.join("\n")
}

fn describe_example(example: &Example) -> String {
    let mut text = format!("    {}\n      ", example.request);
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".to_owned());
    if let Some(difference) = &example.difference {
        let (source, target) = (value(&difference.source), value(&difference.target));
        text.push_str(&format!("{}: {source} → {target}\n      ", difference.pointer));
    }
    if let Some(error) = &example.error {
        text.push_str(&format!("{error}\n      "));
    }
    text.push_str(&format!("connection {}, `{}` line {}", example.connection, example.file, example.line));
    if let Some(place) = &example.place {
        text.push_str(&format!(", {place}"));
    }
    text
}

fn thresholds(report: &Report) -> String {
    let line = |judged: &Judged| {
        let verdict = if judged.is_within { "within" } else { "BEYOND" };
        format!("{verdict}: `--{}` allows {}, found {}", judged.name, judged.limit, judged.found)
    };
    report.thresholds.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn bad_lines(report: &Report) -> String {
    let mut lines: Vec<_> = report
        .bad
        .iter()
        .map(|bad| format!("not a tuple: `{}` line {}: {}", bad.file, bad.line, bad.reason))
        .collect();
    let more = report.bad_lines.saturating_sub(report.bad.len() as u64);
    if more > 0 {
        lines.push(format!("not a tuple: {} more lines", number(more)));
    }
    lines.join("\n")
}
