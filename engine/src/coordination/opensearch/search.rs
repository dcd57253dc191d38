//! Searches, and what of their answers is needed.

use super::http::Found;
use crate::coordination::backend::{Query, Tally};
use crate::coordination::record::ItemState;
use serde::Deserialize;
use serde_json::{Value, json};

/// Groups in one answer.
pub(super) const BUCKETS: usize = 1000;

/// The answer to a search. Without hits, `T` is whatever it is.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    pub(super) hits: Hits<T>,
    pub(super) aggregations: Option<Aggregations>,
}

/// The answer to a refresh.
#[derive(Debug, Deserialize)]
pub(super) struct Refreshed {
    #[serde(rename = "_shards")]
    shards: Shards,
}

#[derive(Debug, Deserialize)]
struct Shards {
    total: u64,
    successful: u64,
    failed: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Hits<T> {
    pub(super) total: Option<Total>,
    pub(super) hits: Vec<Found<T>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Total {
    pub(super) value: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Aggregations {
    pub(super) groups: Groups,
}

#[derive(Debug, Deserialize)]
pub(super) struct Groups {
    pub(super) after_key: Option<Value>,
    pub(super) buckets: Vec<Bucket>,
}

/// What the items of one index in one state and from one origin come to.
#[derive(Debug, Deserialize)]
pub(super) struct Bucket {
    key: Key,
    doc_count: u64,
    span: Sum,
    documents: Sum,
    bytes: Sum,
    written: Sum,
    excluded: Sum,
    failed: Sum,
    written_bytes: Sum,
    untrusted: Sum,
}

#[derive(Debug, Deserialize)]
struct Key {
    index: String,
    state: String,
    origin: String,
}

#[derive(Debug, Deserialize)]
struct Sum {
    value: f64,
}

impl<T> Answer<T> {
    /// Whether all that there is was looked at.
    pub(super) const fn is_whole(&self) -> bool {
        let Shards { total, successful, failed } = self.shards;
        !self.timed_out && failed == 0 && total > 0 && successful == total
    }
}

impl Refreshed {
    /// Whether all copies that there are were refreshed; copies that are not assigned are not searched either.
    pub(super) const fn is_whole(&self) -> bool {
        self.shards.failed == 0 && self.shards.successful > 0
    }
}

impl Bucket {
    pub(super) fn tally(&self) -> Tally {
        Tally {
            index: self.key.index.clone(),
            state: self.key.state.clone(),
            origin: self.key.origin.clone(),
            items: self.doc_count,
            span: self.span.whole(),
            documents: self.documents.whole(),
            bytes: self.bytes.whole(),
            written: self.written.whole(),
            excluded: self.excluded.whole(),
            failed: self.failed.whole(),
            written_bytes: self.written_bytes.whole(),
            untrusted: self.untrusted.whole(),
        }
    }
}

impl Sum {
    /// A sum as it was before the cluster made it a floating point number: exact up to 2^53.
    fn whole(&self) -> u64 {
        format!("{:.0}", self.value.max(0.0)).parse().unwrap_or(u64::MAX)
    }
}

pub(super) fn find(query: Query, limit: usize) -> Value {
    let (filter, sort) = match query {
        Query::Ring { state, from, before } => (
            json!([
                { "term": { "state": state.name() } },
                { "range": { "order": { "gte": from, "lt": before } } },
            ]),
            json!([{ "order": "asc" }]),
        ),
        Query::LargestLeased => (
            json!([{ "term": { "state": ItemState::Leased.name() } }, { "term": { "split_requested": false } }]),
            json!([{ "remaining": "desc" }]),
        ),
    };
    json!({
        "size": limit,
        "seq_no_primary_term": true,
        "track_total_hits": false,
        "query": { "bool": { "filter": filter } },
        "sort": sort,
    })
}

pub(super) fn count(states: &[ItemState]) -> Value {
    let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
    json!({
        "size": 0,
        "track_total_hits": true,
        "query": { "bool": { "filter": [{ "terms": { "state": states } }] } },
    })
}

/// The sums of all items by index, state and origin, after the group `after`.
pub(super) fn tally(after: Option<&Value>) -> Value {
    let by = |field: &str| json!({ field: { "terms": { "field": field } } });
    let mut composite = json!({ "size": BUCKETS, "sources": [by("index"), by("state"), by("origin")] });
    if let (Some(composite), Some(after)) = (composite.as_object_mut(), after) {
        composite.insert("after".to_owned(), after.clone());
    }
    let sum = |field: &str| json!({ "sum": { "field": field } });
    json!({
        "size": 0,
        "track_total_hits": false,
        "aggs": { "groups": {
            "composite": composite,
            "aggs": {
                "span": sum("span"), "documents": sum("documents"), "bytes": sum("bytes"),
                "written": sum("counts.written"), "excluded": sum("counts.excluded"), "failed": sum("failed"),
                "written_bytes": sum("counts.bytes"), "untrusted": sum("counts.untrusted"),
            },
        } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_of_which_a_part_is_missing_is_not_whole() {
        let answer = |timed_out: bool, total: u64, successful: u64, failed: u64| {
            let shards = json!({ "total": total, "successful": successful, "failed": failed });
            let answer = json!({ "timed_out": timed_out, "_shards": shards, "hits": { "hits": [] } });
            serde_json::from_value::<Answer<Value>>(answer).unwrap().is_whole()
        };
        assert!(answer(false, 1, 1, 0));
        assert!(!answer(true, 1, 1, 0) && !answer(false, 1, 0, 1));
        assert!(!answer(false, 0, 0, 0) && !answer(false, 2, 1, 0));
    }

    #[test]
    fn sums_are_whole_numbers() {
        let whole = [0.0, 1.0, 9_007_199_254_740_992.0, -1.0].map(|value| Sum { value }.whole());
        assert_eq!(whole, [0, 1, 9_007_199_254_740_992, 0]);
    }
}
