//! A response under way.

use super::super::transaction::{ResponseEnd, SourceResponse};
use super::counts::add;
use super::message::Message;
use super::step::Step;
use bytes::Bytes;
use codecs::traffic::http::{Closed, Progress, ResponseFramer};
use tokio::sync::oneshot;

/// What the source answers to one request.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The index of the request.
    pub(super) index: u64,
    to: Recipient,
    framer: ResponseFramer,
    message: Message,
    /// Bytes of it came, be it that nobody wants them.
    has_begun: bool,
    state: State,
}

/// Who wants the response.
#[derive(Debug)]
enum Recipient {
    /// Whoever gets the request, which is not whole yet.
    Later,
    Now(oneshot::Sender<SourceResponse>),
    /// The request was not given out, or the response was given away.
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Framed,
    /// No HTTP: the response ends where the next request begins.
    Unframed,
    /// It has ended, before its request did.
    Ended,
}

/// What became of bytes that were written.
#[derive(Debug)]
pub(super) enum Written {
    /// All of them belong to this response.
    Taken,
    /// The response has ended; these are left.
    Ended { rest: Bytes },
}

impl Exchange {
    /// A response to a request with this method.
    pub(super) fn new(method: &str) -> Self {
        let framer = ResponseFramer::new(method);
        Self {
            index: 0,
            to: Recipient::Later,
            framer,
            message: Message::default(),
            has_begun: false,
            state: State::Framed,
        }
    }

    /// The request is whole: somebody waits for the response now; or nobody, as it was not given out.
    pub(super) fn expect(&mut self, index: u64, to: Option<oneshot::Sender<SourceResponse>>) {
        self.index = index;
        self.to = to.map_or(Recipient::Nobody, Recipient::Now);
        if !self.is_wanted() {
            self.message.clear();
        }
    }

    fn is_wanted(&self) -> bool {
        match &self.to {
            Recipient::Later => true,
            Recipient::Now(to) => !to.is_closed(),
            Recipient::Nobody => false,
        }
    }

    /// Whether it ended before its request did.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether it is no HTTP.
    pub(super) fn is_unframed(&self) -> bool {
        self.state == State::Unframed
    }

    /// Whether the connection goes over to another protocol with it.
    pub(super) fn is_upgrade(&self) -> bool {
        self.framer.is_upgraded()
    }

    /// Whether bytes that begin a response cannot belong to it: it is somewhere in its body.
    pub(super) fn is_broken_by(&self, data: &[u8]) -> bool {
        self.has_begun && data.starts_with(b"HTTP/1.")
    }

    /// Bytes that it holds.
    pub(super) fn length(&self) -> usize {
        self.message.length()
    }

    pub(super) fn message(&mut self) -> &mut Message {
        &mut self.message
    }

    pub(super) fn write(&mut self, mut rest: Bytes, step: &mut Step<'_>) -> Written {
        loop {
            match self.state {
                State::Ended => return Written::Ended { rest },
                State::Unframed => {
                    self.keep(rest, step);
                    return Written::Taken;
                }
                State::Framed => {}
            }
            match self.framer.push(&rest) {
                Ok(Progress::More) => {
                    self.keep(rest, step);
                    return Written::Taken;
                }
                Ok(Progress::Interim { used }) => {
                    rest = rest.split_off(used.min(rest.len()));
                    self.message.clear();
                    self.has_begun = false;
                    add(&mut step.counts.interim_responses, 1);
                    if rest.is_empty() {
                        return Written::Taken;
                    }
                }
                Ok(Progress::Ended { used }) => {
                    let own = rest.split_to(used.min(rest.len()));
                    self.keep(own, step);
                    self.state = State::Ended;
                }
                Err(error) => {
                    tracing::debug!(connection = %step.connection.id, %error, "a response is no HTTP");
                    add(&mut step.counts.unframed_responses, 1);
                    self.state = State::Unframed;
                }
            }
        }
    }

    /// Keeps bytes, if somebody waits for them, and there are not too many.
    fn keep(&mut self, data: Bytes, step: &mut Step<'_>) {
        self.has_begun = true;
        if !self.is_wanted() {
            return self.message.clear();
        }
        let most = usize::try_from(step.settings.most_message).unwrap_or(usize::MAX);
        let room = most.saturating_sub(self.message.length());
        if data.len() > room && room > 0 {
            add(&mut step.counts.shortened_responses, 1);
        }
        if let Some(token) = step.token {
            self.message.append(data.slice(..data.len().min(room)), step.at, token);
        }
    }

    /// Gives away what it holds, because memory is needed. What follows of it is not kept.
    pub(super) fn give_up(&mut self, step: &mut Step<'_>) {
        self.message.clear();
        add(&mut step.counts.shortened_responses, 1);
        self.answer(ResponseEnd::Cut, step);
    }

    /// Ends a response that its framing ended.
    pub(super) fn complete(mut self, step: &mut Step<'_>) {
        self.answer(ResponseEnd::Complete, step);
    }

    /// Ends it because the connection was closed.
    pub(super) fn close(mut self, step: &mut Step<'_>) {
        let is_whole = self.state == State::Framed && self.framer.close() == Closed::Whole;
        self.answer(if is_whole { ResponseEnd::Closed } else { ResponseEnd::Cut }, step);
    }

    /// Ends it wherever it is.
    pub(super) fn end(mut self, end: ResponseEnd, step: &mut Step<'_>) {
        self.answer(end, step);
    }

    /// The record that ends it is held by it, too.
    fn answer(&mut self, end: ResponseEnd, step: &mut Step<'_>) {
        let Recipient::Now(to) = std::mem::replace(&mut self.to, Recipient::Nobody) else { return };
        step.counts.responses.add(end);
        if let Some(token) = step.token {
            self.message.hold(token);
        }
        step.batch.answer(to, self.message.take(), end);
    }
}
