//! A batch of documents against the target: ask, compare, look again, send again, record.

use super::cluster::{Body, Endpoint};
use super::context::Context;
use super::differences::Kind;
use super::documents::Batch;
use super::error::{Error, Result};
use super::index::{Presence, TargetIndex};
use super::judge::{Judged, Mismatch, judge, missing, too_large};
use super::repair::{Operation, Resend};
use crate::flow::{Backoff, on_pool};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Documents that are asked for at once, at most.
pub(super) const MOST_DOCUMENTS: usize = 500;

/// Bytes of sources that are asked for at once, at most, if it is more than one document.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// Before each of the looks that `--live` takes at what differs.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// When so many documents of an index still differ after the last look, it is not the target that lags behind:
/// the others are reported at once.
const LATE_DOCUMENTS: u64 = 1000;

/// How often a document is asked for that the target could not look for.
const ATTEMPTS: u32 = 5;

/// Compares a batch and records what is wrong; gives its buffers back.
pub(super) async fn check(context: &Context, batch: Batch) -> Result<Batch> {
    let index = Arc::clone(&batch.index);
    let all = batch.documents.len() as u64;
    let numbers: Vec<usize> = batch
        .documents
        .iter()
        .enumerate()
        .filter_map(|(number, document)| context.sample.contains(&document.identity.id).then_some(number))
        .collect();
    index.add_seen(all);
    let not_sampled = all.saturating_sub(numbers.len() as u64);
    index.with_counts(|counts| counts.not_sampled = counts.not_sampled.saturating_add(not_sampled));

    let batch = Arc::new(batch);
    let mut wrong = find_mismatches(context, &batch, &numbers).await?;
    let mut equal = numbers.len().saturating_sub(wrong.len()) as u64;
    let mut looked_at = Arc::clone(&batch);
    if context.live && !wrong.is_empty() {
        (looked_at, wrong) = look_again(context, looked_at, wrong, &mut equal).await?;
    }
    index.with_counts(|counts| counts.equal = counts.equal.saturating_add(equal));
    index.add_matched(equal);
    if let Some(resend) = context.resend.as_ref().filter(|_| !wrong.is_empty()) {
        wrong = repair(context, resend, &looked_at, wrong).await?;
    }
    record(&index, wrong)?;
    drop(looked_at);
    Ok(Arc::into_inner(batch).unwrap_or_else(|| Batch::new(index)))
}

/// Cuts documents into parts that are asked for at once.
pub(super) fn parts(batch: &Batch, numbers: &[usize]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut bytes = usize::MAX;
    for number in numbers.iter().copied() {
        let length = batch.documents.get(number).map_or(0, |document| batch.source(document).len());
        bytes = bytes.saturating_add(length);
        match parts.last_mut() {
            Some(part) if part.len() < MOST_DOCUMENTS && bytes <= MOST_BYTES => part.push(number),
            _ => {
                parts.push(vec![number]);
                bytes = length;
            }
        }
    }
    parts
}

/// Those of the documents that the target does not have as they should be.
async fn find_mismatches(context: &Context, batch: &Arc<Batch>, numbers: &[usize]) -> Result<Vec<Mismatch>> {
    let mut wrong = Vec::new();
    if batch.index.presence() == Presence::Absent {
        let reason = "the target has no such index";
        wrong.extend(numbers.iter().map(|number| missing(batch, *number, Some(reason.to_owned()))));
        return Ok(wrong);
    }
    for part in parts(batch, numbers) {
        let mut left = part;
        let mut attempt = 0;
        while !left.is_empty() {
            let judged = ask(context, &context.target, batch, left).await?;
            wrong.extend(judged.mismatches);
            left = judged.unanswered;
            if left.is_empty() {
                break;
            }
            attempt += 1;
            if attempt >= ATTEMPTS {
                let what = format!("get {} documents of index `{}`", left.len(), batch.index.name);
                let problem = judged.reason.unwrap_or_default();
                return Err(Error::unexpected(&what, context.target.client.url(), problem));
            }
            tokio::time::sleep(Backoff::default().delay(attempt, None)).await;
        }
    }
    Ok(wrong)
}

async fn ask(
    context: &Context,
    target: &Endpoint,
    batch: &Arc<Batch>,
    numbers: Vec<usize>,
) -> Result<Judged> {
    let name = &batch.index.name;
    let mut all = Judged::default();
    for fetched in target.get(name, batch, numbers, 0).await? {
        let numbers = fetched.numbers;
        let body: Bytes = match fetched.body {
            Body::Answer(body) => body,
            Body::TooLarge(limit) => {
                all.mismatches.extend(numbers.iter().map(|number| too_large(batch, *number, limit)));
                continue;
            }
            Body::NoIndex => {
                let reason = Some("the target has no such index".to_owned());
                all.mismatches.extend(numbers.iter().map(|number| missing(batch, *number, reason.clone())));
                continue;
            }
        };
        let batch = Arc::clone(batch);
        let judged = on_pool(&context.resources.threads, move || judge(&batch, &numbers, &body)).await;
        let judged = judged.map_err(|problem| {
            Error::unexpected(&format!("get documents of index `{name}`"), target.client.url(), problem)
        })?;
        all.mismatches.extend(judged.mismatches);
        all.unanswered.extend(judged.unanswered);
        all.reason = all.reason.or(judged.reason);
    }
    Ok(all)
}

