//! Records to be pushed, and what becomes of them.

use super::super::{Accumulator, AccumulatorSettings};
use crate::flow::MemoryBudget;
use crate::traffic::{Event, Ledger, Record, ResponseEnd, SourceRequest, SourceResponse};
use bytes::Bytes;
use codecs::traffic::record::{
    EndOfMessage, Exception, Nothing, Observation, Observed, Payload, RecordNumber, Segment, Timestamp,
    TrafficStream,
};
use futures::FutureExt;
use prost::Message;
use std::time::{Duration, SystemTime};

/// An accumulator, a partition, and what was given out.
pub(super) struct Lab {
    pub(super) accumulator: Accumulator,
    pub(super) ledger: Ledger,
    pub(super) budget: MemoryBudget,
    pub(super) events: Vec<Event>,
    pub(super) next: i64,
}

/// A request with its response, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) index: u64,
    pub(super) request: String,
    pub(super) response: String,
    pub(super) end: ResponseEnd,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::with(AccumulatorSettings::default())
    }

    pub(super) fn with(settings: AccumulatorSettings) -> Self {
        Self {
            accumulator: Accumulator::new(settings),
            ledger: Ledger::new("topic".into(), 0, 0),
            budget: MemoryBudget::new(1 << 30),
            events: Vec::new(),
            next: 0,
        }
    }

    /// Pushes a record with the next offset, which it returns.
    pub(super) fn push(&mut self, record: RecordBuilder) -> i64 {
        let RecordBuilder { stream, key, .. } = record;
        let key = key.unwrap_or_else(|| stream.connection_id.clone());
        self.push_bytes(Some(key.into()), stream.encode_to_vec().into())
    }

    pub(super) fn push_bytes(&mut self, key: Option<Bytes>, value: Bytes) -> i64 {
        let offset = self.next;
        self.next += 1;
        self.push_at(offset, key, value);
        offset
    }

    pub(super) fn push_at(&mut self, offset: i64, key: Option<Bytes>, value: Bytes) {
        let token = self.ledger.track(offset);
        let memory = self.budget.reserve(value.len() as u64).now_or_never().unwrap();
        let Self { accumulator, events, .. } = self;
        accumulator.push(Record { token, key, value, memory }, &mut |event| events.push(event));
    }

    pub(super) fn finish(&mut self) {
        let Self { accumulator, events, .. } = self;
        accumulator.finish(&mut |event| events.push(event));
    }

    /// Requests that were given out so far, in order; the events are gone then.
    pub(super) fn requests(&mut self) -> Vec<SourceRequest> {
        let requests = self.events.drain(..).filter_map(|event| match event {
            Event::Request(request) => Some(request),
            Event::Closed { .. } => None,
        });
        requests.collect()
    }

    /// The same with their responses, all of which have ended.
    pub(super) fn pairs(&mut self) -> Vec<Pair> {
        self.requests().into_iter().map(pair).collect()
    }
}

pub(super) fn pair(mut request: SourceRequest) -> Pair {
    let response = answer(&mut request).expect("the response has ended");
    Pair {
        index: request.index,
        request: text(&request.message),
        response: text(&response.message),
        end: response.end,
    }
}

/// The response, if it has ended.
pub(super) fn answer(request: &mut SourceRequest) -> Option<SourceResponse> {
    request.response.try_recv().ok()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A record in the making.
#[derive(Clone)]
pub(super) struct RecordBuilder {
    pub(super) stream: TrafficStream,
    /// When the next observation is.
    second: i64,
    key: Option<String>,
}

/// A record of connection `id`; its observations are at second 1000.
pub(super) fn record(id: &str, number: i32) -> RecordBuilder {
    let stream = TrafficStream {
        connection_id: id.to_owned(),
        node_id: "node".to_owned(),
        number: Some(RecordNumber::More(number)),
        ..TrafficStream::default()
    };
    RecordBuilder { stream, second: 1000, key: None }
}

impl RecordBuilder {
    fn observe(mut self, observed: Observed) -> Self {
        let at = Some(Timestamp { seconds: self.second, nanos: 0 });
        self.stream.observations.push(Observation { at, observed: Some(observed) });
        self
    }

    pub(super) fn at(mut self, second: i64) -> Self {
        self.second = second;
        self
    }

    pub(super) fn node(mut self, node: &str) -> Self {
        self.stream.node_id = node.to_owned();
        self
    }

    pub(super) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(super) fn prior(mut self, prior: i32) -> Self {
        self.stream.prior_requests_received = Some(prior);
        self
    }

    pub(super) fn was_reading(mut self) -> Self {
        self.stream.last_observation_was_unterminated_read = Some(true);
        self
    }

    pub(super) fn read(self, data: &str) -> Self {
        self.observe(Observed::Read(Payload { data: Bytes::copy_from_slice(data.as_bytes()) }))
    }

    pub(super) fn read_segment(self, data: &str) -> Self {
        self.observe(Observed::ReadSegment(Segment { data: Bytes::copy_from_slice(data.as_bytes()) }))
    }

    pub(super) fn write(self, data: &str) -> Self {
        self.observe(Observed::Write(Payload { data: Bytes::copy_from_slice(data.as_bytes()) }))
    }

    pub(super) fn write_segment(self, data: &str) -> Self {
        self.observe(Observed::WriteSegment(Segment { data: Bytes::copy_from_slice(data.as_bytes()) }))
    }

    pub(super) fn segment_end(self) -> Self {
        self.observe(Observed::SegmentEnd(Nothing {}))
    }

    /// The end of a request.
    pub(super) fn end(self) -> Self {
        self.observe(Observed::EndOfMessage(EndOfMessage { first_line_length: None, headers_length: None }))
    }

    pub(super) fn dropped(self) -> Self {
        self.observe(Observed::RequestDropped(Nothing {}))
    }

    pub(super) fn exception(self) -> Self {
        self.observe(Observed::ConnectionException(Exception { message: "reset".to_owned() }))
    }

    pub(super) fn close(mut self) -> Self {
        self.stream.number = self.stream.number.map(|number| RecordNumber::Last(number.get().0));
        self.observe(Observed::Close(Nothing {}))
    }
}
