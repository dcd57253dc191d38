//! Commits of one partition: one after the other, each tried for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaResult;
use tokio::sync::oneshot;

use super::trouble::{Reason, failed, is_passing};
use crate::error::{Error, Result};
use crate::flow::Backoff;

/// How long a commit is tried.
const LONGEST: Duration = Duration::from_secs(60);
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// Times that a commit that nobody waits for is tried again.
const MOST_REPETITIONS: u32 = 10;

/// Whether commits of a partition have ended. Its ledger may be revoked before: what was asked for then is still committed.
#[derive(Clone, Default)]
pub(super) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(super) fn is_true(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Commits of one partition.
pub(super) struct Commits {
    /// What the brokers are known to have taken note of.
    committed: Option<i64>,
    /// Where reading began.
    begin: i64,
    waiting: Vec<Commit>,
    /// What is committed is to be committed once more, for its note.
    repeats: bool,
    /// The offset that was sent and not answered yet, and whether it is such a repetition.
    sent: Option<(i64, bool)>,
    retries: u32,
    due: Instant,
    ended: Ended,
}

struct Commit {
    offset: i64,
    since: Instant,
    /// Who waits for it; nobody for a commit that nobody asked for.
    reply: Option<oneshot::Sender<Result<()>>>,
}

impl Commits {
    pub(super) fn new(committed: Option<i64>, begin: i64) -> Self {
        let (waiting, due) = (Vec::new(), Instant::now());
        Self {
            committed,
            begin,
            waiting,
            repeats: false,
            sent: None,
            retries: 0,
            due,
            ended: Ended::default(),
        }
    }

    /// Has a commit sent even if there is nothing new: of what is committed, or of where reading began.
    pub(super) fn repeat(&mut self) {
        self.repeats = true;
    }

    /// Adds one. What is committed already is answered at once.
    pub(super) fn add(&mut self, offset: i64, reply: Option<oneshot::Sender<Result<()>>>) {
        if self.committed.is_some_and(|committed| offset <= committed) {
            return answer(reply, Ok(()));
        }
        self.waiting.push(Commit { offset, since: Instant::now(), reply });
    }

    /// The offset to be sent now: the furthest of all that wait. Never one before what is committed.
    pub(super) fn to_send(&self, now: Instant) -> Option<i64> {
        if self.sent.is_some() || now < self.due || self.ended.is_true() {
            return None;
        }
        let furthest = self.waiting.iter().map(|commit| commit.offset).max();
        furthest.or_else(|| self.repeats.then(|| self.committed.unwrap_or(self.begin)))
    }

    /// Takes note that an offset was sent.
    pub(super) fn sent(&mut self, offset: i64) {
        self.sent = Some((offset, std::mem::take(&mut self.repeats)));
    }

    /// Sends nothing more: the partition is another member's. What waits to be sent elsewhere is not sent either.
    pub(super) fn end(&self) {
        self.ended.0.store(true, Ordering::Release);
    }

    /// For those who send.
    pub(super) fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_none()
    }

    /// Takes the brokers' answer. `name` says which partition of which topic.
    pub(super) fn answered(&mut self, offset: i64, result: KafkaResult<()>, name: &str, brokers: &str) {
        let is_repetition = self.sent.take().is_some_and(|(_, repeats)| repeats);
        let error = match result {
            Ok(()) => {
                self.committed = self.committed.max(Some(offset));
                self.retries = 0;
                for commit in self.waiting.extract_if(.., |commit| commit.offset <= offset) {
                    answer(commit.reply, Ok(()));
                }
                return;
            }
            Err(error) => error,
        };
        let passes = error.rdkafka_error_code().is_some_and(is_passing);
        self.due = Instant::now() + BACKOFF.delay(self.retries, None);
        self.retries = self.retries.saturating_add(1);
        self.repeats |= is_repetition && passes && self.retries <= MOST_REPETITIONS;
        let given_up =
            |commit: &mut Commit| commit.offset <= offset && (!passes || commit.since.elapsed() >= LONGEST);
        for commit in self.waiting.extract_if(.., given_up) {
            answer(commit.reply, Err(failed(attempt(commit.offset, name), brokers, &error)));
        }
    }

    /// Gives up all that wait: the partition is not read here any more.
    pub(super) fn give_up(&mut self, name: &str, brokers: &str) {
        self.end();
        for commit in self.waiting.drain(..) {
            answer(commit.reply, Err(revoked(commit.offset, name, brokers)));
        }
    }
}

