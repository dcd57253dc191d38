//! What a replay must come to.

use super::summary::{Judged, Latency, Report};
use std::fmt;
use std::str::FromStr;

/// The most of something: `5`, or a share such as `0.1%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// This share of them all, from 0 to 1.
    Share(f64),
}

/// How much slower the target may be: `p99=2.0`, `_search:p50=1.2`.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyLimit {
    /// The class of requests; all of them without one.
    class: Option<String>,
    quantile: String,
    ratio: f64,
}

/// What a replay must come to; nothing without any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thresholds {
    /// Answers with another status, of those that both gave.
    pub status_mismatch: Option<Limit>,
    /// Bodies that differ, of those that were compared.
    pub body_mismatch: Option<Limit>,
    /// Requests that the target did not answer, of those that were sent.
    pub errors: Option<Limit>,
    /// Items of bulks that differ, of those that were compared.
    pub bulk_mismatch: Option<Limit>,
    /// The share of the first hits that both have, on average.
    pub min_overlap: Option<Share>,
    /// How much slower the target may be.
    pub latency: Vec<LatencyLimit>,
}

/// A share, such as `99%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.ends_with('%') {
            return text.parse().map(|Share(share)| Self::Share(share));
        }
        text.parse()
            .map(Self::Count)
            .map_err(|_| "expected a number, such as `5`, or a share, such as `0.1%`".to_owned())
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        percent
            .map(|percent| Self(percent / 100.0))
            .ok_or_else(|| "expected a share from `0%` to `100%`".to_owned())
    }
}

impl FromStr for LatencyLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            let quantiles = Latency::QUANTILES.map(|(name, _)| name).join("`, `");
            format!(
                "expected one of `{quantiles}` and a ratio: `p99=2.0`, or `_search:p99=2.0` of one class of requests"
            )
        };
        let (name, ratio) = text.rsplit_once('=').ok_or_else(expected)?;
        let (class, quantile) =
            name.rsplit_once(':').map_or((None, name), |(class, name)| (Some(class), name));
        let ratio = ratio.parse::<f64>().ok().filter(|ratio| ratio.is_finite() && *ratio > 0.0);
        let is_known = Latency::QUANTILES.iter().any(|(known, _)| *known == quantile);
        match ratio {
            Some(ratio) if is_known => {
                Ok(Self { class: class.map(str::to_owned), quantile: quantile.to_owned(), ratio })
            }
            _ => Err(expected()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Share(share) => write!(formatter, "{}%", percent(*share)),
        }
    }
}

/// A share in percent, with as many decimals as say something.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Thresholds {
    /// Compares a report with each of them. What was not measured at all does not pass.
    pub(super) fn judge(&self, report: &Report) -> Vec<Judged> {
        let (bodies, bulk) = (&report.bodies, &report.bulk);
        let counts = [
            ("max-status-mismatch", self.status_mismatch, report.other_status(), report.answered_by_both()),
            ("max-body-mismatch", self.body_mismatch, bodies.different, bodies.compared),
            ("max-errors", self.errors, report.unanswered(), report.sent()),
            ("max-bulk-mismatch", self.bulk_mismatch, bulk.different, bulk.items),
        ];
        let mut judged: Vec<Judged> = counts
            .into_iter()
            .filter_map(|(name, limit, count, of)| limit.map(|limit| judge_count(name, limit, count, of)))
            .collect();
        judged.extend(self.min_overlap.map(|Share(least)| judge_overlap(least, report)));
        judged.extend(self.latency.iter().map(|limit| limit.judge(report)));
        judged
    }
}

fn judge_count(name: &str, limit: Limit, count: u64, of: u64) -> Judged {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = count as f64 / of.max(1) as f64;
    let is_within = of > 0
        && match limit {
            Limit::Count(most) => count <= most,
            Limit::Share(most) => share <= most,
        };
    let found = if of == 0 {
        "nothing was compared".to_owned()
    } else {
        format!("{count} of {of} ({}%)", percent(share))
    };
    Judged { name: name.to_owned(), limit: limit.to_string(), found, is_within }
}

fn judge_overlap(least: f64, report: &Report) -> Judged {
    let mean = report.searches.overlap_mean;
    let found = mean.map_or_else(|| "nothing was compared".to_owned(), |mean| format!("{}%", percent(mean)));
    Judged {
        name: "min-overlap".to_owned(),
        limit: format!("{}%", percent(least)),
        found,
        is_within: mean.is_some_and(|mean| mean >= least),
    }
}

impl LatencyLimit {
    fn judge(&self, report: &Report) -> Judged {
        let class = self.class.as_deref().unwrap_or(Latency::ALL);
        let latency = report.latency.iter().find(|latency| latency.class == class);
        let ratio = latency.and_then(|latency| latency.ratio(&self.quantile));
        let name = match &self.class {
            Some(class) => format!("max-latency-ratio {class}:{}", self.quantile),
            None => format!("max-latency-ratio {}", self.quantile),
        };
        Judged {
            name,
            limit: self.ratio.to_string(),
            found: ratio.map_or_else(|| "no times to compare".to_owned(), |ratio| format!("{ratio:.3}")),
            is_within: ratio.is_some_and(|ratio| ratio <= self.ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counts_or_shares() {
        assert_eq!("5".parse(), Ok(Limit::Count(5)));
        assert_eq!("0.1%".parse(), Ok(Limit::Share(0.001)));
        assert_eq!(Limit::Share(0.001).to_string(), "0.1%");
        for text in ["", "-1", "1.5", "101%", "x%", "%"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn limits_of_latency_name_a_quantile_and_maybe_a_class() {
        let limit: LatencyLimit = "_doc read:p99.9=1.5".parse().unwrap();
        assert_eq!(
            (limit.class.as_deref(), &*limit.quantile, limit.ratio),
            (Some("_doc read"), "p99.9", 1.5)
        );
        for text in ["p99", "p98=2", "p99=x", "p99=0", "p99=-1", "=1"] {
            assert!(text.parse::<LatencyLimit>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_not_measured_does_not_pass() {
        let judged = judge_count("max-errors", Limit::Count(5), 0, 0);
        assert!(!judged.is_within && judged.found == "nothing was compared");
        assert!(judge_count("max-errors", Limit::Share(0.01), 1, 100).is_within);
        assert!(!judge_count("max-errors", Limit::Share(0.009), 1, 100).is_within);
    }
}
