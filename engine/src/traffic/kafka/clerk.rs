//! Asks the brokers what blocks, in a thread of its own, so that the one that polls goes on polling.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Client;
use super::options::KafkaStart;
use super::place::{self, Place};
use super::shared::Shared;

/// Questions that wait; there is at most one for each partition.
const WAITING: usize = 1024;

/// A question to the brokers.
pub(super) enum Question {
    /// Where reading these partitions begins.
    Places { partitions: Vec<i32>, start: Option<KafkaStart> },
    /// Whether they take note that the group has done what comes before the offset.
    Commit { partition: i32, offset: i64 },
}

/// The answer.
pub(super) enum Answer {
    Places(KafkaResult<Vec<Place>>),
    Commit { partition: i32, offset: i64, result: KafkaResult<()> },
}

/// A thread that asks.
pub(super) struct Clerk {
    questions: SyncSender<Question>,
    thread: JoinHandle<()>,
}

impl Clerk {
    pub(super) fn start(
        name: &str,
        client: Arc<Client>,
        topic: Arc<str>,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let (sender, questions) = sync_channel(WAITING);
        let thread =
            Builder::new().name(name.to_owned()).spawn(move || work(&questions, &client, &topic, &shared))?;
        Ok(Self { questions: sender, thread })
    }

    /// Asks; false when too much waits already.
    pub(super) fn ask(&self, question: Question) -> bool {
        match self.questions.try_send(question) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Lets the thread end, and waits for that, but not longer: a question to brokers that are gone takes its time.
    pub(super) fn end(self, longest: Duration) {
        drop(self.questions);
        let deadline = Instant::now() + longest;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn work(questions: &Receiver<Question>, client: &Client, topic: &str, shared: &Shared) {
    for question in questions {
        let answer = match question {
            Question::Places { partitions, start } => {
                Answer::Places(place::ask(client, topic, &partitions, start))
            }
            Question::Commit { partition, offset } => {
                Answer::Commit { partition, offset, result: commit(client, topic, partition, offset) }
            }
        };
        shared.answer(answer);
    }
}

/// One partition at a time: the result of several is that of the request, even if one of them failed.
fn commit(client: &Client, topic: &str, partition: i32, offset: i64) -> KafkaResult<()> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    client.commit(&list, CommitMode::Sync)
}
