//! Records, and the requests and responses in them, as lines.

use super::instant::Instant;
use super::line::{DumpLine, HttpEvent, HttpLine, RawLine, end_word, first_line};
use super::selection::{RecordSelection, span};
use crate::error::Error;
use crate::traffic::{
    Accumulator, AccumulatorCounts, AccumulatorSettings, Connection, Event, Record, RecordStream,
    SourceRequest, SourceResponse,
};
use codecs::traffic::record::TrafficStream;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// What a dump shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DumpForm {
    /// Records.
    #[default]
    Raw,
    /// Requests and responses.
    Http,
    /// Each record, and what it makes.
    Both,
}

/// What a dump is told.
#[derive(Debug)]
pub struct DumpSettings {
    /// What it shows.
    pub form: DumpForm,
    /// Bytes of a read that are shown.
    pub read_preview: usize,
    /// Bytes of a write that are shown.
    pub write_preview: usize,
    /// Of which records.
    pub selection: RecordSelection,
    /// How requests and responses are found.
    pub accumulator: AccumulatorSettings,
}

/// What was dumped.
#[derive(Debug, Default, Serialize)]
pub struct DumpReport {
    /// Records that were shown.
    pub records: u64,
    /// What was found in them; without `http`, only what is no record.
    pub counts: AccumulatorCounts,
    /// Things that are no record, and are in quarantine.
    pub quarantined: u64,
    /// Files that could not be read to their end, and why.
    #[serde(skip)]
    pub errors: Vec<Error>,
}

/// A response that is waited for.
struct Answer {
    connection: Arc<Connection>,
    index: u64,
    asked: SystemTime,
    response: SourceResponse,
}

/// Shows records, or what they make, line by line.
///
/// # Errors
///
/// Those of `show`.
pub async fn dump(
    mut stream: RecordStream,
    settings: DumpSettings,
    mut show: impl FnMut(DumpLine) -> io::Result<()>,
) -> io::Result<DumpReport> {
    let mut dump = Dump::new(settings);
    while let Some(record) = stream.next().await {
        match record {
            Ok(record) => dump.record(record, &mut show)?,
            Err(error) => dump.report.errors.push(error),
        }
    }
    dump.finish(&mut show)
}

struct Dump {
    settings: DumpSettings,
    accumulator: Accumulator,
    events: Vec<Event>,
    answers: FuturesUnordered<futures::future::BoxFuture<'static, Option<Answer>>>,
    /// Requests of connections that are open.
    requests: HashMap<Arc<Connection>, u64>,
    start: Option<SystemTime>,
    report: DumpReport,
}

impl Dump {
    fn new(settings: DumpSettings) -> Self {
        let accumulator = Accumulator::new(settings.accumulator.clone());
        Self {
            settings,
            accumulator,
            events: Vec::new(),
            answers: FuturesUnordered::new(),
            requests: HashMap::new(),
            start: None,
            report: DumpReport::default(),
        }
    }

    fn record(
        &mut self,
        record: Record,
        show: &mut impl FnMut(DumpLine) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.settings.selection.takes_offset(&record) {
            return Ok(());
        }
        // What is no record goes to the accumulator, which tells the quarantine.
        if let Ok(stream) = TrafficStream::decode_record(record.value.clone()) {
            if !self.settings.selection.takes(&stream) {
                return Ok(());
            }
            self.report.records = self.report.records.saturating_add(1);
            if self.settings.form != DumpForm::Http {
                show(DumpLine::Raw(self.raw_line(&record, &stream)))?;
            }
            if self.settings.form == DumpForm::Raw {
                return Ok(());
            }
        }
        self.accumulator.push(record, &mut |event| self.events.push(event));
        self.http_lines(show)
    }

