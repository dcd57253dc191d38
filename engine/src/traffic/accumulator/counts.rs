//! What an accumulator has seen.

use super::super::transaction::ResponseEnd;
use codecs::traffic::record::{Observation, Observed};
use serde::Serialize;

/// Adds one, or more.
pub(super) const fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// What an accumulator has seen since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AccumulatorCounts {
    /// Records.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Records that were none, and are in quarantine.
    pub quarantined: u64,
    /// Records without observations.
    pub empty_records: u64,
    /// Observations by kind.
    pub observations: ObservationCounts,
    /// Records that came again, and were passed over.
    pub duplicates: u64,
    /// Places where records of a connection are missing.
    pub gaps: u64,
    /// Records that are missing there, by their numbers.
    pub missing: u64,
    /// Records that came before an earlier one of their connection, and waited for it.
    pub reordered: u64,
    /// Sessions of connections that were begun.
    pub connections: u64,
    /// Of these, such as were under way before.
    pub resumed: u64,
    /// Of these, such as are open now.
    pub open_connections: u64,
    /// Of these, such as were closed.
    pub closed: u64,
    /// Of these, such as were silent for too long.
    pub expired: u64,
    /// Of these, such as were given up because there were too many.
    pub crowded_out: u64,
    /// Connections that went over to another protocol.
    pub upgraded: u64,
    /// Bytes of these, after that.
    pub upgraded_bytes: u64,
    /// Requests that were given out.
    pub requests: u64,
    /// Of these, such as ended where the capture says so, and not by their own framing.
    pub unframed_requests: u64,
    /// Requests that never came to their end: discarded.
    pub cut_requests: u64,
    /// Requests that the proxy took back.
    pub dropped_requests: u64,
    /// Requests that are in quarantine.
    pub quarantined_requests: u64,
    /// Responses by how they ended.
    pub responses: ResponseCounts,
    /// Interim responses (1xx), which are left out.
    pub interim_responses: u64,
    /// Responses that are no HTTP: they end at the next request.
    pub unframed_responses: u64,
    /// Responses of which only the beginning was kept, because they are too large.
    pub shortened_responses: u64,
    /// Bytes that a client sent of a request whose beginning was not captured.
    pub skipped_read_bytes: u64,
    /// Bytes of responses to requests that were not captured, or not from the beginning.
    pub skipped_written_bytes: u64,
    /// Ends of requests where there was none.
    pub stray_ends: u64,
}

impl AccumulatorCounts {
    /// So many records are missing.
    pub(super) const fn gap(&mut self, missing: u64) {
        add(&mut self.gaps, 1);
        add(&mut self.missing, missing);
    }
}

/// Observations by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the kinds")]
pub struct ObservationCounts {
    pub bind: u64,
    pub connect: u64,
    pub read: u64,
    pub read_segment: u64,
    pub request_released: u64,
    pub write: u64,
    pub write_segment: u64,
    pub disconnect: u64,
    pub close: u64,
    pub connection_exception: u64,
    pub segment_end: u64,
    pub end_of_message: u64,
    pub request_dropped: u64,
    /// Kinds that this version does not know.
    pub unknown: u64,
}

impl ObservationCounts {
    pub(super) const fn add(&mut self, observation: &Observation) {
        add(
            match &observation.observed {
                Some(Observed::Bind(_)) => &mut self.bind,
                Some(Observed::Connect(_)) => &mut self.connect,
                Some(Observed::Read(_)) => &mut self.read,
                Some(Observed::ReadSegment(_)) => &mut self.read_segment,
                Some(Observed::RequestReleased(_)) => &mut self.request_released,
                Some(Observed::Write(_)) => &mut self.write,
                Some(Observed::WriteSegment(_)) => &mut self.write_segment,
                Some(Observed::Disconnect(_)) => &mut self.disconnect,
                Some(Observed::Close(_)) => &mut self.close,
                Some(Observed::ConnectionException(_)) => &mut self.connection_exception,
                Some(Observed::SegmentEnd(_)) => &mut self.segment_end,
                Some(Observed::EndOfMessage(_)) => &mut self.end_of_message,
                Some(Observed::RequestDropped(_)) => &mut self.request_dropped,
                None => &mut self.unknown,
            },
            1,
        );
    }
}

/// Responses by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of `ResponseEnd`")]
pub struct ResponseCounts {
    pub complete: u64,
    pub closed: u64,
    pub cut: u64,
    pub expired: u64,
    pub gap: u64,
    pub interrupted: u64,
}

impl ResponseCounts {
    pub(super) const fn add(&mut self, end: ResponseEnd) {
        add(
            match end {
                ResponseEnd::Complete => &mut self.complete,
                ResponseEnd::Closed => &mut self.closed,
                ResponseEnd::Cut => &mut self.cut,
                ResponseEnd::Expired => &mut self.expired,
                ResponseEnd::Gap => &mut self.gap,
                ResponseEnd::Interrupted => &mut self.interrupted,
            },
            1,
        );
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let whole = self.complete.saturating_add(self.closed).saturating_add(self.cut);
        whole.saturating_add(self.expired).saturating_add(self.gap).saturating_add(self.interrupted)
    }
}
