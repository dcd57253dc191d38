//! A living cluster as the source: which indices it has, their documents' identities, and then the documents.
//!
//! Sources are asked for by `_mget`, as in the target: such a request may be repeated, and cut in halves where its
//! answer would be too long.

use super::answer::documents;
use super::cluster::{Body, Endpoint};
use super::context::Context;
use super::differences::{Kind, Record};
use super::documents::{Batch, Identity};
use super::error::{Error, Result};
use super::index::{Presence, TargetIndex};
use super::report::Excluded;
use super::scan::{Hit, Scanned, pages};
use super::unit::Purpose;
use crate::document::Document;
use crate::flow::Backoff;
use crate::snapshot::IndexSelection;
use crate::target::Request;
use futures::TryStreamExt;
use http::Method;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the documents of one request may have, if it is more than one.
const ANSWER: usize = 8 << 20;

/// Memory that comparing the documents of one request takes: both answers, and what is made of them.
const WORKSPACE: u64 = 40 << 20;

/// Documents that are asked for at once at first.
const PART: usize = 500;

/// How often a document is asked for that the source could not look for.
const ATTEMPTS: u32 = 5;

/// An index of the source.
#[derive(Debug)]
pub(super) struct LiveIndex {
    pub(super) name: Arc<str>,
    pub(super) index: Arc<TargetIndex>,
    pub(super) shards: u32,
    /// Whether documents have types that the target has too.
    pub(super) typed: bool,
    /// Documents that are asked for at once: fewer when their answers are too long.
    pub(super) part: AtomicUsize,
}

impl LiveIndex {
    pub(super) async fn open(
        source: &Endpoint,
        target: &Endpoint,
        name: &str,
        index: Arc<TargetIndex>,
    ) -> Result<Self> {
        let (presence, note) = source.count(name).await?;
        if let Some(note) = note {
            index.note(note.replace("the target", "the source"));
        }
        let shards = match presence {
            Presence::Present { shards, .. } => shards,
            Presence::Absent => 0, // It was deleted since it was listed.
        };
        let typed = source.dialect.typed && target.dialect.typed;
        Ok(Self { name: Arc::from(name), index, shards, typed, part: AtomicUsize::new(PART) })
    }
}

/// The indices of a cluster that are meant, and those that are not.
pub(super) async fn list(
    source: &Endpoint,
    selection: &IndexSelection,
) -> Result<(Vec<String>, Vec<Excluded>)> {
    let what = "list the indices";
    let url = source.client.url();
    let request = Request::new(Method::GET, "/_cat/indices?format=json&h=index,status&expand_wildcards=all");
    let response = source.send(what, &request).await?;
    if !response.is_success() {
        return Err(Error::refused(what, url, &response));
    }
    #[derive(Deserialize)]
    struct Listed {
        index: String,
        /// None in OpenSearch Serverless.
        status: Option<String>,
    }
    let mut listed: Vec<Listed> = response
        .json()
        .map_err(|_| Error::unexpected(what, url, format!("it answered {}", response.excerpt())))?;
    listed.sort_unstable_by(|a, b| a.index.cmp(&b.index));
    let names: Vec<&str> = listed.iter().map(|listed| listed.index.as_str()).collect();
    let unmatched = selection.unmatched(&names);
    if !unmatched.is_empty() {
        let patterns = unmatched.join("`, `");
        return Err(Error::Unsupported { what: format!("no index of `{url}` matches `{patterns}`") });
    }
    let (mut selected, mut excluded) = (Vec::new(), Vec::new());
    for Listed { index, status } in &listed {
        let exclude = |reason: String| Excluded { index: index.clone(), reason };
        match selection.check(index) {
            Ok(()) if status.as_deref() == Some("close") => {
                excluded.push(exclude("it is closed".to_owned()));
            }
            Ok(()) => selected.push(index.clone()),
            Err(reason) => excluded.push(exclude(reason.to_string())),
        }
    }
    Ok((selected, excluded))
}

/// Reads all documents of an index and gives them to `take`, batch after batch.
pub(super) async fn read<Taken>(
    context: &Context,
    source: &Endpoint,
    live: &LiveIndex,
    purpose: Purpose,
    take: &impl Fn(Batch) -> Taken,
) -> Result<()>
where
    Taken: Future<Output = Result<Batch>>,
{
    let scanned = Scanned {
        endpoint: source,
        index: &live.name,
        shards: live.shards,
        typed: live.typed,
        with_sources: false,
    };
    pages(scanned)
        .try_for_each_concurrent(context.in_flight, |hits| async move {
            if purpose == Purpose::Compare {
                let documents = hits.len() as u64;
                live.index.with_counts(|counts| counts.selected = counts.selected.saturating_add(documents));
            }
            if purpose == Purpose::Identities {
                take(skeleton(live, hits)).await?;
                return Ok(());
            }
            let mut hits = hits.into_iter().peekable();
            while hits.peek().is_some() {
                let part = hits.by_ref().take(live.part.load(Ordering::Relaxed).max(1)).collect();
                let _permit = context.resources.memory.reserve(WORKSPACE).await;
                let batch = read_part(source, live, purpose, skeleton(live, part)).await?;
                take(batch).await?;
            }
            Ok(())
        })
        .await
}

