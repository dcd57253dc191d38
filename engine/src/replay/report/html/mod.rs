//! A report as one page that needs nothing else: no script, no other file, no address.
//!
//! Everything in it that comes from a tuple was chosen by whoever sent the request or the answer, and is escaped by
//! [`Escaped`]; the page also tells the browser to load and run nothing.

mod charts;
mod sections;

use super::outcome::Outcome;
use super::summary::{Judged, Report};
use sections::{count, number};
use std::fmt::{self, Write};

const STYLE: &str = include_str!("style.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/// Text in which nothing is markup.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                // Controls, and marks that turn the direction of what follows.
                '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => formatter.write_char('\u{FFFD}')?,
                character if character.is_control() => formatter.write_char(' ')?,
                character => formatter.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// The page of a report.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::with_capacity(64 << 10);
    // Writing to a string cannot fail.
    let _ = write_page(report, &mut page);
    page
}

fn write_page(report: &Report, page: &mut String) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Replay report</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )?;
    write_head(report, page)?;
    sections::thresholds(report, page)?;
    sections::outcomes(report, page)?;
    sections::latency(report, page)?;
    sections::throughput(report, page)?;
    sections::bodies(report, page)?;
    sections::searches(report, page)?;
    sections::bulk(report, page)?;
    sections::mismatches(report, page)?;
    sections::rules(report, page)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn write_head(report: &Report, page: &mut String) -> fmt::Result {
    let is_within = |judged: &Judged| judged.is_within;
    let (class, verdict) = match (report.thresholds.as_slice(), report.bad_lines) {
        ([], 0) => ("", "no thresholds given"),
        (_, 1..) => ("no", "not all lines are tuples"),
        (thresholds, 0) if thresholds.iter().all(is_within) => ("yes", "within all thresholds"),
        _ => ("no", "beyond a threshold"),
    };
    write!(
        page,
        "<h1>Replay report</h1>\n<p><span class=\"verdict {class}\">{verdict}</span></p>\n<p class=\"soft\">"
    )?;
    for location in &report.locations {
        write!(page, "<code>{}</code> ", Escaped(location))?;
    }
    write!(page, "— {} in {}", count(report.tuples, "tuple"), count(report.files, "file"))?;
    if let Some((first, last)) = report.throughput.source.first_ms.zip(report.throughput.source.last_ms) {
        write!(page, "; requests of the source from {} to {}", utc(first), utc(last))?;
    }
    page.push_str("</p>\n<div class=\"cards\">\n");
    let both = report.answered_by_both();
    let bodies = &report.bodies;
    let mut card = |value: String, words: &str, of: String| {
        writeln!(page, "<div class=\"card\"><b>{value}</b>{words}<br><small>{of}</small></div>")
    };
    card(number(report.tuples), "requests", format!("{} sent to the target", number(report.sent())))?;
    let same = report.count(Outcome::SameStatus);
    card(
        sections::share(same, both),
        "same status",
        format!("{} of {} that both answered", number(same), number(both)),
    )?;
    let equal = bodies.equal.saturating_add(bodies.equal_but_for_noise);
    let of = format!("{} of {} that were compared", number(equal), number(bodies.compared));
    card(sections::share(equal, bodies.compared), "equal bodies", of)?;
    let none = report.unanswered();
    card(
        number(none),
        "no answer of the target",
        format!("{} of those sent", sections::share(none, report.sent())),
    )?;
    if let Some(all) = report.latency.first() {
        let p99 = all.ratio("p99").map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×"));
        let of = format!("{} → {}", sections::time(all.source.p99), sections::time(all.target.p99));
        card(p99, "p99 of the target", of)?;
    }
    card(
        number(report.duplicates.tuples),
        "duplicates left out",
        format!("{} sent again", count(report.retried, "request")),
    )?;
    page.push_str("</div>\n");
    Ok(())
}

/// A time in milliseconds since 1970 to the second.
fn utc(millis: u64) -> String {
    let mut text = Vec::new();
    let time = std::time::SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(millis));
    codecs::traffic::tuple::write_timestamp(time.unwrap_or(std::time::SystemTime::UNIX_EPOCH), &mut text);
    let text = String::from_utf8_lossy(text.get(..19).unwrap_or_default()).replace('T', " ");
    format!("{text} UTC")
}
