//! Notes: a short text beside a committed offset, which every member of the group can read.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use tokio::sync::oneshot;

use super::KafkaSource;
use super::clerk::Question;
use super::reader::Reader;
use super::trouble::failed;
use crate::error::{Error, Result};

/// Bytes of a note, at most. Brokers take 4096 where nothing else is set.
const MOST: usize = 512;

/// Who looks for notes, and waits for them.
pub(super) type Look = oneshot::Sender<KafkaResult<Vec<String>>>;

/// The notes of the group.
#[derive(Default)]
pub(super) struct Notes(Mutex<State>);

#[derive(Default)]
struct State {
    /// What commits carry.
    own: Option<Arc<str>>,
    /// It is to be committed although nothing else is.
    is_announced: bool,
    /// What the commits of the group carried when they were looked at last.
    found: Vec<String>,
}

impl Notes {
    pub(super) fn set(&self, note: &str, at_once: bool) {
        let mut state = self.state();
        state.own = Some(note.into());
        state.is_announced = at_once;
    }

    pub(super) fn own(&self) -> Option<Arc<str>> {
        self.state().own.clone()
    }

    pub(super) fn found(&self) -> Vec<String> {
        self.state().found.clone()
    }

    pub(super) fn note_found(&self, found: Vec<String>) {
        self.state().found = found;
    }

    /// Poison is of no concern: whoever holds the lock only moves values.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KafkaSource {
    /// From now on every commit carries this note, for all members of the group to read. With `at_once` one is made for that, of a
    /// partition that is read here, as soon as there is one: at the offset where the group is.
    ///
    /// # Errors
    ///
    /// The note has more than 512 bytes.
    pub fn note(&self, note: &str, at_once: bool) -> Result<()> {
        if note.len() > MOST {
            return Err(Error::InvalidOption {
                option: "the note of commits",
                value: format!("{}…", note.chars().take(40).collect::<String>()),
                reason: format!("it has {} bytes, {} at most", note.len(), MOST),
            });
        }
        self.shared.notes.set(note, at_once);
        self.shared.alarm.ring();
        Ok(())
    }

    /// The notes that the group's commits of all partitions carried when partitions came last, or when they were looked for since:
    /// each once. Anybody who may commit for the group can write them.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.shared.notes.found()
    }

    /// Asks the brokers for the notes of the group's commits.
    ///
    /// # Errors
    ///
    /// The brokers do not answer, or too much is asked.
    pub async fn look_for_notes(&self) -> Result<Vec<String>> {
        let (look, found) = oneshot::channel();
        self.shared.look(look);
        let found = found.await.unwrap_or(Err(KafkaError::Canceled));
        found.map_err(|error| failed("read the notes of the group's commits", &self.brokers, &error))
    }
}

impl Reader {
    /// Has one partition committed where it is, if that is asked for, so that others find the note.
    pub(super) fn announce(&mut self) {
        let mut state = self.shared.notes.state();
        if !state.is_announced || self.options.group.is_none() {
            return;
        }
        if let Some(partition) = self.partitions.values_mut().find(|partition| !partition.is_leaving) {
            state.is_announced = false;
            partition.commits.repeat();
        }
    }

    /// Has the brokers asked. Who looks hears nothing when too much is asked already.
    pub(super) fn look(&self, look: Look) {
        if self.options.group.is_none() {
            let _ = look.send(Ok(Vec::new())); // Whoever asked may have gone.
            return;
        }
        self.scout.ask(Question::Notes(look));
    }
}

/// The notes of committed offsets, each once. What is too long, or no text, is none of ours.
pub(super) fn of(list: &TopicPartitionList) -> Vec<String> {
    let elements = list.elements();
    let notes: BTreeSet<String> =
        elements.iter().filter(|element| element.error().is_ok()).filter_map(note).collect();
    notes.into_iter().collect()
}

fn note(element: &TopicPartitionListElem<'_>) -> Option<String> {
    // rdkafka panics where the bytes are no UTF-8, and anybody who may commit for the group can write them.
    let text = catch_unwind(AssertUnwindSafe(|| {
        let text = element.metadata();
        (!text.is_empty() && text.len() <= MOST).then(|| text.to_owned())
    }));
    text.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_is_found_once_and_none_that_is_empty_or_too_long() {
        let mut list = TopicPartitionList::new();
        let longest = "y".repeat(MOST);
        for (partition, note) in ["b", "a", "b", "", &longest, &format!("{longest}y")].iter().enumerate() {
            let mut element = list.add_partition("t", i32::try_from(partition).unwrap());
            if !note.is_empty() {
                element.set_metadata(note);
            }
        }
        assert_eq!(of(&list), ["a", "b", &longest]);
    }
}
