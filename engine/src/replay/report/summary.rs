//! What a report says.

use super::compare::Difference;
use super::outcome::{Answer, Outcome};
use serde::Serialize;

/// What tuples came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Where the tuples are, without credentials.
    pub locations: Vec<String>,
    /// Files that were read.
    pub files: u64,
    /// Tuples, each counted once: all other numbers are about these.
    pub tuples: u64,
    /// Tuples that were left out because they are there a second time.
    pub duplicates: Duplicates,
    /// Lines that are no tuple.
    pub bad_lines: u64,
    /// The first of them.
    pub bad: Vec<BadLine>,
    /// Tuples of the Java replayer: times in whole milliseconds, the target's with the time to connect.
    pub coarse_times: u64,
    /// Requests that were sent more than once.
    pub retried: u64,
    /// Attempts in all.
    pub attempts: u64,
    /// How the answers compare, each kind.
    pub outcomes: Vec<OutcomeCount>,
    /// Statuses of source and target, by the source's.
    pub statuses: Vec<StatusPair>,
    /// Why the target did not answer.
    pub no_answer: Vec<Reason>,
    /// Why requests were not sent.
    pub not_sent: Vec<Reason>,
    /// Times by class of request; all of them first.
    pub latency: Vec<Latency>,
    /// Bodies of answers with the same status.
    pub bodies: Bodies,
    /// Items of bulk requests.
    pub bulk: BulkItems,
    /// Searches.
    pub searches: Searches,
    /// What is not compared.
    pub ignored: Vec<String>,
    /// What was learned to be noise.
    pub noise: Vec<NoisePlace>,
    /// Requests that came again, whose answers by the source were compared with each other.
    pub repeats: u64,
    /// What does not agree, the most frequent first.
    pub mismatches: Vec<Mismatch>,
    /// Requests over time.
    pub throughput: Throughput,
    /// What was to be reached.
    pub thresholds: Vec<Judged>,
}

/// Tuples that are there more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// How many were left out.
    pub tuples: u64,
    /// Whether all were looked for: of very many tuples, only those that are near each other are found.
    pub is_exact: bool,
    /// Files with offsets in the range of another file of the same partition.
    pub overlapping_files: u64,
}

/// A line that is no tuple.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Its file.
    pub file: String,
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// How often something was the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: Outcome,
    /// How often.
    pub count: u64,
}

/// How often these were the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusPair {
    /// What the source answered.
    pub source: Answer,
    /// What the target answered in the end.
    pub target: Answer,
    /// How often.
    pub count: u64,
}

/// How often something was the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Quantiles of times in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of them are no longer.
    pub p50: f64,
    /// Nine of ten are no longer.
    pub p90: f64,
    /// 19 of 20.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

/// Times of a class of requests that both answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// The class; [`Latency::ALL`] for all of them.
    pub class: String,
    /// How many requests.
    pub requests: u64,
    /// Times of the source.
    pub source: Quantiles,
    /// Times of the target.
    pub target: Quantiles,
    /// The target's as a multiple of the source's; none where that is 0.
    pub ratio: Vec<(&'static str, Option<f64>)>,
    /// How many times are not longer than a limit, for each limit.
    pub distribution: Vec<Cumulated>,
}

/// How many requests took no longer than a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cumulated {
    /// The limit in milliseconds.
    pub up_to_ms: f64,
    /// Requests of the source.
    pub source: u64,
    /// Requests of the target.
    pub target: u64,
}

impl Latency {
    /// The name of all classes together.
    pub const ALL: &'static str = "all";
    /// The quantiles by name, with their share.
    pub const QUANTILES: [(&'static str, f64); 6] =
        [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

    /// The target's quantile as a multiple of the source's.
    #[must_use]
    pub fn ratio(&self, quantile: &str) -> Option<f64> {
        self.ratio.iter().find(|(name, _)| *name == quantile)?.1
    }
}

impl Quantiles {
    /// In the order of [`Latency::QUANTILES`].
    #[must_use]
    pub const fn all(&self) -> [f64; 6] {
        [self.p50, self.p90, self.p95, self.p99, self.p99_9, self.max]
    }
}

/// Bodies of answers with the same status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bodies {
    /// Pairs that were compared: those that follow, together.
    pub compared: u64,
    /// Those that say the same under the rules.
    pub equal: u64,
    /// Those that differ only where the source's own answers to the same request do.
    pub equal_but_for_noise: u64,
    /// Those that differ.
    pub different: u64,
    /// Why the others were not compared.
    pub not_compared: Vec<Reason>,
    /// By class of request.
    pub classes: Vec<ClassOfBodies>,
}

/// Bodies of a class of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClassOfBodies {
    /// The class.
    pub class: String,
    /// Pairs that were compared.
    pub compared: u64,
    /// Those that say the same.
    pub equal: u64,
    /// Those that differ only in noise.
    pub equal_but_for_noise: u64,
    /// Those that differ.
    pub different: u64,
}

/// Items of bulk requests whose answers were compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BulkItems {
    /// Bulk requests.
    pub requests: u64,
    /// Their items.
    pub items: u64,
    /// Items with the same action, status and type of error.
    pub same: u64,
    /// The others.
    pub different: u64,
    /// What the others are, the most frequent first.
    pub kinds: Vec<ItemPair>,
}

