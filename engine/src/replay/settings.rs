//! What a replay is told.

use super::books::TupleFiles;
use super::clock::{SourceClock, Speed};
use super::monitor::Monitor;
use super::prepare::Preparation;
use super::retry::RetryPolicy;
use super::tuples::Rotation;
use crate::flow::RateLimit;
use crate::storage::BlobStore;
use crate::target::Dialer;
use crate::traffic::AccumulatorSettings;
use codecs::traffic::tuple::TupleSettings;
use std::time::Duration;

/// How requests are replayed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When requests are due.
    pub clock: SourceClock,
    /// Whether the baseline that the group had before this run does not count.
    pub new_baseline: bool,
    /// How requests are found in records.
    pub accumulator: AccumulatorSettings,
    /// How often.
    pub policy: RetryPolicy,
    /// Requests in flight, at most.
    pub most_in_flight: usize,
    /// Requests and bytes a second.
    pub rate: RateLimit,
    /// How far reading may be ahead of the clock, in the source's time.
    pub window: Duration,
    /// Added to the due time of the first request of a connection that was under way before.
    pub quiescent: Duration,
    /// Whether operations on one document keep their order, whatever connection they came over.
    pub keeps_document_order: bool,
    /// Whether connections to the target are shared.
    pub pools: bool,
    /// Bytes of an answer of the target that are kept.
    pub most_response: usize,
    /// Bytes of tuples that may wait to be written.
    pub most_backlog: u64,
    /// Where it can be looked at while it runs.
    pub monitor: Monitor,
}

/// Where requests and tuples go.
pub struct Destination {
    /// Connects to the target.
    pub dialer: Dialer,
    /// What is done with every request before.
    pub preparation: Preparation,
    /// Where tuples go, if anywhere.
    pub tuples: Option<(BlobStore, TupleSettings, Rotation)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: SourceClock::new(Speed::Factor(1.0)),
            new_baseline: false,
            accumulator: AccumulatorSettings::default(),
            policy: RetryPolicy::default(),
            most_in_flight: 1000,
            rate: RateLimit::default(),
            window: Duration::from_secs(400),
            quiescent: Duration::from_secs(5),
            keeps_document_order: false,
            pools: false,
            most_response: 64 << 20,
            most_backlog: 128 << 20,
            monitor: Monitor::default(),
        }
    }
}

impl Destination {
    pub(super) fn files(&self) -> Option<TupleFiles> {
        let (store, settings, rotation) = self.tuples.clone()?;
        Some(TupleFiles { store, settings, rotation })
    }
}
