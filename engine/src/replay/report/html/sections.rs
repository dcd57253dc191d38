//! The parts of the page.

use super::super::outcome::{Answer, Outcome};
use super::super::summary::{Example, Latency, Mismatch, MismatchKind, Reason, Report};
use super::{Escaped, charts, utc};
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Mismatches that are shown; the others are counted.
const MOST_MISMATCHES: usize = 200;

/// A number with its thousands apart.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `2 files`.
pub(super) fn count(value: u64, word: &str) -> String {
    format!("{} {word}{}", number(value), if value == 1 { "" } else { "s" })
}

/// A share in percent; a dash of nothing. What is not all never reads as 100 %.
pub(super) fn share(part: u64, all: u64) -> String {
    if all == 0 {
        return "–".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let percent = part as f64 / all as f64 * 100.0;
    match percent {
        _ if part == all => "100%".to_owned(),
        _ if part == 0 => "0%".to_owned(),
        percent if percent > 99.99 => ">99.99%".to_owned(),
        percent if percent < 0.01 => "<0.01%".to_owned(),
        percent => format!("{percent:.2}%"),
    }
}

/// A time with a unit.
pub(super) fn time(millis: f64) -> String {
    let (value, unit) = if millis >= 1000.0 { (millis / 1000.0, "s") } else { (millis, "ms") };
    let text = match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// The name of a class in the style sheet.
const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::SameStatus => "same_status",
        Outcome::SameClass => "same_class",
        Outcome::Better => "better",
        Outcome::Worse => "worse",
        Outcome::NoAnswer => "no_answer",
        Outcome::NotSent => "not_sent",
        Outcome::NoSourceAnswer => "no_source_answer",
    }
}

fn reasons(title: &str, reasons: &[Reason], page: &mut String) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    write!(page, "<p>{title}</p>\n<ul>\n")?;
    for Reason { reason, count } in reasons {
        writeln!(page, "<li>{}: {}</li>", number(*count), Escaped(reason))?;
    }
    page.push_str("</ul>\n");
    Ok(())
}

pub(super) fn thresholds(report: &Report, page: &mut String) -> fmt::Result {
    if !report.thresholds.is_empty() {
        page.push_str("<h2>Thresholds</h2>\n<div class=\"scroll\"><table>\n<tr><th>Option</th><th class=\"n\">Allowed</th><th class=\"n\">Found</th><th></th></tr>\n");
        for judged in &report.thresholds {
            let (class, verdict) =
                if judged.is_within { ("same_status", "within") } else { ("worse", "beyond") };
            let (name, limit, found) =
                (Escaped(&judged.name), Escaped(&judged.limit), Escaped(&judged.found));
            writeln!(
                page,
                "<tr><td><code>--{name}</code></td><td class=\"n\">{limit}</td><td class=\"n\">{found}</td><td><span class=\"tag {class}\">{verdict}</span></td></tr>"
            )?;
        }
        page.push_str("</table></div>\n");
    }
    if report.bad_lines > 0 {
        write!(
            page,
            "<h2>Lines that are no tuple</h2>\n<p>{}. Nothing else in this report counts them.</p>\n<ul>\n",
            count(report.bad_lines, "line")
        )?;
        for bad in &report.bad {
            writeln!(
                page,
                "<li><code>{}</code> line {}: {}</li>",
                Escaped(&bad.file),
                bad.line,
                Escaped(&bad.reason)
            )?;
        }
        page.push_str("</ul>\n");
    }
    Ok(())
}

pub(super) fn outcomes(report: &Report, page: &mut String) -> fmt::Result {
    page.push_str("<h2>Answers</h2>\n<div class=\"bar\">");
    let seen = || report.outcomes.iter().filter(|count| count.count > 0);
    for outcome in seen() {
        let words = outcome.outcome.words();
        let class = class(outcome.outcome);
        write!(
            page,
            "<i class=\"{class}\" style=\"flex: {} 0 0\" title=\"{words}: {}\"></i>",
            outcome.count, outcome.count
        )?;
    }
    page.push_str("</div>\n<div class=\"legend\">");
    for outcome in seen() {
        let (words, class) = (outcome.outcome.words(), class(outcome.outcome));
        let share = share(outcome.count, report.tuples);
        write!(page, "<span class=\"{class}\"><i></i>{words}: {} ({share})</span>", number(outcome.count))?;
    }
    page.push_str("</div>\n");
    matrix(report, page)?;
    reasons("No answer of the target, because of:", &report.no_answer, page)?;
    reasons("Not sent to the target, because of:", &report.not_sent, page)
}

