//! Sessions in an index of a cluster: OpenSearch 1 to 3, Elasticsearch 7 to 9.
//!
//! Only documented APIs of documents are used: `_create`, `_doc` with `if_seq_no` and `if_primary_term`, `_bulk` with
//! `create`, `_search`, `_refresh`. Reading one document is always up to date; a search may be a second behind, and
//! what it finds carries its version, so nothing that has changed since can be written over.
//!
//! Every request may be sent again after its answer was lost. A write that is refused as a conflict is compared with
//! what is there: when that is exactly what was to be written, it was this write. Every write of a document differs
//! from all before it (epoch, heartbeat, revision), or says what is true whoever says it.

mod http;
mod index;
mod search;

use super::backend::{Document, Query, Stored, Tally, Version};
use super::error::StoreError;
use super::record::{ItemState, Record};
use super::session::SessionName;
use crate::flow::Backoff;
use crate::target::{Client, Request, Response};
use ::http::Method;
use http::{Found, Written, encoded};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The documents of one session in `ferry-<session>`.
#[derive(Debug)]
pub(super) struct IndexStore {
    client: Client,
    index: String,
}

impl IndexStore {
    /// Opens the index, and makes it if there is none.
    pub(super) async fn open(client: Client, session: &SessionName) -> Result<Self, StoreError> {
        let store = Self { client, index: format!("ferry-{session}") };
        store.check_cluster().await?;
        store.make_index().await?;
        if !store.check_index().await? {
            let reason = "it was made, and is not there".to_owned();
            return Err(StoreError::Foreign { store: store.name(), reason });
        }
        Ok(store)
    }

