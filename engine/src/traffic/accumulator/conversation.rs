//! What a client and a server say to each other on one connection: requests, and responses in the order of the requests.
//!
//! Requests and responses end where their own framing says so. Where they are no HTTP/1, a request ends at the proxy's
//! observation of its end, and a response at the next request, which are the rules of opensearch-migrations for all of them.

use super::super::ledger::Token;
use super::super::transaction::ResponseEnd;
use super::batch::Ready;
use super::counts::add;
use super::exchange::{Exchange, Written};
use super::message::RecordMemory;
use super::request::{Ended, Request, starts_request};
use super::step::Step;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How a client begins that speaks HTTP/2.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What goes over one connection.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The index of the next request to end.
    next_index: u64,
    /// The next request is the first one of a connection that was under way before.
    resumed: bool,
    listening: Listening,
    request: Request,
    /// Requests that wait for their response; of the first of them, it may be under way.
    waiting: VecDeque<Exchange>,
    /// The first records from which on it is known to which of these requests a response belongs. They are held here, because
    /// requests that nobody wants, or that are in quarantine, hold none.
    held: Vec<Token>,
    /// Requests that the last read ended, by their framing, and that the proxy did not confirm yet.
    unconfirmed: u32,
    /// The last observation was a read that ended with a request.
    just_ended: bool,
    /// Bytes were written since the last read.
    has_written: bool,
    /// A request was given out.
    has_given: bool,
}

/// Whether what a client sends is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listening {
    /// From the next byte.
    Now,
    /// From the next request on. One was under way that began before; it has an index if it is `counted`.
    NextRequest { counted: bool },
    /// It is not known whether a request is under way.
    Unsure,
    /// From the next byte, but that may still be of a request that began before: behind another one, in one read.
    Between,
    /// No more: what follows is no HTTP.
    Never,
}

impl Conversation {
    pub(super) fn new(next_index: u64, listening: Listening, resumed: bool) -> Self {
        Self {
            next_index,
            resumed,
            listening,
            request: Request::default(),
            waiting: VecDeque::new(),
            held: Vec::new(),
            unconfirmed: 0,
            just_ended: false,
            has_written: false,
            has_given: false,
        }
    }

    /// The index that the next request will have.
    pub(super) const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// Whether a request was given out.
    pub(super) const fn has_given(&self) -> bool {
        self.has_given
    }

