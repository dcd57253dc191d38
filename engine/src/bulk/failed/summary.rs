//! Which documents failed, and how many.

use super::super::FailureClass;
use super::reader::{BadRecord, FailedFiles};
use super::record::FailedRecord;
use crate::error::Result;
use serde::Serialize;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

/// More rows than this are added up in one: types of errors come from outside.
const MOST_ROWS: usize = 10_000;

/// Of so many documents is known whether a record repeats an earlier one.
const MOST_KNOWN: usize = 20_000_000;

/// More bad lines than this are counted only.
pub(super) const MOST_BAD: usize = 100;

/// Which records are meant; all without any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those of this index.
    pub index: Option<String>,
    /// Those with this `_id`.
    pub id: Option<String>,
    /// Those of this class.
    pub class: Option<FailureClass>,
}

impl Filter {
    pub(super) fn matches(&self, record: &FailedRecord<'_>) -> bool {
        self.index.as_deref().is_none_or(|index| index == record.index)
            && self.id.as_deref().is_none_or(|id| record.id.as_deref() == Some(id))
            && self.class.is_none_or(|class| class == record.class)
    }
}

/// Documents that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// The index in the target.
    pub index: String,
    /// What kind of failure it is.
    pub class: FailureClass,
    /// Type of the error, where the cluster named one.
    pub error_type: Option<String>,
    /// How many documents; one that was recorded twice counts once.
    pub documents: u64,
}

/// What is in the files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FailedSummary {
    /// By index, class and type of error.
    pub rows: Vec<FailedRow>,
    /// Files that were read.
    pub files: u64,
    /// Records, those that repeat an earlier one too.
    pub records: u64,
    /// Lines that are no record.
    pub bad_lines: u64,
    /// The first of them.
    pub bad: Vec<BadRecord>,
}

/// Records that were shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Selection {
    /// How many.
    pub shown: u64,
    /// Whether there are more than were asked for.
    pub has_more: bool,
    /// Lines that are no record.
    pub bad_lines: u64,
    /// The first of them.
    pub bad: Vec<BadRecord>,
}

/// Counts the documents that failed.
///
/// # Errors
///
/// A file cannot be read.
pub async fn summarize(files: &FailedFiles, filter: &Filter) -> Result<FailedSummary> {
    let mut summary = FailedSummary::default();
    let mut counts: BTreeMap<(String, FailureClass, Option<String>), u64> = BTreeMap::new();
    let mut known = HashSet::new();
    for path in files.paths() {
        let mut file = files.read(path).await?;
        summary.files = summary.files.saturating_add(1);
        while let Some(record) = file.next_record() {
            let record = match record {
                Ok(record) if filter.matches(&record) => record,
                Ok(_) => continue,
                Err(bad) => {
                    note_bad(bad, &mut summary.bad_lines, &mut summary.bad);
                    continue;
                }
            };
            summary.records = summary.records.saturating_add(1);
            if known.len() < MOST_KNOWN && !known.insert(identity(&record)) {
                continue;
            }
            let count = counts.entry(row_of(&record, counts.len())).or_insert(0);
            *count = count.saturating_add(record.documents);
        }
    }
    let row = |((index, class, error_type), documents)| FailedRow { index, class, error_type, documents };
    summary.rows = counts.into_iter().map(row).collect();
    Ok(summary)
}

fn row_of(record: &FailedRecord<'_>, rows: usize) -> (String, FailureClass, Option<String>) {
    if rows >= MOST_ROWS {
        return ("(others)".to_owned(), FailureClass::Other, None);
    }
    (record.index.to_string(), record.class, record.error_type().map(str::to_owned))
}

/// What makes a record one of the same document: 64 bits of it, which is enough for counting.
fn identity(record: &FailedRecord<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&record.item, &record.index, &record.id, &record.routing, &record.segment, record.document)
        .hash(&mut hasher);
    if record.id.is_none() && record.document.is_none() {
        record.source.map(|source| source.get()).hash(&mut hasher);
        record.timestamp.hash(&mut hasher); // Nothing tells them apart, so none is taken for another.
    }
    hasher.finish()
}

pub(super) fn note_bad(bad: BadRecord, count: &mut u64, first: &mut Vec<BadRecord>) {
    *count = count.saturating_add(1);
    if first.len() < MOST_BAD {
        first.push(bad);
    }
}

/// Shows the first records that match.
///
/// # Errors
///
/// A file cannot be read, or what shows them fails.
pub async fn select<E: From<crate::Error>>(
    files: &FailedFiles,
    filter: &Filter,
    limit: u64,
    mut show: impl FnMut(&FailedRecord<'_>) -> Result<(), E>,
) -> Result<Selection, E> {
    let mut selection = Selection::default();
    for path in files.paths() {
        let mut file = files.read(path).await?;
        while let Some(record) = file.next_record() {
            match record {
                Ok(record) if !filter.matches(&record) => {}
                Ok(_) if selection.shown >= limit => {
                    selection.has_more = true;
                    return Ok(selection);
                }
                Ok(record) => {
                    show(&record)?;
                    selection.shown = selection.shown.saturating_add(1);
                }
                Err(bad) => note_bad(bad, &mut selection.bad_lines, &mut selection.bad),
            }
        }
    }
    Ok(selection)
}
