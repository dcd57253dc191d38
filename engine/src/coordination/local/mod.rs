//! Sessions in an SQLite database in a directory of this machine.

mod open;
mod sql;

use super::backend::{Document, Query, Stored, Tally, Version};
use super::error::StoreError;
use super::record::{ItemState, Record};
use super::session::SessionName;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The documents of one session in `ferry.sqlite`.
#[derive(Debug)]
pub(super) struct LocalStore {
    shared: Arc<Shared>,
    session: String,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// Locked, in common with other processes, as long as this one works with the database.
    _lock: Option<File>,
}

impl LocalStore {
    /// Opens the database, and makes it if there is none. Leases that processes before this one have left are given
    /// back at once, when no other process has the database open.
    pub(super) async fn open(directory: PathBuf, session: &SessionName) -> Result<Self, StoreError> {
        let opened = blocking(&directory.clone(), move || open::open(&directory)).await?;
        Ok(Self { shared: Arc::new(opened), session: session.to_string() })
    }

    /// Opens a database to read; where it would be, when there is none.
    pub(super) async fn look(
        directory: PathBuf,
        session: &SessionName,
    ) -> Result<Result<Self, String>, StoreError> {
        let opened = blocking(&directory.clone(), move || open::look(&directory)).await?;
        Ok(opened.map(|opened| Self { shared: Arc::new(opened), session: session.to_string() }))
    }

    pub(super) fn name(&self) -> String {
        self.shared.path.display().to_string()
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<Stored<T>>, StoreError> {
        let (session, id) = (self.session.clone(), id.to_owned());
        let row = self.run("read a document", move |connection| sql::get(connection, &session, &id)).await?;
        row.map(|row| self.parse(row)).transpose()
    }

    pub(super) async fn create<T: Document>(&self, document: &T) -> Result<Option<Version>, StoreError> {
        let row = self.row(document)?;
        let created = self.run("create a document", move |connection| sql::create(connection, &row)).await?;
        Ok(created.then_some(Version { sequence: 0, term: 0 }))
    }

    pub(super) async fn create_all(&self, records: &[Record]) -> Result<(), StoreError> {
        let rows = records.iter().map(|record| self.row(record)).collect::<Result<Vec<_>, _>>()?;
        self.run("create documents", move |connection| sql::create_all(connection, &rows)).await
    }

    pub(super) async fn replace<T: Document>(
        &self,
        version: Version,
        document: &T,
    ) -> Result<Option<Version>, StoreError> {
        let row = self.row(document)?;
        let replace = move |connection: &mut Connection| sql::replace(connection, version.sequence, &row);
        let replaced = self.run("write a document", replace).await?;
        let next = Version { sequence: version.sequence.saturating_add(1), term: 0 };
        Ok(replaced.then_some(next))
    }

    pub(super) async fn find(&self, query: Query, limit: usize) -> Result<Vec<Stored<Record>>, StoreError> {
        let session = self.session.clone();
        let find = move |connection: &mut Connection| sql::find(connection, &session, query, limit);
        let rows = self.run("look for items", find).await?;
        rows.into_iter().map(|row| self.parse(row)).collect()
    }

    pub(super) async fn count(&self, states: &[ItemState]) -> Result<u64, StoreError> {
        let (session, states) = (self.session.clone(), states.to_vec());
        self.run("count items", move |connection| sql::count(connection, &session, &states)).await
    }

    pub(super) async fn tally(&self) -> Result<Vec<Tally>, StoreError> {
        let session = self.session.clone();
        self.run("sum up items", move |connection| sql::tally(connection, &session)).await
    }

    fn row<T: Document>(&self, document: &T) -> Result<sql::Row, StoreError> {
        sql::Row::of(&self.session, document).map_err(|error| self.damaged(document.id(), &error))
    }

    fn parse<T: DeserializeOwned>(&self, found: sql::Found) -> Result<Stored<T>, StoreError> {
        let document = serde_json::from_str(&found.body).map_err(|error| self.damaged(&found.id, &error))?;
        Ok(Stored { document, version: Version { sequence: found.version, term: 0 } })
    }

    fn damaged(&self, id: &str, error: &serde_json::Error) -> StoreError {
        let (store, what) = (self.name(), format!("document `{id}`"));
        StoreError::Inconsistent { store, what, problem: error.to_string() }
    }

    /// Runs `work` on a thread that may wait for the disk and for other processes.
    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        blocking(&self.shared.path, move || {
            let mut connection = shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|source| open::database_error(what, &shared.path, source))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    path: &std::path::Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| {
        let source = std::io::Error::other(stopped);
        Err(StoreError::Io { what: "work with", path: path.to_owned(), source })
    })
}