fn numbers_of(wrong: &[Mismatch]) -> Vec<usize> {
    wrong.iter().map(|mismatch| mismatch.number).collect()
}

/// Looks at what differs again and again, with more and more time in between. Of a living source, it is read again
/// too: the batch that comes back has what was read last.
async fn look_again(
    context: &Context,
    mut batch: Arc<Batch>,
    mut wrong: Vec<Mismatch>,
    equal: &mut u64,
) -> Result<(Arc<Batch>, Vec<Mismatch>)> {
    let index = Arc::clone(&batch.index);
    for delay in LOOK_AGAIN {
        let counts = index.counts();
        let late = counts.missing.saturating_add(counts.different);
        if wrong.is_empty() || late >= LATE_DOCUMENTS || index.presence() == Presence::Absent {
            break;
        }
        tokio::time::sleep(delay).await;
        let before = wrong.len();
        let mut gone = 0;
        if let Some(source) = &context.source {
            let again = super::live::read_again(source, batch.part(numbers_of(&wrong))).await?;
            gone = before.saturating_sub(again.documents.len());
            batch = Arc::new(again);
            let numbers: Vec<usize> = (0..batch.documents.len()).collect();
            wrong = find_mismatches(context, &batch, &numbers).await?;
        } else {
            wrong = find_mismatches(context, &batch, &numbers_of(&wrong)).await?;
        }
        index.with_counts(|counts| counts.excluded = counts.excluded.saturating_add(gone as u64));
        *equal = equal.saturating_add(before.saturating_sub(gone).saturating_sub(wrong.len()) as u64);
    }
    Ok((batch, wrong))
}

/// Sends what is wrong again, and looks at it once more.
async fn repair(
    context: &Context,
    resend: &Resend,
    batch: &Arc<Batch>,
    wrong: Vec<Mismatch>,
) -> Result<Vec<Mismatch>> {
    let index = &batch.index;
    let numbers = numbers_of(&wrong);
    let mut refused = std::collections::BTreeMap::new();
    for part in parts(batch, &numbers) {
        let operations: Vec<Operation> = part
            .iter()
            .filter_map(|number| batch.documents.get(*number))
            .map(|document| Operation {
                index: index.name.clone(),
                id: document.identity.id.clone(),
                type_name: document.identity.type_name.clone(),
                routing: document.identity.routing.clone(),
                parent: document.identity.parent.clone(),
                source: Bytes::copy_from_slice(batch.source(document)),
            })
            .collect();
        let sent = operations.len();
        let verdicts = resend(operations).await?;
        if verdicts.len() != sent {
            let problem = format!("{sent} documents were sent, {} have a verdict", verdicts.len());
            return Err(Error::unexpected("send documents again", context.target.client.url(), problem));
        }
        let with_numbers = part.iter().copied().zip(verdicts);
        refused.extend(with_numbers.filter_map(|(number, verdict)| Some((number, verdict?))));
    }
    if index.presence() == Presence::Absent {
        // What was sent has made it.
        index.set_presence(context.target.count(&index.name).await?.0);
    }
    let mut still = find_mismatches(context, batch, &numbers).await?;
    for mismatch in &mut still {
        mismatch.record.reason = refused.remove(&mismatch.number).or(mismatch.record.reason.take());
    }
    let wrong_still: BTreeSet<usize> = numbers_of(&still).into_iter().collect();
    let repaired = numbers.iter().filter(|number| !wrong_still.contains(number)).count() as u64;
    index.with_counts(|counts| {
        counts.equal = counts.equal.saturating_add(repaired);
        counts.repaired = counts.repaired.saturating_add(repaired);
    });
    index.add_matched(repaired);
    Ok(still)
}

fn record(index: &TargetIndex, wrong: Vec<Mismatch>) -> Result<()> {
    for mismatch in wrong {
        let kind = mismatch.record.kind;
        index.with_counts(|counts| match kind {
            Kind::Missing => counts.missing = counts.missing.saturating_add(1),
            _ => counts.different = counts.different.saturating_add(1),
        });
        match &mismatch.misrouted {
            Some(identity) => index.add_misrouted(identity.key()),
            None if kind == Kind::Different => index.add_matched(1),
            None => {}
        }
        index.differences.record(mismatch.record)?;
    }
    Ok(())
}
