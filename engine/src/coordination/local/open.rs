//! Opening the database.

use super::{Shared, sql};
use crate::coordination::error::StoreError;
use crate::coordination::record::Record;
use crate::coordination::session::FORMAT;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tracing::info;

/// The database.
const FILE: &str = "ferry.sqlite";
/// Locked by every process that works with the database.
const LOCK: &str = "ferry.lock";
/// `application_id` of the database: `FRRY`.
const APPLICATION: u32 = 0x4652_5259;
/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(30);

/// Opens or makes the database of a directory.
///
/// Every process keeps a shared lock on `ferry.lock`. One that gets an exclusive lock first is alone: all leases are
/// those of processes that are gone, and need not be waited for. It gives them back before it goes on with a shared
/// lock, so nobody can have taken one by then.
pub(super) fn open(directory: &Path) -> Result<Shared, StoreError> {
    let io = |what, path: &Path, source| StoreError::Io { what, path: path.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(|source| io("make", directory, source))?;
    let lock_path = directory.join(LOCK);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(|source| io("open", &lock_path, source))?;
    let is_alone = match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(source)) => return Err(io("lock", &lock_path, source)),
    };
    if !is_alone {
        lock_shared(&lock).map_err(|source| io("lock", &lock_path, source))?;
    }
    let path = directory.join(FILE);
    let failed = |what| {
        let path = path.clone();
        move |source| database_error(what, &path, source)
    };
    let mut connection = Connection::open(&path).map_err(failed("open the database"))?;
    prepare(&mut connection, &path)?;
    if is_alone {
        check(&connection, &path)?;
        give_back_leases(&mut connection, &path)?;
        lock_shared(&lock).map_err(|source| io("lock", &lock_path, source))?;
    }
    Ok(Shared { path, connection: Mutex::new(connection), _lock: Some(lock) })
}

/// Opens the database of a directory to read; where it would be, when there is none.
pub(super) fn look(directory: &Path) -> Result<Result<Shared, String>, StoreError> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(Err(path.display().to_string()));
    }
    let failed = |source| database_error("open the database", &path, source);
    // Writable, because a database with a write-ahead log cannot be read otherwise.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    let (application, format, _) = identity(&connection).map_err(failed)?;
    check_identity(application, format, &path)?;
    Ok(Ok(Shared { path, connection: Mutex::new(connection), _lock: None }))
}

/// Waits until no process has the exclusive lock, which is a matter of moments.
fn lock_shared(lock: &File) -> std::io::Result<()> {
    const ATTEMPTS: u32 = 300;
    for _ in 0..ATTEMPTS {
        match lock.try_lock_shared() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(BUSY / ATTEMPTS),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    let seconds = BUSY.as_secs();
    Err(std::io::Error::other(format!("another process has been starting for {seconds} s: is it stopped?")))
}

/// Sets the database up; makes its tables when it is new.
fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| database_error("set up the database", path, source);
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    if identity(connection).map_err(failed)? == (0, 0, 0) {
        // Not inside of a transaction, and only once: it stays with the file.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed)?;
    }
    let behavior = TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
    let (application, format, tables) = identity(&transaction).map_err(failed)?;
    if (application, format, tables) == (0, 0, 0) {
        transaction.execute_batch(sql::SCHEMA).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    } else {
        check_identity(application, format, path)?;
    }
    transaction.commit().map_err(failed)
}

/// `application_id`, `user_version`, and how many tables there are.
fn identity(connection: &Connection) -> rusqlite::Result<(u32, u32, u32)> {
    let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let format = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables = connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get(0))?;
    Ok((application, format, tables))
}

fn check_identity(application: u32, format: u32, path: &Path) -> Result<(), StoreError> {
    let foreign = |reason| Err(StoreError::Foreign { store: path.display().to_string(), reason });
    match (application, format) {
        (APPLICATION, FORMAT) => Ok(()),
        (APPLICATION, other) => {
            foreign(format!("it has format {other}, this version of ferry knows {FORMAT}"))
        }
        _ => foreign("it is a database of another program".to_owned()),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| database_error("check the database", path, source);
    let result: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if result == "ok" {
        return Ok(());
    }
    let reason = format!("it is damaged: {result}");
    Err(StoreError::Foreign { store: path.display().to_string(), reason })
}

/// Opens all items that processes had when they stopped.
fn give_back_leases(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| database_error("give back the items of former processes", path, source);
    let behavior = TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
    let leased = sql::leased(&transaction).map_err(failed)?;
    for (session, found) in &leased {
        let damaged = |error: serde_json::Error| StoreError::Inconsistent {
            store: path.display().to_string(),
            what: format!("document `{}`", found.id),
            problem: error.to_string(),
        };
        let record: Record = serde_json::from_str(&found.body).map_err(damaged)?;
        let row = sql::Row::of(session, &record.lapsed()).map_err(damaged)?;
        sql::replace(&transaction, found.version, &row).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    if !leased.is_empty() {
        info!(items = leased.len(), "gave back the work items of former processes");
    }
    Ok(())
}

/// An error of SQLite in words: a file that is damaged or is no database is not one that could not be read.
pub(super) fn database_error(what: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    let store = || path.display().to_string();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { store: store(), reason: "it is not an SQLite database".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Foreign { store: store(), reason: format!("it is damaged: {source}") }
        }
        _ => StoreError::Database { what, path: path.to_owned(), source },
    }
}
