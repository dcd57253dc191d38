//! A message under way.

use super::super::ledger::Token;
use crate::flow::MemoryPermit;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// A part with fewer bytes than this is copied, once there are many parts.
const SMALL: usize = 1024;

/// So many parts are many.
const MANY: usize = 16;

/// Records that are smaller than this may be held by what is much smaller than they are.
const SPARSE: usize = 16 << 10;

/// The bytes of a message, in slices of the records that they came in, and what must be held as long as they are.
#[derive(Debug, Default)]
pub(super) struct Message {
    first: Bytes,
    more: Vec<Bytes>,
    /// After `more`: small parts, copied.
    tail: Vec<u8>,
    length: usize,
    /// How many bytes, and which parts, are slices of the record under way: see [`Self::settle`].
    fresh: Fresh,
    times: Option<(SystemTime, SystemTime)>,
    tokens: Vec<Token>,
    /// Earlier records that must be read again for this message to be found again.
    before: Vec<Token>,
    memory: Vec<Arc<MemoryPermit>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Fresh {
    bytes: usize,
    /// The first of the parts, where `first` is 0 and `more` goes on from 1.
    from: usize,
}

/// A message that has ended.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    pub(super) times: Option<(SystemTime, SystemTime)>,
    pub(super) tokens: Vec<Token>,
    pub(super) before: Vec<Token>,
    pub(super) memory: Vec<Arc<MemoryPermit>>,
    /// How many of the bytes came in the record under way, whose memory is not in `memory` yet.
    pub(super) fresh: usize,
    /// The bytes are a slice of that record.
    pub(super) is_slice: bool,
}

impl Message {
    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Its first bytes, so many or a few more.
    pub(super) fn start(&self, length: usize) -> Cow<'_, [u8]> {
        if self.first.len() >= length || self.more.is_empty() {
            return Cow::Borrowed(&self.first);
        }
        let bytes = self.parts().into_iter().flatten().copied().take(length);
        Cow::Owned(bytes.collect())
    }

    /// The record with its first byte.
    pub(super) fn first_token(&self) -> Option<&Token> {
        self.tokens.first()
    }

    pub(super) fn append(&mut self, data: Bytes, at: SystemTime, token: &Token) {
        if data.is_empty() {
            return;
        }
        self.hold(token);
        self.times = Some((self.times.map_or(at, |(first, _)| first), at));
        self.length = self.length.saturating_add(data.len());
        if self.fresh.bytes == 0 {
            self.fresh.from = usize::from(!self.first.is_empty()).saturating_add(self.more.len());
        }
        self.fresh.bytes = self.fresh.bytes.saturating_add(data.len());
        if self.first.is_empty() {
            self.first = data;
        } else if data.len() < SMALL && self.more.len() >= MANY {
            self.tail.extend_from_slice(&data);
        } else {
            self.flush_tail();
            self.more.push(data);
        }
    }

    /// Holds a record, be it that it has no bytes of the message.
    pub(super) fn hold(&mut self, token: &Token) {
        if self.tokens.last().is_none_or(|last| !last.is_same(token)) {
            self.tokens.push(token.clone());
        }
    }

    /// Holds earlier records, once it has bytes.
    pub(super) fn hold_before(&mut self, tokens: &mut Vec<Token>) {
        if !self.is_empty() {
            self.before.append(tokens);
        }
    }

    /// The first of the records that it holds.
    pub(super) fn earliest(&self) -> Vec<Token> {
        Token::earliest(self.before.iter().chain(&self.tokens))
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The parts, in order.
    pub(super) fn parts(&self) -> Vec<&[u8]> {
        let parts = std::iter::once(&*self.first).chain(self.more.iter().map(|part| &**part));
        parts.chain(std::iter::once(&*self.tail)).filter(|part| !part.is_empty()).collect()
    }

    /// Ends it. Bytes in one slice are not copied, others are joined once.
    pub(super) fn take(&mut self) -> Whole {
        let message = std::mem::take(self);
        let is_one = message.more.is_empty() && message.tail.is_empty();
        let bytes = if is_one { message.first.clone() } else { Bytes::from(message.parts().concat()) };
        Whole {
            bytes,
            times: message.times,
            tokens: message.tokens,
            before: message.before,
            memory: message.memory,
            fresh: message.fresh.bytes,
            is_slice: is_one && message.fresh.bytes > 0,
        }
    }

    fn flush_tail(&mut self) {
        if !self.tail.is_empty() {
            self.more.push(Bytes::from(std::mem::take(&mut self.tail)));
        }
    }

    /// At the end of a record, of a message that goes on, or waits for what is to come: few bytes of a large record are copied,
    /// so that they do not hold all of it for as long as it takes.
    pub(super) fn settle_sparse(&mut self, memory: &mut RecordMemory) {
        if let Some(permit) = memory.split(self.fresh.bytes) {
            let skipped = usize::from(self.fresh.from > 0);
            let more = self.more.iter_mut().skip(self.fresh.from.saturating_sub(1));
            for part in std::iter::once(&mut self.first).skip(skipped).chain(more) {
                *part = Bytes::copy_from_slice(part);
            }
            self.memory.push(permit);
            self.fresh = Fresh::default();
        }
    }

    /// The same of all others: they hold the record.
    pub(super) fn settle(&mut self, memory: &mut RecordMemory) {
        if self.fresh.bytes > 0 {
            self.memory.extend(memory.share());
            self.fresh = Fresh::default();
        }
    }
}

impl Whole {
    /// As [`Message::settle_sparse`].
    pub(super) fn settle_sparse(&mut self, memory: &mut RecordMemory) {
        if let Some(permit) = memory.split(self.fresh) {
            if self.is_slice {
                self.bytes = Bytes::copy_from_slice(&self.bytes);
            }
            self.memory.push(permit);
            self.fresh = 0;
        }
    }

    /// As [`Message::settle`].
    pub(super) fn settle(&mut self, memory: &mut RecordMemory) {
        if self.fresh > 0 {
            self.memory.extend(memory.share());
            self.fresh = 0;
        }
    }
}

/// The memory of the record under way, to be divided among the messages that have bytes of it.
#[derive(Debug)]
pub(super) struct RecordMemory {
    size: usize,
    permit: Option<MemoryPermit>,
    shared: Option<Arc<MemoryPermit>>,
}

impl RecordMemory {
    pub(super) const fn new(size: usize, permit: MemoryPermit) -> Self {
        Self { size, permit: Some(permit), shared: None }
    }

    /// There is no record.
    pub(super) const fn none() -> Self {
        Self { size: 0, permit: None, shared: None }
    }

    /// A permit for a copy of `bytes` of the record, if they are few of many.
    fn split(&mut self, bytes: usize) -> Option<Arc<MemoryPermit>> {
        let is_sparse = bytes > 0 && self.size >= SPARSE && bytes <= self.size / 4;
        if !is_sparse {
            return None;
        }
        self.permit.as_mut()?.split(bytes as u64).map(Arc::new)
    }

    /// The permit of the whole record; there is nothing to split off afterwards.
    fn share(&mut self) -> Option<Arc<MemoryPermit>> {
        if let Some(permit) = self.permit.take() {
            self.shared = Some(Arc::new(permit));
        }
        self.shared.clone()
    }
}
