//! The cluster's own metadata in a snapshot: templates, data streams, settings.

use crate::error::Result;
use crate::snapshot::blob::{Kind, corrupt, read};
use serde_json::{Map, Value};

/// The content of the blob `meta-…` in the root of the repository, by section.
///
/// | section               | versions              | holds                                              |
/// |-----------------------|-----------------------|----------------------------------------------------|
/// | `settings`            | all                   | persistent settings                                |
/// | `templates`           | all                   | index templates of the old kind, by name           |
/// | `index_template`      | 7.8 and later         | `index_template`: index templates by name          |
/// | `component_template`  | 7.8 and later         | `component_template`: their parts by name          |
/// | `data_stream`         | 7.9 and later         | `data_stream` and `data_stream_aliases` by name    |
/// | `ingest`, `stored_scripts`, … | some          | what the server and its plugins keep               |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterMetadata {
    sections: Map<String, Value>,
}

impl ClusterMetadata {
    /// Decodes the blob; `limit` is for its content as JSON text, in bytes.
    ///
    /// # Errors
    /// See [`blob::to_json`](crate::snapshot::blob::to_json); or the content is not that of a cluster.
    pub fn decode(file: &str, bytes: &[u8], limit: usize) -> Result<Self> {
        let mut root: Map<String, Value> = read(file, bytes, Kind::Metadata, limit)?;
        match root.remove("meta-data") {
            Some(Value::Object(sections)) => Ok(Self { sections }),
            _ => Err(corrupt(file, "no object `meta-data`")),
        }
    }

    /// A section by its name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Value> {
        self.sections.get(name)
    }

    /// The names of all sections.
    pub fn section_names(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// Index templates of the old kind, with their names.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(self.section("templates"))
    }

    /// Composable index templates, with their names.
    pub fn index_templates(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(self.nested("index_template", "index_template"))
    }

    /// Component templates, with their names.
    pub fn component_templates(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(self.nested("component_template", "component_template"))
    }

    /// Data streams, with their names.
    pub fn data_streams(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(self.nested("data_stream", "data_stream"))
    }

    /// Aliases of data streams, with their names.
    pub fn data_stream_aliases(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(self.nested("data_stream", "data_stream_aliases"))
    }

    fn nested(&self, section: &str, name: &str) -> Option<&Value> {
        self.section(section)?.get(name)
    }
}

fn entries(object: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let entries = object.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(name, value)| (name.as_str(), value))
}
