//! Charts as SVG in the page.

use super::super::summary::{Latency, Searches, Series, Throughput};
use super::sections::{number, time};
use std::fmt::{self, Write};

const HEIGHT: f64 = 230.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// A chart that is drawn at about its own size, so that its text is as large as that of the page.
struct Chart<'p> {
    page: &'p mut String,
    width: f64,
}

impl<'p> Chart<'p> {
    fn open(page: &'p mut String, width: f64, label: &str) -> Result<Self, fmt::Error> {
        writeln!(
            page,
            "<svg viewBox=\"0 0 {width} {HEIGHT}\" style=\"max-width: {width}px\" role=\"img\" aria-label=\"{label}\">"
        )?;
        Ok(Self { page, width })
    }

    fn close(self) {
        self.page.push_str("</svg>\n");
    }

    /// The place of a share of the width.
    fn x(&self, share: f64) -> f64 {
        LEFT + share.clamp(0.0, 1.0) * (self.width - LEFT - RIGHT)
    }

    fn grid_line(&mut self, share: f64, label: &str) -> fmt::Result {
        let (at, text, right) = (y(share), y(share) + 4.0, self.width - RIGHT);
        writeln!(
            self.page,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        )?;
        writeln!(self.page, "<text x=\"{}\" y=\"{text:.1}\" text-anchor=\"end\">{label}</text>", LEFT - 6.0)
    }

    fn tick(&mut self, share: f64, label: &str) -> fmt::Result {
        let (at, bottom) = (self.x(share), HEIGHT - BOTTOM);
        writeln!(
            self.page,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"
        )?;
        let anchor = if share > 0.97 { "end" } else { "middle" };
        self.label(if share > 0.97 { at + RIGHT } else { at }, anchor, label)
    }

    fn label(&mut self, at: f64, anchor: &str, label: &str) -> fmt::Result {
        let up = HEIGHT - 8.0;
        writeln!(self.page, "<text x=\"{at:.1}\" y=\"{up}\" text-anchor=\"{anchor}\">{label}</text>")
    }

    fn line(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) -> fmt::Result {
        write!(self.page, "<polyline class=\"{class}\" points=\"")?;
        for (across, up) in points {
            let across = self.x(across);
            write!(self.page, "{across:.1},{:.1} ", y(up))?;
        }
        self.page.push_str("\"/>\n");
        Ok(())
    }
}

/// The place of a share of the height, from below.
fn y(share: f64) -> f64 {
    HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
}

#[expect(clippy::cast_precision_loss, reason = "for a chart")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// Which share of the requests took no longer than a time.
pub(super) fn distribution(latency: &Latency, page: &mut String) -> fmt::Result {
    let total = float(latency.requests.max(1));
    let is_inner = |count: u64| count > 0 && count < latency.requests;
    let is_shown = |at: usize| {
        let around = latency.distribution.get(at.saturating_sub(1)..).unwrap_or_default();
        around.iter().take(3).any(|point| is_inner(point.source) || is_inner(point.target))
    };
    let all = latency.distribution.iter().enumerate();
    let mut points: Vec<_> = all.filter(|(at, _)| is_shown(*at)).map(|(_, point)| *point).collect();
    if points.len() < 2 {
        points.clone_from(&latency.distribution);
    }
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(()) };
    let (from, to) = (first.up_to_ms.ln(), last.up_to_ms.ln());
    let across = |millis: f64| (millis.ln() - from) / (to - from).max(f64::MIN_POSITIVE);
    let mut chart = Chart::open(page, 420.0, "share of requests by time, source and target")?;
    for share in [0.0, 0.5, 0.9, 1.0] {
        chart.grid_line(share, &format!("{:.0}%", share * 100.0))?;
    }
    let is_wide = last.up_to_ms / first.up_to_ms > 40.0;
    for power in -1..7 {
        for step in if is_wide { &[1.0][..] } else { &[1.0, 2.0, 5.0] } {
            let millis = 10.0_f64.powi(power) * step;
            if (first.up_to_ms..=last.up_to_ms).contains(&millis) {
                chart.tick(across(millis), &time(millis))?;
            }
        }
    }
    chart.line("source", points.iter().map(|point| (across(point.up_to_ms), float(point.source) / total)))?;
    chart.line("target", points.iter().map(|point| (across(point.up_to_ms), float(point.target) / total)))?;
    chart.close();
    Ok(())
}

/// Requests a second since the first one, of both.
pub(super) fn throughput(throughput: &Throughput, page: &mut String) -> fmt::Result {
    let seconds = |series: &Series| series.span_seconds * float(series.requests.len() as u64);
    let longest = seconds(&throughput.source).max(seconds(&throughput.target)).max(0.001);
    let rates = |series: &Series| -> Vec<f64> {
        series.requests.iter().map(|count| float(*count) / series.span_seconds.max(0.001)).collect()
    };
    let (source, target) = (rates(&throughput.source), rates(&throughput.target));
    let highest = rounded_up(source.iter().chain(&target).copied().fold(0.0, f64::max));
    let mut chart = Chart::open(page, 1050.0, "requests a second over time, source and target")?;
    for part in 0..=4_u32 {
        let share = f64::from(part) / 4.0;
        chart.grid_line(share, &rate(highest * share))?;
        chart.tick(share, &time(longest * share * 1000.0))?;
    }
    let both = [("source", &throughput.source, &source), ("target", &throughput.target, &target)];
    for (class, series, rates) in both {
        let middle = |at: usize| series.span_seconds * (float(at as u64) + 0.5) / longest;
        chart.line(class, rates.iter().enumerate().map(|(at, rate)| (middle(at), rate / highest)))?;
    }
    chart.close();
    Ok(())
}

fn rate(rate: f64) -> String {
    if rate > 0.0 && rate < 10.0 {
        return format!("{rate:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
    let whole = rate.round() as u64;
    number(whole)
}

/// The next of 1, 2, 4, 6, 8 × 10ⁿ.
fn rounded_up(value: f64) -> f64 {
    let unit = 10.0_f64.powf(value.max(0.1).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|limit| *limit >= value).unwrap_or(value.max(1.0))
}

/// How many searches have which overlap.
pub(super) fn overlap(searches: &Searches, page: &mut String) -> fmt::Result {
    let most = float(searches.overlap_tenths.iter().copied().max().unwrap_or_default().max(1));
    let mut chart = Chart::open(page, 760.0, "searches by the share of their first hits that both have")?;
    chart.grid_line(0.0, "0")?;
    chart.grid_line(1.0, &rate(most))?;
    for (at, count) in searches.overlap_tenths.iter().enumerate() {
        let place = float(at as u64);
        let (left, right) = (chart.x((place + 0.1) / 11.0), chart.x((place + 0.9) / 11.0));
        let (top, height) = (y(float(*count) / most), y(0.0) - y(float(*count) / most));
        let below = at.saturating_mul(10);
        let label =
            if at == 10 { "100%".to_owned() } else { format!("{below}–{}%", below.saturating_add(10)) };
        writeln!(
            chart.page,
            "<rect class=\"target\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\">\
             <title>{label}: {count}</title></rect>",
            right - left
        )?;
        chart.label((left + right) / 2.0, "middle", &label)?;
    }
    chart.close();
    Ok(())
}
