//! The verdict on each document of a batch: pure, for the threads that compute.

use super::answer::{Found, documents};
use super::differences::{Kind, Record};
use super::documents::{Batch, Expected, Identity};
use codecs::json_compare::{Comparison, compare};

/// A document that is not in the target as it should be.
#[derive(Debug, Clone)]
pub(super) struct Mismatch {
    /// Its number in the batch.
    pub(super) number: usize,
    pub(super) record: Record,
    /// What it was found under, where that is not its own identity.
    pub(super) misrouted: Option<Identity>,
}

/// What an answer says of the documents that were asked for; those that are equal are not named.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) mismatches: Vec<Mismatch>,
    /// Documents that the cluster could not look for, and why.
    pub(super) unanswered: Vec<usize>,
    pub(super) reason: Option<String>,
}

/// Compares an answer with the documents that were asked for, by their places.
///
/// The error says in which way the answer does not belong to the question.
pub(super) fn judge(batch: &Batch, numbers: &[usize], answer: &[u8]) -> Result<Judged, String> {
    let found = documents(answer).map_err(|error| format!("the answer is {error}"))?;
    if found.len() != numbers.len() {
        return Err(format!("{} documents were asked for, the answer has {}", numbers.len(), found.len()));
    }
    let mut judged = Judged::default();
    for (number, found) in numbers.iter().copied().zip(&found) {
        let Some(document) = batch.documents.get(number) else { continue };
        if found.id().as_deref() != Some(document.identity.id.as_str()) {
            let (asked, id) = (&document.identity.id, found.id());
            return Err(format!(
                "document `{asked}` was asked for, the answer has `{}`",
                id.unwrap_or_default()
            ));
        }
        if let Some(reason) = no_answer(found) {
            judged.unanswered.push(number);
            judged.reason.get_or_insert(reason);
        } else if let Some(mismatch) = mismatch(batch, number, document, found) {
            judged.mismatches.push(mismatch);
        }
    }
    Ok(judged)
}

/// Why the cluster could not look for a document; none where it could, or where there is no place to look.
fn no_answer(found: &Found<'_>) -> Option<String> {
    let known = ["index_not_found_exception", "indexmissingexception", "routing_missing_exception"];
    (found.error.is_some() && !known.iter().any(|known| found.has_error(known))).then(|| found.error_text())
}

fn mismatch(batch: &Batch, number: usize, document: &Expected, found: &Found<'_>) -> Option<Mismatch> {
    let identity = &document.identity;
    if !found.is_found() {
        let reason = found.error.map(|_| found.error_text());
        return Some(missing(batch, number, reason));
    }
    let mut record = record(batch, document, Kind::Different);
    let different = |record| Some(Mismatch { number, record, misrouted: None });
    if found.routing() != identity.routing {
        let misrouted = Identity { routing: found.routing(), ..identity.clone() };
        record.pointer = Some("/_routing".to_owned());
        (record.expected, record.found) = (identity.routing.clone(), found.routing());
        return Some(Mismatch { number, record, misrouted: Some(misrouted) });
    }
    if identity.type_name.is_some() && found.parent() != identity.parent {
        record.pointer = Some("/_parent".to_owned());
        (record.expected, record.found) = (identity.parent.clone(), found.parent());
        return different(record);
    }
    let Some(source) = found.source else {
        record.pointer = Some(String::new());
        record.reason = Some("the target keeps no `_source`".to_owned());
        return different(record);
    };
    match compare(batch.source(document), source) {
        Comparison::Equal => return None,
        Comparison::Different(difference) => {
            record.pointer = Some(difference.pointer);
            (record.expected, record.found) = (difference.expected, difference.found);
        }
        Comparison::NotJson { is_expected, reason } => {
            let side = if is_expected { "source" } else { "target" };
            record.pointer = Some(String::new());
            record.reason = Some(format!("the text in the {side} is {reason}"));
        }
    }
    different(record)
}

/// A document that the target does not have.
pub(super) fn missing(batch: &Batch, number: usize, reason: Option<String>) -> Mismatch {
    let record = batch.documents.get(number).map_or_else(
        || Record::new(Kind::Missing, &batch.index.name),
        |document| record(batch, document, Kind::Missing),
    );
    Mismatch { number, record: Record { reason, ..record }, misrouted: None }
}

/// A document whose answer is longer than anything that could be equal to it.
pub(super) fn too_large(batch: &Batch, number: usize, limit: usize) -> Mismatch {
    let mut mismatch = missing(batch, number, None);
    mismatch.record.kind = Kind::Different;
    mismatch.record.pointer = Some(String::new());
    mismatch.record.reason = Some(format!("the target's document has more than {limit} bytes"));
    mismatch
}

fn record(batch: &Batch, document: &Expected, kind: Kind) -> Record {
    let identity = &document.identity;
    Record {
        id: Some(identity.id.clone()),
        type_name: identity.type_name.clone(),
        routing: identity.routing.clone(),
        ..Record::new(kind, &batch.index.name)
    }
}
