//! The lines of tuples: made where the exchange ended, counted as long as their text is held.

use super::outcome::Finished;
use super::workers::Workers;
use crate::flow::MemoryPermit;
use codecs::traffic::tuple::TupleSettings;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Exchanges of more bytes are written on a thread that does not wait for the network.
const INLINE: usize = 64 << 10;

/// Makes lines.
#[derive(Debug, Clone)]
pub(super) struct LineMaker {
    /// None where there are no tuples.
    pub(super) settings: Option<TupleSettings>,
    /// Bytes of tuples that wait.
    pub(super) backlog: Arc<AtomicU64>,
    pub(super) workers: Workers,
}

/// The text of a tuple, with its line feed. It counts as one that waits until it is dropped.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    backlog: Arc<AtomicU64>,
}

/// A tuple, with the memory that it takes.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: Text,
    /// The number of its request in its connection, which gives the order of requests of one record.
    pub(super) index: u64,
    /// Given back when the line is compressed.
    pub(super) memory: Vec<Arc<MemoryPermit>>,
}

impl LineMaker {
    /// Writes the line of an exchange of which everything is known, unless that was done, or there are no tuples.
    pub(super) async fn write(&self, mut finished: Finished) -> Finished {
        let Some(settings) = self.settings.filter(|_| finished.text.is_none()) else { return finished };
        let backlog = Arc::clone(&self.backlog);
        let is_large = finished.bytes() > INLINE;
        let write = move || {
            finished.text = Some(Text::new(finished.line(&settings), backlog));
            finished
        };
        if is_large { self.workers.run(write).await } else { write() }
    }
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>, backlog: Arc<AtomicU64>) -> Self {
        backlog.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Self { bytes, backlog }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.backlog.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}
