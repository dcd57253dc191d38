//! Lines of a dump.

use super::instant::Instant;
use crate::traffic::ResponseEnd;
use codecs::traffic::record::{Observed, TrafficStream};
use serde::Serialize;
use std::fmt::{self, Write as _};

/// One line: as text by `Display`, as JSON by `Serialize`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum DumpLine {
    /// A record.
    Raw(RawLine),
    /// A request, a response, or the end of a connection.
    Http(HttpLine),
}

/// A record, with the beginnings of what was read and written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RawLine {
    /// When its first observation was.
    pub first: Option<Instant>,
    /// When its last observation was.
    pub last: Option<Instant>,
    /// Seconds from the first record of the dump to this one.
    pub since_start: f64,
    /// Seconds from its first observation to its last.
    pub duration: f64,
    /// The topic, or the file.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The process that captured it.
    pub node: String,
    /// The id of the connection.
    pub connection: String,
    /// Its number in the connection.
    pub number: Option<i32>,
    /// What was observed.
    pub pieces: Vec<Piece>,
}

/// What was observed at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// `R` and `W` are a read and a write, `RS` and `WS` a part of one; others are words.
    pub kind: &'static str,
    /// Bytes that were read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// The first of them; what cannot be printed is a dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// What the records of a connection make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpLine {
    /// When its last byte was there.
    pub at: Option<Instant>,
    /// The partition.
    pub partition: Option<i32>,
    /// The record with its first byte.
    pub offset: Option<i64>,
    /// The process that captured it.
    pub node: String,
    /// The id of the connection.
    pub connection: String,
    /// How often the connection was taken up again.
    pub session: u64,
    /// What it is.
    pub what: HttpEvent,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpEvent {
    /// A whole request.
    Request {
        /// Which one, from 0.
        index: u64,
        /// All its bytes.
        bytes: usize,
        /// Its first line.
        line: String,
    },
    /// What there is of a response.
    Response {
        /// To which request.
        index: u64,
        /// All its bytes.
        bytes: usize,
        /// Its first line.
        line: String,
        /// Milliseconds from the last byte of the request to the last byte of the response.
        millis: Option<u64>,
        /// How it ended.
        end: &'static str,
    },
    /// Nothing more comes.
    Closed {
        /// Requests that were whole.
        requests: u64,
    },
}

impl RawLine {
    /// The pieces of a record, with so many bytes of what was read and written.
    pub(super) fn pieces(stream: &TrafficStream, read: usize, write: usize) -> Vec<Piece> {
        let observed = stream.observations.iter().map(|observation| observation.observed.as_ref());
        observed.map(|observed| Piece::of(observed, read, write)).collect()
    }
}

impl Piece {
    fn of(observed: Option<&Observed>, read: usize, write: usize) -> Self {
        match observed {
            Some(Observed::Read(payload)) => Self::data("R", &payload.data, read),
            Some(Observed::ReadSegment(segment)) => Self::data("RS", &segment.data, read),
            Some(Observed::Write(payload)) => Self::data("W", &payload.data, write),
            Some(Observed::WriteSegment(segment)) => Self::data("WS", &segment.data, write),
            Some(Observed::Bind(_)) => Self::word("BIND"),
            Some(Observed::Connect(_)) => Self::word("OPEN"),
            Some(Observed::RequestReleased(_)) => Self::word("RELEASED"),
            Some(Observed::Disconnect(_)) => Self::word("DISCONNECT"),
            Some(Observed::Close(_)) => Self::word("CLOSE"),
            Some(Observed::ConnectionException(_)) => Self::word("EXCEPTION"),
            Some(Observed::SegmentEnd(_)) => Self::word("SEGMENTS-END"),
            Some(Observed::EndOfMessage(_)) => Self::word("EOM"),
            Some(Observed::RequestDropped(_)) => Self::word("DROPPED"),
            None => Self::word("UNKNOWN"),
        }
    }

    const fn word(kind: &'static str) -> Self {
        Self { kind, bytes: None, preview: None }
    }

    fn data(kind: &'static str, data: &[u8], preview: usize) -> Self {
        let preview = printable(data.get(..preview).unwrap_or(data));
        Self { kind, bytes: Some(data.len()), preview: Some(preview) }
    }
}

/// The first line of a message.
pub(super) fn first_line(message: &[u8]) -> String {
    let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    printable(line.get(..1000).unwrap_or(line).trim_ascii_end())
}

fn printable(bytes: &[u8]) -> String {
    let printable = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
    bytes.iter().map(printable).collect()
}

pub(super) const fn end_word(end: ResponseEnd) -> &'static str {
    match end {
        ResponseEnd::Complete => "complete",
        ResponseEnd::Closed => "closed",
        ResponseEnd::Cut => "cut",
        ResponseEnd::Expired => "expired",
        ResponseEnd::Gap => "gap",
        ResponseEnd::Interrupted => "interrupted",
    }
}

impl fmt::Display for DumpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(line) => line.fmt(f),
            Self::Http(line) => line.fmt(f),
        }
    }
}

impl fmt::Display for RawLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { since_start, duration, partition, offset, node, connection, .. } = self;
        write!(f, "[{}-{}]", Shown(self.first), Shown(self.last))?;
        write!(f, " {since_start:.3}s {duration:.3}s p:{partition} o:{offset} ncs:{node}.{connection}.")?;
        match self.number {
            Some(number) => write!(f, "{number}:")?,
            None => f.write_str("-:")?,
        }
        self.pieces.iter().try_for_each(|piece| write!(f, " {piece}"))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if let (Some(bytes), Some(preview)) = (self.bytes, &self.preview) {
            write!(f, "[{bytes}]: {preview}")?;
        }
        Ok(())
    }
}

impl fmt::Display for HttpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, connection, .. } = self;
        write!(f, "[{}]", Shown(self.at))?;
        if let (Some(partition), Some(offset)) = (self.partition, self.offset) {
            write!(f, " p:{partition} o:{offset}")?;
        }
        write!(f, " ncs:{node}.{connection}")?;
        match &self.what {
            HttpEvent::Request { index, bytes, line } => write!(f, ".{index}: REQ[{bytes}] {line}"),
            HttpEvent::Response { index, bytes, line, millis, end } => {
                write!(f, ".{index}: RSP[{bytes}]")?;
                if !line.is_empty() {
                    write!(f, " {line}")?;
                }
                if let Some(millis) = millis {
                    write!(f, " {millis} ms")?;
                }
                if *end == "complete" { Ok(()) } else { write!(f, " {}", end.to_uppercase()) }
            }
            HttpEvent::Closed { requests } => write!(f, ": CLOSED ({requests} requests completed)"),
        }
    }
}

struct Shown(Option<Instant>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => time.fmt(f),
            None => f.write_char('?'),
        }
    }
}
