//! Whether, and how, an index keeps the source of its documents.

use super::{IndexMetadata, SINGLE_TYPE};
use crate::snapshot::version::Product;
use serde_json::Value;

/// From this version on, time series have no stored source unless they ask for it.
const SYNTHETIC_TIME_SERIES: u64 = 8_070_099;

/// What the stored `_source` of a document has of what the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceMode {
    /// All of it.
    Stored,
    /// Some fields: `_source.includes`, `_source.excludes`.
    Partial {
        /// Patterns of the fields that are kept; all if empty.
        includes: Vec<String>,
        /// Patterns of the fields that are not kept.
        excludes: Vec<String>,
    },
    /// Nothing: `_source.enabled: false`.
    Disabled,
    /// Nothing; the server makes it up from other data (Elasticsearch 8.4 and later, OpenSearch 3.2 and later).
    Synthetic,
}

impl SourceMode {
    /// How much is missing: 0 for nothing.
    const fn loss(&self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::Partial { .. } => 1,
            Self::Disabled => 2,
            Self::Synthetic => 3,
        }
    }
}

impl IndexMetadata {
    /// The mode of the index as a whole: that of the type of which the most is missing.
    #[must_use]
    pub fn source_mode(&self) -> SourceMode {
        let modes = self.types().map(|name| self.source_mode_of(name));
        modes.max_by_key(SourceMode::loss).unwrap_or_else(|| self.source_mode_of(SINGLE_TYPE))
    }

    /// The mode of one type.
    #[must_use]
    pub fn source_mode_of(&self, type_name: &str) -> SourceMode {
        let source = self.mappings.get(type_name).and_then(|mapping| mapping.get("_source"));
        let in_mapping = source.and_then(|source| source.get("mode")).and_then(Value::as_str);
        let mode = self.setting("index.mapping.source.mode").or(in_mapping).or(self.default_mode());
        match mode.map(str::to_ascii_lowercase).as_deref() {
            Some("synthetic") => return SourceMode::Synthetic,
            Some("disabled") => return SourceMode::Disabled,
            _ => {}
        }
        let Some(source) = source else {
            return SourceMode::Stored;
        };
        if source.get("enabled").is_some_and(is_false) {
            return SourceMode::Disabled;
        }
        let (includes, excludes) = (patterns(source.get("includes")), patterns(source.get("excludes")));
        if includes.is_empty() && excludes.is_empty() {
            return SourceMode::Stored;
        }
        SourceMode::Partial { includes, excludes }
    }

    /// The mode that follows from what the index is for.
    fn default_mode(&self) -> Option<&'static str> {
        if self.setting("index.derived_source.enabled") == Some("true") {
            return Some("synthetic");
        }
        let created = self.version_created().filter(|version| version.product() == Product::Elasticsearch)?;
        match self.setting("index.mode")?.to_ascii_lowercase().as_str() {
            "logsdb" => Some("synthetic"),
            "time_series" if created.id() >= SYNTHETIC_TIME_SERIES => Some("synthetic"),
            _ => None,
        }
    }
}

/// Elasticsearch up to 5 takes several words for false.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::String(text) => matches!(text.as_str(), "false" | "off" | "no" | "0"),
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

fn patterns(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
