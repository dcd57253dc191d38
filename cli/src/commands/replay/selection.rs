//! Which requests are replayed.

use clap::Args;
use engine::replay::{ClassFilter, RequestFilter, Sample, Selection, SelectionSettings, StatusSet};
use engine::snapshot::IndexPattern;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Which requests are replayed. The others are counted, and done with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which requests")]
pub(crate) struct SelectionArgs {
    /// Methods, such as `GET,POST` [default: all]
    #[arg(long, value_name = "METHODS", env = "FERRY_METHODS", value_delimiter = ',')]
    methods: Vec<String>,
    /// `reads`, `writes`, or `all`
    #[arg(long, value_name = "CLASS", env = "FERRY_CLASS", default_value = "all")]
    class: ClassFilter,
    /// Indices: names, patterns with `*`, `regex:EXPRESSION`, and `-` before any of them to exclude [default: all]
    #[arg(
        long,
        value_name = "PATTERNS",
        env = "FERRY_INDICES",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    indices: Vec<IndexPattern>,
    /// jq program that must hold for the message of the request, such as `.URI | startswith("/logs")`
    #[arg(long, value_name = "JQ", env = "FERRY_FILTER")]
    filter: Option<RequestFilter>,
    /// The filter of the Java replayer: refused, with the way to write it as `--filter`
    #[arg(long, value_name = "JSON", env = "FERRY_REQUEST_FILTER_CONFIG", hide = true, alias = "requestFilterConfig", value_parser = RequestFilter::from_java)]
    request_filter_config: Option<RequestFilter>,
    /// Statuses that the source must have answered with, such as `2xx,404`
    #[arg(long, value_name = "STATUSES", env = "FERRY_SOURCE_STATUS")]
    source_status: Option<StatusSet>,
    /// Requests of this time (of the source's clock) or later, such as `2026-01-31T10:00:00Z`
    #[arg(long, value_name = "TIME", env = "FERRY_FROM", value_parser = moment)]
    from: Option<SystemTime>,
    /// Requests before this time
    #[arg(long, value_name = "TIME", env = "FERRY_UNTIL", value_parser = moment)]
    until: Option<SystemTime>,
    /// Requests of this offset of their partition or later
    #[arg(long, value_name = "OFFSET", env = "FERRY_FIRST_OFFSET")]
    first_offset: Option<i64>,
    /// Requests of offsets before this one
    #[arg(long, value_name = "OFFSET", env = "FERRY_END_OFFSET")]
    end_offset: Option<i64>,
    /// A part of the requests, the same in every run: `10%`, `0.5%`
    #[arg(long, value_name = "PERCENT", env = "FERRY_SAMPLE")]
    sample: Option<Sample>,
    /// With `--sample`: whole connections, or nothing of them
    #[arg(long, env = "FERRY_SAMPLE_CONNECTIONS", requires = "sample")]
    sample_connections: bool,
}

impl SelectionArgs {
    /// What the options select.
    pub(super) fn selection(&self) -> Selection {
        let sample = self.sample.map(|mut sample| {
            sample.whole_connections = self.sample_connections;
            sample
        });
        Selection::new(SelectionSettings {
            methods: self.methods.clone(),
            class: self.class,
            indices: self.indices.clone(),
            filter: self.filter.clone(),
            statuses: self.source_status.clone(),
            from: self.from,
            until: self.until,
            first_offset: self.first_offset,
            end_offset: self.end_offset,
            sample,
        })
    }
}

fn moment(text: &str) -> Result<SystemTime, String> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).map(SystemTime::from);
    parsed.map_err(|_| "expected a moment such as `2026-01-31T10:00:00Z`".to_owned())
}
