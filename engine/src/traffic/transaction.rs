//! One request of a client, and the source's response to it.

use super::ledger::Token;
use crate::flow::MemoryPermit;
use bytes::Bytes;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::oneshot;

/// A client's connection, as far as it was captured without a break.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The process that captured it; empty in captures without one.
    pub node: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// How often it was taken up again before, after it had been silent for too long, or after records were missing: 0 at first.
    pub session: u64,
}

/// What the accumulator finds, in the order of the records.
#[derive(Debug)]
pub enum Event {
    /// A whole request. Its response may still be under way.
    Request(SourceRequest),
    /// A connection will send nothing more.
    Closed {
        /// The connection.
        connection: Arc<Connection>,
        /// When, by the source's clock.
        at: SystemTime,
        /// The record that said so.
        token: Option<Token>,
    },
}

/// A whole request that a client sent.
#[derive(Debug)]
pub struct SourceRequest {
    /// Its connection.
    pub connection: Arc<Connection>,
    /// Which of the connection's requests it is, from 0, also after a restart.
    pub index: u64,
    /// All bytes of it, as captured: head, body with its transfer coding, trailers.
    pub message: Bytes,
    /// When its first bytes came, by the source's clock.
    pub first_byte: SystemTime,
    /// When its last bytes came.
    pub last_byte: SystemTime,
    /// The connection was under way before the capture, or this reading of it, began.
    pub resumed: bool,
    /// The record with its first byte comes first, then the others that have parts of it.
    pub tokens: Vec<Token>,
    /// Earlier records, of requests that were not answered when this one was sent: it can only be found again, and told from those, where
    /// these are read again too.
    pub before: Vec<Token>,
    /// The memory that it takes.
    pub memory: Vec<Arc<MemoryPermit>>,
    /// The source's response, once it is whole, or there will be none. An error (the accumulator is gone) counts as
    /// [`ResponseEnd::Interrupted`].
    pub response: oneshot::Receiver<SourceResponse>,
}

/// What the source answered.
#[derive(Debug)]
pub struct SourceResponse {
    /// All bytes of it as captured, interim responses (1xx) left out; empty if there is none.
    pub message: Bytes,
    /// When its first bytes were written, by the source's clock.
    pub first_byte: Option<SystemTime>,
    /// When its last bytes were written.
    pub last_byte: Option<SystemTime>,
    /// How it ended.
    pub end: ResponseEnd,
    /// The records that have parts of it, and the one that ended it.
    pub tokens: Vec<Token>,
    /// The memory that it takes.
    pub memory: Vec<Arc<MemoryPermit>>,
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseEnd {
    /// Its own framing says that it is whole.
    Complete,
    /// It has no length of its own, and the connection was closed: whole.
    Closed,
    /// The next request came, or the connection was closed or broke, before it was whole.
    Cut,
    /// The connection was silent for too long.
    Expired,
    /// Records of the connection are missing.
    Gap,
    /// The input ended, or the partition was given to another consumer.
    Interrupted,
}

impl SourceRequest {
    /// Has it read again by another process, or a later run: none of its records is done with.
    pub fn abandon(&self) {
        self.tokens.iter().chain(&self.before).for_each(Token::abandon);
    }
}

impl SourceResponse {
    /// The status that the source answered with, if it answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let line = self.message.get(..64).unwrap_or(&self.message);
        let status = line.split(|byte| *byte == b' ').nth(1)?;
        std::str::from_utf8(status.get(..3)?).ok()?.parse().ok()
    }
}
