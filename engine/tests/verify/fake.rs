//! A cluster on loopback that knows just what a comparison asks for, and fails by script.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

/// A document of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) type_name: Option<String>,
    pub(crate) routing: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) source: String,
}

impl Stored {
    pub(crate) fn new(id: &str, routing: Option<&str>, source: &str) -> Self {
        let routing = routing.map(str::to_owned);
        Self { id: id.to_owned(), type_name: None, routing, parent: None, source: source.to_owned() }
    }
}

/// What a cluster does beside its work. Each counts down.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// Every request is answered with this status.
    pub(crate) status: Option<u16>,
    /// So many `_mget` answers have an error instead of their first document.
    pub(crate) unavailable: u32,
    /// So many `_mget` answers do not find their first document, which is there.
    pub(crate) late: u32,
    /// `_mget` answers are one document short.
    pub(crate) short: bool,
    /// Searches say that a shard failed.
    pub(crate) failed_shard: bool,
    /// `_bulk` refuses this id.
    pub(crate) refused: Option<String>,
    /// There is no point in time.
    pub(crate) no_point_in_time: bool,
}

#[derive(Debug, Default)]
struct State {
    indices: BTreeMap<String, Vec<Stored>>,
    faults: Faults,
    requests: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) url: Url,
    number: &'static str,
    opensearch: bool,
    shards: usize,
    /// Documents of a page, whatever is asked for.
    page: usize,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// A cluster of this version with these indices.
    pub(crate) async fn start(number: &'static str, opensearch: bool, shards: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let fake = Self { url, number, opensearch, shards, page: 7, state: Arc::default() };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let fake = serving.clone();
                let service = service_fn(move |request| {
                    let fake = fake.clone();
                    async move { Ok::<_, Infallible>(fake.answer(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(connection), service),
                );
            }
        });
        fake
    }

    pub(crate) fn put(&self, index: &str, documents: Vec<Stored>) {
        self.state.lock().unwrap().indices.insert(index.to_owned(), documents);
    }

    pub(crate) fn change(&self, index: &str, change: impl FnOnce(&mut Vec<Stored>)) {
        change(self.state.lock().unwrap().indices.get_mut(index).unwrap());
    }

    pub(crate) fn documents(&self, index: &str) -> Vec<Stored> {
        self.state.lock().unwrap().indices[index].clone()
    }

    pub(crate) fn fail(&self, faults: Faults) {
        self.state.lock().unwrap().faults = faults;
    }

    /// Method and path of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut state = self.state.lock().unwrap();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        state.requests.push(format!("{} {path}", parts.method));
        let (status, answer) = match state.faults.status {
            Some(status) => (status, json!({ "error": "by script" }).to_string()),
            None => self.route(&mut state, &parts.method, &path, &query, &body),
        };
        Response::builder().status(status).body(Full::new(Bytes::from(answer))).unwrap()
    }

    fn route(
        &self,
        state: &mut State,
        method: &Method,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> (u16, String) {
        let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
        if path == "/" {
            let mut version = json!({ "number": self.number });
            if self.opensearch {
                version["distribution"] = json!("opensearch");
            }
            return (200, json!({ "version": version }).to_string());
        }
        if method == Method::DELETE {
            return (200, "{}".to_owned());
        }
        if path == "/_cat/indices" {
            let list = state.indices.keys().map(|index| json!({ "index": index, "status": "open" }));
            return (200, Value::Array(list.collect()).to_string());
        }
        if path == "/_search/scroll" {
            return (200, self.page(state, parsed["scroll_id"].as_str().unwrap(), "_scroll_id", None));
        }
        if path == "/_search" {
            let id = parsed["pit"]["id"].as_str().unwrap();
            let from = parsed["search_after"][0].as_u64().map_or(0, |after| after + 1);
            return (200, self.page(state, id, "pit_id", Some(from)));
        }
        let (index, action) = path.strip_prefix('/').unwrap().split_once('/').unwrap();
        let index = decode(index);
        if !state.indices.contains_key(&index) && action != "_bulk" {
            let error = json!({ "type": "index_not_found_exception" });
            if action == "_mget" {
                let missing = |asked: &Value| json!({ "_id": asked["_id"], "error": error });
                let documents: Vec<Value> = parsed["docs"].as_array().unwrap().iter().map(missing).collect();
                return (200, json!({ "docs": documents }).to_string());
            }
            return (404, json!({ "error": error }).to_string());
        }
        let shard = query.split('&').find_map(|part| part.strip_prefix("preference=_shards:"));
        let place = format!("{index}|{}|0", shard.unwrap_or("*"));
        match action {
            "_refresh" => (200, "{}".to_owned()),
            "_count" => {
                let count = state.indices[&index].len();
                (200, json!({ "count": count, "_shards": { "total": self.shards, "failed": 0 } }).to_string())
            }
            "_mget" => (200, self.get(state, &index, &parsed)),
            "_bulk" => (200, self.bulk(state, &index, body)),
            "_search" => (200, self.page(state, &place, "_scroll_id", None)),
            "_search/point_in_time" | "_pit" if state.faults.no_point_in_time => {
                (405, json!({ "error": "no handler" }).to_string())
            }
            "_search/point_in_time" => (200, json!({ "pit_id": place }).to_string()),
            "_pit" => (200, json!({ "id": place }).to_string()),
            _ => (400, json!({ "error": format!("no {method} {path}") }).to_string()),
        }
    }

    fn shard_of(&self, id: &str, routing: Option<&str>) -> usize {
        routing.unwrap_or(id).bytes().map(usize::from).sum::<usize>() % self.shards
    }

    fn get(&self, state: &mut State, index: &str, question: &Value) -> String {
        let faults = &mut state.faults;
        let (late, unavailable) = (faults.late > 0, faults.unavailable > 0);
        faults.late = faults.late.saturating_sub(1);
        faults.unavailable = faults.unavailable.saturating_sub(1);
        let mut answers = Vec::new();
        for asked in question["docs"].as_array().unwrap() {
            let id = asked["_id"].as_str().unwrap();
            let shard = self.shard_of(id, asked["routing"].as_str().or(asked["parent"].as_str()));
            let found = state.indices[index].iter().find(|stored| {
                stored.id == id
                    && (asked["_type"].is_null() || asked["_type"].as_str() == stored.type_name.as_deref())
                    && self.shard_of(id, stored.routing.as_deref().or(stored.parent.as_deref())) == shard
            });
            let is_first = answers.is_empty();
            answers.push(match found {
                _ if unavailable && is_first => {
                    json!({ "_id": id, "error": { "type": "no_shard_available_action_exception" } })
                        .to_string()
                }
                Some(stored) if !(late && is_first) => document(stored, "\"found\":true,"),
                _ => json!({ "_index": index, "_id": id, "found": false }).to_string(),
            });
        }
        if state.faults.short {
            answers.pop();
        }
        format!("{{\"docs\":[{}]}}", answers.join(","))
    }

    /// A page of the documents of a shard; `place` is index, shard and the number of the first document.
    fn page(&self, state: &State, place: &str, id_name: &str, from: Option<u64>) -> String {
        let mut parts = place.split('|');
        let (index, shard) = (parts.next().unwrap(), parts.next().unwrap());
        let from = from.unwrap_or_else(|| parts.next().unwrap().parse().unwrap());
        let from = usize::try_from(from).unwrap();
        let in_shard = |stored: &&Stored| {
            shard == "*"
                || self.shard_of(&stored.id, stored.routing.as_deref().or(stored.parent.as_deref()))
                    == shard.parse::<usize>().unwrap()
        };
        let all: Vec<&Stored> = state.indices[index].iter().filter(in_shard).collect();
        let hit = |(number, stored): (usize, &&Stored)| document(stored, &format!("\"sort\":[{number}],"));
        let hits: Vec<String> = all.iter().enumerate().skip(from).take(self.page).map(hit).collect();
        let failed = u32::from(state.faults.failed_shard);
        let id = if id_name == "pit_id" {
            place.to_owned()
        } else {
            format!("{index}|{shard}|{}", from + hits.len())
        };
        format!(
            "{{\"{id_name}\":{},\"timed_out\":false,\"_shards\":{{\"total\":1,\"successful\":1,\"failed\":{failed}}},\
             \"hits\":{{\"total\":{{\"value\":{}}},\"hits\":[{}]}}}}",
            json!(id),
            all.len(),
            hits.join(",")
        )
    }

    fn bulk(&self, state: &mut State, index: &str, body: &[u8]) -> String {
        let text = std::str::from_utf8(body).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut items = Vec::new();
        for pair in lines.chunks(2) {
            let action: Value = serde_json::from_str(pair[0]).unwrap();
            let action = &action["index"];
            let text = |name: &str| action[name].as_str().map(str::to_owned);
            let id = text("_id").unwrap();
            if state.faults.refused.as_ref() == Some(&id) {
                let error = json!({ "type": "mapper_parsing_exception" });
                items.push(json!({ "index": { "_id": id, "status": 400, "error": error } }));
                continue;
            }
            let routing = text("routing");
            let shard = self.shard_of(&id, routing.as_deref());
            let documents = state.indices.entry(index.to_owned()).or_default();
            documents
                .retain(|stored| stored.id != id || self.shard_of(&id, stored.routing.as_deref()) != shard);
            items.push(json!({ "index": { "_id": id, "status": 201 } }));
            let (type_name, parent) = (text("_type"), text("parent"));
            documents.push(Stored { id, type_name, routing, parent, source: pair[1].to_owned() });
        }
        json!({ "errors": false, "items": items }).to_string()
    }
}

/// A document as an answer has it, its source as it is stored.
fn document(stored: &Stored, more: &str) -> String {
    let mut text = format!("{{{more}\"_id\":{}", json!(stored.id));
    for (name, value) in
        [("_type", &stored.type_name), ("_routing", &stored.routing), ("_parent", &stored.parent)]
    {
        if let Some(value) = value {
            text.push_str(&format!(",\"{name}\":{}", json!(value)));
        }
    }
    format!("{text},\"_source\":{}}}", stored.source)
}

fn decode(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