/// A row for each status of the source, a column for each of the target.
fn matrix(report: &Report, page: &mut String) -> fmt::Result {
    let sources: BTreeSet<Answer> = report.statuses.iter().map(|pair| pair.source).collect();
    let targets: BTreeSet<Answer> = report.statuses.iter().map(|pair| pair.target).collect();
    page.push_str("<div class=\"scroll\"><table class=\"matrix\">\n<tr><th>source ↓ target →</th>");
    for target in &targets {
        write!(page, "<th class=\"n\">{target}</th>")?;
    }
    page.push_str("</tr>\n");
    let most = report.statuses.iter().map(|pair| pair.count).max().unwrap_or(1);
    for source in &sources {
        write!(page, "<tr><th class=\"n\">{}</th>", source.of_source())?;
        for target in &targets {
            let pair = report.statuses.iter().find(|pair| pair.source == *source && pair.target == *target);
            match pair {
                Some(pair) => {
                    let class = class(Outcome::of(*source, *target));
                    let strength = strength(pair.count, most);
                    write!(
                        page,
                        "<td class=\"cell {class}\" style=\"--i:{strength}\">{}</td>",
                        number(pair.count)
                    )?;
                }
                None => page.push_str("<td></td>"),
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n<p class=\"soft\">The status of the last attempt. A stronger colour stands for more requests, on a logarithmic scale.</p>\n");
    Ok(())
}

/// From 18 to 70, by the logarithm of a count.
fn strength(count: u64, most: u64) -> u32 {
    let digits = |count: u64| count.max(1).ilog2();
    let part = digits(count).saturating_mul(52).checked_div(digits(most).max(1)).unwrap_or_default();
    part.saturating_add(18)
}

const LEGEND: &str = "<div class=\"legend\"><span class=\"source\"><i></i>source</span><span class=\"target\"><i></i>target</span></div>\n";

pub(super) fn latency(report: &Report, page: &mut String) -> fmt::Result {
    page.push_str("<h2>Latency</h2>\n<p>From the last byte of the request to the last byte of the answer, of requests that both answered; the target's at the last attempt, without connecting and without waiting for its turn.</p>\n");
    if report.coarse_times > 0 {
        writeln!(
            page,
            "<p><b>{}</b> of the Java replayer: whole milliseconds, and the target's time has connecting in it. Their ratios are not on one definition.</p>",
            count(report.coarse_times, "tuple")
        )?;
    }
    if report.latency.is_empty() {
        page.push_str("<p>No tuple has the times of both.</p>\n");
        return Ok(());
    }
    page.push_str("<div class=\"scroll\"><table>\n<tr><th>Requests</th><th class=\"n\"></th><th></th>");
    for (name, _) in Latency::QUANTILES {
        write!(page, "<th class=\"n\">{name}</th>")?;
    }
    page.push_str("</tr>\n");
    for latency in &report.latency {
        let (class, requests) = (Escaped(&latency.class), number(latency.requests));
        write!(page, "<tr><td rowspan=\"3\">{class}</td><td class=\"n\" rowspan=\"3\">{requests}</td>")?;
        for (name, quantiles) in [("source", latency.source), ("target", latency.target)] {
            write!(page, "<td><span class=\"tag {name}\">{name}</span></td>")?;
            for value in quantiles.all() {
                write!(page, "<td class=\"n\">{}</td>", time(value))?;
            }
            page.push_str("</tr>\n<tr>");
        }
        page.push_str("<td class=\"soft\">ratio</td>");
        for (_, ratio) in &latency.ratio {
            write!(
                page,
                "<td class=\"n soft\">{}</td>",
                ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
            )?;
        }
        page.push_str("</tr>\n");
    }
    write!(
        page,
        "</table></div>\n<p class=\"soft\">Which share of the requests took no longer than a time:</p>\n{LEGEND}<div class=\"charts\">\n"
    )?;
    for latency in &report.latency {
        writeln!(
            page,
            "<div class=\"card\"><h3>{} <span class=\"soft\">{}</span></h3>",
            Escaped(&latency.class),
            number(latency.requests)
        )?;
        charts::distribution(latency, page)?;
        page.push_str("</div>\n");
    }
    page.push_str("</div>\n");
    Ok(())
}

pub(super) fn throughput(report: &Report, page: &mut String) -> fmt::Result {
    let throughput = &report.throughput;
    page.push_str("<h2>Requests over time</h2>\n");
    let Some(first) = throughput.source.first_ms.or(throughput.target.first_ms) else {
        page.push_str("<p>The tuples have no times.</p>\n");
        return Ok(());
    };
    let target = throughput.target.first_ms.map_or_else(|| "–".to_owned(), utc);
    write!(
        page,
        "<p>Requests a second, each since its first request: at the source {}, at the target {target}. A request that was sent again counts once, when it was sent first.</p>\n{LEGEND}<div class=\"card\">\n",
        utc(first)
    )?;
    charts::throughput(throughput, page)?;
    page.push_str("</div>\n");
    Ok(())
}

pub(super) fn bodies(report: &Report, page: &mut String) -> fmt::Result {
    let bodies = &report.bodies;
    write!(
        page,
        "<h2>Bodies</h2>\n<p>{} with the same status compared: {} equal, {} equal but for noise, {} different.</p>\n",
        count(bodies.compared, "pair"),
        number(bodies.equal),
        number(bodies.equal_but_for_noise),
        number(bodies.different)
    )?;
    if !bodies.classes.is_empty() {
        page.push_str("<div class=\"scroll\"><table>\n<tr><th>Requests</th><th class=\"n\">compared</th><th class=\"n\">equal</th><th class=\"n\">but for noise</th><th class=\"n\">different</th><th class=\"n\">share</th></tr>\n");
        for class in &bodies.classes {
            writeln!(
                page,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                Escaped(&class.class),
                number(class.compared),
                number(class.equal),
                number(class.equal_but_for_noise),
                number(class.different),
                share(class.different, class.compared)
            )?;
        }
        page.push_str("</table></div>\n");
    }
    reasons("Not compared:", &bodies.not_compared, page)
}

pub(super) fn searches(report: &Report, page: &mut String) -> fmt::Result {
    let searches = &report.searches;
    if searches.searches == 0 {
        return Ok(());
    }
    write!(
        page,
        "<h2>Searches</h2>\n<p>{}, each of an <code>_msearch</code> for itself. Number of hits: {} of {} agree; the target has more in {}, fewer in {}. A bound (<code>gte</code>) agrees with what it allows.</p>\n",
        count(searches.searches, "search").replace("searchs", "searches"),
        number(searches.totals_agree),
        number(searches.totals_compared),
        number(searches.totals_more),
        number(searches.totals_fewer)
    )?;
    if searches.cut_in_tie > 0 {
        writeln!(
            page,
            "<p>Pages that end between tied hits: {}. Either page is right there; hits that only one of both shows are not compared.</p>",
            number(searches.cut_in_tie)
        )?;
    }
    if let Some(mean) = searches.overlap_mean {
        write!(
            page,
            "<p>Overlap of the first {} hits: {:.2}% on average of {}.</p>\n<div class=\"card\">\n",
            searches.top_k,
            mean * 100.0,
            number(searches.overlap_compared)
        )?;
        charts::overlap(searches, page)?;
        page.push_str("</div>\n");
    }
    Ok(())
}

pub(super) fn bulk(report: &Report, page: &mut String) -> fmt::Result {
    let bulk = &report.bulk;
    if bulk.requests == 0 {
        return Ok(());
    }
    write!(
        page,
        "<h2>Bulk items</h2>\n<p>{} in {}: {} with the same action, status and type of error, {} different.</p>\n",
        count(bulk.items, "item"),
        count(bulk.requests, "request"),
        number(bulk.same),
        number(bulk.different)
    )?;
    if !bulk.kinds.is_empty() {
        page.push_str("<div class=\"scroll\"><table>\n<tr><th>Source</th><th>Target</th><th class=\"n\">Items</th></tr>\n");
        for kind in &bulk.kinds {
            writeln!(
                page,
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td class=\"n\">{}</td></tr>",
                Escaped(&kind.source),
                Escaped(&kind.target),
                number(kind.count)
            )?;
        }
        page.push_str("</table></div>\n");
    }
    Ok(())
}

pub(super) fn mismatches(report: &Report, page: &mut String) -> fmt::Result {
    page.push_str("<h2>Mismatches</h2>\n");
    if report.mismatches.is_empty() {
        page.push_str("<p>None.</p>\n");
    }
    for mismatch in report.mismatches.iter().take(MOST_MISMATCHES) {
        write_mismatch(mismatch, page)?;
    }
    let more = report.mismatches.len().saturating_sub(MOST_MISMATCHES);
    if more > 0 {
        writeln!(page, "<p>{} more kinds are in the report as JSON.</p>", number(more as u64))?;
    }
    Ok(())
}

fn write_mismatch(mismatch: &Mismatch, page: &mut String) -> fmt::Result {
    let colour = match mismatch.kind {
        MismatchKind::Status => "worse",
        MismatchKind::NoAnswer => "no_answer",
        MismatchKind::Body => "target",
    };
    writeln!(
        page,
        "<details><summary><span class=\"n\">{}</span><span class=\"tag {colour}\">{}</span><span>{}</span><code>{}</code></summary>",
        number(mismatch.count),
        mismatch.kind.words(),
        Escaped(&mismatch.class),
        Escaped(&mismatch.what)
    )?;
    for example in &mismatch.examples {
        write_example(example, page)?;
    }
    page.push_str("</details>\n");
    Ok(())
}

fn write_example(example: &Example, page: &mut String) -> fmt::Result {
    write!(
        page,
        "<div class=\"example\"><code>{}</code><br><small>connection <span class=\"mono\">{}</span>, <span class=\"mono\">{}</span> line {}",
        Escaped(&example.request),
        Escaped(&example.connection),
        Escaped(&example.file),
        example.line
    )?;
    if let Some(place) = &example.place {
        write!(page, ", {}", Escaped(place))?;
    }
    page.push_str("</small>\n<div class=\"pair\">");
    let value = |value: Option<&str>| {
        value.map_or_else(|| "(nothing)".to_owned(), |value| Escaped(value).to_string())
    };
    let (source, target) = match &example.difference {
        Some(difference) => {
            write!(page, "<b>at</b><code>{}</code>", Escaped(&difference.pointer))?;
            (value(difference.source.as_deref()), value(difference.target.as_deref()))
        }
        None => (example.source.to_string(), example.target.to_string()),
    };
    write!(
        page,
        "<b class=\"source\">source</b><code>{source}</code><b class=\"target\">target</b><code>{target}</code>"
    )?;
    if let Some(error) = &example.error {
        write!(page, "<b class=\"worse\">error</b><code>{}</code>", Escaped(error))?;
    }
    page.push_str("</div></div>\n");
    Ok(())
}

pub(super) fn rules(report: &Report, page: &mut String) -> fmt::Result {
    page.push_str("<h2>What is not compared</h2>\n<p>");
    for rule in &report.ignored {
        write!(page, "<code>{}</code> ", Escaped(rule))?;
    }
    page.push_str("</p>\n<p class=\"soft\">A name is meant anywhere but in documents. Of errors, only the type is compared.</p>\n");
    writeln!(
        page,
        "<p>Learned to be noise from {}, whose answers by the source differ from each other:</p>",
        count(report.repeats, "repeated request")
    )?;
    page.push_str(if report.noise.is_empty() { "<p class=\"soft\">nothing</p>\n" } else { "<ul>\n" });
    for noise in &report.noise {
        writeln!(
            page,
            "<li>{} <code>{}</code>, {}</li>",
            Escaped(&noise.class),
            Escaped(&noise.place),
            count(noise.repeats, "time")
        )?;
    }
    if !report.noise.is_empty() {
        page.push_str("</ul>\n");
    }
    let duplicates = &report.duplicates;
    if duplicates.tuples > 0 || duplicates.overlapping_files > 0 {
        writeln!(
            page,
            "<p>{} left out because they are there a second time{}; {} with offsets in the range of another file.</p>",
            count(duplicates.tuples, "tuple"),
            if duplicates.is_exact { "" } else { " (found only where they are near each other)" },
            count(duplicates.overlapping_files, "file")
        )?;
    }
    Ok(())
}
