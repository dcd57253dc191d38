//! A request under way.

use super::super::ledger::Token;
use super::counts::add;
use super::exchange::Exchange;
use super::message::{Message, RecordMemory, Whole};
use super::step::Step;
use bytes::{Buf, Bytes};
use codecs::traffic::http::{MAX_HEAD, Progress, RequestFramer, request_method};

/// A method is no longer, in bytes.
const LONGEST_METHOD: usize = 32;

/// The methods that are registered: <https://www.iana.org/assignments/http-methods>.
#[rustfmt::skip]
const METHODS: [&str; 40] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN",
    "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE",
    "ORDERPATCH", "PRI", "PROPFIND", "PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK",
    "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
];

/// The request that a client is sending, or none yet.
#[derive(Debug, Default)]
pub(super) struct Request {
    framer: RequestFramer,
    message: Message,
    state: State,
    /// The first of the records that it held before it went into quarantine.
    held: Vec<Token>,
    /// Whether it can be a request from its first byte on, if it is in quarantine.
    had_method: bool,
    /// What is answered before it is whole.
    early: Option<Box<Exchange>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    #[default]
    Framed,
    /// No HTTP, and why: the request ends where the proxy says so.
    Unframed(String),
    /// It is in quarantine; its end is still to be found.
    Discarded,
    /// The same, and only the proxy knows its end.
    UnframedDiscarded,
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// All of it; none if it is in quarantine.
    pub(super) whole: Option<Whole>,
    /// The first records from which on it is known where it begins; none if only the proxy knew its end.
    pub(super) records: Vec<Token>,
    /// The response to it.
    pub(super) exchange: Exchange,
}

impl Request {
    /// Whether nothing of a request was seen.
    pub(super) fn is_none(&self) -> bool {
        self.message.is_empty() && self.state == State::Framed
    }

    /// Whether it is no HTTP, so that only the proxy knows its end.
    pub(super) const fn is_unframed(&self) -> bool {
        matches!(self.state, State::Unframed(_) | State::UnframedDiscarded)
    }

    /// Bytes that it holds.
    pub(super) const fn length(&self) -> usize {
        self.message.length()
    }

    /// Takes bytes from the front of `data` up to its end, or all of them; whether it ended. If it begins there, it holds the records
    /// `before`: only from these on is it known where it begins, and which response is its own.
    pub(super) fn read(&mut self, data: &mut Bytes, before: &mut Vec<Token>, step: &mut Step<'_>) -> bool {
        if self.is_none() && self.framer.is_idle() {
            // Empty lines between requests are of no use, and belong to neither.
            let ends = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            data.advance(ends);
        }
        let end = if self.is_unframed() { None } else { self.find_end(data, step) };
        let own = data.split_to(end.unwrap_or(data.len()).min(data.len()));
        self.keep(own, before, step);
        end.is_some()
    }