    fn raw_line(&mut self, record: &Record, stream: &TrafficStream) -> RawLine {
        let span = span(stream);
        let start = match span {
            Some((first, _)) => *self.start.get_or_insert(first),
            None => SystemTime::UNIX_EPOCH,
        };
        let ledger = record.token.ledger();
        RawLine {
            first: span.map(|(first, _)| Instant(first)),
            last: span.map(|(_, last)| Instant(last)),
            since_start: span.map_or(0.0, |(first, _)| seconds(start, first)),
            duration: span.map_or(0.0, |(first, last)| seconds(first, last)),
            topic: ledger.topic().to_string(),
            partition: ledger.partition(),
            offset: record.token.offset(),
            node: stream.node_id.clone(),
            connection: stream.connection_id.clone(),
            number: stream.number.map(|number| number.get().0),
            pieces: RawLine::pieces(stream, self.settings.read_preview, self.settings.write_preview),
        }
    }

    /// What was found since the last time: requests, responses, and ends of connections, which come last.
    fn http_lines(&mut self, show: &mut impl FnMut(DumpLine) -> io::Result<()>) -> io::Result<()> {
        let mut closed = Vec::new();
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Request(request) => show(DumpLine::Http(self.request(request)))?,
                Event::Closed { connection, at, token } => closed.push((connection, at, token)),
            }
        }
        while let Some(Some(answer)) = self.answers.next().now_or_never() {
            if let Some(answer) = answer {
                show(DumpLine::Http(answer.line()))?;
            }
        }
        for (connection, at, token) in closed {
            let requests = self.requests.remove(&connection).unwrap_or_default();
            let place = token.map(|token| (token.ledger().partition(), token.offset()));
            show(DumpLine::Http(line(&connection, Some(at), place, HttpEvent::Closed { requests })))?;
        }
        Ok(())
    }

    /// The line of a request; its response is waited for from now on, and its bytes are given back.
    fn request(&mut self, request: SourceRequest) -> HttpLine {
        let SourceRequest { connection, index, message, last_byte, tokens, response, .. } = request;
        let requests = self.requests.entry(Arc::clone(&connection)).or_default();
        *requests = requests.saturating_add(1);
        let place = tokens.first().map(|token| (token.ledger().partition(), token.offset()));
        let what = HttpEvent::Request { index, bytes: message.len(), line: first_line(&message) };
        let line = line(&connection, Some(last_byte), place, what);
        let answer = response.map(move |response| {
            Some(Answer { connection, index, asked: last_byte, response: response.ok()? })
        });
        self.answers.push(answer.boxed());
        line
    }

    fn finish(mut self, show: &mut impl FnMut(DumpLine) -> io::Result<()>) -> io::Result<DumpReport> {
        self.accumulator.finish(&mut |event| self.events.push(event));
        self.http_lines(show)?;
        let quarantined = self.settings.accumulator.quarantine.entries();
        Ok(DumpReport { counts: *self.accumulator.counts(), quarantined, ..self.report })
    }
}

impl Answer {
    fn line(self) -> HttpLine {
        let Self { connection, index, asked, response } = self;
        let millis = response
            .last_byte
            .and_then(|last| u64::try_from(last.duration_since(asked).ok()?.as_millis()).ok());
        let place = response.tokens.first().map(|token| (token.ledger().partition(), token.offset()));
        let (bytes, text) = (response.message.len(), first_line(&response.message));
        let what = HttpEvent::Response { index, bytes, line: text, millis, end: end_word(response.end) };
        line(&connection, response.last_byte, place, what)
    }
}

fn line(
    connection: &Connection,
    at: Option<SystemTime>,
    place: Option<(i32, i64)>,
    what: HttpEvent,
) -> HttpLine {
    HttpLine {
        at: at.map(Instant),
        partition: place.map(|(partition, _)| partition),
        offset: place.map(|(_, offset)| offset),
        node: connection.node.to_string(),
        connection: connection.id.to_string(),
        session: connection.session,
        what,
    }
}

/// Seconds from one time to another, which may be before it.
fn seconds(from: SystemTime, to: SystemTime) -> f64 {
    match to.duration_since(from) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}
