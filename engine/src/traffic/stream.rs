//! Records on their way from where they are read to where they are used.

use super::kafka::Input;
use super::record::Record;
use crate::error::{Error, Result};
use std::vec;
use tokio::sync::mpsc;

/// Batches that wait, at most.
const QUEUED: usize = 16;

/// A batch has no more records,
const BATCH_RECORDS: usize = 64;

/// and once it has so many bytes, no further ones.
const BATCH_BYTES: usize = 256 << 10;

/// Records, one after the other, from wherever they come.
#[derive(Debug)]
pub struct RecordStream {
    batches: mpsc::Receiver<Result<Vec<Record>>>,
    batch: vec::IntoIter<Record>,
}

/// The other end of a [`RecordStream`].
#[derive(Debug)]
pub struct RecordSender {
    batches: mpsc::Sender<Result<Vec<Record>>>,
    batch: Vec<Record>,
    bytes: usize,
}

/// Nobody wants records any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// A stream, and its other end.
#[must_use]
pub fn record_stream() -> (RecordSender, RecordStream) {
    let (sender, batches) = mpsc::channel(QUEUED);
    let sender = RecordSender { batches: sender, batch: Vec::new(), bytes: 0 };
    (sender, RecordStream { batches, batch: Vec::new().into_iter() })
}

impl RecordStream {
    /// The records of a topic, up to where all is read that there was at first. `source` is kept until then.
    ///
    /// To be called in a runtime of Tokio.
    #[must_use]
    pub fn of_inputs(inputs: mpsc::Receiver<Input>, source: impl Send + 'static) -> Self {
        let (sender, stream) = record_stream();
        // It ends when the stream is dropped, with the next input.
        tokio::spawn(async move {
            let _ = pass_on(inputs, sender).await;
            drop(source);
        });
        stream
    }

    /// The next record; none at the end. After an error there may be more.
    pub async fn next(&mut self) -> Option<Result<Record>> {
        loop {
            if let Some(record) = self.batch.next() {
                return Some(Ok(record));
            }
            match self.batches.recv().await? {
                Ok(batch) => self.batch = batch.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

async fn pass_on(mut inputs: mpsc::Receiver<Input>, mut sender: RecordSender) -> Result<(), Stopped> {
    loop {
        let input = match inputs.try_recv() {
            Ok(input) => Some(input),
            Err(_) => {
                sender.flush().await?;
                inputs.recv().await
            }
        };
        match input {
            Some(Input::Record(record)) => sender.send(record).await?,
            Some(Input::Assigned(_)) => {}
            Some(Input::Revoked(_, done)) => {
                let _ = done.send(()); // Nothing is committed.
            }
            Some(Input::Failed(error)) => return sender.fail(error).await,
            Some(Input::CaughtUp) | None => return sender.flush().await,
        }
    }
}

impl RecordSender {
    /// Puts a record into the stream. It may not be on its way yet: see [`Self::flush`].
    ///
    /// # Errors
    ///
    /// [`Stopped`]
    pub async fn send(&mut self, record: Record) -> Result<(), Stopped> {
        if self.put(record) { self.flush().await } else { Ok(()) }
    }

    /// The same, without going so far as to send: whether [`Self::flush`] is due.
    pub(super) fn put(&mut self, record: Record) -> bool {
        self.bytes = self.bytes.saturating_add(record.value.len());
        self.batch.push(record);
        self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    /// Puts an error into the stream, behind the records so far.
    ///
    /// # Errors
    ///
    /// [`Stopped`]
    pub async fn fail(&mut self, error: Error) -> Result<(), Stopped> {
        self.flush().await?;
        self.batches.send(Err(error)).await.map_err(|_| Stopped)
    }

    /// Sends the records so far on their way. To be called before anything is waited for.
    ///
    /// # Errors
    ///
    /// [`Stopped`]
    pub async fn flush(&mut self) -> Result<(), Stopped> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return if self.batches.is_closed() { Err(Stopped) } else { Ok(()) };
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_RECORDS));
        self.batches.send(Ok(batch)).await.map_err(|_| Stopped)
    }
}
