//! The statements. Every document is one row: what is looked for and summed up has columns, the whole is `body`.

use crate::coordination::backend::{Document, Query, Tally};
use crate::coordination::record::ItemState;
use rusqlite::{Connection, OptionalExtension, Params, TransactionBehavior, params};

pub(super) const SCHEMA: &str = "
    CREATE TABLE documents (
        session TEXT NOT NULL,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT,
        origin TEXT,
        index_name TEXT,
        split_requested INTEGER NOT NULL,
        place INTEGER NOT NULL,
        remaining INTEGER NOT NULL,
        span INTEGER NOT NULL,
        documents INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        written INTEGER NOT NULL,
        excluded INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        written_bytes INTEGER NOT NULL,
        untrusted INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (session, id)
    );
    CREATE INDEX documents_by_state ON documents (session, state, place);
";

/// A document as it is written.
#[derive(Debug)]
pub(super) struct Row {
    session: String,
    id: String,
    state: Option<&'static str>,
    origin: Option<&'static str>,
    index: Option<String>,
    split_requested: bool,
    numbers: [i64; 10],
    body: String,
}

/// A document as it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) body: String,
}

impl Row {
    pub(super) fn of<T: Document>(session: &str, document: &T) -> serde_json::Result<Self> {
        let columns = document.columns();
        Ok(Self {
            session: session.to_owned(),
            id: document.id().to_owned(),
            state: columns.state,
            origin: columns.origin,
            index: columns.index.map(str::to_owned),
            split_requested: columns.split_requested,
            numbers: columns.numbers.map(signed),
            body: serde_json::to_string(document)?,
        })
    }
}

/// As SQLite keeps it. Numbers that do not fit are only in the sums of a status.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn found(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found { id: row.get(0)?, version: unsigned(row, 1)?, body: row.get(2)? })
}

pub(super) fn get(connection: &Connection, session: &str, id: &str) -> rusqlite::Result<Option<Found>> {
    let sql = "SELECT id, version, body FROM documents WHERE session = ?1 AND id = ?2";
    connection.prepare_cached(sql)?.query_row(params![session, id], found).optional()
}

/// Whether it was created: no document had its id.
pub(super) fn create(connection: &Connection, row: &Row) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO documents VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                   ?17)
               ON CONFLICT (session, id) DO NOTHING";
    let [order, remaining, span, documents, bytes, written, excluded, failed, written_bytes, untrusted] =
        row.numbers;
    let values = params![
        row.session,
        row.id,
        row.state,
        row.origin,
        row.index,
        row.split_requested,
        order,
        remaining,
        span,
        documents,
        bytes,
        written,
        excluded,
        failed,
        written_bytes,
        untrusted,
        row.body
    ];
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
}

pub(super) fn create_all(connection: &mut Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for row in rows {
        create(&transaction, row)?;
    }
    transaction.commit()
}

/// Whether it was replaced: nobody had written it since this version.
pub(super) fn replace(connection: &Connection, version: u64, row: &Row) -> rusqlite::Result<bool> {
    let sql = "UPDATE documents SET version = version + 1, state = ?4, split_requested = ?5, remaining = ?6, span = ?7,
                   documents = ?8, bytes = ?9, written = ?10, excluded = ?11, failed = ?12, written_bytes = ?13,
                   untrusted = ?14, body = ?15
               WHERE session = ?1 AND id = ?2 AND version = ?3";
    let [_, remaining, span, documents, bytes, written, excluded, failed, written_bytes, untrusted] =
        row.numbers;
    let values = params![
        row.session,
        row.id,
        signed(version),
        row.state,
        row.split_requested,
        remaining,
        span,
        documents,
        bytes,
        written,
        excluded,
        failed,
        written_bytes,
        untrusted,
        row.body
    ];
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
}

pub(super) fn find(
    connection: &Connection,
    session: &str,
    query: Query,
    limit: usize,
) -> rusqlite::Result<Vec<Found>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match query {
        Query::Ring { state, from, before } => {
            let sql = "SELECT id, version, body FROM documents
                       WHERE session = ?1 AND state = ?2 AND place >= ?3 AND place < ?4 ORDER BY place LIMIT ?5";
            let values = params![session, state.name(), signed(from), signed(before), limit];
            all(connection, sql, values)
        }
        Query::LargestLeased => {
            let sql = "SELECT id, version, body FROM documents
                       WHERE session = ?1 AND state = 'leased' AND split_requested = 0
                       ORDER BY remaining DESC LIMIT ?2";
            all(connection, sql, params![session, limit])
        }
    }
}

fn all(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<Vec<Found>> {
    connection.prepare_cached(sql)?.query_map(values, found)?.collect()
}

/// Every lease of every session, with its session.
pub(super) fn leased(connection: &Connection) -> rusqlite::Result<Vec<(String, Found)>> {
    let sql = "SELECT id, version, body, session FROM documents WHERE state = 'leased'";
    connection.prepare(sql)?.query_map([], |row| Ok((row.get(3)?, found(row)?)))?.collect()
}

pub(super) fn count(connection: &Connection, session: &str, states: &[ItemState]) -> rusqlite::Result<u64> {
    let sql = "SELECT COUNT(*) FROM documents WHERE session = ?1 AND state = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut sum = 0_u64;
    for state in states {
        let count = statement.query_row(params![session, state.name()], |row| unsigned(row, 0))?;
        sum = sum.saturating_add(count);
    }
    Ok(sum)
}

pub(super) fn tally(connection: &Connection, session: &str) -> rusqlite::Result<Vec<Tally>> {
    let sql = "SELECT index_name, state, origin, COUNT(*), SUM(span), SUM(documents), SUM(bytes), SUM(written),
                   SUM(excluded), SUM(failed), SUM(written_bytes), SUM(untrusted)
               FROM documents WHERE session = ?1 AND index_name IS NOT NULL GROUP BY index_name, state, origin";
    let tally = |row: &rusqlite::Row<'_>| {
        Ok(Tally {
            index: row.get(0)?,
            state: row.get(1)?,
            origin: row.get(2)?,
            items: unsigned(row, 3)?,
            span: unsigned(row, 4)?,
            documents: unsigned(row, 5)?,
            bytes: unsigned(row, 6)?,
            written: unsigned(row, 7)?,
            excluded: unsigned(row, 8)?,
            failed: unsigned(row, 9)?,
            written_bytes: unsigned(row, 10)?,
            untrusted: unsigned(row, 11)?,
        })
    };
    connection.prepare_cached(sql)?.query_map(params![session], tally)?.collect()
}
