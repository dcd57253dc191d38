//! Where records and requests go that cannot be used.
//!
//! One line of JSON each:
//!
//! | field                          | what                                                                      |
//! |--------------------------------|---------------------------------------------------------------------------|
//! | `kind`                         | `record`, `line` (of a file) or `request`                                 |
//! | `topic`, `partition`, `offset` | where it came from; of a request, the record with its first byte           |
//! | `key`                          | the key of the record, if it has one                                      |
//! | `connection`                   | of a request: the id of its connection                                    |
//! | `reason`                       | what is wrong                                                             |
//! | `length`                       | bytes that there are                                                      |
//! | `value`                        | these bytes in base64; the first of them if there are too many            |

use super::ledger::Token;
use crate::error::{Access, Error, Operation, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are written of one value, at most: more than a broker takes as it is set up by default.
const MOST_VALUE: usize = 16 << 20;

/// When the file has so many bytes, values are left out.
const MOST_FILE: u64 = 4 << 30;

/// Takes note of what cannot be used. Clones share the file.
#[derive(Debug, Clone, Default)]
pub struct Quarantine(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    written: u64,
    entries: u64,
    failure: Option<io::ErrorKind>,
}

/// What kind of thing cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineKind {
    /// A record that is no captured traffic.
    Record,
    /// A line, or other part, of a file that holds no record.
    Line,
    /// Bytes that a client sent which are no request that could be replayed.
    Request,
}

/// What cannot be used, and why.
#[derive(Debug)]
pub struct Quarantined<'a> {
    /// What it is.
    pub kind: QuarantineKind,
    /// The record that it is, or that its first byte is in.
    pub token: &'a Token,
    /// The key of the record.
    pub key: Option<&'a [u8]>,
    /// The id of the connection.
    pub connection: Option<&'a str>,
    /// What is wrong.
    pub reason: &'a str,
    /// All bytes, or all that there are, in pieces.
    pub value: &'a [&'a [u8]],
}

#[derive(Serialize)]
struct Line<'a> {
    kind: QuarantineKind,
    topic: &'a str,
    partition: i32,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    reason: &'a str,
    length: usize,
    value: String,
}

impl Quarantine {
    /// Entries are appended to a file that is made at the first one, readable by its owner only: they are captured bytes,
    /// credentials included. Without a path they are logged, without their bytes.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { path, state: Mutex::default() }))
    }

    /// Takes note. An entry that cannot be written is logged as an error, its record is abandoned, so that nothing is committed
    /// over it, and [`Self::check`] says so from then on.
    pub fn put(&self, entry: &Quarantined<'_>) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.entries = state.entries.saturating_add(1);
        let (ledger, offset) = (entry.token.ledger(), entry.token.offset());
        let (topic, partition, kind) = (&**ledger.topic(), ledger.partition(), entry.kind);
        if let Err(error) = self.write(&mut state, entry) {
            tracing::error!(topic, partition, offset, ?kind, reason = entry.reason, %error, "could not write the quarantine");
            entry.token.abandon();
            state.failure = Some(error.kind());
        } else if state.entries <= 10 || state.entries.is_power_of_two() {
            let (connection, entries) = (entry.connection, state.entries);
            let key = entry.key.map(String::from_utf8_lossy);
            let key = key.as_deref();
            tracing::warn!(
                topic,
                partition,
                offset,
                ?kind,
                key,
                connection,
                entries,
                reason = entry.reason,
                "quarantined"
            );
        }
    }

    /// Things that were put here.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).entries
    }

    /// Whether all could be written so far.
    ///
    /// # Errors
    ///
    /// What the operating system said of an entry that could not.
    pub fn check(&self) -> Result<()> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kind) = state.failure else { return Ok(()) };
        let url = self.0.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let access = Access { operation: Operation::Write, url, endpoint: None };
        Err(Error::Io { access, source: kind.into() })
    }

    /// Brings the file to the disk; its path, if there is an entry.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn finish(&self) -> io::Result<Option<PathBuf>> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &state.file else { return Ok(None) };
        if file.metadata()?.is_file() {
            file.sync_all()?;
        }
        Ok(self.0.path.clone())
    }

    fn write(&self, state: &mut State, entry: &Quarantined<'_>) -> io::Result<()> {
        let Some(path) = &self.0.path else { return Ok(()) };
        let file = match &mut state.file {
            Some(file) => file,
            none => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
                state.written = file.metadata()?.len();
                none.insert(file)
            }
        };
        let room = if state.written < MOST_FILE { MOST_VALUE } else { 0 };
        let mut line = serde_json::to_vec(&entry.line(room))?;
        line.push(b'\n');
        state.written = state.written.saturating_add(line.len() as u64);
        file.write_all(&line)
    }
}

impl<'a> Quarantined<'a> {
    fn line(&self, room: usize) -> Line<'a> {
        let length = self.value.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let mut value = Vec::with_capacity(length.min(room));
        for part in self.value {
            let room = room.saturating_sub(value.len());
            value.extend_from_slice(part.get(..room).unwrap_or(part));
        }
        let ledger = self.token.ledger();
        Line {
            kind: self.kind,
            topic: ledger.topic(),
            partition: ledger.partition(),
            offset: self.token.offset(),
            key: self.key.map(String::from_utf8_lossy),
            connection: self.connection,
            reason: self.reason,
            length,
            value: STANDARD.encode(value),
        }
    }
}
