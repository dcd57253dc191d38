//! `ferry replay report`.

use super::report_text::describe;
use crate::args::{OutputArgs, OutputForm};
use crate::output::{ExitStatus, Output};
use anyhow::Context;
use clap::Args;
use engine::replay::report::{
    self, IgnoredPath, LatencyLimit, Limit, Report, Rules, Settings, Share, Thresholds,
};
use engine::storage::{Location, S3Options};
use std::path::PathBuf;

/// Compare what source and target answered, as the tuples of a replay tell it
///
/// Statuses, times by class of request, bodies of answers with the same status (without what no two answers share), items of
/// bulk requests, numbers of hits and the first of them. docs/replay-report.md says what each number means.
///
/// Exit status 0: all lines are tuples, and no threshold is exceeded; 1 otherwise; 2: it could not be compared.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Tuples: files, folders or `s3://bucket/prefix`; `*.ndjson`, `*.jsonl` and Java's `tuples*.log`, each also with `.gz`
    #[arg(value_name = "TUPLES", required = true)]
    tuples: Vec<Location>,
    /// Write the report as one page of HTML, too
    #[arg(long, value_name = "FILE", env = "FERRY_HTML")]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// AWS region of the bucket [default: from the environment or the AWS profile]
    #[arg(long, value_name = "REGION", env = "FERRY_S3_REGION", help_heading = "S3")]
    s3_region: Option<String>,
    /// Endpoint of an S3-compatible server, such as `http://127.0.0.1:9000`
    #[arg(long, value_name = "URL", env = "FERRY_S3_ENDPOINT", help_heading = "S3")]
    s3_endpoint: Option<String>,
    /// Address the bucket in the path, not in the host name
    #[arg(long, env = "FERRY_S3_PATH_STYLE", help_heading = "S3")]
    s3_path_style: bool,
}

/// What of bodies is compared.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is compared")]
struct RuleArgs {
    /// Do not compare this: a name, such as `_index`, anywhere but in documents; or a path, such as
    /// `/hits/hits/*/_source/price`, with `*` for one step and `**` for any number of them
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FERRY_IGNORE")]
    ignore: Vec<IgnoredPath>,
    /// Compare what is not compared without being asked for, such as `_version`
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FERRY_COMPARE")]
    compare: Vec<String>,
    /// Compare also answers that tell of the servers: `/`, `_cat`, `_cluster`, `_nodes` and the like
    #[arg(long, env = "FERRY_COMPARE_ALL")]
    compare_all: bool,
    /// Do not learn from requests that come again what differs by chance
    #[arg(long, env = "FERRY_NO_NOISE")]
    no_noise: bool,
    /// How far scores may be apart, as a share of the larger one
    #[arg(long, value_name = "SHARE", default_value = "0.1%", env = "FERRY_SCORE_TOLERANCE")]
    score_tolerance: Share,
    /// First hits of a search that are looked at for how many of them both have
    #[arg(long, value_name = "K", default_value = "10", value_parser = clap::value_parser!(u16).range(1..), env = "FERRY_TOP_K")]
    top_k: u16,
    /// Examples of each mismatch
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(..=100), env = "FERRY_EXAMPLES")]
    examples: u16,
}

/// What the replay must come to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Thresholds (a number, or a share such as 0.1%)")]
struct ThresholdArgs {
    /// Answers with another status than the source's, of those that both gave
    #[arg(long, value_name = "LIMIT", env = "FERRY_MAX_STATUS_MISMATCH")]
    max_status_mismatch: Option<Limit>,
    /// Bodies that differ, of those that were compared
    #[arg(long, value_name = "LIMIT", env = "FERRY_MAX_BODY_MISMATCH")]
    max_body_mismatch: Option<Limit>,
    /// Requests that the target did not answer, of those that were sent
    #[arg(long, value_name = "LIMIT", env = "FERRY_MAX_ERRORS")]
    max_errors: Option<Limit>,
    /// Items of bulk requests that differ, of those that were compared
    #[arg(long, value_name = "LIMIT", env = "FERRY_MAX_BULK_MISMATCH")]
    max_bulk_mismatch: Option<Limit>,
    /// The share of the first hits that both have, on average of all searches
    #[arg(long, value_name = "SHARE", env = "FERRY_MIN_OVERLAP")]
    min_overlap: Option<Share>,
    /// How many times as long the target may take: `p99=2.0`, or `_search:p50=1.5` of a class of requests; p50, p90, p95, p99,
    /// p99.9 or max
    #[arg(long, value_name = "QUANTILE=RATIO", value_delimiter = ',', env = "FERRY_MAX_LATENCY_RATIO")]
    max_latency_ratio: Vec<LatencyLimit>,
}

impl RuleArgs {
    fn rules(&self) -> anyhow::Result<Rules> {
        let Share(score_tolerance) = self.score_tolerance;
        let mut rules = Rules::default();
        rules.score_tolerance = score_tolerance;
        rules.top_k = usize::from(self.top_k);
        for name in &self.compare {
            let known = rules.ignored().join("`, `");
            if !rules.compare(name) {
                anyhow::bail!("`--compare {name}`: there is no such rule; what is not compared: `{known}`");
            }
        }
        self.ignore.iter().for_each(|path| rules.ignore(path.clone()));
        Ok(rules)
    }
}

impl ThresholdArgs {
    fn thresholds(self) -> Thresholds {
        Thresholds {
            status_mismatch: self.max_status_mismatch,
            body_mismatch: self.max_body_mismatch,
            errors: self.max_errors,
            bulk_mismatch: self.max_bulk_mismatch,
            min_overlap: self.min_overlap,
            latency: self.max_latency_ratio,
        }
    }
}

pub(super) async fn run(args: ReportArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let settings = Settings {
        rules: args.rules.rules()?,
        examples: usize::from(args.rules.examples),
        compare_all: args.rules.compare_all,
        learn_noise: !args.rules.no_noise,
        thresholds: args.thresholds.thresholds(),
    };
    let s3 = S3Options {
        region: args.s3_region,
        endpoint: args.s3_endpoint,
        force_path_style: args.s3_path_style,
        ..S3Options::default()
    };
    let report = report::run(&args.tuples, &s3, settings).await?;
    if let Some(path) = &args.html {
        let written = tokio::fs::write(path, report::page(&report)).await;
        written.with_context(|| format!("could not write the page `{}`", path.display()))?;
    }
    match args.output.output {
        OutputForm::Json => output.json(&report)?,
        OutputForm::Text => output.text(&describe(&report))?,
    }
    Ok(status(&report))
}

fn status(report: &Report) -> ExitStatus {
    if report.is_good() { ExitStatus::Complete } else { ExitStatus::WithFailures }
}