    /// Opens the index to read; where it would be, when there is none.
    pub(super) async fn look(
        client: Client,
        session: &SessionName,
    ) -> Result<Result<Self, String>, StoreError> {
        let store = Self { client, index: format!("ferry-{session}") };
        store.check_cluster().await?;
        let exists = store.check_index().await?;
        Ok(if exists { Ok(store) } else { Err(store.name()) })
    }

    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.client.url().as_str().trim_end_matches('/'), self.index)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<Stored<T>>, StoreError> {
        const WHAT: &str = "read a document";
        let request = Request::new(Method::GET, format!("/{}/_doc/{}", self.index, encoded(id)));
        let answer = self.send(WHAT, &request).await?;
        if answer.status == 404 && self.parse::<Missing>(WHAT, &answer).is_ok_and(|missing| !missing.found) {
            return Ok(None);
        }
        let found: Found<T> = self.parse_success(WHAT, &answer)?;
        Ok(Some(found.into()))
    }

    pub(super) async fn create<T: Document>(&self, document: &T) -> Result<Option<Version>, StoreError> {
        let path = format!("/{}/_create/{}", self.index, encoded(document.id()));
        self.write("create a document", path, document).await
    }

    pub(super) async fn replace<T: Document>(
        &self,
        version: Version,
        document: &T,
    ) -> Result<Option<Version>, StoreError> {
        let Version { sequence, term } = version;
        let id = encoded(document.id());
        let path = format!("/{}/_doc/{id}?if_seq_no={sequence}&if_primary_term={term}", self.index);
        self.write("write a document", path, document).await
    }

    /// Sends a write that is refused when the document is not as expected; `None` when it was.
    async fn write<T: Document>(
        &self,
        what: &'static str,
        path: String,
        document: &T,
    ) -> Result<Option<Version>, StoreError> {
        let body = serde_json::to_vec(document).map_err(|error| self.unwritable(document.id(), &error))?;
        let mut request = Request::new(Method::PUT, path);
        request.body = body.into();
        let answer = self.send(what, &request).await?;
        if answer.status != 409 {
            let written: Written = self.parse_success(what, &answer)?;
            return Ok(Some(written.into()));
        }
        let found: Option<Stored<T>> = self.get(document.id()).await?;
        Ok(found.filter(|found| found.document == *document).map(|found| found.version))
    }

    pub(super) async fn create_all(&self, records: &[Record]) -> Result<(), StoreError> {
        const BYTES: usize = 4 << 20;
        let (mut body, mut ids) = (Vec::new(), Vec::new());
        for record in records {
            let id = &record.item.id;
            let failed = |error| self.unwritable(id, &error);
            let action = serde_json::json!({ "create": { "_id": id } });
            serde_json::to_writer(&mut body, &action).map_err(failed)?;
            body.push(b'\n');
            serde_json::to_writer(&mut body, record).map_err(failed)?;
            body.push(b'\n');
            ids.push(id.as_str());
            if body.len() >= BYTES {
                self.send_bulk(std::mem::take(&mut body), &std::mem::take(&mut ids)).await?;
            }
        }
        if ids.is_empty() { Ok(()) } else { self.send_bulk(body, &ids).await }
    }

    /// Sends a bulk request, again as long as the cluster is too busy for some of it: what exists is kept.
    async fn send_bulk(&self, body: Vec<u8>, ids: &[&str]) -> Result<(), StoreError> {
        const WHAT: &str = "create items";
        const ATTEMPTS: u32 = 8;
        let request = Request::new(Method::POST, format!("/{}/_bulk", self.index)).ndjson(body.into());
        let mut attempt = 0;
        loop {
            let answer = self.send(WHAT, &request).await?;
            let bulk: http::Bulk = self.parse_success(WHAT, &answer)?;
            if bulk.items.len() != ids.len() {
                return Err(self.refused(WHAT, &answer));
            }
            let refused = bulk.items.iter().filter(|item| !matches!(item.create.status, 200 | 201 | 409));
            let Some(worst) = refused.max_by_key(|item| !http::is_busy(item.create.status)) else {
                return Ok(());
            };
            attempt += 1;
            if !http::is_busy(worst.create.status) || attempt >= ATTEMPTS {
                let body = worst.create.error.as_ref().map(ToString::to_string).unwrap_or_default();
                let answer = Response { status: worst.create.status, body: body.into(), ..answer };
                return Err(self.refused(WHAT, &answer));
            }
            tokio::time::sleep(Backoff::default().delay(attempt, answer.retry_after)).await;
        }
    }

    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        const WHAT: &str = "refresh the index";
        let request = Request::new(Method::POST, format!("/{}/_refresh", self.index));
        let answer = self.send(WHAT, &request).await?;
        let refreshed: search::Refreshed = self.parse_success(WHAT, &answer)?;
        if refreshed.is_whole() { Ok(()) } else { Err(self.refused(WHAT, &answer)) }
    }

    pub(super) async fn find(&self, query: Query, limit: usize) -> Result<Vec<Stored<Record>>, StoreError> {
        let answer = self.search::<Record>("look for items", &search::find(query, limit)).await?;
        Ok(answer.hits.hits.into_iter().map(Stored::from).collect())
    }

    pub(super) async fn count(&self, states: &[ItemState]) -> Result<u64, StoreError> {
        let answer = self.search::<Record>("count items", &search::count(states)).await?;
        answer.hits.total.map(|total| total.value).ok_or_else(|| StoreError::Inconsistent {
            store: self.name(),
            what: "the answer to a count".to_owned(),
            problem: "it has no total".to_owned(),
        })
    }

    pub(super) async fn tally(&self) -> Result<Vec<Tally>, StoreError> {
        let (mut tallies, mut after) = (Vec::new(), None);
        loop {
            let answer = self.search::<Record>("sum up items", &search::tally(after.as_ref())).await?;
            let Some(groups) = answer.aggregations.map(|aggregations| aggregations.groups) else { break };
            tallies.extend(groups.buckets.iter().map(search::Bucket::tally));
            after = groups.after_key;
            if after.is_none() || groups.buckets.len() < search::BUCKETS {
                break;
            }
        }
        Ok(tallies)
    }

    async fn search<T: DeserializeOwned>(
        &self,
        what: &'static str,
        body: &serde_json::Value,
    ) -> Result<search::Answer<T>, StoreError> {
        let path = format!("/{}/_search?allow_partial_search_results=false", self.index);
        let response = self.send(what, &Request::new(Method::POST, path).json(body)).await?;
        let answer: search::Answer<T> = self.parse_success(what, &response)?;
        if answer.is_whole() { Ok(answer) } else { Err(self.refused(what, &response)) }
    }

    fn unwritable(&self, id: &str, error: &serde_json::Error) -> StoreError {
        let (store, what) = (self.name(), format!("document `{id}`"));
        StoreError::Inconsistent { store, what, problem: error.to_string() }
    }
}

/// The answer when there is no document.
#[derive(Debug, Deserialize)]
struct Missing {
    found: bool,
}
