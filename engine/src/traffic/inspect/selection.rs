//! Which records are meant.

use super::instant::Instant;
use crate::traffic::Record;
use codecs::traffic::record::{Observation, Timestamp, TrafficStream};
use std::time::SystemTime;

/// Records by offset or time, and by connection.
#[derive(Debug, Clone, Default)]
pub struct RecordSelection {
    /// From this offset on.
    pub start_offset: Option<i64>,
    /// Up to this offset, without it.
    pub end_offset: Option<i64>,
    /// With observations at this time or later. Offsets win over times.
    pub start_time: Option<Instant>,
    /// With observations before this time.
    pub end_time: Option<Instant>,
    /// Of these connections; of all, if there are none.
    pub connections: Vec<String>,
}

impl RecordSelection {
    /// Whether what is no captured traffic may be meant, too.
    #[must_use]
    pub const fn is_by_offset_only(&self) -> bool {
        let has_time = self.start_time.is_some() || self.end_time.is_some();
        self.connections.is_empty() && (!has_time || self.has_offset())
    }

    const fn has_offset(&self) -> bool {
        self.start_offset.is_some() || self.end_offset.is_some()
    }

    pub(super) fn takes_offset(&self, record: &Record) -> bool {
        let offset = record.token.offset();
        self.start_offset.is_none_or(|start| offset >= start)
            && self.end_offset.is_none_or(|end| offset < end)
    }

    pub(super) fn takes(&self, stream: &TrafficStream) -> bool {
        let is_connection = self.connections.is_empty() || self.connections.contains(&stream.connection_id);
        is_connection && (self.has_offset() || self.takes_times(stream))
    }

    fn takes_times(&self, stream: &TrafficStream) -> bool {
        let (first, last) = span(stream).unwrap_or((SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH));
        self.start_time.is_none_or(|start| last >= start.0) && self.end_time.is_none_or(|end| first < end.0)
    }
}

/// The times of the first and the last observation, whichever they are in the record.
pub(super) fn span(stream: &TrafficStream) -> Option<(SystemTime, SystemTime)> {
    let time = |observation: &Observation| observation.at.and_then(Timestamp::system_time);
    let times = stream.observations.iter().filter_map(time);
    times.fold(None, |span, time| match span {
        None => Some((time, time)),
        Some((first, last)) => Some((time.min(first), time.max(last))),
    })
}
