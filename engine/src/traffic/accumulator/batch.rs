//! What one record leads to; given out when all of it was looked at.

use super::super::ledger::Token;
use super::super::transaction::{Connection, Event, ResponseEnd, SourceRequest, SourceResponse};
use super::message::{RecordMemory, Whole};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::oneshot;

/// Requests, ends of connections and responses, before they have their share of the record's memory.
#[derive(Debug, Default)]
pub(super) struct Batch {
    events: Vec<Found>,
    answers: Vec<(oneshot::Sender<SourceResponse>, Whole, ResponseEnd)>,
}

#[derive(Debug)]
enum Found {
    Request(Ready),
    Closed { connection: Arc<Connection>, at: SystemTime, token: Option<Token> },
}

/// A whole request.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) connection: Arc<Connection>,
    pub(super) index: u64,
    pub(super) resumed: bool,
    pub(super) message: Whole,
    pub(super) response: oneshot::Receiver<SourceResponse>,
}

impl Batch {
    pub(super) fn request(&mut self, ready: Ready) {
        self.events.push(Found::Request(ready));
    }

    /// Takes back the request that was found last, if it has this index.
    pub(super) fn take_back(&mut self, index: u64) -> bool {
        let is_it = matches!(self.events.last(), Some(Found::Request(ready)) if ready.index == index);
        if is_it {
            self.events.pop();
        }
        is_it
    }

    pub(super) fn closed(&mut self, connection: Arc<Connection>, at: SystemTime, token: Option<Token>) {
        self.events.push(Found::Closed { connection, at, token });
    }

    pub(super) fn answer(&mut self, to: oneshot::Sender<SourceResponse>, message: Whole, end: ResponseEnd) {
        self.answers.push((to, message, end));
    }

    /// Requests from this index on still wait for their response: see [`Whole::settle_sparse`].
    pub(super) fn settle_sparse(&mut self, from: u64, memory: &mut RecordMemory) {
        let ready = self.events.iter_mut().rev().map_while(|found| match found {
            Found::Request(ready) if ready.index >= from => Some(ready),
            _ => None,
        });
        for ready in ready {
            ready.message.settle_sparse(memory);
        }
    }

    /// Gives out all that there is.
    pub(super) fn settle(&mut self, memory: &mut RecordMemory, out: &mut impl FnMut(Event)) {
        for (to, mut message, end) in self.answers.drain(..) {
            message.settle(memory);
            // Nobody may be waiting: the request was not selected, or failed.
            let _ = to.send(SourceResponse {
                message: message.bytes,
                first_byte: message.times.map(|(first, _)| first),
                last_byte: message.times.map(|(_, last)| last),
                end,
                tokens: message.tokens,
                memory: message.memory,
            });
        }
        for found in self.events.drain(..) {
            out(match found {
                Found::Request(ready) => Event::Request(ready.settle(memory)),
                Found::Closed { connection, at, token } => Event::Closed { connection, at, token },
            });
        }
    }
}

impl Ready {
    fn settle(mut self, memory: &mut RecordMemory) -> SourceRequest {
        self.message.settle(memory);
        let (first_byte, last_byte) =
            self.message.times.unwrap_or((SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH));
        SourceRequest {
            connection: self.connection,
            index: self.index,
            message: self.message.bytes,
            first_byte,
            last_byte,
            resumed: self.resumed,
            tokens: self.message.tokens,
            before: self.message.before,
            memory: self.message.memory,
            response: self.response,
        }
    }
}
