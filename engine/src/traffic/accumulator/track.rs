//! A connection, from record to record.

use super::super::ledger::Token;
use super::super::transaction::{Connection, ResponseEnd};
use super::AccumulatorSettings;
use super::batch::Batch;
use super::conversation::{Conversation, Listening};
use super::counts::{AccumulatorCounts, add};
use super::message::RecordMemory;
use super::sequence::{Mark, Sequence, Turn, begins_in_the_middle, is_first, was_reading};
use super::step::Step;
use crate::flow::MemoryPermit;
use codecs::traffic::record::{Observation, Observed, Timestamp, TrafficStream};
use std::sync::Arc;
use std::time::SystemTime;

/// A record, looked into.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) stream: TrafficStream,
    pub(super) token: Token,
    pub(super) memory: MemoryPermit,
    /// Bytes of its value.
    pub(super) size: usize,
    pub(super) mark: Mark,
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Track {
    connection: Arc<Connection>,
    sequence: Sequence,
    conversation: Conversation,
    /// The last observation was a part of a read, and more of it follow.
    in_segments: bool,
    /// When the last observation was, by the source's clock.
    at: SystemTime,
    /// When it was last heard of, by the clock of its partition.
    pub(super) heard: i64,
}

/// What is remembered of a connection that is closed, or was silent for too long.
#[derive(Debug)]
pub(super) struct Past {
    sequence: Sequence,
    session: u64,
    next_index: u64,
}

/// What all connections share while a record is looked at.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) counts: &'a mut AccumulatorCounts,
    pub(super) settings: &'a AccumulatorSettings,
    /// How long a connection may be silent, in milliseconds.
    pub(super) expiry: i64,
}

/// Whether a connection goes on after a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Open,
    Closed,
}

impl Past {
    /// What a further record of the connection is.
    pub(super) fn turn(&self, opened: &Opened) -> Turn {
        self.sequence.turn(&opened.stream, &opened.token, opened.mark)
    }

    pub(super) const fn sequence(&self) -> &Sequence {
        &self.sequence
    }
}

impl Track {
    /// A connection of which this is the first record, as far as can be known, or the first one after `past`.
    pub(super) fn begin(
        opened: &Opened,
        past: Option<(&Past, Turn)>,
        counts: &mut AccumulatorCounts,
    ) -> Self {
        let Opened { stream, token, mark, .. } = opened;
        let session = past.map_or(0, |(past, _)| past.session.saturating_add(1));
        let connection = Connection {
            node: stream.node_id.as_str().into(),
            id: stream.connection_id.as_str().into(),
            session,
        };
        let next_index = past.filter(|(_, turn)| *turn != Turn::Anew).map(|(past, _)| past.next_index);
        Self {
            connection: Arc::new(connection),
            sequence: Sequence::new(stream, token, *mark),
            conversation: start(stream, next_index, counts),
            in_segments: false,
            at: SystemTime::UNIX_EPOCH,
            heard: 0,
        }
    }

    /// What is to be remembered of it.
    pub(super) fn past(&self) -> Past {
        let (session, next_index) = (self.connection.session, self.conversation.next_index());
        Past { sequence: self.sequence.clone(), session, next_index }
    }

    pub(super) const fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The process that captured it.
    pub(super) fn node(&self) -> &Arc<str> {
        &self.connection.node
    }

    /// Takes the next record, whatever is before it: duplicates are passed over, gaps begin a new session.
    pub(super) fn push(&mut self, opened: Opened, shared: &mut Shared<'_>) -> (After, RecordMemory) {
        let turn = self.sequence.turn(&opened.stream, &opened.token, opened.mark);
        match turn {
            Turn::Again => {
                add(&mut shared.counts.duplicates, 1);
                return (After::Open, RecordMemory::none());
            }
            Turn::Gap(missing) => {
                shared.counts.gap(missing);
                self.renew(&opened, turn, ResponseEnd::Gap, shared);
            }
            Turn::Anew => self.renew(&opened, turn, ResponseEnd::Cut, shared),
            Turn::Next => {}
        }
        self.sequence.follow(&opened.stream, &opened.token, opened.mark);
        self.take(opened, shared)
    }

    /// Ends the session, and begins another one.
    fn renew(&mut self, opened: &Opened, turn: Turn, end: ResponseEnd, shared: &mut Shared<'_>) {
        self.end(end, shared);
        let past = self.past();
        *self = Self { heard: self.heard, ..Self::begin(opened, Some((&past, turn)), shared.counts) };
    }

