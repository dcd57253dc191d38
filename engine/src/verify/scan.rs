//! All documents of an index of a cluster, page after page.
//!
//! An index is gone through shard by shard (`preference=_shards:N`) in the order of Lucene's document numbers. So a
//! page needs no sorting, and a point in time of one shard can be continued by `search_after`: over several shards the
//! document numbers would not be unique, and neither are ids, since one id may stand in two shards by its routings.

use super::answer::{Found, Page, page};
use super::cluster::{Endpoint, ScanMethod, path_segment};
use super::documents::Identity;
use super::error::{Error, Result};
use crate::target::{Request, Response, SendError};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::Method;
use serde_json::json;
use serde_json::value::RawValue;

/// How long the cluster keeps its place between two pages.
const KEEP_ALIVE: &str = "5m";

/// Documents of a page, without and with their sources.
const PAGE: usize = 1000;
const PAGE_WITH_SOURCES: usize = 200;

/// Bytes that a page may have, and a page of one document.
const LONGEST_PAGE: usize = 8 << 20;
const LONGEST_DOCUMENT: usize = 128 << 20;

/// Shards that are gone through at once.
const SHARDS_AT_ONCE: usize = 4;

/// What is gone through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) index: &'a str,
    pub(super) shards: u32,
    /// Whether identities have types.
    pub(super) typed: bool,
    pub(super) with_sources: bool,
}

/// A document of a page.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) identity: Identity,
    /// Its source as it stands; empty where it is not asked for, or there is none.
    pub(super) source: Vec<u8>,
}

/// The pages of all shards, in no order.
pub(super) fn pages(scanned: Scanned<'_>) -> impl Stream<Item = Result<Vec<Hit>>> + '_ {
    let by_id = scanned.endpoint.dialect.scan == ScanMethod::PointInTimeById;
    let shards: Vec<Option<u32>> = if by_id { vec![None] } else { (0..scanned.shards).map(Some).collect() };
    let shards = stream::iter(shards).map(move |shard| {
        let scan = Scan::new(scanned, shard);
        Box::pin(stream::try_unfold(scan, |mut scan| async move {
            Ok(scan.next().await?.map(|hits| (hits, scan)))
        }))
    });
    shards.flatten_unordered(SHARDS_AT_ONCE)
}

/// The way through one shard.
struct Scan<'a> {
    scanned: Scanned<'a>,
    shard: Option<u32>,
    size: usize,
    place: Place,
}

enum Place {
    Start,
    Scroll { id: String, seen: u64, total: Option<u64> },
    PointInTime { id: String, after: Option<Box<RawValue>> },
    End,
}

impl<'a> Scan<'a> {
    fn new(scanned: Scanned<'a>, shard: Option<u32>) -> Self {
        let size = if scanned.with_sources { PAGE_WITH_SOURCES } else { PAGE };
        Self { scanned, shard, size, place: Place::Start }
    }

    fn what(&self) -> String {
        let index = self.scanned.index;
        match self.shard {
            Some(shard) => format!("go through shard {shard} of index `{index}`"),
            None => format!("go through index `{index}`"),
        }
    }

    fn error(&self, problem: impl Into<String>) -> Error {
        Error::unexpected(&self.what(), self.scanned.endpoint.client.url(), problem)
    }

