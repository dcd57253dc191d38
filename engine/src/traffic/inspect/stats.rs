//! What there is in captured traffic, in numbers.

use super::instant::Instant;
use super::quantiles::{Quantiles, Spread};
use super::selection::{RecordSelection, span};
use crate::error::Error;
use crate::traffic::{
    Accumulator, AccumulatorCounts, AccumulatorSettings, Event, Record, RecordStream, SourceRequest,
    SourceResponse,
};
use codecs::traffic::http::{parse_request, parse_response};
use codecs::traffic::record::TrafficStream;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

/// Kinds of requests that are told apart, at most; and nodes.
const MOST_ROWS: usize = 200;

/// What a count is told.
#[derive(Debug)]
pub struct StatsSettings {
    /// Of which records.
    pub selection: RecordSelection,
    /// How requests and responses are found.
    pub accumulator: AccumulatorSettings,
}

/// What there is.
#[derive(Debug, Default, Serialize)]
pub struct StatsReport {
    /// When the first observation was.
    pub first: Option<Instant>,
    /// When the last observation was.
    pub last: Option<Instant>,
    /// What was found in the records.
    pub counts: AccumulatorCounts,
    /// Things that are no record, and are in quarantine.
    pub quarantined: u64,
    /// Bytes of requests.
    pub request_bytes: Spread,
    /// Bytes of responses.
    pub response_bytes: Spread,
    /// Requests by method and endpoint, most frequent first.
    pub endpoints: Vec<EndpointStats>,
    /// What each process captured.
    pub nodes: Vec<NodeStats>,
    /// The records that were read, by topic (or file) and partition.
    pub offsets: Vec<Offsets>,
    /// Files that could not be read to their end, and why.
    #[serde(skip)]
    pub errors: Vec<Error>,
}

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointStats {
    /// The method.
    pub method: String,
    /// The first part of the path that begins with `_`; or `index`, `document` or `/`.
    pub endpoint: String,
    /// How many.
    pub requests: u64,
    /// Their bytes.
    pub request_bytes: Spread,
    /// Bytes of their responses.
    pub response_bytes: Spread,
    /// Milliseconds from the last byte of the request to the last one of its response.
    pub millis: Spread,
    /// Responses by hundreds of their status: those below 200 first, those without one last.
    pub statuses: [u64; 6],
}

/// What a process captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStats {
    /// The process.
    pub node: String,
    /// Records.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Connections with requests.
    pub connections: u64,
    /// When its first observation was.
    pub first: Option<Instant>,
    /// When its last observation was.
    pub last: Option<Instant>,
}

/// Records of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offsets {
    /// The topic, or the file.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub first: i64,
    /// The last offset.
    pub last: i64,
    /// Records that were read.
    pub records: u64,
}

/// Counts what there is.
pub async fn stats(mut stream: RecordStream, settings: StatsSettings) -> StatsReport {
    let mut stats = Stats::new(settings);
    while let Some(record) = stream.next().await {
        match record {
            Ok(record) => stats.record(record),
            Err(error) => stats.report.errors.push(error),
        }
    }
    stats.finish()
}

type Kind = (String, String);

#[derive(Default)]
struct Endpoint {
    requests: u64,
    request_bytes: Quantiles,
    response_bytes: Quantiles,
    millis: Quantiles,
    statuses: [u64; 6],
}

#[derive(Default)]
struct Node {
    records: u64,
    bytes: u64,
    requests: u64,
    connections: u64,
    span: Option<(SystemTime, SystemTime)>,
}

struct Answer {
    kind: Kind,
    asked: SystemTime,
    response: Option<SourceResponse>,
}

struct Stats {
    settings: StatsSettings,
    accumulator: Accumulator,
    events: Vec<Event>,
    answers: FuturesUnordered<futures::future::BoxFuture<'static, Answer>>,
    endpoints: BTreeMap<Kind, Endpoint>,
    nodes: BTreeMap<String, Node>,
    /// Connections that are open and have had a request.
    connections: HashSet<Arc<crate::traffic::Connection>>,
    offsets: BTreeMap<(Arc<str>, i32), Offsets>,
    span: Option<(SystemTime, SystemTime)>,
    report: StatsReport,
}

impl Stats {
    fn new(settings: StatsSettings) -> Self {
        let accumulator = Accumulator::new(settings.accumulator.clone());
        Self {
            settings,
            accumulator,
            events: Vec::new(),
            answers: FuturesUnordered::new(),
            endpoints: BTreeMap::new(),
            nodes: BTreeMap::new(),
            connections: HashSet::new(),
            offsets: BTreeMap::new(),
            span: None,
            report: StatsReport::default(),
        }
    }

    fn record(&mut self, record: Record) {
        if !self.settings.selection.takes_offset(&record) {
            return;
        }
        if let Ok(stream) = TrafficStream::decode_record(record.value.clone()) {
            if !self.settings.selection.takes(&stream) {
                return;
            }
            let span = span(&stream);
            self.span = joined(self.span, span);
            let node = bounded(&mut self.nodes, stream.node_id, "other".to_owned());
            node.records = node.records.saturating_add(1);
            node.bytes = node.bytes.saturating_add(record.value.len() as u64);
            node.span = joined(node.span, span);
        }
        self.place(&record);
        self.accumulator.push(record, &mut |event| self.events.push(event));
        self.take_events();
    }

