//! Reads files into a stream, on a thread that may wait.

use super::super::ledger::Ledger;
use super::super::quarantine::{Quarantine, QuarantineKind, Quarantined};
use super::super::record::Record;
use super::super::stream::{RecordSender, Stopped};
use super::find::{Capture, FileSource, by_name, io_error};
use super::input::Input;
use super::records::{Entry, Next, Records};
use crate::error::{Error, Operation};
use crate::flow::{MemoryBudget, MemoryPermit};
use bytes::Bytes;
use codecs::traffic::record::{Timestamp, TrafficStream};
use futures::FutureExt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long room for many records is waited for, where there is none for one.
const ROOM: Duration = Duration::from_millis(50);

/// Reads all files, one after the other, as long as somebody wants records.
pub(super) fn read_all(
    source: &FileSource,
    memory: &MemoryBudget,
    quarantine: &Quarantine,
    sender: RecordSender,
    runtime: &Handle,
) {
    let mut reading = Reading { memory, quarantine, sender, runtime };
    for capture in &source.captures {
        if reading.capture(capture) == Err(Stopped) {
            return;
        }
    }
    let _ = reading.flush(); // Whoever does not want the last records has stopped, and knows.
}

/// What reading needs, whatever the file.
struct Reading<'a> {
    memory: &'a MemoryBudget,
    quarantine: &'a Quarantine,
    sender: RecordSender,
    runtime: &'a Handle,
}

/// A file, or several with one ledger.
struct Book {
    ledger: Ledger,
    /// The number of the next record.
    next: i64,
}

impl Reading<'_> {
    fn capture(&mut self, capture: &Capture) -> Result<(), Stopped> {
        let mut book = Book { ledger: Ledger::new(capture.name(), 0, 0), next: 0 };
        match capture {
            Capture::Stdin => {
                let input = Input::open(io::stdin());
                self.file(Path::new("stdin"), input, &mut book)
            }
            Capture::File(path) => self.open(path, &mut book),
            Capture::Raw(_, files) => {
                in_order_of_time(files).iter().try_for_each(|path| self.open(path, &mut book))
            }
        }
    }

    fn open(&mut self, path: &Path, book: &mut Book) -> Result<(), Stopped> {
        self.file(path, File::open(path).and_then(Input::open), book)
    }

    fn file(&mut self, path: &Path, input: io::Result<Input>, book: &mut Book) -> Result<(), Stopped> {
        let mut records = match input {
            Ok(input) => Records::new(input),
            Err(error) => return self.fail(io_error(path, Operation::Read, error)),
        };
        loop {
            match records.next() {
                Next::End => return Ok(()),
                Next::Entry(entry) => self.entry(path, entry, book)?,
                Next::More => {
                    self.flush()?; // More may take its time, if it comes through a pipe.
                    if let Err(error) = records.fill() {
                        return self.fail(io_error(path, Operation::Read, error));
                    }
                }
            }
        }
    }

    fn entry(&mut self, path: &Path, entry: Entry, book: &mut Book) -> Result<(), Stopped> {
        let token = book.ledger.track(book.next);
        book.next = book.next.saturating_add(1);
        match entry {
            Entry::Record { key, value } => {
                let memory = self.reserve(&value)?;
                if self.sender.put(Record { token, key, value, memory }) { self.flush() } else { Ok(()) }
            }
            Entry::Bad { reason, bytes } => {
                self.quarantine.put(&Quarantined {
                    kind: QuarantineKind::Line,
                    token: &token,
                    key: None,
                    connection: None,
                    reason: &format!("`{}`: {reason}", path.display()),
                    value: &[&bytes],
                });
                Ok(())
            }
        }
    }

    /// Waits for memory. What was read before is on its way then: that it is used is what gives memory back.
    fn reserve(&mut self, value: &Bytes) -> Result<MemoryPermit, Stopped> {
        let bytes = value.len() as u64;
        if let Some(permit) = self.memory.reserve(bytes).now_or_never() {
            return Ok(permit);
        }
        self.flush()?;
        // For more than that, for a moment: it would be woken up for each record that others are done with.
        let room = bytes.saturating_add(self.memory.bytes() / 16);
        let waited =
            self.runtime.block_on(async { tokio::time::timeout(ROOM, self.memory.reserve(room)).await });
        match waited {
            Ok(mut permit) => {
                permit.shrink(bytes);
                Ok(permit)
            }
            Err(_) => Ok(self.runtime.block_on(self.memory.reserve(bytes))),
        }
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        self.runtime.block_on(self.sender.flush())
    }

    fn fail(&mut self, error: Error) -> Result<(), Stopped> {
        self.runtime.block_on(self.sender.fail(error))
    }
}

/// Files with one raw record each, in the order in which these ended, so that connections come as they were side by side. What
/// cannot be read comes first, and is found to be so again.
fn in_order_of_time(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut timed: Vec<_> = files.iter().map(|path| (last_time(path), path)).collect();
    let name = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
    timed.sort_by(|(time, path), (other_time, other)| {
        time.cmp(other_time).then_with(|| by_name(&name(path), &name(other)))
    });
    timed.into_iter().map(|(_, path)| path.clone()).collect()
}

/// When the last observation of the record in a file was.
fn last_time(path: &Path) -> Option<(i64, i32)> {
    let mut records = Records::new(File::open(path).and_then(Input::open).ok()?);
    loop {
        match records.next() {
            Next::More => records.fill().ok()?,
            Next::Entry(Entry::Record { value, .. }) => {
                let stream = TrafficStream::decode_record(value).ok()?;
                let Timestamp { seconds, nanos } = stream.observations.last()?.at?;
                return Some((seconds, nanos));
            }
            Next::Entry(Entry::Bad { .. }) | Next::End => return None,
        }
    }
}
