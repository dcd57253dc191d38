//! Whether the cluster can coordinate, and the index of a session.

use super::IndexStore;
use crate::coordination::error::StoreError;
use crate::coordination::session::FORMAT;
use crate::target::Request;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to `GET /`.
#[derive(Debug, Deserialize)]
struct Root {
    version: RootVersion,
}

#[derive(Debug, Deserialize)]
struct RootVersion {
    number: String,
    distribution: Option<String>,
}

/// The answer to `GET /<index>/_mapping`.
#[derive(Debug, Deserialize)]
struct Mapped {
    mappings: Mappings,
}

#[derive(Debug, Deserialize)]
struct Mappings {
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    ferry_format: Option<u32>,
}

impl IndexStore {
    /// Whether the cluster has what is needed: sequence numbers, and APIs without types.
    pub(super) async fn check_cluster(&self) -> Result<(), StoreError> {
        const WHAT: &str = "read the version of the cluster";
        let answer = self.send(WHAT, &Request::new(Method::GET, "/")).await?;
        let unsupported = |found| Err(StoreError::Unsupported { url: self.client.url().to_string(), found });
        if answer.status == 404 {
            return unsupported("OpenSearch Serverless, which does not answer to `GET /`".to_owned());
        }
        let RootVersion { number, distribution } = self.parse_success::<Root>(WHAT, &answer)?.version;
        let major = number.split('.').next().and_then(|major| major.parse::<u32>().ok()).unwrap_or(0);
        match distribution.as_deref() {
            Some("opensearch") => Ok(()),
            _ if major >= 7 => Ok(()),
            _ => unsupported(format!("Elasticsearch {number}")),
        }
    }

    /// Makes the index; one that is there is left as it is.
    pub(super) async fn make_index(&self) -> Result<(), StoreError> {
        const WHAT: &str = "make the index";
        let request = Request::new(Method::PUT, format!("/{}", self.index)).json(&definition());
        let answer = self.send(WHAT, &request).await?;
        let exists = answer.status == 400
            && String::from_utf8_lossy(&answer.body).contains("resource_already_exists_exception");
        if answer.is_success() || exists { Ok(()) } else { Err(self.refused(WHAT, &answer)) }
    }

    /// Whether the index is there; one that is not ours is an error.
    pub(super) async fn check_index(&self) -> Result<bool, StoreError> {
        const WHAT: &str = "read the mapping";
        let answer = self.send(WHAT, &Request::new(Method::GET, format!("/{}/_mapping", self.index))).await?;
        if answer.status == 404 {
            return Ok(false);
        }
        let mapped: BTreeMap<String, Mapped> = self.parse_success(WHAT, &answer)?;
        let foreign = |reason| Err(StoreError::Foreign { store: self.name(), reason });
        let mut formats =
            mapped.values().map(|index| index.mappings.meta.as_ref().and_then(|meta| meta.ferry_format));
        match (formats.next(), formats.next()) {
            (Some(Some(FORMAT)), None) => Ok(true),
            (Some(Some(other)), None) => {
                foreign(format!("it has format {other}, this version of ferry knows {FORMAT}"))
            }
            (Some(None), None) => foreign("the index was not made by ferry".to_owned()),
            _ => foreign("it is not one index, but an alias of several".to_owned()),
        }
    }
}

/// Settings are written out, so that index templates of the cluster cannot change them.
fn definition() -> Value {
    json!({
        "settings": { "index": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "refresh_interval": "1s",
            "translog": { "durability": "request" },
            "default_pipeline": "_none",
        } },
        "mappings": mappings(),
    })
}

fn mappings() -> Value {
    let (keyword, long, boolean) =
        (json!({ "type": "keyword" }), json!({ "type": "long" }), json!({ "type": "boolean" }));
    let opaque = json!({ "type": "object", "enabled": false });
    let text = json!({ "type": "text", "index": false });
    json!({
        "dynamic": "strict",
        "_meta": { "ferry_format": FORMAT },
        "properties": {
            "id": keyword, "index": keyword, "shard": long, "pieces": opaque, "bytes": long, "documents": long,
            "span": long, "order": long, "origin": keyword, "state": keyword,
            "attempts": long, "fruitless": long, "silent": long, "silent_worker": keyword, "last_error": text,
            "epoch": long, "heartbeat": long, "worker": keyword, "instance": keyword, "cursor": opaque,
            "counts": { "properties": {
                "written": long, "excluded": long, "bytes": long, "failed": opaque, "untrusted": long,
            } },
            "failed": long, "remaining": long, "split_requested": boolean,
            "parent": keyword, "parent_epoch": long, "children": keyword,
            "format": long, "fingerprint": opaque, "planned": opaque, "revision": long,
        },
    })
}