fn skeleton(live: &LiveIndex, hits: Vec<Hit>) -> Batch {
    let mut batch = Batch::new(Arc::clone(&live.index));
    batch.origin = Some(Arc::clone(&live.name));
    hits.into_iter().for_each(|hit| batch.add_text(hit.identity, b""));
    batch
}

async fn read_part(source: &Endpoint, live: &LiveIndex, purpose: Purpose, asked: Batch) -> Result<Batch> {
    let all = asked.documents.len();
    let Again { batch, no_source, requests } = ask(source, asked).await?;
    if requests > 1 {
        live.part.fetch_min((all / requests).max(1), Ordering::Relaxed);
    }
    if purpose != Purpose::Compare {
        return Ok(batch);
    }
    let gone = all.saturating_sub(batch.documents.len()).saturating_sub(no_source.len()) as u64;
    live.index.with_counts(|counts| counts.excluded = counts.excluded.saturating_add(gone));
    for identity in no_source {
        let record = Record {
            id: Some(identity.id),
            type_name: identity.type_name,
            routing: identity.routing,
            reason: Some("the source keeps no `_source`".to_owned()),
            ..Record::new(Kind::Unreadable, &live.index.name)
        };
        live.index.add_seen(1);
        live.index.unreadable(record, Some(1))?;
    }
    Ok(batch)
}

/// Reads documents of the source once more; those that it does not have any more are left out.
pub(super) async fn read_again(source: &Endpoint, asked: Batch) -> Result<Batch> {
    Ok(ask(source, asked).await?.batch)
}

struct Again {
    batch: Batch,
    /// Documents without a `_source`.
    no_source: Vec<Identity>,
    requests: usize,
}

async fn ask(source: &Endpoint, asked: Batch) -> Result<Again> {
    let name = asked.origin.clone().unwrap_or_else(|| Arc::from(asked.index.name.as_str()));
    let mut attempt = 0;
    loop {
        let numbers = (0..asked.documents.len()).collect();
        let fetched = source.get(&name, &asked, numbers, ANSWER).await?;
        let mut again = Again { batch: asked.part([]), no_source: Vec::new(), requests: fetched.len() };
        let mut failure = None;
        for fetched in fetched {
            let added = match &fetched.body {
                Body::Answer(answer) => add(&asked, &fetched.numbers, answer, &mut again),
                Body::NoIndex => Ok(()),
                Body::TooLarge(limit) => Err(format!("a document has more than {limit} bytes")),
            };
            failure = failure.or(added.err());
        }
        let Some(problem) = failure else { return Ok(again) };
        attempt += 1;
        if attempt >= ATTEMPTS {
            let what = format!("get documents of index `{name}`");
            return Err(Error::unexpected(&what, source.client.url(), problem));
        }
        tokio::time::sleep(Backoff::default().delay(attempt, None)).await;
    }
}

/// Adds the documents of an answer.
fn add(asked: &Batch, numbers: &[usize], answer: &[u8], again: &mut Again) -> Result<(), String> {
    let found = documents(answer).map_err(|error| format!("the answer is {error}"))?;
    if found.len() != numbers.len() {
        return Err(format!("{} documents were asked for, the answer has {}", numbers.len(), found.len()));
    }
    for (number, found) in numbers.iter().zip(found) {
        let Some(document) = asked.documents.get(*number) else { continue };
        if found.error.is_some() && !found.has_error("index_not_found_exception") {
            return Err(found.error_text());
        }
        let identity = document.identity.clone();
        if found.id().as_deref() != Some(identity.id.as_str()) {
            return Err(format!("the answer does not have `{}` where it was asked for", identity.id));
        }
        // With another routing it is another document, that has taken the place of the one that was listed.
        if !found.is_found() || found.routing().or_else(|| found.parent()) != identity.routing {
            continue;
        }
        let (id, source) = (identity.id.clone(), found.source);
        let document =
            Document { number: 0, id: id.as_bytes(), type_name: None, routing: None, parent: None, source };
        if again.batch.add(&document, identity.clone()).is_err() {
            again.no_source.push(identity);
        }
    }
    Ok(())
}

/// Which of some documents a cluster has now, in `origin` or in the index of the target.
pub(super) async fn present(
    endpoint: &Endpoint,
    index: &Arc<TargetIndex>,
    origin: Option<&str>,
    hits: &[Hit],
) -> Result<Vec<bool>> {
    let mut asked = Batch::new(Arc::clone(index));
    asked.origin = origin.map(Arc::from);
    hits.iter().for_each(|hit| asked.add_text(hit.identity.clone(), b""));
    let mut present = vec![false; hits.len()];
    for part in super::check::parts(&asked, &(0..hits.len()).collect::<Vec<_>>()) {
        let again = ask(endpoint, asked.part(part.iter().copied())).await?;
        let found = again.batch.documents.iter().map(|document| &document.identity);
        let found: Vec<&Identity> = found.chain(&again.no_source).collect();
        for number in part {
            if let (Some(hit), Some(present)) = (hits.get(number), present.get_mut(number)) {
                *present = found.contains(&&hit.identity);
            }
        }
    }
    Ok(present)
}