    fn place(&mut self, record: &Record) {
        let (ledger, offset) = (record.token.ledger(), record.token.offset());
        let key = (Arc::clone(ledger.topic()), ledger.partition());
        let offsets = self.offsets.entry(key).or_insert_with(|| {
            let (topic, partition) = (ledger.topic().to_string(), ledger.partition());
            Offsets { topic, partition, first: offset, last: offset, records: 0 }
        });
        offsets.first = offsets.first.min(offset);
        offsets.last = offsets.last.max(offset);
        offsets.records = offsets.records.saturating_add(1);
    }

    fn take_events(&mut self) {
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Request(request) => self.request(request),
                Event::Closed { connection, .. } => {
                    self.connections.remove(&connection);
                }
            }
        }
        while let Some(Some(answer)) = self.answers.next().now_or_never() {
            self.answer(answer);
        }
    }

    fn request(&mut self, request: SourceRequest) {
        let SourceRequest { connection, message, last_byte, response, .. } = request;
        let node = bounded(&mut self.nodes, connection.node.to_string(), "other".to_owned());
        node.requests = node.requests.saturating_add(1);
        if self.connections.insert(connection) {
            node.connections = node.connections.saturating_add(1);
        }
        let kind = kind_of(&message);
        let endpoint = bounded(&mut self.endpoints, kind.clone(), ("other".to_owned(), "other".to_owned()));
        endpoint.requests = endpoint.requests.saturating_add(1);
        endpoint.request_bytes.add(message.len() as u64);
        let answer = response.map(move |response| Answer { kind, asked: last_byte, response: response.ok() });
        self.answers.push(answer.boxed());
    }

    fn answer(&mut self, answer: Answer) {
        let Answer { kind, asked, response } = answer;
        let endpoint = bounded(&mut self.endpoints, kind, ("other".to_owned(), "other".to_owned()));
        let Some(response) = response else { return };
        let status = parse_response(&response.message).ok().map(|head| usize::from(head.status / 100));
        let place = status.filter(|hundreds| *hundreds <= 5).map_or(5, |hundreds| hundreds.saturating_sub(1));
        if let Some(count) = endpoint.statuses.get_mut(place) {
            *count = count.saturating_add(1);
        }
        endpoint.response_bytes.add(response.message.len() as u64);
        let elapsed = response.last_byte.and_then(|last| last.duration_since(asked).ok());
        if let Some(elapsed) = elapsed {
            endpoint.millis.add(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        }
    }

    fn finish(mut self) -> StatsReport {
        self.accumulator.finish(&mut |event| self.events.push(event));
        self.take_events();
        let (mut requests, mut responses) = (Quantiles::default(), Quantiles::default());
        for endpoint in self.endpoints.values() {
            requests.merge(&endpoint.request_bytes);
            responses.merge(&endpoint.response_bytes);
        }
        let mut endpoints: Vec<_> = self.endpoints.into_iter().map(|(kind, one)| one.stats(kind)).collect();
        endpoints.sort_by_key(|row| std::cmp::Reverse(row.requests));
        StatsReport {
            first: self.span.map(|(first, _)| Instant(first)),
            last: self.span.map(|(_, last)| Instant(last)),
            counts: *self.accumulator.counts(),
            quarantined: self.settings.accumulator.quarantine.entries(),
            request_bytes: requests.spread(),
            response_bytes: responses.spread(),
            endpoints,
            nodes: self.nodes.into_iter().map(|(name, node)| node.stats(name)).collect(),
            offsets: self.offsets.into_values().collect(),
            errors: self.report.errors,
        }
    }
}

impl Endpoint {
    fn stats(&self, (method, endpoint): Kind) -> EndpointStats {
        EndpointStats {
            method,
            endpoint,
            requests: self.requests,
            request_bytes: self.request_bytes.spread(),
            response_bytes: self.response_bytes.spread(),
            millis: self.millis.spread(),
            statuses: self.statuses,
        }
    }
}

impl Node {
    fn stats(&self, node: String) -> NodeStats {
        let Self { records, bytes, requests, connections, span } = *self;
        let (first, last) = (span.map(|(first, _)| Instant(first)), span.map(|(_, last)| Instant(last)));
        NodeStats { node, records, bytes, requests, connections, first, last }
    }
}

/// The entry of a key; of another one, once there are too many.
fn bounded<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, other: K) -> &mut V {
    let key = if map.len() < MOST_ROWS || map.contains_key(&key) { key } else { other };
    map.entry(key).or_default()
}

fn joined(
    a: Option<(SystemTime, SystemTime)>,
    b: Option<(SystemTime, SystemTime)>,
) -> Option<(SystemTime, SystemTime)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

fn kind_of(message: &[u8]) -> Kind {
    match parse_request(message) {
        Ok(head) => (head.method.to_owned(), endpoint_of(head.target).to_owned()),
        Err(_) => ("?".to_owned(), "?".to_owned()),
    }
}

fn endpoint_of(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.clone().find(|segment| segment.starts_with('_') && *segment != "_all") {
        Some(endpoint) => endpoint,
        None => match (segments.next(), segments.next()) {
            (None, _) => "/",
            (Some(_), None) => "index",
            (Some(_), Some(_)) => "document",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_what_the_path_says_is_done() {
        let cases = [
            ("/", "/"),
            ("/_bulk?refresh=true", "_bulk"),
            ("/i/_doc/1", "_doc"),
            ("/i/t/_bulk", "_bulk"),
            ("/_all/_search", "_search"),
            ("/_cat/indices/_x", "_cat"),
            ("/i", "index"),
            ("/i/t/1?x=_y", "document"),
            ("*", "index"),
        ];
        for (target, expected) in cases {
            assert_eq!(endpoint_of(target), expected, "{target}");
        }
    }
}