fn attempt(offset: i64, name: &str) -> String {
    format!("commit offset {offset} of {name}")
}

/// The error of a commit for a partition that is not read here any more.
pub(super) fn revoked(offset: i64, name: &str, brokers: &str) -> Error {
    refused(
        offset,
        name,
        brokers,
        "the partition is not read here any more: it was given to another member of the group",
    )
}

/// The error of a commit that cannot be meant.
pub(super) fn refused(offset: i64, name: &str, brokers: &str, reason: &str) -> Error {
    let source = Box::new(Reason(reason.to_owned()));
    Error::Kafka { attempt: attempt(offset, name), brokers: brokers.to_owned(), source, hint: None }
}

fn answer(reply: Option<oneshot::Sender<Result<()>>>, result: Result<()>) {
    if let Some(reply) = reply {
        // Whoever asked may have gone.
        let _ = reply.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    fn refusal(code: RDKafkaErrorCode) -> KafkaResult<()> {
        Err(KafkaError::ConsumerCommit(code))
    }

    fn add(commits: &mut Commits, offset: i64) -> oneshot::Receiver<Result<()>> {
        let (reply, receiver) = oneshot::channel();
        commits.add(offset, Some(reply));
        receiver
    }

    fn text(receiver: &mut oneshot::Receiver<Result<()>>) -> String {
        match receiver.try_recv() {
            Err(_) => "none".to_owned(),
            Ok(Ok(())) => "done".to_owned(),
            Ok(Err(error)) => crate::error::chain(&error),
        }
    }

    #[test]
    fn commits_that_wait_become_one() {
        let mut commits = Commits::new(Some(5), 5);
        let mut replies = [5, 7, 9].map(|offset| add(&mut commits, offset));
        assert_eq!(text(&mut replies[0]), "done");
        let offset = commits.to_send(Instant::now()).unwrap();
        assert_eq!(offset, 9);
        commits.sent(offset);
        let mut late = add(&mut commits, 11);
        assert_eq!(commits.to_send(Instant::now()), None);
        commits.answered(9, Ok(()), "t-0", "b");
        assert_eq!((text(&mut replies[1]), text(&mut replies[2])), ("done".to_owned(), "done".to_owned()));
        assert_eq!((text(&mut late).as_str(), commits.to_send(Instant::now())), ("none", Some(11)));
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_an_error() {
        let mut commits = Commits::new(None, 0);
        let mut reply = add(&mut commits, 3);
        commits.sent(3);
        commits.answered(3, refusal(RDKafkaErrorCode::RebalanceInProgress), "t-0", "b");
        assert_eq!(text(&mut reply), "none");
        assert_eq!(commits.to_send(Instant::now() + BACKOFF.longest), Some(3));
        commits.sent(3);
        commits.answered(
            3,
            refusal(RDKafkaErrorCode::UnknownMemberId),
            "partition 0 of topic `t`",
            "kafka:9092",
        );
        assert_eq!(
            text(&mut reply),
            "could not commit offset 3 of partition 0 of topic `t` at the Kafka brokers `kafka:9092`: UnknownMemberId \
             (Broker: Unknown member)"
        );
        assert!(commits.is_idle());
    }

    #[test]
    fn a_repetition_commits_where_the_group_is_and_never_goes_back() {
        let mut commits = Commits::new(None, 4);
        assert_eq!(commits.to_send(Instant::now()), None);
        commits.repeat();
        assert_eq!(commits.to_send(Instant::now()), Some(4));
        let mut reply = add(&mut commits, 9);
        assert_eq!(commits.to_send(Instant::now()), Some(9));
        commits.sent(9);
        commits.repeat(); // The note is another one by now.
        commits.answered(9, Ok(()), "t-0", "b");
        assert_eq!((text(&mut reply).as_str(), commits.to_send(Instant::now())), ("done", Some(9)));
        commits.sent(9);
        commits.answered(9, refusal(RDKafkaErrorCode::RebalanceInProgress), "t-0", "b");
        assert_eq!(commits.to_send(Instant::now() + BACKOFF.longest), Some(9));
        commits.sent(9);
        commits.answered(9, refusal(RDKafkaErrorCode::UnknownMemberId), "t-0", "b");
        assert_eq!(commits.to_send(Instant::now() + BACKOFF.longest), None);
    }
}