/// What source and target say of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemPair {
    /// Action, status and type of error at the source.
    pub source: String,
    /// The same at the target.
    pub target: String,
    /// How often.
    pub count: u64,
}

/// Searches whose answers were compared, each of an `_msearch` for itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Searches {
    /// How many.
    pub searches: u64,
    /// Those of which both counted the hits.
    pub totals_compared: u64,
    /// Those whose numbers of hits agree.
    pub totals_agree: u64,
    /// Those of which the target has more.
    pub totals_more: u64,
    /// Those of which the target has fewer.
    pub totals_fewer: u64,
    /// How many first hits are looked at for their overlap.
    pub top_k: u64,
    /// Searches with hits whose overlap is known.
    pub overlap_compared: u64,
    /// The share of the first hits that both have, on average.
    pub overlap_mean: Option<f64>,
    /// Searches whose overlap is 0 to 10 %, up to 20 %, … up to 100 %, and 100 %.
    pub overlap_tenths: [u64; 11],
    /// Pages that end between hits that are tied: either page is right, and hits that only one shows are not compared.
    pub cut_in_tie: u64,
}

/// A place that differs between answers of the source to the same request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoisePlace {
    /// Class of request.
    pub class: String,
    /// The place.
    pub place: String,
    /// In how many repeats it differed.
    pub repeats: u64,
}

/// What kind of mismatch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MismatchKind {
    /// Another status.
    Status,
    /// No answer of the target.
    NoAnswer,
    /// The same status, but another body.
    Body,
}

impl MismatchKind {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::NoAnswer => "no answer",
            Self::Body => "body",
        }
    }
}

/// What does not agree in the same way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {
    /// Status, body, or no answer.
    pub kind: MismatchKind,
    /// Class of request.
    pub class: String,
    /// Statuses, kind of error, or the first place that differs.
    pub what: String,
    /// Requests.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A request of a mismatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// Method and target, without secrets, cut.
    pub request: String,
    /// Id of the connection, and number of the request in it.
    pub connection: String,
    /// File of its tuple.
    pub file: String,
    /// Line in the file.
    pub line: u64,
    /// Topic, partition and offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What the source answered.
    pub source: Answer,
    /// What the target answered.
    pub target: Answer,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the bodies differ first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// Requests over time, by the clocks of both.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Throughput {
    /// When requests started at the source.
    pub source: Series,
    /// When they were first sent to the target.
    pub target: Series,
}

/// Requests in spans of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// The first request, in milliseconds since 1970.
    pub first_ms: Option<u64>,
    /// The last one.
    pub last_ms: Option<u64>,
    /// Length of a span in seconds.
    pub span_seconds: f64,
    /// Requests in each span.
    pub requests: Vec<u64>,
}

/// What was to be reached, and what was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The option.
    pub name: String,
    /// What it allows.
    pub limit: String,
    /// What was found.
    pub found: String,
    /// Whether that is allowed.
    pub is_within: bool,
}

impl Report {
    /// How often this was the outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        let of = |count: &&OutcomeCount| count.outcome == outcome;
        self.outcomes.iter().find(of).map_or(0, |count| count.count)
    }

    /// Requests that the target answered with another status than the source.
    #[must_use]
    pub fn other_status(&self) -> u64 {
        let others = [Outcome::SameClass, Outcome::Better, Outcome::Worse];
        others.into_iter().fold(0, |sum, outcome| sum.saturating_add(self.count(outcome)))
    }

    /// Requests that both answered.
    #[must_use]
    pub fn answered_by_both(&self) -> u64 {
        self.other_status().saturating_add(self.count(Outcome::SameStatus))
    }

    /// Requests that the target did not answer.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.count(Outcome::NoAnswer)
    }

    /// Requests that were sent to the target.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.tuples.saturating_sub(self.count(Outcome::NotSent))
    }

    /// Whether all lines are tuples, and all thresholds are kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.bad_lines == 0 && self.thresholds.iter().all(|judged| judged.is_within)
    }
}
