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
    /// Attempts to send a request.
    Attempts,
    /// Bytes.
    Bytes,
    /// Commits of offsets.
    Commits,
    /// Connections.
    Connections,
    /// Documents.
    Documents,
    /// Events of a lease.
    Events,
    /// Files.
    Files,
    /// Work items.
    Items,
    /// Nothing.
    One,
    /// Operations of bulk requests.
    Operations,
    /// Records of a topic, or of files.
    Records,
    /// Requests.
    Requests,
    /// Seconds.
    Seconds,
    /// Tuples of a replay.
    Tuples,
}

impl Unit {
    /// Its name in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Bytes => "bytes",
            Self::Commits => "commits",
            Self::Connections => "connections",
            Self::Documents => "documents",
            Self::Events => "events",
            Self::Files => "files",
            Self::Items => "items",
            Self::One => "1",
            Self::Operations => "operations",
            Self::Records => "records",
            Self::Requests => "requests",
            Self::Seconds => "seconds",
            Self::Tuples => "tuples",
        }
    }

    /// Its name in OTLP.
    ///
    /// Spec: [UCUM](https://ucum.org/ucum), as OpenTelemetry 1.x [uses
    /// it](https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units)
    #[must_use]
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Attempts => "{attempt}",
            Self::Bytes => "By",
            Self::Commits => "{commit}",
            Self::Connections => "{connection}",
            Self::Documents => "{document}",
            Self::Events => "{event}",
            Self::Files => "{file}",
            Self::Items => "{item}",
            Self::One => "1",
            Self::Operations => "{operation}",
            Self::Records => "{record}",
            Self::Requests => "{request}",
            Self::Seconds => "s",
            Self::Tuples => "{tuple}",
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
    /// When bytes were last fetched, documents decoded, sent, compared or failed, or captured traffic read or replayed, in seconds since 1970; 0 before that
    LastProgress = "ferry_last_progress_timestamp_seconds" Gauge Seconds [],
    /// Records of captured traffic that were read
    ReplayRecords = "ferry_replay_records_total" Counter Records [],
    /// Bytes of these records
    ReplayReadBytes = "ferry_replay_read_bytes_total" Counter Bytes [],
    /// Records that are missing, by the numbers of those around them
    ReplayMissingRecords = "ferry_replay_missing_records_total" Counter Records [],
    /// What went into quarantine, because it cannot be used
    ReplayQuarantined = "ferry_replay_quarantined_total" Counter One ["thing"],
    /// Records between what is done and the end of the partition, as far as the end is known
    ReplayLagRecords = "ferry_replay_lag_records" Gauge Records ["partition"],
    /// Age of the oldest record of the partition that is not done, by its time in Kafka; 0 when all are done
    ReplayLagSeconds = "ferry_replay_lag_seconds" Gauge Seconds ["partition"],
    /// How long the oldest record that is not committed has been under way in this process; 0 when all that was read is committed
    ReplayUncommittedSeconds = "ferry_replay_uncommitted_seconds" Gauge Seconds [],
    /// Commits of offsets, by what came of them
    ReplayCommits = "ferry_replay_commits_total" Counter Commits ["outcome"],
    /// When an offset was committed last, in seconds since 1970; 0 before that
    ReplayLastCommit = "ferry_replay_last_commit_timestamp_seconds" Gauge Seconds [],
    /// Connections of the source, by what happened to them
    ReplaySourceConnections = "ferry_replay_source_connections_total" Counter Connections ["event"],
    /// Connections of the source that are open, as far as the records tell
    ReplaySourceConnectionsOpen = "ferry_replay_source_connections_open" Gauge Connections [],
    /// Requests of the source that were whole
    ReplayRequestsRead = "ferry_replay_requests_read_total" Counter Requests [],
    /// Requests that are through, by what came of them
    ReplayRequests = "ferry_replay_requests_total" Counter Requests ["outcome"],
    /// Requests that were sent and are through, by the statuses that source and target answered with; `none` without an answer
    ReplayStatuses = "ferry_replay_statuses_total" Counter Requests ["source", "target"],
    /// Attempts to send a request, the first ones too
    ReplayAttempts = "ferry_replay_attempts_total" Counter Attempts [],
    /// Attempts that are followed by another one, by what was wrong with them
    ReplayRetries = "ferry_replay_retries_total" Counter Attempts ["cause"],
    /// Requests that wait for an answer of the target, or for their next attempt
    ReplayInFlight = "ferry_replay_requests_in_flight" Gauge Requests [],
    /// Requests that may be in flight at once
    ReplayInFlightLimit = "ferry_replay_requests_in_flight_limit" Gauge Requests [],
    /// Connections to the target that are open
    ReplayTargetConnections = "ferry_replay_target_connections_open" Gauge Connections [],
    /// How much later than due requests were first sent
    ReplayScheduleLag = "ferry_replay_schedule_lag_seconds" Histogram Seconds [],
    /// From the first byte sent to the last byte of the answer, of the last attempt at each request
    ReplayResponse = "ferry_replay_response_seconds" Histogram Seconds [],
    /// Seconds of the source that are replayed in a second; 0 when requests are sent as fast as the target takes them
    ReplaySpeed = "ferry_replay_speed" Gauge One [],
    /// Is 1 while the replay is paused, otherwise 0
    ReplayPaused = "ferry_replay_paused" Gauge One [],
    /// The moment of the source's clock that is replayed now, in seconds since 1970; 0 before the first request
    ReplaySourceTime = "ferry_replay_source_timestamp_seconds" Gauge Seconds [],
    /// Bytes of tuples that wait until the records before them are done, or to be compressed
    ReplayTupleBacklog = "ferry_replay_tuple_backlog_bytes" Gauge Bytes [],
    /// Tuples in files that are stored
    ReplayTuples = "ferry_replay_tuples_total" Counter Tuples [],
    /// Files of tuples that are stored
    ReplayTupleFiles = "ferry_replay_tuple_files_total" Counter Files [],
}

impl Metric {
    /// Whether only `ferry replay` has it.
    #[must_use]
    pub fn is_of_replay(self) -> bool {
        self.name().starts_with("ferry_replay_")
    }
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
