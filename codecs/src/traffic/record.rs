//! `TrafficStream`: the records in which a capture proxy writes what went over a client's connection.
//!
//! The messages are those of `TrafficCaptureStream.proto` of opensearch-migrations 3.3.6 (proto3, no package). Bytes are slices of the
//! record's own buffer. Unknown fields are passed over, as protobuf wants it.

use bytes::Bytes;
use prost::Message;
use std::time::{Duration, SystemTime};

/// One record: some consecutive observations of one connection.
///
/// | field | number | type |
/// |---|---|---|
/// | connection id | 1 | string, shared by all records of a connection |
/// | observations | 2 | repeated [`Observation`], in order |
/// | number | 3 | int32, counts the records of the connection from 1; more follow |
/// | number of the last | 4 | int32, the same count, in the connection's last record (3 and 4 are one `oneof`) |
/// | node id | 5 | string, the process that captured |
/// | prior requests received | 6 | optional int32, captured requests that were complete before this record was opened |
/// | last observation was an unterminated read | 7 | optional bool, a request was under way when it was opened |
#[derive(Clone, PartialEq, Message)]
pub struct TrafficStream {
    /// Id of the client's connection.
    #[prost(string, tag = "1")]
    pub connection_id: String,
    /// What was observed, in order.
    #[prost(message, repeated, tag = "2")]
    pub observations: Vec<Observation>,
    /// The process that captured; empty in captures without one.
    #[prost(string, tag = "5")]
    pub node_id: String,
    /// Captured requests whose end came before this record was opened; absent in old captures.
    #[prost(int32, optional, tag = "6")]
    pub prior_requests_received: Option<i32>,
    /// Whether a request was being read when this record was opened; absent in old captures.
    #[prost(bool, optional, tag = "7")]
    pub last_observation_was_unterminated_read: Option<bool>,
    /// The record's place among those of its connection.
    #[prost(oneof = "RecordNumber", tags = "3, 4")]
    pub number: Option<RecordNumber>,
}

/// The place of a record in its connection, from 1; 0 is seen in captures of other programs.
#[derive(Clone, Copy, PartialEq, Eq, prost::Oneof)]
pub enum RecordNumber {
    /// More records follow.
    #[prost(int32, tag = "3")]
    More(i32),
    /// This is the connection's last one.
    #[prost(int32, tag = "4")]
    Last(i32),
}

/// Something that was observed on a connection, with the proxy's clock.
#[derive(Clone, PartialEq, Message)]
pub struct Observation {
    /// When; absent only in damaged captures.
    #[prost(message, optional, tag = "1")]
    pub at: Option<Timestamp>,
    /// What; `None` is a kind that this version does not know.
    #[prost(oneof = "Observed", tags = "2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15, 16")]
    pub observed: Option<Observed>,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// What was observed.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Observed {
    /// A socket was bound; no proxy writes it.
    #[prost(message, tag = "2")]
    Bind(Nothing),
    /// The client connected; no proxy writes it.
    #[prost(message, tag = "3")]
    Connect(Nothing),
    /// Bytes that the client sent, as one read from the socket gave them.
    #[prost(message, tag = "4")]
    Read(Payload),
    /// A part of one read that did not fit into the record.
    #[prost(message, tag = "5")]
    ReadSegment(Segment),
    /// The request was sent on; no proxy writes it.
    #[prost(message, tag = "6")]
    RequestReleased(Released),
    /// Bytes that were sent to the client.
    #[prost(message, tag = "8")]
    Write(Payload),
    /// A part of one write that did not fit into the record.
    #[prost(message, tag = "9")]
    WriteSegment(Segment),
    /// The client disconnected; no proxy writes it.
    #[prost(message, tag = "10")]
    Disconnect(Nothing),
    /// The connection is closed: nothing follows.
    #[prost(message, tag = "11")]
    Close(Nothing),
    /// Something went wrong on the connection.
    #[prost(message, tag = "12")]
    ConnectionException(Exception),
    /// The segments before it are one read, or one write.
    #[prost(message, tag = "14")]
    SegmentEnd(Nothing),
    /// The bytes read so far end a request.
    #[prost(message, tag = "15")]
    EndOfMessage(EndOfMessage),
    /// The request under way is not to be replayed.
    #[prost(message, tag = "16")]
    RequestDropped(Nothing),
}

/// A message without fields.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Nothing {}

/// The bytes of a read or a write, in field 1.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Payload {
    /// The bytes, after TLS.
    #[prost(bytes = "bytes", tag = "1")]
    pub data: Bytes,
}

