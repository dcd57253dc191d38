//! Asks the brokers what blocks, in a thread of its own, so that the one that polls goes on polling.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::commits::Ended;
use super::context::Client;
use super::notes::{self, Look};
use super::options::KafkaStart;
use super::place::{self, Found};
use super::probe;
use super::shared::Shared;
use crate::traffic::Ledger;

/// Questions that wait; there is at most one for each partition.
const WAITING: usize = 1024;

/// A question to the brokers.
pub(super) enum Question {
    /// Where reading these partitions begins.
    Places { partitions: Vec<i32>, start: Option<KafkaStart> },
    /// Whether they take note that the group has done what comes before the offset.
    Commit { ledger: Ledger, offset: i64, note: Option<Arc<str>>, ended: Ended },
    /// Which notes the commits of the group carry.
    Notes(Look),
}

/// The answer.
pub(super) enum Answer {
    Places(KafkaResult<Found>),
    Commit { ledger: Ledger, offset: i64, result: KafkaResult<()> },
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
        partitions: Vec<i32>,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let (sender, questions) = sync_channel(WAITING);
        let mut work = Work { client, topic, partitions, shared };
        let thread = Builder::new().name(name.to_owned()).spawn(move || work.run(&questions))?;
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

/// What the thread works with.
struct Work {
    client: Arc<Client>,
    topic: Arc<str>,
    /// All partitions of the topic, as far as they are known.
    partitions: Vec<i32>,
    shared: Arc<Shared>,
}

impl Work {
    fn run(&mut self, questions: &Receiver<Question>) {
        for question in questions {
            match question {
                Question::Places { partitions, start } => {
                    let found = place::ask(&self.client, &self.topic, &partitions, &self.partitions, start);
                    self.shared.answer(Answer::Places(found));
                }
                Question::Commit { ledger, offset, note, ended } => {
                    // It waited for others: meanwhile the group may be at another offset by what another member did.
                    let result = match ended.is_true() {
                        true => Err(KafkaError::Canceled),
                        false => self.commit(ledger.partition(), offset, note.as_deref()),
                    };
                    self.shared.answer(Answer::Commit { ledger, offset, result });
                }
                // Whoever asked may have gone.
                Question::Notes(look) if look.is_closed() => {}
                Question::Notes(look) => {
                    let _ = look.send(self.notes());
                }
            }
        }
    }

    /// One partition at a time: the result of several is that of the request, even if one of them failed.
    fn commit(&self, partition: i32, offset: i64, note: Option<&str>) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(1);
        let mut element = list.add_partition(&self.topic, partition);
        element.set_offset(Offset::Offset(offset))?;
        if let Some(note) = note.filter(|note| !note.is_empty()) {
            element.set_metadata(note);
        }
        self.client.commit(&list, CommitMode::Sync)
    }

    fn notes(&mut self) -> KafkaResult<Vec<String>> {
        // There may be more partitions than there were.
        self.partitions = probe::metadata(&self.client, &self.topic)?;
        let committed = place::committed(&self.client, &self.topic, &self.partitions)?;
        let notes = notes::of(&committed);
        self.shared.notes.note_found(notes.clone());
        Ok(notes)
    }
}
