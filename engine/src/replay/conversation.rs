//! The requests of one connection of the source, one after the other, on the way to the target.

use super::clock::SourceClock;
use super::counts::Counts;
use super::line::LineMaker;
use super::order::Ticket;
use super::outcome::Finished;
use super::places::Places;
use super::prepare::{Preparation, Prepared};
use super::request::Outgoing;
use super::send::{Lane, Target};
use crate::flow::{Cancel, RateLimit};
use crate::traffic::{Flight, SourceRequest, SourceResponse, Token};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// A request is transformed so long before it is due.
const EARLY: Duration = Duration::from_secs(1);

/// So long a request that needs the source's response to it waits for it, at most. It is in a record that is yet to be read, which
/// takes its time while memory is used up.
const RESPONSE_WAIT: Duration = Duration::from_secs(60);

/// The error of a request of which it cannot be said whether it is selected.
const UNREAD: &str =
    "not sent: whether it is selected depends on the source's response, which could not be read in time";

/// What all conversations share.
pub(super) struct Shared {
    pub(super) clock: SourceClock,
    pub(super) target: Target,
    pub(super) preparation: Preparation,
    pub(super) rate: RateLimit,
    /// Requests that may be in flight.
    pub(super) in_flight: Places,
    /// Who waits for the rate limit: one at a time.
    pub(super) rated: Places,
    /// Added to the due time of the first request of a connection that was under way before.
    pub(super) quiescent: Duration,
    pub(super) counts: Arc<Counts>,
    /// Nothing more is begun.
    pub(super) cancel: Cancel,
    /// What is in flight is cut off.
    pub(super) cut: Cancel,
    pub(super) lines: LineMaker,
    pub(super) finished: mpsc::Sender<Finished>,
    /// Whether responses of the source are waited for no longer.
    pub(super) given_up: Arc<watch::Sender<bool>>,
}

/// What a conversation is given to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Send this request.
    Request(Box<RequestJob>),
    /// The source's connection was closed.
    Close {
        /// When, by the source's clock.
        at: SystemTime,
        /// The record that says so.
        token: Option<Token>,
    },
}

/// A request that was selected.
#[derive(Debug)]
pub(super) struct RequestJob {
    pub(super) request: SourceRequest,
    /// Or why it is no request of HTTP/1.
    pub(super) outgoing: Result<Outgoing, String>,
    /// Its place among the requests for the same documents, where they keep their order.
    pub(super) ticket: Option<Ticket>,
}

/// Works until the connection is closed, or the replay is stopped: what is not begun then is abandoned.
pub(super) async fn converse(shared: Arc<Shared>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut lane = Lane::default();
    let mut is_first = true;
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Close { at, token } => {
                if shared.cancel.unless(shared.clock.wait(at, Duration::ZERO)).await.is_none()
                    && let Some(token) = token
                {
                    token.abandon();
                }
                break;
            }
            Job::Request(job) => {
                let pause = if is_first && job.request.resumed { shared.quiescent } else { Duration::ZERO };
                is_first = false;
                shared.replay(&mut lane, *job, pause).await;
            }
        }
    }
    while let Ok(job) = jobs.try_recv() {
        if let Job::Request(job) = job {
            shared.abandon(&job.request);
        }
    }
}

/// Whether it may be sent: otherwise another process has the partition, or will have it when all is over that was begun.
fn begin(request: &SourceRequest) -> Option<Flight> {
    request.tokens.first().and_then(|token| token.ledger().begin())
}

impl Shared {
    /// Another process, or a later run, is to replay it.
    fn abandon(&self, request: &SourceRequest) {
        self.counts.abandoned();
        request.abandon();
    }