/// The bytes of a part of a read or a write, in field **2**.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Segment {
    /// The bytes, after TLS.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
}

/// The request was sent on to the source.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Released {
    /// Without the record having been made durable in time.
    #[prost(bool, tag = "1")]
    pub timed_out: bool,
}

/// An error on a connection.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Exception {
    /// What the proxy says about it.
    #[prost(string, tag = "1")]
    pub message: String,
}

/// The end of a request, with lengths as the proxy counted them (-1 in older captures).
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct EndOfMessage {
    /// Bytes of the request line.
    #[prost(int32, optional, tag = "1")]
    pub first_line_length: Option<i32>,
    /// Bytes of the block of headers.
    #[prost(int32, optional, tag = "2")]
    pub headers_length: Option<i32>,
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a protobuf message of this kind.
    #[error("not a TrafficStream: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A record of no connection.
    #[error("a TrafficStream without a connection id")]
    NoConnection,
}

impl TrafficStream {
    /// Decodes the value of a record. Its bytes are shared, not copied.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: bytes that are no record. A record without observations, or without a number, is one.
    pub fn decode_record(value: Bytes) -> Result<Self, RecordError> {
        let stream = Self::decode(value)?;
        if stream.connection_id.is_empty() {
            return Err(RecordError::NoConnection);
        }
        Ok(stream)
    }
}

impl RecordNumber {
    /// The number, and whether the record is the last of its connection.
    #[must_use]
    pub const fn get(self) -> (i32, bool) {
        match self {
            Self::More(number) => (number, false),
            Self::Last(number) => (number, true),
        }
    }
}

impl Timestamp {
    /// The last second of the year 9999, and so the last one of a `Timestamp`.
    const LAST: u64 = 253_402_300_799;

    /// The time; what cannot be one (before 1970, or beyond what a `Timestamp` may say) is `None`.
    #[must_use]
    pub fn system_time(self) -> Option<SystemTime> {
        let nanos = u32::try_from(self.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        let seconds = u64::try_from(self.seconds).ok().filter(|seconds| *seconds <= Self::LAST)?;
        let since = Duration::new(seconds, nanos);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    /// The record that opensearch-migrations' own "bring your own capture" fixture describes.
    const GOLDEN: &str = "CgZjb25uLTESigEKAggBIoMBCoABUFVUIC9ieW9jLWUyZS9fZG9jLzEgSFRUUC8xLjENCkhvc3Q6IG9wZW5zZWFyY2gtY2x1c3Rlci1tYXN0ZXItaGVhZGxlc3MNCkNvbnRlbnQtVHlwZTogYXBwbGljYXRpb24vanNvbg0KQ29udGVudC1MZW5ndGg6IDINCg0Ke30SBgoCCAF6ABIzCgIIAUItCitIVFRQLzEuMSAyMDEgQ3JlYXRlZA0KQ29udGVudC1MZW5ndGg6IDANCg0KEgYKAggBWgAgACoMYnlvYy1maXh0dXJl";

    #[test]
    fn the_golden_record_is_a_request_its_end_a_response_and_a_close() {
        let value = base64::engine::general_purpose::STANDARD.decode(GOLDEN).unwrap();
        let stream = TrafficStream::decode_record(value.into()).unwrap();
        assert_eq!((stream.connection_id.as_str(), stream.node_id.as_str()), ("conn-1", "byoc-fixture"));
        assert_eq!(stream.number, Some(RecordNumber::Last(0)));
        let second = Some(Timestamp { seconds: 1, nanos: 0 });
        assert!(stream.observations.iter().all(|observation| observation.at == second));
        let observed: Vec<_> = stream.observations.into_iter().map(|one| one.observed.unwrap()).collect();
        let request = b"PUT /byoc-e2e/_doc/1 HTTP/1.1\r\nHost: opensearch-cluster-master-headless\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let response = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(
            observed,
            [
                Observed::Read(Payload { data: Bytes::from_static(request) }),
                Observed::EndOfMessage(EndOfMessage { first_line_length: None, headers_length: None }),
                Observed::Write(Payload { data: Bytes::from_static(response) }),
                Observed::Close(Nothing {}),
            ]
        );
    }

    #[test]
    fn a_time_out_of_range_is_none() {
        for (seconds, nanos) in [(-1, 0), (1, -1), (1, 1_000_000_000), (253_402_300_800, 0), (i64::MAX, 0)] {
            assert_eq!(Timestamp { seconds, nanos }.system_time(), None, "{seconds} {nanos}");
        }
    }
}
