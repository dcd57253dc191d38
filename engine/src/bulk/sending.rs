//! One batch on its way: which operations have no verdict yet, and what is tried next.

use super::verdict::{Answer, Refusal, Verdict, error_of, judge, may_be_done, retry_cause, understand};
use super::{BatchOutcome, BulkBatch, BulkSink, FailedOperation, FailureClass, SinkError};
use crate::flow::Fence;
use crate::telemetry::{RequestOutcome, Stage, meters};
use codecs::bulk::{OperationResult, ParsedAction};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// After so many lost answers in a row, operations are sent in two halves: one of them may be what breaks it.
const LOSSES_BEFORE_SPLIT: u32 = 4;

/// So many operations that are refused though they are sent alone, while none was ever taken, say that the cluster
/// takes no request of this form.
const REFUSED_ALONE: u32 = 16;

/// Operations that are sent together.
#[derive(Debug)]
struct Group {
    /// In the order of the batch.
    positions: Vec<u32>,
    /// How often in a row they were refused for want of room, or lost.
    retries: u32,
    /// How often in a row they were lost.
    losses: u32,
}

/// No operation of the batch got a verdict since then.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    attempts: u32,
    last: String,
}

/// Why an operation failed.
struct Reason {
    class: FailureClass,
    status: Option<u16>,
    error_type: Option<String>,
    reason: String,
}