    /// The next page; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Hit>>> {
        loop {
            match std::mem::replace(&mut self.place, Place::End) {
                Place::End => return Ok(None),
                Place::Start => match self.open_point_in_time().await? {
                    Some(id) => self.place = Place::PointInTime { id, after: None },
                    None => return self.first_of_scroll().await,
                },
                Place::Scroll { id, seen, total } => return self.next_of_scroll(id, seen, total).await,
                Place::PointInTime { id, after } => return self.search_after(id, after).await,
            }
        }
    }

    fn preference(&self) -> String {
        self.shard.map_or_else(String::new, |shard| format!("&preference=_shards:{shard}"))
    }

    /// Opens a point in time; none where the cluster has no such thing, or does not allow it.
    async fn open_point_in_time(&self) -> Result<Option<String>> {
        let endpoint = self.scanned.endpoint;
        let place = match endpoint.dialect.scan {
            ScanMethod::Scroll => return Ok(None),
            ScanMethod::ElasticsearchPointInTime => "_pit",
            ScanMethod::OpenSearchPointInTime | ScanMethod::PointInTimeById => "_search/point_in_time",
        };
        let index = path_segment(self.scanned.index);
        let path = format!("/{index}/{place}?keep_alive={KEEP_ALIVE}{}", self.preference());
        let what = self.what();
        let response = endpoint.send(&what, &Request::new(Method::POST, path)).await?;
        let may_scroll = endpoint.dialect.scan != ScanMethod::PointInTimeById;
        if may_scroll && matches!(response.status, 400 | 403 | 404 | 405) {
            tracing::debug!(status = response.status, "no point in time here, scrolling instead");
            return Ok(None);
        }
        if !response.is_success() {
            return Err(Error::refused(&what, endpoint.client.url(), &response));
        }
        #[derive(serde::Deserialize)]
        struct Opened {
            #[serde(alias = "pit_id")]
            id: String,
        }
        let opened: Opened =
            response.json().map_err(|_| self.error(format!("it answered {}", response.excerpt())))?;
        Ok(Some(opened.id))
    }

    async fn search_after(&mut self, id: String, after: Option<Box<RawValue>>) -> Result<Option<Vec<Hit>>> {
        let order = if self.shard.is_some() { "_doc" } else { "_id" };
        let response = loop {
            let body = json!({
                "size": self.size, "sort": [order], "_source": self.scanned.with_sources,
                "pit": { "id": id, "keep_alive": KEEP_ALIVE },
            });
            let request = self.request("/_search".to_owned(), with_search_after(&body, after.as_deref()));
            match self.scanned.endpoint.send(&self.what(), &request).await {
                Err(Error::NoAnswer { source: SendError::ResponseTooLarge { .. }, .. }) if self.size > 1 => {
                    self.size /= 2;
                }
                sent => break sent?,
            }
        };
        let page = self.page(&response)?;
        let id = page.point_in_time.clone().unwrap_or(id);
        let Some(last) = page.hits.last() else {
            self.close(&id, true).await;
            return Ok(None);
        };
        let sort = last.sort.ok_or_else(|| self.error("a document without `sort`"))?;
        let sort: Box<RawValue> =
            serde_json::from_slice(sort).map_err(|error| self.error(error.to_string()))?;
        let hits = self.hits(&page)?;
        self.place = Place::PointInTime { id, after: Some(sort) };
        Ok(Some(hits))
    }

    async fn first_of_scroll(&mut self) -> Result<Option<Vec<Hit>>> {
        let index = path_segment(self.scanned.index);
        let path = format!("/{index}/_search?scroll={KEEP_ALIVE}{}", self.preference());
        let body = json!({ "size": self.size, "sort": ["_doc"], "_source": self.scanned.with_sources });
        let request = self.request(path, Bytes::from(body.to_string()));
        let response = self.scanned.endpoint.send(&self.what(), &request).await?;
        self.page_of_scroll(&response, 0, None).await
    }

    /// The next page of a scroll is asked for once: the cluster may have gone on although its answer was lost.
    async fn next_of_scroll(
        &mut self,
        id: String,
        seen: u64,
        total: Option<u64>,
    ) -> Result<Option<Vec<Hit>>> {
        let body = json!({ "scroll": KEEP_ALIVE, "scroll_id": id });
        let request = self.request("/_search/scroll".to_owned(), Bytes::from(body.to_string()));
        let client = &self.scanned.endpoint.client;
        let response = client.send(&request).await.map_err(|source| Error::NoAnswer {
            what: self.what(),
            url: client.url().to_string(),
            source,
        })?;
        self.page_of_scroll(&response, seen, total).await
    }

    async fn page_of_scroll(
        &mut self,
        response: &Response,
        seen: u64,
        total: Option<u64>,
    ) -> Result<Option<Vec<Hit>>> {
        let page = self.page(response)?;
        let id = page.scroll_id.clone().ok_or_else(|| self.error("a page without `_scroll_id`"))?;
        let total = total.or(page.total);
        if page.hits.is_empty() {
            self.close(&id, false).await;
            return match total {
                Some(total) if total != seen => {
                    Err(self.error(format!("{total} documents were announced, {seen} came")))
                }
                _ => Ok(None),
            };
        }
        let hits = self.hits(&page)?;
        let seen = seen.saturating_add(hits.len() as u64);
        self.place = Place::Scroll { id, seen, total };
        Ok(Some(hits))
    }

    fn request(&self, path: String, body: Bytes) -> Request {
        let mut request = Request::new(Method::POST, path);
        request.body = body;
        request.max_response = if self.size > 1 { LONGEST_PAGE } else { LONGEST_DOCUMENT };
        request
    }

    fn page<'r>(&self, response: &'r Response) -> Result<Page<'r>> {
        if !response.is_success() {
            return Err(Error::refused(&self.what(), self.scanned.endpoint.client.url(), response));
        }
        page(&response.body).map_err(|problem| self.error(problem))
    }

    fn hits(&self, page: &Page<'_>) -> Result<Vec<Hit>> {
        let hit = |found: &Found<'_>| {
            let parent = found.parent();
            Some(Hit {
                identity: Identity {
                    id: found.id()?,
                    type_name: found.type_name().filter(|_| self.scanned.typed),
                    routing: found.routing().or_else(|| parent.clone()),
                    parent,
                },
                source: found.source.unwrap_or_default().to_vec(),
            })
        };
        let hits: Option<Vec<Hit>> = page.hits.iter().map(hit).collect();
        hits.ok_or_else(|| self.error("a document without `_id`"))
    }

    /// Tells the cluster that its place is not needed any more; if it does not hear, it forgets it by itself.
    async fn close(&self, id: &str, is_point_in_time: bool) {
        let endpoint = self.scanned.endpoint;
        let (path, body) = match endpoint.dialect.scan {
            _ if !is_point_in_time => ("/_search/scroll", json!({ "scroll_id": [id] })),
            ScanMethod::ElasticsearchPointInTime => ("/_pit", json!({ "id": id })),
            _ => ("/_search/point_in_time", json!({ "pit_id": [id] })),
        };
        let request = Request::new(Method::DELETE, path).json(&body);
        if let Err(error) = endpoint.client.send(&request).await {
            tracing::debug!(%error, "a search context was left to expire");
        }
    }
}

/// The body of a search, with the sort values of the last document as the cluster wrote them.
fn with_search_after(body: &serde_json::Value, after: Option<&RawValue>) -> Bytes {
    let mut text = body.to_string();
    if let Some(after) = after {
        text.truncate(text.len().saturating_sub(1));
        text.push_str(&format!(",\"search_after\":{}}}", after.get()));
    }
    Bytes::from(text)
}