    fn find_end(&mut self, data: &[u8], step: &Step<'_>) -> Option<usize> {
        match self.framer.push(data) {
            Ok(Progress::Ended { used }) if used > 0 => Some(used),
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(connection = %step.connection.id, %error, "what a client sent is no HTTP");
                self.state = match self.state {
                    State::Framed => State::Unframed(error.to_string()),
                    _ => State::UnframedDiscarded,
                };
                None
            }
        }
    }

    /// Keeps bytes, unless there are too many.
    fn keep(&mut self, data: Bytes, before: &mut Vec<Token>, step: &mut Step<'_>) {
        if matches!(self.state, State::Discarded | State::UnframedDiscarded) {
            return;
        }
        if let Some(token) = step.token {
            self.message.append(data, step.at, token);
        }
        self.message.hold_before(before);
        let (most, length) = (step.settings.most_message, self.message.length());
        let reason = match &self.state {
            // A head without an end: the connection may stay open for long, and hold its records.
            State::Unframed(reason) if length > MAX_HEAD => reason.clone(),
            _ if length as u64 > most => format!("the request has more than {most} bytes"),
            _ => return,
        };
        self.discard(&reason, step);
    }

    /// Puts it into quarantine; its end is still looked for.
    pub(super) fn discard(&mut self, reason: &str, step: &mut Step<'_>) {
        self.exchange();
        self.had_method = self.has_method();
        // The end of what is no HTTP may never come.
        self.held = if self.is_unframed() { Vec::new() } else { self.message.earliest() };
        step.quarantine(&mut self.message, reason);
        self.state = if self.is_unframed() { State::UnframedDiscarded } else { State::Discarded };
    }

    /// The response to it, although it is not whole.
    pub(super) fn exchange(&mut self) -> &mut Exchange {
        let message = &self.message;
        self.early.get_or_insert_with(|| Box::new(exchange_for(&message.start(LONGEST_METHOD))))
    }

    /// Whether it begins with a method, and not in the middle of one.
    pub(super) fn has_method(&self) -> bool {
        self.had_method || has_method(&self.message.start(LONGEST_METHOD))
    }

    /// Holds no records any more, if it is in quarantine.
    pub(super) fn let_go(&mut self) {
        self.held.clear();
    }

    /// Bytes of the response to it.
    pub(super) fn answered(&self) -> usize {
        self.early.as_ref().map_or(0, |exchange| exchange.length())
    }

    /// Forgets what was answered so far.
    pub(super) fn forget_answer(&mut self) {
        self.early = None;
    }

    /// It is whole: the next one may begin.
    pub(super) fn finish(&mut self) -> Ended {
        let request = std::mem::take(self);
        let Self { mut message, state, early, held, .. } = request;
        let is_kept = matches!(state, State::Framed | State::Unframed(_));
        let records = if is_kept { message.earliest() } else { held };
        let whole = is_kept.then(|| message.take());
        let exchange = match early {
            Some(exchange) => *exchange,
            None => exchange_for(whole.as_ref().map_or(&[], |whole| &whole.bytes)),
        };
        Ended { whole, records, exchange }
    }

    /// It will never be whole: the next one may begin. What is no HTTP goes into quarantine.
    pub(super) fn give_up(&mut self, step: &mut Step<'_>) {
        let Self { mut message, state, .. } = std::mem::take(self);
        match state {
            State::Unframed(reason) => step.quarantine(&mut message, &reason),
            State::Framed if !message.is_empty() => add(&mut step.counts.cut_requests, 1),
            _ => {}
        }
    }

    pub(super) fn settle_sparse(&mut self, memory: &mut RecordMemory) {
        self.message.settle_sparse(memory);
        if let Some(exchange) = &mut self.early {
            exchange.message().settle_sparse(memory);
        }
    }

    pub(super) fn settle(&mut self, memory: &mut RecordMemory) {
        self.message.settle(memory);
        if let Some(exchange) = &mut self.early {
            exchange.message().settle(memory);
        }
    }
}

fn exchange_for(request: &[u8]) -> Exchange {
    Exchange::new(request_method(request).unwrap_or_default())
}

/// Whether bytes look like the beginning of a request, and not like something in the middle of one.
pub(super) fn starts_request(data: &[u8]) -> bool {
    let Some(method) = request_method(data.get(..LONGEST_METHOD).unwrap_or(data)) else { return false };
    let target = data.get(method.len().saturating_add(1));
    method.bytes().all(|byte| byte.is_ascii_uppercase()) && matches!(target, Some(b'/' | b'*' | b'h'))
}

/// Whether bytes that were read as a request, and may be the rest of one, begin with a method. The end of a registered one is no method:
/// of `GET`, `T` can be read for itself. Of methods that nobody has registered any is taken for a whole one.
fn has_method(data: &[u8]) -> bool {
    let Some(method) = request_method(data) else { return false };
    METHODS.contains(&method)
        || (starts_request(data) && !METHODS.iter().any(|known| known.ends_with(method)))
}
