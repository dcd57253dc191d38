//! A record as it comes from a topic or a file.

use super::ledger::Token;
use crate::flow::MemoryPermit;
use bytes::Bytes;

/// A record of a topic, or of a file: not looked into yet.
#[derive(Debug)]
pub struct Record {
    /// Says when the record is done with; knows topic, partition and offset.
    pub token: Token,
    /// Its key: mostly the id of its connection.
    pub key: Option<Bytes>,
    /// A [`TrafficStream`](codecs::traffic::record::TrafficStream), as it should be.
    pub value: Bytes,
    /// The memory that it takes.
    pub memory: MemoryPermit,
}
