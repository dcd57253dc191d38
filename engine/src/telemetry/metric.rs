//! Every metric that there is.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// How often there were values up to each of some bounds, their number and their sum.
    Histogram,
}

impl Kind {
    /// Its name in Prometheus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What the values of a metric count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Documents.
    Documents,
    /// Events of a lease.
    Events,
    /// Work items.
    Items,
    /// Nothing.
    One,
    /// Operations of bulk requests.
    Operations,
    /// Requests.
    Requests,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// Its name in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Documents => "documents",
            Self::Events => "events",
            Self::Items => "items",
            Self::One => "1",
            Self::Operations => "operations",
            Self::Requests => "requests",
            Self::Seconds => "seconds",
        }
    }

    /// Its name in OTLP.
    ///
    /// Spec: [UCUM](https://ucum.org/ucum), as OpenTelemetry 1.x [uses
    /// it](https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units)
    #[must_use]
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Bytes => "By",
            Self::Documents => "{document}",
            Self::Events => "{event}",
            Self::Items => "{item}",
            Self::One => "1",
            Self::Operations => "{operation}",
            Self::Requests => "{request}",
            Self::Seconds => "s",
        }
    }
}

/// Makes the enum of metrics; what a metric means is written once, as the comment on it.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $metric:ident = $name:literal $kind:ident $unit:ident [$($label:literal),*],)+) => {
        /// Every metric that there is; `docs/metrics.md` has a row for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[doc = $help])+ $metric,)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$metric,)+];

            /// Its name in Prometheus and OTLP.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$metric => $name,)+ }
            }

            /// What it is.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$metric => Kind::$kind,)+ }
            }

            /// What its values count.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$metric => Unit::$unit,)+ }
            }

            /// Names of its labels.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$metric => &[$($label,)*],)+ }
            }

            /// What it means.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$metric => concat!($($help,)+).trim(),)+ }
            }
        }
    };
}

metrics! {
    /// Is 1; the label says which version of ferry runs
    BuildInfo = "ferry_build_info" Gauge One ["version"],
    /// Bytes of stored fields that were fetched from the repository
    FetchedBytes = "ferry_fetched_bytes_total" Counter Bytes [],
    /// Live documents that are to be copied or compared, as far as they are known, nested ones too
    DocumentsSelected = "ferry_documents_selected_total" Counter Documents [],
    /// Live documents that were decoded, nested ones too; one that is read again counts again
    DocumentsRead = "ferry_documents_read_total" Counter Documents [],
    /// Documents that the target has: acknowledged by a cluster, or written as lines
    DocumentsSent = "ferry_documents_sent_total" Counter Documents [],
    /// Bytes of the bulk operations or lines that the target has, before compression
    SentBytes = "ferry_sent_bytes_total" Counter Bytes [],
    /// Documents that are not sent on purpose: nested ones, which are part of others, and what a transform left out
    DocumentsExcluded = "ferry_documents_excluded_total" Counter Documents [],
    /// Documents that failed for good, by the class in the failed-document file
    DocumentsFailed = "ferry_documents_failed_total" Counter Documents ["class"],
    /// Documents that `ferry verify` compared, by what came of it
    DocumentsCompared = "ferry_documents_compared_total" Counter Documents ["result"],
    /// Operations that are sent again, by cause; one that is sent three times counts twice
    OperationsRetried = "ferry_operations_retried_total" Counter Operations ["cause"],
    /// Bulk requests that the target answered with 429, for all or some of their operations
    Throttled = "ferry_target_throttled_total" Counter Requests [],
    /// From a bulk request to its answer, by outcome; each attempt counts
    BulkRequestSeconds = "ferry_bulk_request_seconds" Histogram Seconds ["outcome"],
    /// From the first attempt to send a batch to the verdict on the last of its documents, waits and retries included
    BatchSeconds = "ferry_batch_seconds" Histogram Seconds [],
    /// Bulk requests that are under way
    RequestsInFlight = "ferry_requests_in_flight" Gauge Requests [],
    /// Bulk requests that may be under way at once, as the target's answers have made it
    ConcurrencyLimit = "ferry_concurrency_limit" Gauge Requests [],
    /// Memory that is reserved for data in flight
    MemoryHeld = "ferry_memory_held_bytes" Gauge Bytes [],
    /// Memory that may be reserved for data in flight
    MemoryLimit = "ferry_memory_limit_bytes" Gauge Bytes [],
    /// Where the tasks of the run spend their time; tasks run side by side, so the seconds of all stages add up to more than passed
    StageSeconds = "ferry_stage_seconds" Histogram Seconds ["stage"],
    /// What happened to the leases of this worker
    Leases = "ferry_leases_total" Counter Events ["event"],
    /// Work items that this worker had, by what became of them
    WorkItems = "ferry_work_items_total" Counter Items ["outcome"],
    /// When bytes were last fetched, or documents decoded, sent, compared or failed, in seconds since 1970; 0 before that
    LastProgress = "ferry_last_progress_timestamp_seconds" Gauge Seconds [],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(name.starts_with("ferry_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(metric.kind() == Kind::Counter, name.ends_with("_total"), "{name}");
            let base = name.trim_end_matches("_total");
            match metric.unit() {
                Unit::Bytes => assert!(base.ends_with("_bytes"), "{name}"),
                Unit::Seconds => assert!(base.ends_with("_seconds"), "{name}"),
                _ => assert!(!base.ends_with("_bytes") && !base.ends_with("_seconds"), "{name}"),
            }
            assert!(!metric.help().is_empty() && !metric.help().contains(['\n', '|']), "{name}");
        }
    }

    #[test]
    fn no_two_metrics_have_the_same_name() {
        let mut names: Vec<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Metric::ALL.len());
    }
}
