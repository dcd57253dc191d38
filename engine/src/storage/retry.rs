//! Sends a request until it succeeds, cannot succeed, or was tried often enough.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::counters::Counter;
use crate::error::{Access, Cause, Error, Result};
use crate::flow::Backoff;

/// Why an attempt failed, and whether another one makes sense.
#[derive(Debug)]
pub(super) enum Failure {
    /// It would fail again.
    Final(Error),
    /// It may pass.
    Passing {
        cause: Cause,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Passing { cause, retry_after: None }
    }
}

/// How often requests are sent, and how many at once.
#[derive(Debug)]
pub(super) struct Retry {
    /// Attempts for a request, the first one included.
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    /// A permit for each request in flight.
    pub(super) in_flight: Semaphore,
}

impl Retry {
    /// Runs an attempt, which must read the body of the answer to its end, until one succeeds.
    ///
    /// An attempt holds its permit until it returns; one that waits for the next attempt holds none.
    pub(super) async fn run<T, F>(
        &self,
        counter: &Counter,
        access: impl Fn() -> Access,
        attempt: impl Fn() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut retries = 0;
        loop {
            let (cause, retry_after) = match self.attempt(counter, &attempt).await {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { cause, retry_after }) => (cause, retry_after),
            };
            let attempts = retries + 1;
            if attempts >= self.max_attempts {
                return Err(exhausted(access(), attempts, cause));
            }
            let delay = self.backoff.delay(retries, retry_after);
            tracing::warn!(access = %access(), attempt = attempts, %cause, ?delay, "request failed, retrying");
            tokio::time::sleep(delay).await;
            counter.add_retry();
            retries = attempts;
        }
    }

    async fn attempt<T, F>(&self, counter: &Counter, attempt: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let _permit = self.in_flight.acquire().await; // Never closed, so it is never an error.
        counter.add_request();
        attempt().await
    }
}

fn exhausted(access: Access, attempts: u32, cause: Cause) -> Error {
    match cause {
        Cause::WrongLength { expected, found } => Error::WrongLength { access, expected, found, attempts },
        cause => Error::Unavailable { access, attempts, cause: Box::new(cause) },
    }
}
