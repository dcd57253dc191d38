//! The metadata of one index in a snapshot: settings, mappings, aliases.
//!
//! Source: [`IndexMetadata`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/cluster/metadata/IndexMetadata.java).

use crate::error::Result;
use crate::snapshot::blob::{Kind, corrupt, from_json, read};
use crate::snapshot::version::Version;
use crate::source;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

mod source_mode;

pub use source_mode::SourceMode;

/// The type of an index that has no types of its own (Elasticsearch 7 and later).
const SINGLE_TYPE: &str = "_doc";
/// Not a type, but what other types of the index start from (up to Elasticsearch 5).
const DEFAULT_TYPE: &str = "_default_";

/// An index as it was when the snapshot was made.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexMetadata {
    /// Its name.
    pub name: String,
    /// Its settings with full names, such as `index.number_of_shards`; the values are strings, lists or null.
    pub settings: BTreeMap<String, Value>,
    /// The mapping of each type, without the name of the type around it. One type `_doc` since Elasticsearch 7.
    pub mappings: BTreeMap<String, Value>,
    /// Its aliases.
    pub aliases: Map<String, Value>,
    /// Number of primary shards.
    pub number_of_shards: u32,
    /// The modulus of routing (5.6 and later); the number of shards unless the index can be split.
    pub routing_num_shards: Option<u32>,
    /// Whether the server keeps the index for itself (7.10 and later).
    pub is_system: bool,
    /// Whether it was open or closed.
    pub is_open: bool,
}

#[derive(Deserialize)]
struct RawIndex {
    #[serde(default)]
    state: Option<String>,
    settings: Map<String, Value>,
    #[serde(default)]
    mappings: Mappings,
    #[serde(default)]
    aliases: Map<String, Value>,
    routing_num_shards: Option<u32>,
    #[serde(default)]
    system: bool,
}

/// A list of mappings with their type around them, or an object of mappings by type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Mappings {
    List(Vec<Mapping>),
    ByType(BTreeMap<String, Value>),
}

impl Default for Mappings {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Mapping {
    Object(BTreeMap<String, Value>),
    /// Binary: the mapping as JSON or SMILE, compressed.
    Compressed(String),
}

impl IndexMetadata {
    /// Decodes the blob; `limit` is for its content as JSON text, in bytes, and for each compressed mapping in it.
    ///
    /// # Errors
    /// See [`blob::to_json`](crate::snapshot::blob::to_json); or the content is not that of one index.
    pub fn decode(file: &str, bytes: &[u8], limit: usize) -> Result<Self> {
        let mut root: BTreeMap<String, RawIndex> = read(file, bytes, Kind::IndexMetadata, limit)?;
        let (Some((name, raw)), true) = (root.pop_first(), root.is_empty()) else {
            return Err(corrupt(file, format!("expected one index, found {}", root.len())));
        };
        let mut settings = BTreeMap::new();
        flatten("", raw.settings, &mut settings);
        let number_of_shards = number_of_shards(file, &settings)?;
        Ok(Self {
            mappings: mappings(file, raw.mappings, limit)?,
            name,
            settings,
            aliases: raw.aliases,
            number_of_shards,
            routing_num_shards: raw.routing_num_shards,
            is_system: raw.system,
            is_open: raw.state.is_none_or(|state| state == "open"),
        })
    }

    /// The value of a setting that is one text, such as `index.uuid`.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    /// The index's own uuid.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.setting("index.uuid")
    }

    /// The version that created the index, which decides how its mappings and ids are read.
    #[must_use]
    pub fn version_created(&self) -> Option<Version> {
        let id = self.setting("index.version.created")?.parse().ok()?;
        Some(Version::from_id(id))
    }

    /// Whether patterns do not match the index unless they ask for it.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.setting("index.hidden") == Some("true")
    }

    /// Whether the index looks like one that holds the documents of a data stream: hidden, and named `.ds-…`.
    ///
    /// Only the [data streams](crate::snapshot::cluster_metadata::ClusterMetadata::data_streams) of the cluster
    /// tell for certain.
    #[must_use]
    pub fn is_data_stream_backing(&self) -> bool {
        self.name.starts_with(".ds-") && self.is_hidden()
    }

    /// The types of documents in the index.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.mappings.keys().map(String::as_str).filter(|name| *name != DEFAULT_TYPE)
    }

    /// Child type to the type of its parents (`_parent`, up to Elasticsearch 5).
    #[must_use]
    pub fn parent_types(&self) -> BTreeMap<&str, &str> {
        let parent = |name| {
            let parent = self.mappings.get(name)?.get("_parent")?.get("type")?.as_str()?;
            Some((name, parent))
        };
        self.types().filter_map(parent).collect()
    }
}

fn number_of_shards(file: &str, settings: &BTreeMap<String, Value>) -> Result<u32> {
    let text = settings.get("index.number_of_shards").and_then(Value::as_str);
    match text.and_then(|text| text.parse().ok()) {
        Some(shards) if shards > 0 => Ok(shards),
        _ => Err(corrupt(file, format!("`index.number_of_shards` is {text:?}"))),
    }
}

/// Gives settings in objects their full names, and makes numbers and booleans text, as the servers do.
fn flatten(prefix: &str, object: Map<String, Value>, settings: &mut BTreeMap<String, Value>) {
    for (name, value) in object {
        let name = format!("{prefix}{name}");
        match value {
            // The depth is that of the JSON text, which has a limit.
            Value::Object(inner) => flatten(&format!("{name}."), inner, settings),
            Value::Number(_) | Value::Bool(_) => {
                settings.insert(name, Value::String(value.to_string()));
            }
            other => {
                settings.insert(name, other);
            }
        }
    }
}

fn mappings(file: &str, mappings: Mappings, limit: usize) -> Result<BTreeMap<String, Value>> {
    let list = match mappings {
        Mappings::ByType(by_type) => return Ok(by_type),
        Mappings::List(list) => list,
    };
    let mut by_type = BTreeMap::new();
    for mapping in list {
        let mut mapping = match mapping {
            Mapping::Object(object) => object,
            Mapping::Compressed(text) => decompressed(file, &text, limit)?,
        };
        // The servers pass over a mapping without a type around it.
        if mapping.len() == 1 {
            by_type.append(&mut mapping);
        }
    }
    Ok(by_type)
}

fn decompressed(file: &str, text: &str, limit: usize) -> Result<BTreeMap<String, Value>> {
    let bytes =
        STANDARD.decode(text).map_err(|error| corrupt(file, format!("compressed mapping: {error}")))?;
    from_json(file, &source::to_json(file, &bytes, limit)?)
}

#[cfg(test)]
mod tests;
