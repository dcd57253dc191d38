//! Sends one request, again where that is called for, and keeps what came of each attempt.

use super::breaker::{Admission, Breaker};
use super::bulk::Operations;
use super::clock::SourceClock;
use super::coding;
use super::counts::Counts;
use super::prepare::Preparation;
use super::request::Outgoing;
use super::retry::{RetryPolicy, Verdict, cause};
use super::settings::Settings;
use crate::target::{Connection, Dialer, RawResponse, RequestBody, SendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Connections of a pool that are kept while nobody uses them.
const MOST_IDLE: usize = 1024;

/// The target of a replay: what all of its connections share.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) dialer: Dialer,
    pub(super) policy: RetryPolicy,
    pub(super) breaker: Breaker,
    /// Bytes of an answer that are kept.
    pub(super) most_response: usize,
    /// Connections that are shared, where the replay shares them.
    pub(super) pool: Option<Mutex<Vec<Connection>>>,
    pub(super) counts: Arc<Counts>,
    /// Knows what was paused.
    pub(super) clock: SourceClock,
}

/// The connection of one source connection, while it has one.
#[derive(Debug, Default)]
pub(super) struct Lane(Option<Connection>);

/// One time that a request was sent.
#[derive(Debug)]
pub(super) struct Attempt {
    /// When it was begun.
    pub(super) at: SystemTime,
    /// From the first byte sent to the last byte of the answer, connecting left out.
    pub(super) took: Duration,
    /// The answer, or why there is none.
    pub(super) answer: Result<RawResponse, SendError>,
    /// Why there is no answer, in words.
    pub(super) error: Option<String>,
    /// How many operations of a bulk it had, where not all were sent again.
    pub(super) operations: Option<usize>,
}

/// What is left of a bulk request: the operations that failed.
struct Rest {
    request: Outgoing,
    operations: usize,
}

impl Rest {
    /// Of the operations at these positions; `None` when these are all. They are sent without the coding of the body.
    fn of(request: &Outgoing, positions: &[usize]) -> Option<Self> {
        let body = coding::decoded(&request.headers, &request.body).ok()?;
        let all = Operations::find(&body)?;
        if positions.len() >= all.len() {
            return None;
        }
        let mut request = request.clone();
        request.body = Operations::pick(&body, positions);
        request.headers.remove("Content-Encoding");
        if request.headers.contains("Content-Length") {
            request.headers.set("Content-Length", request.body.len().to_string());
        }
        Some(Self { request, operations: positions.len() })
    }
}

/// The operations of a bulk request, whatever the coding of its body.
fn operations_of(request: &Outgoing) -> Option<Operations> {
    let body = coding::decoded(&request.headers, &request.body).ok()?;
    Operations::find(&body)
}

impl Target {
    pub(super) fn new(dialer: Dialer, settings: &Settings, counts: Arc<Counts>) -> Self {
        Self {
            dialer,
            policy: settings.policy.clone(),
            breaker: Breaker::new(settings.policy.budget, settings.clock.clone()),
            most_response: settings.most_response,
            pool: settings.pools.then(Mutex::default),
            counts,
            clock: settings.clock.clone(),
        }
    }

    /// Sends a finished request until it is done, or given up. There is at least one attempt. `source` is the status that the source
    /// answered with, if it is known.
    pub(super) async fn deliver(
        &self,
        lane: &mut Lane,
        preparation: &Preparation,
        request: &Outgoing,
        source: Option<u16>,
    ) -> Vec<Attempt> {
        let is_bulk = preparation.is_bulk(request);
        let (begin, held) = (Instant::now(), self.clock.held());
        let mut attempts: Vec<Attempt> = Vec::with_capacity(1);
        let mut rest: Option<Rest> = None;
        loop {
            let request = rest.as_ref().map_or(request, |rest| &rest.request);
            let (at, took, answer) = self.attempt(lane, preparation, request).await;
            let operations = || is_bulk.then(|| operations_of(request)).flatten();
            let verdict = self.policy.judge(&answer, source, operations);
            let cause = cause(&answer);
            let error = answer.as_ref().err().map(|error| crate::error::chain(error));
            let operations = rest.as_ref().map(|rest| rest.operations);
            attempts.push(Attempt { at, took, answer, error, operations });
            let Verdict::Again { attempts: most, wait, only } = verdict else { return attempts };
            let count = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
            let pause = self.policy.backoff.delay(count.saturating_sub(1), wait);
            let spent = begin.elapsed().saturating_sub(self.clock.held().saturating_sub(held));
            if count >= most || spent.saturating_add(pause) >= self.policy.budget {
                return attempts;
            }
            if let Some(fewer) = only.and_then(|only| Rest::of(request, &only)) {
                rest = Some(fewer);
            }
            self.counts.sent_again(cause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        lane: &mut Lane,
        preparation: &Preparation,
        request: &Outgoing,
    ) -> (SystemTime, Duration, Result<RawResponse, SendError>) {
        let mut is_used = self.take(lane);
        loop {
            // Boxed: they are large, and rarely there.
            if lane.0.is_none()
                && let Err(error) = Box::pin(self.connect(lane)).await
            {
                return (SystemTime::now(), Duration::ZERO, Err(error));
            }
            let signed = match preparation.http(request).await {
                Ok(signed) => signed,
                Err(error) => return (SystemTime::now(), Duration::ZERO, Err(error)),
            };
            let (at, begin) = (SystemTime::now(), Instant::now());
            let answer = self.send_once(lane, signed).await;
            // A connection that waited may have been closed by the target in the moment in which it was used.
            if is_used && matches!(answer, Err(SendError::Lost(_))) {
                is_used = false;
                continue;
            }
            return (at, begin.elapsed(), answer);
        }
    }

    async fn send_once(
        &self,
        lane: &mut Lane,
        request: http::Request<RequestBody>,
    ) -> Result<RawResponse, SendError> {
        let Some(mut connection) = lane.0.take() else {
            return Err(SendError::Lost(Arc::new(std::io::Error::from(std::io::ErrorKind::NotConnected))));
        };
        let answer = connection.send(request, self.dialer.timeout(), self.most_response).await;
        if answer.is_ok() && !connection.is_closed() {
            match &self.pool {
                None => lane.0 = Some(connection),
                Some(pool) => {
                    let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
                    if idle.len() < MOST_IDLE {
                        idle.push(connection);
                    }
                }
            }
        }
        answer
    }

    /// Whether there is a connection that was used before; out of the pool, where there is one.
    fn take(&self, lane: &mut Lane) -> bool {
        if let Some(pool) = &self.pool {
            let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
            lane.0 = idle.pop();
        }
        lane.0 = lane.0.take().filter(|connection| !connection.is_closed());
        lane.0.is_some()
    }

    async fn connect(&self, lane: &mut Lane) -> Result<(), SendError> {
        loop {
            match self.breaker.admit() {
                Admission::Connect => break,
                Admission::Wait(until) => tokio::time::sleep_until(until).await,
                Admission::Refuse(why) => return Err(SendError::GivenUp(why.into())),
            }
        }
        match self.dialer.connect().await {
            Ok(connection) => {
                self.breaker.connected();
                lane.0 = Some(connection);
                Ok(())
            }
            Err(error) => {
                self.breaker.failed(crate::error::chain(&error));
                Err(error)
            }
        }
    }
}