    /// The first record, or the next one.
    pub(super) fn take(&mut self, opened: Opened, shared: &mut Shared<'_>) -> (After, RecordMemory) {
        let Opened { stream, token, memory, size, .. } = opened;
        let mut memory = RecordMemory::new(size, memory);
        if stream.observations.is_empty() {
            add(&mut shared.counts.empty_records, 1);
        }
        for observation in stream.observations {
            shared.counts.observations.add(&observation);
            if self.observe(observation, &token, shared) == After::Closed {
                return (After::Closed, memory);
            }
        }
        let mut step = step(self.at, Some(&token), &self.connection, shared);
        self.conversation.settle(&mut memory, &mut step);
        (After::Open, memory)
    }

    fn observe(&mut self, observation: Observation, token: &Token, shared: &mut Shared<'_>) -> After {
        if let Some(at) = observation.at.and_then(Timestamp::system_time) {
            self.at = at;
        }
        let goes_on = std::mem::take(&mut self.in_segments);
        let mut step = step(self.at, Some(token), &self.connection, shared);
        let conversation = &mut self.conversation;
        match observation.observed {
            Some(Observed::Read(read)) => conversation.read(read.data, false, &mut step),
            Some(Observed::ReadSegment(segment)) => {
                self.in_segments = true;
                conversation.read(segment.data, goes_on, &mut step);
            }
            Some(Observed::Write(write)) => conversation.write(write.data, &mut step),
            Some(Observed::WriteSegment(segment)) => conversation.write(segment.data, &mut step),
            Some(Observed::EndOfMessage(_)) => conversation.end_of_request(&mut step),
            Some(Observed::RequestDropped(_)) => conversation.request_dropped(&mut step),
            Some(Observed::ConnectionException(_)) => conversation.exception(&mut step),
            Some(Observed::Close(_)) => {
                conversation.close(&mut step);
                self.say_closed(Some(token.clone()), shared);
                return After::Closed;
            }
            // The pieces of a read or a write are taken as they come; the other kinds say nothing about messages.
            _ => {}
        }
        After::Open
    }

    /// All that is under way ends, for a reason that is in none of its records.
    pub(super) fn end(&mut self, end: ResponseEnd, shared: &mut Shared<'_>) {
        self.conversation.end(end, &mut step(self.at, None, &self.connection, shared));
        self.say_closed(None, shared);
    }

    fn say_closed(&self, token: Option<Token>, shared: &mut Shared<'_>) {
        shared.counts.open_connections = shared.counts.open_connections.saturating_sub(1);
        // Whoever was never told of a connection need not be told of its end.
        if self.conversation.has_given() {
            shared.batch.closed(Arc::clone(&self.connection), self.at, token);
        }
    }

    /// Bytes that messages under way hold, of requests or of responses, whichever is more.
    pub(super) fn held(&self) -> usize {
        let (request, response) = self.conversation.held();
        request.max(response)
    }

    /// Holds no records but those of messages.
    pub(super) fn let_go(&mut self) {
        self.conversation.let_go();
    }

    /// Gives up the larger of the request and the response under way.
    pub(super) fn evict(&mut self, shared: &mut Shared<'_>) {
        self.conversation.evict(&mut step(self.at, None, &self.connection, shared));
    }
}

fn step<'a>(
    at: SystemTime,
    token: Option<&'a Token>,
    connection: &'a Arc<Connection>,
    shared: &'a mut Shared<'_>,
) -> Step<'a> {
    let Shared { batch, counts, settings, .. } = shared;
    Step { at, token, connection, batch, counts, settings }
}

/// Where to begin in a connection: with which request, and whether one is under way. `next_index` is known if records before
/// this one were read.
///
/// The fields that say so are left out where they are 0 and false, and by older proxies always. So without them a record
/// that is not the first one leaves it open.
fn start(stream: &TrafficStream, next_index: Option<u64>, counts: &mut AccumulatorCounts) -> Conversation {
    add(&mut counts.connections, 1);
    add(&mut counts.open_connections, 1);
    let prior = stream.prior_requests_received.and_then(|prior| u64::try_from(prior).ok());
    let is_known = prior.is_some() || stream.last_observation_was_unterminated_read.is_some();
    let index = prior.unwrap_or_default().saturating_add(u64::from(was_reading(stream)));
    let is_first = is_first(stream) && next_index.is_none();
    let (index, listening) = match (is_known, was_reading(stream)) {
        (true, true) => (index, Listening::NextRequest { counted: true }),
        (true, false) if index == 0 => (index, Listening::Now),
        (true, false) => (index, Listening::Between),
        (false, _) if is_first => (0, Listening::Now),
        (false, _) => (next_index.unwrap_or_default(), Listening::Unsure),
    };
    let resumed = !is_first || begins_in_the_middle(stream);
    if resumed {
        add(&mut counts.resumed, 1);
    }
    Conversation::new(index, listening, resumed)
}
