//! What a request does, by its method and path.

mod keys;
pub(crate) mod path;
mod place;
mod table;

#[cfg(test)]
pub(super) mod tests;

pub use keys::{DocumentKey, Keys, document_keys};
pub(crate) use place::Place;

use super::request::Outgoing;
use std::borrow::Cow;

/// What a request does with what is on the cluster.
///
/// Searches by `POST` are reads; so are opening and closing scrolls, points in time and asynchronous searches, which change no
/// document. Refreshing, flushing and merging are writes: what a deletion by query finds depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteClass {
    /// It changes nothing that lasts.
    Read,
    /// It changes documents or indices: their settings, mappings, aliases and templates, pipelines and scripts too.
    Write,
    /// It changes the cluster only (settings, snapshots, users, tasks, policies), or is not known here.
    Other,
}

impl RouteClass {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Other => "other",
        }
    }
}

/// What a request does, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'a> {
    /// What it does.
    pub class: RouteClass,
    /// The endpoint: the word that begins with `_`, also where the path of an old version has none (`/index/type/1` is `_doc`); `index`
    /// for `/index`, `type` for `/index/type`, `root` for `/`, `other` for what is not known here.
    pub endpoint: &'static str,
    /// Names, patterns and date math of indices in the path, without percent-encoding.
    pub indices: Vec<Cow<'a, str>>,
    /// Mapping types in the path, as versions before Elasticsearch 8 have them.
    pub types: Vec<Cow<'a, str>>,
    /// The document's `_id`.
    pub id: Option<Cow<'a, str>>,
}

impl<'a> Route<'a> {
    /// What the request does.
    #[must_use]
    pub fn of(request: &'a Outgoing) -> Self {
        let place = Place::of(&request.method, request.path());
        Self {
            class: place.class(&request.method),
            endpoint: place.endpoint,
            indices: place.index.map(path::names).unwrap_or_default(),
            types: place.types.map(path::names).unwrap_or_default(),
            id: place.id.map(path::decode),
        }
    }

    /// The index, where there is one and it is no pattern.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        match self.indices.as_slice() {
            [index] if !is_pattern(index) => Some(index),
            _ => None,
        }
    }
}

/// Whether an expression may mean several indices.
pub(crate) fn is_pattern(expression: &str) -> bool {
    expression == "_all" || expression.contains('*')
}
