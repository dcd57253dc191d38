//! Operations on the same document, in the order of the source.

use super::route::{DocumentKey, Keys};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Who was the last to work on which document. Clones share it.
///
/// Whoever takes a [`Ticket`] works on its documents after all who took one for any of them before. So tickets have to be
/// taken in the order of the source, also by requests of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct DocumentOrder(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    of_document: HashMap<DocumentKey, Arc<Done>>,
    /// The last one that concerned any document, if it is not through.
    of_all: Option<Arc<Done>>,
}

#[derive(Debug)]
struct Done {
    /// Closed when the request is through, or given up.
    gate: Semaphore,
    /// Of one that was given up: whom it still waited for. Who waits for it waits for them.
    left: Mutex<Vec<Arc<Done>>>,
}

/// The place of one request. Who comes after it waits until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    order: DocumentOrder,
    keys: Vec<DocumentKey>,
    before: Vec<Arc<Done>>,
    done: Arc<Done>,
}

impl DocumentOrder {
    /// A place behind all who have one for any of these documents; a barrier has one behind all before it, and before all after it.
    #[must_use]
    pub(super) fn ticket(&self, keys: Keys) -> Ticket {
        let Keys { documents: mut keys, is_barrier } = keys;
        keys.sort_unstable();
        keys.dedup();
        let done = Arc::new(Done { gate: Semaphore::new(0), left: Mutex::default() });
        let mut before: Vec<Arc<Done>> = Vec::new();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before.extend(last.of_all.clone());
        if is_barrier {
            before.extend(last.of_document.drain().map(|(_, other)| other));
            last.of_all = Some(Arc::clone(&done));
        }
        for key in &keys {
            before.extend(last.of_document.insert(*key, Arc::clone(&done)));
        }
        drop(last);
        before.sort_unstable_by_key(Arc::as_ptr);
        before.dedup_by(|one, other| Arc::ptr_eq(one, other));
        Ticket { order: self.clone(), keys, before, done }
    }

    /// Documents that somebody works on, or waits for.
    #[cfg(test)]
    fn documents(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).of_document.len()
    }
}

impl Ticket {
    /// Waits for those before.
    pub(super) async fn turn(&mut self) {
        while let Some(other) = self.before.last() {
            let _ = other.gate.acquire().await; // It has no permit: this ends when it is closed.
            let left = other.left.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.before.pop();
            self.before.extend(left);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let before = std::mem::take(&mut self.before);
        *self.done.left.lock().unwrap_or_else(PoisonError::into_inner) = before;
        self.done.gate.close();
        let mut last = self.order.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.of_all.as_ref().is_some_and(|other| Arc::ptr_eq(other, &self.done)) {
            last.of_all = None;
        }
        for key in &self.keys {
            if let Entry::Occupied(entry) = last.of_document.entry(*key)
                && Arc::ptr_eq(entry.get(), &self.done)
            {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[u32]) -> Keys {
        let documents = ids.iter().map(|id| DocumentKey::new("index", &id.to_string())).collect();
        Keys { documents, is_barrier: false }
    }

    #[tokio::test]
    async fn the_same_document_waits_and_others_do_not() {
        let order = DocumentOrder::default();
        let mut first = order.ticket(of(&[1, 2, 2]));
        let mut other = order.ticket(of(&[3]));
        let second = order.ticket(of(&[2, 3]));
        let third = order.ticket(of(&[1, 2]));
        first.turn().await;
        other.turn().await;
        let log = Arc::new(Mutex::new(Vec::new()));
        let wait = |name, mut ticket: Ticket| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                ticket.turn().await;
                log.lock().unwrap().push(name);
            })
        };
        let (second, third) = (wait("second", second), wait("third", third));
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(log.lock().unwrap().is_empty(), "the second waits for another one too");
        drop(other);
        second.await.unwrap();
        third.await.unwrap();
        assert_eq!((log.lock().unwrap().as_slice(), order.documents()), (["second", "third"].as_slice(), 0));
    }

    #[tokio::test]
    async fn one_who_gives_up_while_waiting_does_not_hold_up_those_behind() {
        let order = DocumentOrder::default();
        let first = order.ticket(of(&[1]));
        let second = order.ticket(of(&[1]));
        let mut third = order.ticket(of(&[1]));
        drop(second);
        let turn = tokio::spawn(async move { third.turn().await });
        tokio::task::yield_now().await;
        assert!(!turn.is_finished(), "the first is still at work");
        drop(first);
        turn.await.unwrap();
    }

    #[tokio::test]
    async fn what_concerns_all_documents_waits_for_all_before_and_is_waited_for_by_all_after() {
        let order = DocumentOrder::default();
        let first = order.ticket(of(&[1]));
        let mut all = order.ticket(Keys { documents: Vec::new(), is_barrier: true });
        let mut later = order.ticket(of(&[7]));
        let all = tokio::spawn(async move {
            all.turn().await;
            all
        });
        let later = tokio::spawn(async move { later.turn().await });
        tokio::task::yield_now().await;
        assert!(!all.is_finished() && !later.is_finished());
        drop(first);
        let all = all.await.unwrap();
        tokio::task::yield_now().await;
        assert!(!later.is_finished());
        drop(all);
        later.await.unwrap();
        order.ticket(of(&[7])).turn().await;
    }
}