    async fn replay(&self, lane: &mut Lane, job: RequestJob, pause: Duration) {
        let RequestJob { mut request, outgoing, mut ticket } = job;
        let mut waiting = Some(self.counts.waits());
        let at = request.first_byte;
        let partition = request.tokens.first().map_or(0, |token| token.ledger().partition());
        let (mut response, mut is_unread) = (None, false);
        let ready = async {
            self.clock.wait(at, EARLY).await;
            let takes_ids = outgoing.as_ref().is_ok_and(|outgoing| self.preparation.takes_ids(outgoing));
            if takes_ids || self.preparation.selection.needs_response() {
                waiting = None; // This comes of a record, which may need memory.
                (response, is_unread) = self.wait_for_response(&mut request).await;
                waiting = Some(self.counts.waits());
                if takes_ids && response.is_none() {
                    let (connection, index) = (&request.connection.id, request.index);
                    tracing::warn!(%connection, index, "the source's response is not known: what it gave an id to gets another one");
                }
            }
            let prepared = match outgoing {
                Ok(_) if is_unread && self.preparation.selection.needs_response() => {
                    Prepared::Fail(UNREAD.to_owned())
                }
                Ok(outgoing) => self.preparation.apply(outgoing, response.as_ref(), takes_ids).await,
                Err(reason) => Prepared::Fail(reason),
            };
            let due = self.clock.wait(at, Duration::ZERO).await;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            if let Some(ticket) = &mut ticket {
                waiting = None; // Those before it count for themselves.
                ticket.turn().await;
                waiting = Some(self.counts.waits());
            }
            let place = self.in_flight.take(partition, at).await;
            let due = self.admit(&prepared, (partition, at), due).await;
            (prepared, due, place)
        };
        let ready = self.cancel.unless(ready).await;
        let begun = ready.and_then(|ready| begin(&request).map(|flight| (ready, flight)));
        let Some(((prepared, due, place), flight)) = begun else {
            self.abandon(&request);
            return;
        };
        drop(waiting);
        if response.is_none() {
            response = request.response.try_recv().ok();
        }
        if let Prepared::Skip(skip) = &prepared {
            return self.counts.skipped(skip);
        }
        let mut finished = Finished::of(request, response);
        if self.cut.unless(self.send(lane, &mut finished, prepared, due)).await.is_none() {
            self.abandon(&finished.request);
            return;
        }
        drop(place);
        drop(ticket);
        if finished.response.is_some() {
            finished = self.lines.write(finished).await;
        }
        // The receiver is there until all conversations are through.
        let _ = self.finished.send(finished).await;
        drop(flight);
    }

    /// The source's response, if it comes in time; otherwise, whether it may still come.
    async fn wait_for_response(&self, request: &mut SourceRequest) -> (Option<SourceResponse>, bool) {
        match request.response.try_recv() {
            Ok(response) => return (Some(response), false),
            Err(TryRecvError::Closed) => return (None, false),
            Err(TryRecvError::Empty) => {}
        }
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            response = &mut request.response => (response.ok(), false),
            _ = given_up.wait_for(|given_up| *given_up) => (None, true),
            () = tokio::time::sleep(RESPONSE_WAIT) => (None, true),
        }
    }

    /// Waits for the rate limit, and for the end of a pause: what it held back is due at its end.
    async fn admit(&self, prepared: &Prepared, (partition, at): (i32, SystemTime), due: Instant) -> Instant {
        let Prepared::Send { outgoing, .. } = prepared else { return due };
        loop {
            if self.rate.limits() {
                let _turn = self.rated.take(partition, at).await;
                self.rate.acquire(1, outgoing.body.len() as u64).await;
            }
            // The rate was for a moment that is over then.
            if !self.clock.resumed().await {
                return self.clock.after_pause(due);
            }
        }
    }

    async fn send(&self, lane: &mut Lane, finished: &mut Finished, prepared: Prepared, due: Instant) {
        let (outgoing, status) = match prepared {
            Prepared::Send { outgoing, status } => (outgoing, status),
            Prepared::Drop => {
                finished.transform = "dropped";
                return;
            }
            Prepared::Skip(_) => return,
            Prepared::Fail(reason) => {
                finished.transform = "failed";
                finished.error = Some(reason);
                return;
            }
        };
        finished.transform = status;
        let source_status = finished.response.as_ref().and_then(SourceResponse::status);
        self.clock.reached(finished.request.first_byte);
        let in_flight = self.counts.sent(due);
        finished.attempts = self.target.deliver(lane, &self.preparation, &outgoing, source_status).await;
        drop(in_flight);
        finished.error = finished.attempts.last().and_then(|attempt| attempt.error.clone());
        finished.sent = Some(outgoing);
    }
}

impl Finished {
    fn of(request: SourceRequest, response: Option<SourceResponse>) -> Self {
        let (attempts, transform) = (Vec::new(), "unchanged");
        Self { request, response, sent: None, attempts, transform, error: None, text: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<F>(_: impl FnOnce(Arc<Shared>, mpsc::UnboundedReceiver<Job>) -> F) -> usize {
        size_of::<F>()
    }

    /// There is one for each open connection of the source.
    #[test]
    fn a_connection_that_waits_takes_little_memory() {
        assert!(size_of_future(converse) <= 7000, "{}", size_of_future(converse));
    }
}
