//! A cluster of one node in memory: the document APIs that coordination needs, with sequence numbers, searches that
//! are behind, and answers that are lost.

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A running cluster; ends when dropped.
pub(crate) struct FakeCluster {
    pub(crate) url: url::Url,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

/// How it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    pub(crate) version: &'static str,
    pub(crate) distribution: Option<&'static str>,
    /// Searches see what was written up to so many requests ago.
    pub(crate) behind: u64,
    /// Of so many writes that are done, the answer to one is lost; 0 for none.
    pub(crate) loses: u64,
    /// Of so many documents of a bulk request, one is refused with 429; 0 for none.
    pub(crate) busy: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { version: "2.19.1", distribution: Some("opensearch"), behind: 0, loses: 0, busy: 0 }
    }
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    indices: BTreeMap<String, Index>,
    requests: Vec<String>,
    writes: u64,
    bulk_items: u64,
}

#[derive(Debug, Default)]
struct Index {
    definition: Value,
    documents: BTreeMap<String, Stored>,
    searchable: BTreeMap<String, Stored>,
    sequence: u64,
    since_refresh: u64,
}

#[derive(Debug, Clone)]
struct Stored {
    sequence: u64,
    source: Value,
}

type Answer = (u16, Value);

impl FakeCluster {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (indices, requests) = (BTreeMap::new(), Vec::new());
        let state = Arc::new(Mutex::new(State { behaviour, indices, requests, writes: 0, bulk_items: 0 }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let http = hyper::server::conn::http1::Builder::new();
                connections.spawn(http.serve_connection(TokioIo::new(connection), service));
            }
        });
        Self { url, state, task }
    }

    /// Methods and paths of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Makes an index that is not ferry's.
    pub(crate) fn put_index(&self, name: &str, definition: Value) {
        let index = Index { definition, ..Index::default() };
        self.state.lock().unwrap().indices.insert(name.to_owned(), index);
    }

    /// Deletes a document behind everyone's back.
    pub(crate) fn delete(&self, index: &str, id: &str) {
        self.state.lock().unwrap().indices.get_mut(index).unwrap().documents.remove(id).unwrap();
    }
}

impl Drop for FakeCluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path().to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let (status, value) = {
        let mut state = state.lock().unwrap();
        state.requests.push(format!("{} {path}", head.method));
        let answer = state.answer(&head.method, &path, &query, &body);
        if head.method == Method::PUT && answer.0 < 300 {
            state.writes += 1;
            if state.behaviour.loses > 0 && state.writes.is_multiple_of(state.behaviour.loses) {
                return Err(io::Error::other("lost on purpose"));
            }
        }
        answer
    };
    let body = Full::new(Bytes::from(value.to_string()));
    Response::builder().status(status).body(body).map_err(io::Error::other)
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Answer {
        let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if parts == [""] {
            let Behaviour { version, distribution, .. } = &self.behaviour;
            return (200, json!({ "version": { "number": version, "distribution": distribution } }));
        }
        let name = parts[0];
        if *method == Method::PUT && parts.len() == 1 {
            return self.create_index(name, body);
        }
        let (behind, busy) = (self.behaviour.behind, self.behaviour.busy);
        let Some(index) = self.indices.get_mut(name) else {
            return (404, json!({ "error": { "type": "index_not_found_exception" }, "status": 404 }));
        };
        index.since_refresh += 1;
        if index.since_refresh > behind {
            index.refresh();
        }
        let read = || serde_json::from_slice::<Value>(body).unwrap();
        match (method.as_str(), &parts[1..]) {
            ("GET", ["_mapping"]) => (200, json!({ name: { "mappings": index.definition["mappings"] } })),
            ("GET", ["_doc", id]) => index.get(id),
            ("PUT", ["_create", id]) => index.create(id, read()),
            ("PUT", ["_doc", id]) => index.replace(id, query, read()),
            ("POST", ["_bulk"]) => index.bulk(body, busy, &mut self.bulk_items),
            ("POST", ["_refresh"]) => {
                index.refresh();
                (200, json!({ "_shards": { "total": 2, "successful": 1, "failed": 0 } }))
            }
            ("POST", ["_search"]) => index.search(&read()),
            _ => (405, json!({ "error": format!("{method} {path}") })),
        }
    }

    fn create_index(&mut self, name: &str, body: &[u8]) -> Answer {
        if self.indices.contains_key(name) {
            return (400, json!({ "error": { "type": "resource_already_exists_exception" }, "status": 400 }));
        }
        let definition = serde_json::from_slice(body).unwrap();
        self.indices.insert(name.to_owned(), Index { definition, ..Index::default() });
        (200, json!({ "acknowledged": true }))
    }
}

impl Index {
    fn refresh(&mut self) {
        self.searchable = self.documents.clone();
        self.since_refresh = 0;
    }

    fn get(&self, id: &str) -> Answer {
        match self.documents.get(id) {
            Some(Stored { sequence, source }) => (
                200,
                json!({ "found": true, "_id": id, "_seq_no": sequence, "_primary_term": 1, "_source": source }),
            ),
            None => (404, json!({ "found": false, "_id": id })),
        }
    }

    fn write(&mut self, id: &str, source: Value, status: u16) -> Answer {
        let known = &self.definition["mappings"]["properties"];
        if let Some(field) = source.as_object().unwrap().keys().find(|field| known.get(field).is_none()) {
            return (400, json!({ "error": { "type": "strict_dynamic_mapping_exception", "field": field } }));
        }
        let sequence = self.sequence;
        self.sequence += 1;
        self.documents.insert(id.to_owned(), Stored { sequence, source });
        (status, json!({ "_id": id, "_seq_no": sequence, "_primary_term": 1 }))
    }