pub(super) struct Sending<'a> {
    sink: &'a BulkSink,
    batch: BulkBatch,
    fence: Option<&'a Fence>,
    /// What is to be sent, the last one first.
    groups: Vec<Group>,
    outcome: BatchOutcome,
    trouble: Option<Trouble>,
    /// Operations that an earlier attempt may have done.
    maybe_done: HashSet<u32>,
    /// How often the cluster failed at an operation.
    faults: HashMap<u32, u32>,
    refused_alone: u32,
    /// The position at which each id is first; made when it is needed.
    first_of_id: Option<HashMap<String, u32>>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(sink: &'a BulkSink, batch: BulkBatch, fence: Option<&'a Fence>) -> Self {
        let positions = (0..).take(batch.len()).collect();
        let outcome = BatchOutcome { bytes: batch.byte_len(), ..BatchOutcome::default() };
        Self {
            sink,
            batch,
            fence,
            groups: vec![Group { positions, retries: 0, losses: 0 }],
            outcome,
            trouble: None,
            maybe_done: HashSet::new(),
            faults: HashMap::new(),
            refused_alone: 0,
            first_of_id: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<BatchOutcome, SinkError> {
        let start = Instant::now();
        while let Some(group) = self.groups.pop() {
            let Some(group) = self.fitting(group) else { continue };
            if group.positions.is_empty() {
                continue;
            }
            let attempted = self.attempt(group).await;
            self.sink.show_limit();
            if let Some(wait) = attempted? {
                let waiting = Instant::now();
                let waited = self.sink.cancel.unless(tokio::time::sleep(wait)).await;
                meters().spent(Stage::WaitForRetry, waiting.elapsed());
                waited.ok_or(SinkError::Cancelled)?;
            }
        }
        meters().settled(start.elapsed());
        self.finish()
    }

    fn finish(mut self) -> Result<BatchOutcome, SinkError> {
        let failed = self.outcome.failed.len() as u64;
        let verdicts = self.outcome.indexed.saturating_add(self.outcome.allowed).saturating_add(failed);
        let operations = self.batch.len() as u64;
        if verdicts != operations {
            return Err(SinkError::Unbalanced { index: self.index(), operations, verdicts });
        }
        self.outcome.failed.sort_by_key(|failed| failed.position);
        self.outcome.memory = self.batch.memory.take().filter(|_| failed > 0);
        self.outcome.buffer = self.batch.into_buffer();
        Ok(self.outcome)
    }

    /// The group, if it is short enough for the cluster. A longer one is cut, or fails if it is one operation.
    fn fitting(&mut self, group: Group) -> Option<Group> {
        let bytes = self.batch.bytes_of(&group.positions) as u64;
        let is_too_long = self.sink.settings.max_request_bytes.filter(|most| bytes > *most);
        if let ([position], Some(most)) = (group.positions.as_slice(), is_too_long) {
            let reason =
                format!("the operation has {bytes} bytes, the target takes requests of {most} bytes at most");
            let class = FailureClass::TooLarge;
            self.fail(*position, &Reason { class, status: None, error_type: None, reason });
            return None;
        }
        if group.positions.len() > 1 && (is_too_long.is_some() || bytes > self.sink.request_limit() as u64) {
            self.split(group);
            return None;
        }
        Some(group)
    }

    /// Sends a group once; how long to wait before anything else is sent.
    async fn attempt(&mut self, group: Group) -> Result<Option<Duration>, SinkError> {
        let body = self.batch.body(&group.positions);
        let (operations, bytes) = (group.positions.len(), body.len());
        let attempt = self.sink.attempt(self.batch.index(), operations, body, self.fence).await?;
        if attempt.was_paused {
            self.trouble = None;
        }
        let requested = attempt.answer.as_ref().ok().and_then(|response| response.retry_after);
        let answer = understand(attempt.answer, operations);
        let outcome = answer.outcome(&self.sink.settings.allowed);
        meters().answered(outcome, answer.is_throttled(), attempt.latency);
        match answer {
            Answer::Results(results) => {
                if outcome == RequestOutcome::Busy {
                    self.sink.counters.add_busy();
                    attempt.permit.overloaded();
                } else {
                    self.sink.had_room(attempt.permit, attempt.latency, operations, bytes);
                }
                self.take_results(group, results, requested)
            }
            Answer::Busy { why, cause, maybe_done } => {
                attempt.permit.overloaded();
                self.sink.counters.add_busy();
                self.may_be_done(&group, maybe_done);
                let delay = self.busy(group, why, requested)?;
                if delay.is_some() {
                    meters().retried(cause, operations);
                }
                Ok(delay)
            }
            Answer::Fault { why, cause, maybe_done } => {
                attempt.permit.overloaded();
                self.sink.counters.add_fault();
                self.may_be_done(&group, maybe_done);
                let delay = self.lost(group, why, requested).await?;
                if delay.is_some() {
                    meters().retried(cause, operations);
                }
                Ok(delay)
            }
            answer => {
                drop(attempt.permit);
                self.take_refusal(group, bytes, answer).map(|()| None)
            }
        }
    }

    fn judge(&self, result: &OperationResult) -> Verdict {
        judge(result, &self.sink.settings.allowed)
    }

    /// Takes a verdict for each operation of a group; those without one go again.
    fn take_results(
        &mut self,
        group: Group,
        results: Vec<OperationResult>,
        requested: Option<Duration>,
    ) -> Result<Option<Duration>, SinkError> {
        let count = group.positions.len();
        let mut without = Vec::new();
        let mut causes = HashMap::new();
        let mut last = String::new();
        let indexed = self.outcome.indexed;
        for (position, result) in group.positions.into_iter().zip(results) {
            if self.take_result(position, &result)? {
                continue;
            }
            last = words(&result);
            without.push(position);
            let count = causes.entry(retry_cause(&result)).or_insert(0_usize);
            *count = count.saturating_add(1);
        }
        if self.outcome.indexed > indexed {
            self.sink.succeeded();
        }
        let has_progress = without.len() < count;
        if has_progress {
            self.trouble = None;
        }
        if without.is_empty() {
            return Ok(None);
        }
        let retries = if has_progress { 0 } else { group.retries };
        let delay = self.busy(Group { positions: without, retries, losses: 0 }, last, requested)?;
        if delay.is_some() {
            causes.into_iter().for_each(|(cause, operations)| meters().retried(cause, operations));
        }
        Ok(delay)
    }

    /// Whether this is the last verdict of the operation.
    fn take_result(&mut self, position: u32, result: &OperationResult) -> Result<bool, SinkError> {
        let error = error_of(result);
        let fail = |class| Reason {
            class,
            status: Some(result.status),
            error_type: error.map(|(type_name, _)| type_name.to_owned()),
            reason: error.map_or_else(|| words(result), |(_, reason)| reason.to_owned()),
        };
        match self.judge(result) {
            Verdict::Done => self.outcome.indexed = self.outcome.indexed.saturating_add(1),
            Verdict::Refused if result.status == 409 && self.is_own_conflict(position) => {
                self.outcome.indexed = self.outcome.indexed.saturating_add(1);
            }
            Verdict::Allowed => self.outcome.allowed = self.outcome.allowed.saturating_add(1),
            Verdict::Refused => self.fail(position, &fail(FailureClass::Refused)),
            Verdict::Denied => return Err(self.denied(words(result))),
            Verdict::Busy => {
                if error.is_some_and(|(type_name, _)| may_be_done(type_name)) {
                    self.mark(position);
                }
                return Ok(false);
            }
            Verdict::Fault => {
                let faults = self.faults.entry(position).or_insert(0);
                *faults = faults.saturating_add(1);
                if *faults < self.sink.settings.fault_attempts {
                    self.mark(position);
                    return Ok(false);
                }
                self.fail(position, &fail(FailureClass::RetriesExhausted));
            }
        }
        Ok(true)
    }

    /// Whether a conflict can only be with what an earlier attempt of the same operation wrote, as far as the batch
    /// tells: it was sent before, its answer was lost, and no operation before it has the same id.
    fn is_own_conflict(&mut self, position: u32) -> bool {
        if !self.maybe_done.contains(&position) {
            return false;
        }
        let Ok(action) = ParsedAction::parse(&self.batch.action(position)) else { return false };
        let Some(id) = action.id.filter(|_| action.op == "create") else { return false };
        let batch = &self.batch;
        let first_of_id = self.first_of_id.get_or_insert_with(|| {
            let mut first = HashMap::new();
            for position in (0..).take(batch.len()) {
                if let Some(id) = batch.id(position) {
                    first.entry(id).or_insert(position);
                }
            }
            first
        });
        first_of_id.get(&id) == Some(&position)
    }

    fn take_refusal(&mut self, group: Group, bytes: usize, answer: Answer) -> Result<(), SinkError> {
        let refusal = match answer {
            Answer::Denied(refusal) => return Err(self.denied(refusal.words())),
            Answer::Unwanted(refusal) => return Err(self.refused(&refusal)),
            Answer::Unsendable(source) => return Err(SinkError::Send { url: self.sink.url(), source }),
            Answer::NoIndex(refusal) => {
                self.fail_all(&group, &reason(FailureClass::Refused, &refusal));
                return Ok(());
            }
            Answer::TooLarge(refusal) if group.positions.len() > 1 => {
                tracing::warn!(index = %self.batch.index(), bytes, "the target takes no request as long as this: {}", refusal.words());
                self.sink.learn_too_long(bytes);
                self.split(group);
                return Ok(());
            }
            Answer::TooLarge(mut refusal) => {
                if refusal.reason.is_empty() {
                    refusal.reason = format!("the target takes no request of {bytes} bytes");
                }
                self.fail_all(&group, &reason(FailureClass::TooLarge, &refusal));
                return Ok(());
            }
            Answer::BadRequest(refusal) => refusal,
            // Handled by the caller: they take time.
            Answer::Results(_) | Answer::Busy { .. } | Answer::Fault { .. } => return Ok(()),
        };
        if group.positions.len() > 1 {
            self.split(group);
            return Ok(());
        }
        self.refused_alone = self.refused_alone.saturating_add(1);
        if self.refused_alone >= REFUSED_ALONE && !self.sink.succeeded_since(None) {
            return Err(self.refused(&refusal));
        }
        self.fail_all(&group, &reason(FailureClass::Refused, &refusal));
        Ok(())
    }

    /// The answer was lost, or is of no use.
    async fn lost(
        &mut self,
        mut group: Group,
        why: String,
        requested: Option<Duration>,
    ) -> Result<Option<Duration>, SinkError> {
        group.losses = group.losses.saturating_add(1);
        if self.is_budget_spent() && (self.others_succeed() || self.sink.answers().await) {
            return Ok(self.set_apart(group, why));
        }
        if group.positions.len() > 1 && group.losses >= LOSSES_BEFORE_SPLIT {
            let delay = self.delay(&group, &why, requested)?;
            self.sink.counters.add_resent(group.positions.len());
            self.split(Group { retries: group.retries.saturating_add(1), ..group });
            return Ok(Some(delay));
        }
        self.again(group, why, requested).map(Some)
    }

    /// The cluster has no room for the group.
    fn busy(
        &mut self,
        group: Group,
        why: String,
        requested: Option<Duration>,
    ) -> Result<Option<Duration>, SinkError> {
        // It may never have room for one of them: a document may be larger than what it takes at once.
        if self.is_budget_spent() && self.others_succeed() {
            return Ok(self.set_apart(group, why));
        }
        self.again(group, why, requested).map(Some)
    }

    /// Whether the cluster works on other requests while there is trouble with this batch.
    fn others_succeed(&self) -> bool {
        self.sink.succeeded_since(self.trouble.as_ref().map(|trouble| trouble.since))
    }

    /// Some operation of the group is why nothing comes of it, each time: it fails if it is alone, and is looked for otherwise.
    fn set_apart(&mut self, group: Group, why: String) -> Option<Duration> {
        if group.positions.len() == 1 {
            let (class, status, error_type) = (FailureClass::RetriesExhausted, None, None);
            self.fail_all(&group, &Reason { class, status, error_type, reason: why });
            return None;
        }
        self.sink.counters.add_resent(group.positions.len());
        self.split(group);
        Some(self.sink.settings.backoff.first)
    }

    /// Puts a group back, to be sent next; how long to wait before.
    fn again(
        &mut self,
        group: Group,
        why: String,
        requested: Option<Duration>,
    ) -> Result<Duration, SinkError> {
        let delay = self.delay(&group, &why, requested)?;
        self.sink.counters.add_resent(group.positions.len());
        self.groups.push(Group { retries: group.retries.saturating_add(1), ..group });
        Ok(delay)
    }

    fn is_budget_spent(&self) -> bool {
        let budget = self.sink.settings.retry_budget;
        self.trouble.as_ref().is_some_and(|trouble| trouble.since.elapsed() >= budget)
    }

    /// How long to wait before a group is sent again, unless the time for that is used up.
    fn delay(
        &mut self,
        group: &Group,
        why: &str,
        requested: Option<Duration>,
    ) -> Result<Duration, SinkError> {
        let is_spent = self.is_budget_spent();
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            since: Instant::now(),
            attempts: 0,
            last: String::new(),
        });
        trouble.attempts = trouble.attempts.saturating_add(1);
        why.clone_into(&mut trouble.last);
        let (waited, attempts) = (trouble.since.elapsed(), trouble.attempts);
        if is_spent {
            let waiting = self.groups.iter().map(|group| group.positions.len()).sum::<usize>();
            return Err(SinkError::Unavailable {
                url: self.sink.url(),
                index: self.index(),
                operations: waiting.saturating_add(group.positions.len()) as u64,
                waited,
                attempts,
                last: why.to_owned(),
            });
        }
        let delay = self.sink.settings.backoff.delay(group.retries, requested);
        let (index, operations) = (self.batch.index(), group.positions.len());
        tracing::warn!(%index, operations, attempts, ?delay, "bulk request to be sent again: {why}");
        Ok(delay)
    }

    /// Sends the first half next, and the second one after it.
    fn split(&mut self, group: Group) {
        let mut first = group.positions;
        let second = first.split_off(first.len() / 2);
        let half = |positions| Group { positions, retries: group.retries, losses: 0 };
        self.groups.push(half(second));
        self.groups.push(half(first));
    }

    fn may_be_done(&mut self, group: &Group, maybe_done: bool) {
        if maybe_done {
            group.positions.iter().for_each(|position| self.mark(*position));
        }
    }

    fn mark(&mut self, position: u32) {
        if self.maybe_done.insert(position) && self.batch.makes_id(position) {
            if self.outcome.possible_duplicates == 0 {
                let index = self.batch.index();
                tracing::warn!(%index, "operations without `_id` are sent again and may be there twice: their answer was lost");
            }
            self.outcome.possible_duplicates = self.outcome.possible_duplicates.saturating_add(1);
        }
    }

    fn fail_all(&mut self, group: &Group, reason: &Reason) {
        group.positions.iter().for_each(|position| self.fail(*position, reason));
        self.trouble = None; // A verdict is progress, also this one.
    }

    fn fail(&mut self, position: u32, reason: &Reason) {
        self.outcome.failed.push(FailedOperation {
            position,
            origin: self.batch.origin(position),
            id: self.batch.id(position),
            class: reason.class,
            status: reason.status,
            error_type: reason.error_type.clone(),
            reason: reason.reason.clone(),
            action: self.batch.action(position),
            source: self.batch.source(position),
        });
    }

    fn index(&self) -> String {
        self.batch.index().to_string()
    }

    fn denied(&self, answer: String) -> SinkError {
        SinkError::Denied { url: self.sink.url(), index: self.index(), answer }
    }

    fn refused(&self, refusal: &Refusal) -> SinkError {
        SinkError::Refused { url: self.sink.url(), index: self.index(), answer: refusal.words() }
    }
}

fn reason(class: FailureClass, refusal: &Refusal) -> Reason {
    Reason {
        class,
        status: Some(refusal.status),
        error_type: refusal.error_type.clone(),
        reason: refusal.reason.clone(),
    }
}

/// A result for messages.
fn words(result: &OperationResult) -> String {
    match error_of(result) {
        Some((type_name, reason)) => format!("status {} `{type_name}`: {reason}", result.status),
        None => format!("status {}", result.status),
    }
}