    /// Bytes of the request, and of the response, under way.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.request.length(), self.waiting.front().map_or(self.request.answered(), Exchange::length))
    }

    /// Bytes that the client sent. `goes_on`: they are a further part of what one read gave.
    pub(super) fn read(&mut self, mut data: Bytes, goes_on: bool, step: &mut Step<'_>) {
        if data.is_empty() || !self.listens_to(&data, step) {
            return;
        }
        if !goes_on {
            self.unconfirmed = 0;
        }
        if std::mem::take(&mut self.has_written) {
            self.end_unframed(&data, step);
        }
        if self.request.is_none() && data.starts_with(HTTP2) {
            return self.leave_http(step);
        }
        // The response to this request is behind those to the ones before: it can only be found where they are read too.
        let is_pipelined = self.request.is_none() && !self.waiting.is_empty();
        let mut before = if is_pipelined { self.earlier_records(step) } else { Vec::new() };
        while !data.is_empty() {
            self.just_ended = self.request.read(&mut data, &mut before, step);
            if self.listening == Listening::Between && self.is_rest() {
                add(&mut step.counts.skipped_read_bytes, data.len() as u64);
                self.just_ended = false;
                self.skip_request(step);
                return self.listening = Listening::NextRequest { counted: true };
            }
            if self.just_ended {
                self.unconfirmed = self.unconfirmed.saturating_add(1);
                self.listening = Listening::Now;
                self.finish_request(step);
                before = self.earlier_records(step);
            }
        }
    }

    /// Whether what was read can only be the rest of a request: it is no HTTP, or begins in the middle of a method.
    fn is_rest(&self) -> bool {
        self.request.is_unframed() || (self.just_ended && !self.request.has_method())
    }

    /// What is under way is the rest of a request that began before.
    fn skip_request(&mut self, step: &mut Step<'_>) {
        add(&mut step.counts.skipped_read_bytes, self.request.length() as u64);
        self.request = Request::default();
        self.next_index = self.next_index.saturating_add(1);
    }

    fn listens_to(&mut self, data: &[u8], step: &mut Step<'_>) -> bool {
        if self.listening == Listening::Unsure {
            let next = Listening::NextRequest { counted: false };
            self.listening = if starts_request(data) { Listening::Now } else { next };
        }
        let length = data.len() as u64;
        match self.listening {
            Listening::Now | Listening::Between => return true,
            Listening::Never => add(&mut step.counts.upgraded_bytes, length),
            _ => add(&mut step.counts.skipped_read_bytes, length),
        }
        false
    }

    /// What was read after something was written ends what has no end of its own. Nobody knows how many responses that was: with the
    /// next request all begins anew.
    fn end_unframed(&mut self, data: &[u8], step: &mut Step<'_>) {
        if self.waiting.front().is_some_and(Exchange::is_unframed) {
            self.end_all(ResponseEnd::Cut, step);
        }
        if self.request.is_unframed() && self.waiting.is_empty() && starts_request(data) {
            self.request.give_up(step);
        }
    }

    fn end_first(&mut self, end: ResponseEnd, step: &mut Step<'_>) {
        if let Some(exchange) = self.waiting.pop_front() {
            exchange.end(end, step);
        }
    }

    /// The records that a request holds which begins now, but for the one under way.
    fn earlier_records(&self, step: &Step<'_>) -> Vec<Token> {
        let is_earlier = |token: &&Token| step.token.is_none_or(|now| !token.is_same(now));
        self.held.iter().filter(is_earlier).cloned().collect()
    }

    /// Holds no records for requests that are still to come: what is waited for is given up.
    pub(super) fn let_go(&mut self) {
        self.held.clear();
        self.request.let_go();
    }

    /// The request under way is whole.
    fn finish_request(&mut self, step: &mut Step<'_>) {
        let Ended { whole, records, mut exchange } = self.request.finish();
        if !records.is_empty() {
            self.held = records;
        }
        let index = self.next_index;
        self.next_index = index.saturating_add(1);
        let resumed = std::mem::take(&mut self.resumed);
        match whole {
            Some(message) => {
                let (to, response) = oneshot::channel();
                let connection = Arc::clone(step.connection);
                step.batch.request(Ready { connection, index, resumed, message, response });
                add(&mut step.counts.requests, 1);
                exchange.expect(index, Some(to));
                self.has_given = true;
            }
            None => exchange.expect(index, None),
        }
        self.waiting.push_back(exchange);
        if self.waiting.front().is_some_and(Exchange::has_ended) {
            self.finish_response(step);
        }
    }

    /// The proxy says that a request ends with what was read.
    pub(super) fn end_of_request(&mut self, step: &mut Step<'_>) {
        self.just_ended = false;
        match self.listening {
            Listening::Now => {}
            Listening::Never => return,
            Listening::NextRequest { .. } | Listening::Unsure => return self.listening = Listening::Between,
            // What is whole by its own framing was there before.
            Listening::Between => return self.skip_request(step),
        }
        if self.unconfirmed > 0 {
            self.unconfirmed = self.unconfirmed.saturating_sub(1);
            if self.request.is_unframed() {
                self.request.give_up(step); // It came after the end, in the same read.
            }
        } else if self.request.is_none() {
            add(&mut step.counts.stray_ends, 1);
        } else {
            add(&mut step.counts.unframed_requests, 1);
            self.finish_request(step);
        }
    }

    /// The request under way is not to be replayed.
    pub(super) fn request_dropped(&mut self, step: &mut Step<'_>) {
        add(&mut step.counts.dropped_requests, 1);
        match self.listening {
            Listening::Now | Listening::Between => self.take_back(step),
            Listening::Never => {}
            Listening::NextRequest { .. } | Listening::Unsure => {
                if self.listening == (Listening::NextRequest { counted: true }) {
                    self.next_index = self.next_index.saturating_sub(1);
                }
                self.listening = Listening::Now;
            }
        }
    }

    fn take_back(&mut self, step: &mut Step<'_>) {
        let last = self.next_index.saturating_sub(1);
        if std::mem::take(&mut self.just_ended) && step.batch.take_back(last) {
            if self.waiting.back().is_some_and(|exchange| exchange.index == last) {
                self.waiting.pop_back();
            }
            self.next_index = last;
            self.unconfirmed = self.unconfirmed.saturating_sub(1);
            step.counts.requests = step.counts.requests.saturating_sub(1);
        } else {
            self.request = Request::default();
        }
    }

    /// Bytes that were sent to the client.
    pub(super) fn write(&mut self, mut data: Bytes, step: &mut Step<'_>) {
        if data.is_empty() {
            return;
        }
        self.just_ended = false;
        if !std::mem::replace(&mut self.has_written, true) && self.waiting.len() > 1 {
            self.end_broken(&data, step);
        }
        while !data.is_empty() {
            let length = data.len() as u64;
            let Some(exchange) = self.exchange() else { return self.skip_written(length, step) };
            match exchange.write(data, step) {
                Written::Taken => return,
                Written::Ended { rest } => data = rest,
            }
            self.finish_response(step);
        }
    }

    /// The response that bytes belong to.
    fn exchange(&mut self) -> Option<&mut Exchange> {
        if !matches!(self.listening, Listening::Now | Listening::Between) {
            return None;
        }
        match self.waiting.front_mut() {
            Some(exchange) => Some(exchange),
            None if self.request.is_none() => None,
            None => Some(self.request.exchange()).filter(|early| !early.has_ended()),
        }
    }

    fn skip_written(&mut self, length: u64, step: &mut Step<'_>) {
        match self.listening {
            Listening::Never => return add(&mut step.counts.upgraded_bytes, length),
            Listening::NextRequest { .. } => self.listening = Listening::Unsure, // It may be a `100 Continue`.
            Listening::Now | Listening::Unsure | Listening::Between => {}
        }
        add(&mut step.counts.skipped_written_bytes, length);
    }

    /// A response that begins after a read, while another one is somewhere in its body: that one will not end.
    fn end_broken(&mut self, data: &[u8], step: &mut Step<'_>) {
        if self.waiting.front().is_some_and(|exchange| exchange.is_broken_by(data)) {
            self.end_first(ResponseEnd::Cut, step);
        }
    }

    /// The first of the responses has ended, if it is not one to a request under way.
    fn finish_response(&mut self, step: &mut Step<'_>) {
        let Some(exchange) = self.waiting.pop_front() else { return };
        let is_upgrade = exchange.is_upgrade();
        exchange.complete(step);
        if is_upgrade {
            self.leave_http(step);
        }
    }

    fn leave_http(&mut self, step: &mut Step<'_>) {
        add(&mut step.counts.upgraded, 1);
        self.request = Request::default();
        self.end_all(ResponseEnd::Cut, step);
        self.listening = Listening::Never;
    }

    /// Something went wrong on the connection, which stays: what is under way ends.
    pub(super) fn exception(&mut self, step: &mut Step<'_>) {
        self.end(ResponseEnd::Cut, step);
        if self.listening != Listening::Never {
            self.listening = Listening::Now;
        }
    }

    /// The connection was closed.
    pub(super) fn close(&mut self, step: &mut Step<'_>) {
        if let Some(exchange) = self.waiting.pop_front() {
            exchange.close(step);
        }
        self.end(ResponseEnd::Cut, step);
    }

    /// Nothing more comes: all that is under way ends.
    pub(super) fn end(&mut self, end: ResponseEnd, step: &mut Step<'_>) {
        self.just_ended = false;
        self.request.give_up(step);
        self.end_all(end, step);
    }

    fn end_all(&mut self, end: ResponseEnd, step: &mut Step<'_>) {
        for exchange in self.waiting.drain(..) {
            exchange.end(end, step);
        }
    }

    /// Gives up the request under way, or the response: memory is needed.
    pub(super) fn evict(&mut self, step: &mut Step<'_>) {
        let (request, response) = self.held();
        if request >= response {
            self.request.discard("it was the largest request under way when memory was used up", step);
            return self.let_go();
        }
        match self.waiting.front_mut() {
            Some(exchange) => exchange.give_up(step),
            None => self.request.forget_answer(),
        }
    }

    /// The record ends: what goes on, or waits, gets its share of the record's memory.
    pub(super) fn settle(&mut self, memory: &mut RecordMemory, step: &mut Step<'_>) {
        if self.waiting.is_empty() {
            self.held.clear();
        }
        self.request.settle_sparse(memory);
        if let Some(exchange) = self.waiting.front_mut() {
            exchange.message().settle_sparse(memory);
            let index = exchange.index;
            step.batch.settle_sparse(index, memory);
        }
        self.request.settle(memory);
        if let Some(exchange) = self.waiting.front_mut() {
            exchange.message().settle(memory);
        }
    }
}