    fn create(&mut self, id: &str, source: Value) -> Answer {
        if self.documents.contains_key(id) { conflict() } else { self.write(id, source, 201) }
    }

    fn replace(&mut self, id: &str, query: &BTreeMap<String, String>, source: Value) -> Answer {
        let expected = (query["if_seq_no"].parse::<u64>().unwrap(), query["if_primary_term"].as_str());
        match self.documents.get(id) {
            Some(stored) if (stored.sequence, "1") == expected => self.write(id, source, 200),
            _ => conflict(),
        }
    }

    fn bulk(&mut self, body: &[u8], busy: u64, count: &mut u64) -> Answer {
        let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let mut items = Vec::new();
        for pair in lines.chunks(2) {
            let action: Value = serde_json::from_slice(pair[0]).unwrap();
            let id = action["create"]["_id"].as_str().unwrap();
            *count += u64::from(!self.documents.contains_key(id));
            let (status, answer) = if busy > 0 && count.is_multiple_of(busy) {
                (429, json!({ "error": { "type": "es_rejected_execution_exception" } }))
            } else {
                self.create(id, serde_json::from_slice(pair[1]).unwrap())
            };
            items.push(json!({ "create": { "_id": id, "status": status, "error": answer.get("error") } }));
        }
        (200, json!({ "errors": true, "items": items }))
    }

    fn search(&self, body: &Value) -> Answer {
        let filters = body["query"]["bool"]["filter"].as_array().cloned().unwrap_or_default();
        let matches = |stored: &&Stored| filters.iter().all(|filter| matches(filter, &stored.source));
        let mut found: Vec<(&String, &Stored)> =
            self.searchable.iter().filter(|(_, stored)| matches(stored)).collect();
        let mut answer = json!({
            "timed_out": false,
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
            "hits": { "total": { "value": found.len(), "relation": "eq" } },
        });
        if let Some(groups) = body["aggs"].get("groups") {
            answer["aggregations"] = json!({ "groups": composite(groups, &found) });
        }
        if let Some((field, direction)) =
            body["sort"].get(0).and_then(Value::as_object).and_then(|sort| sort.iter().next())
        {
            found.sort_by_key(|(_, stored)| stored.source[field].as_u64().unwrap());
            if direction == "desc" {
                found.reverse();
            }
        }
        let size = usize::try_from(body["size"].as_u64().unwrap()).unwrap();
        let hit = |(id, stored): &(&String, &Stored)| json!({ "_id": id, "_seq_no": stored.sequence, "_primary_term": 1, "_source": stored.source });
        answer["hits"]["hits"] = found.iter().take(size).map(hit).collect();
        (200, answer)
    }
}

fn matches(filter: &Value, source: &Value) -> bool {
    let (kind, condition) = filter.as_object().unwrap().iter().next().unwrap();
    let (field, expected) = condition.as_object().unwrap().iter().next().unwrap();
    let Some(found) = source.get(field) else { return false };
    match kind.as_str() {
        "term" => found == expected,
        "terms" => expected.as_array().unwrap().contains(found),
        "range" => {
            let number = |value: &Value| value.as_u64().unwrap();
            number(found) >= number(&expected["gte"]) && number(found) < number(&expected["lt"])
        }
        other => panic!("the fake does not know `{other}`"),
    }
}

/// A composite aggregation with sums.
fn composite(groups: &Value, found: &[(&String, &Stored)]) -> Value {
    let sources = groups["composite"]["sources"].as_array().unwrap();
    let fields: Vec<&String> =
        sources.iter().map(|source| source.as_object().unwrap().keys().next().unwrap()).collect();
    let key_of = |source: &Value| -> Option<Vec<String>> {
        fields.iter().map(|field| source.get(field).and_then(Value::as_str).map(str::to_owned)).collect()
    };
    let mut by_key = BTreeMap::<Vec<String>, Vec<&Value>>::new();
    for (_, stored) in found {
        if let Some(key) = key_of(&stored.source) {
            by_key.entry(key).or_default().push(&stored.source);
        }
    }
    let size = usize::try_from(groups["composite"]["size"].as_u64().unwrap()).unwrap();
    let after = groups["composite"].get("after").and_then(key_of);
    let later = by_key.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let buckets: Vec<Value> =
        later.take(size).map(|(key, sources)| bucket(groups, &fields, &key, &sources)).collect();
    json!({ "after_key": buckets.last().map(|bucket| bucket["key"].clone()), "buckets": buckets })
}

fn bucket(groups: &Value, fields: &[&String], key: &[String], sources: &[&Value]) -> Value {
    let key: Value =
        fields.iter().map(|field| (*field).clone()).zip(key.iter().map(|key| json!(key))).collect();
    let mut bucket = json!({ "key": key, "doc_count": sources.len() });
    for (name, aggregation) in groups["aggs"].as_object().unwrap() {
        let pointer = format!("/{}", aggregation["sum"]["field"].as_str().unwrap().replace('.', "/"));
        let sum: f64 = sources.iter().filter_map(|source| source.pointer(&pointer)?.as_f64()).sum();
        bucket[name] = json!({ "value": sum });
    }
    bucket
}

fn conflict() -> Answer {
    (409, json!({ "error": { "type": "version_conflict_engine_exception" }, "status": 409 }))
}

fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: String = [rest.next().unwrap(), rest.next().unwrap()].map(char::from).iter().collect();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
