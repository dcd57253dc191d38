//! What the path of a request names.

use super::path::decode;
use super::table::{self, Effect};

/// What the path of a request names, percent-encoded as it stands there.
///
/// | path | of |
/// |---|---|
/// | `/_bulk`, `/_cluster/health` | all |
/// | `/{index}`, `/{index}/_search` | all |
/// | `/{index}/_doc/{id}`, `/{index}/_update/{id}` | since Elasticsearch 7 |
/// | `/{index}/{type}/{id}`, `/{index}/{type}/{id}/_update`, `/{index}/{type}/_search` | before Elasticsearch 8 |
/// | `/{index}/_mapping/{type}`, `/_mapping/{type}` | before Elasticsearch 8 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// What is asked for.
    pub(crate) endpoint: &'static str,
    /// Names and patterns of indices.
    pub(crate) index: Option<&'a str>,
    /// Names of mapping types. `_doc` is one only where later versions would not have it in the path.
    pub(crate) types: Option<&'a str>,
    /// The document.
    pub(crate) id: Option<&'a str>,
    /// What comes after all of that, with its slash.
    pub(crate) rest: &'a str,
    effect: Effect,
}

impl<'a> Place<'a> {
    /// Reads a path.
    pub(crate) fn of(method: &str, path: &'a str) -> Self {
        let Some((first, after)) = cut(path) else { return Self::new(("root", Effect::Administers), "") };
        if is_api(first) {
            return Self::of_api(first, after);
        }
        let place = match cut(after) {
            None => Self::new(("index", Effect::Changes), ""),
            Some((second, after)) if is_api(second) => Self::of_index_api(method, second, after),
            Some((second, after)) => Self::of_type(method, second, after),
        };
        Self { index: Some(first), ..place }
    }

    const fn new((endpoint, effect): (&'static str, Effect), rest: &'a str) -> Self {
        Self { endpoint, index: None, types: None, id: None, rest, effect }
    }

    /// `/_mapping/type`, and what begins with `_` and is no mapping.
    fn of_api(name: &'a str, after: &'a str) -> Self {
        match (&*decode(name), cut(after)) {
            ("_mapping" | "_mappings", Some((types, rest))) if types != "field" => {
                Self { types: Some(types), ..Self::new(("_mapping", Effect::Changes), rest) }
            }
            (name, Some((second, rest))) => match table::endpoint_of_two(name, &decode(second)) {
                Some(both) => Self::new(both, rest),
                None => Self::new(known(name), after),
            },
            (name, None) => Self::new(known(name), after),
        }
    }

    /// `/{index}/_…`
    fn of_index_api(method: &str, name: &'a str, after: &'a str) -> Self {
        const OF_DOCUMENTS: [&str; 7] =
            ["_doc", "_create", "_update", "_source", "_explain", "_termvectors", "_termvector"];
        let decoded = decode(name);
        let Some((third, rest)) = cut(after).filter(|_| OF_DOCUMENTS.contains(&&*decoded)) else {
            return Self::of_api(name, after);
        };
        if decoded == "_doc" {
            let has_after_id = cut(rest).is_some_and(|(fourth, _)| table::is_after_id(&decode(fourth)));
            // An id may look like the name of an endpoint, but endpoints are not asked for with these methods.
            let is_id = matches!(method, "PUT" | "DELETE" | "HEAD") && !third.starts_with("_mapping");
            if has_after_id || (table::is_after_type(&decode(third)) && !is_id) {
                return Self::of_type(method, name, after);
            }
        }
        Self { id: Some(third), ..Self::new(known(&decoded), rest) }
    }

    /// `/{index}/{type}…`
    fn of_type(method: &str, types: &'a str, after: &'a str) -> Self {
        let place = match cut(after) {
            None if matches!(method, "POST" | "PUT") => Self::new(("_doc", Effect::Changes), ""),
            None => Self::new(("type", Effect::Changes), ""),
            Some((third, _)) if table::is_after_type(&decode(third)) => {
                Self::of_api(third, after_first(after))
            }
            Some((third, rest)) => {
                let place = match cut(rest) {
                    Some((fourth, rest)) if table::is_after_id(&decode(fourth)) => {
                        Self::new(known(&decode(fourth)), rest)
                    }
                    _ => Self::new(("_doc", Effect::Changes), rest),
                };
                Self { id: Some(third), ..place }
            }
        };
        Self { types: Some(types), ..place }
    }

    /// Whether a request with this method changes something, see [`super::RouteClass`].
    pub(super) fn class(&self, method: &str) -> super::RouteClass {
        use super::RouteClass::{Other, Read, Write};
        let looks = matches!(method, "GET" | "HEAD");
        let only_tries = self.rest.ends_with("/_simulate") || self.rest.ends_with("/_execute");
        match self.effect {
            _ if method == "OPTIONS" => Other,
            // Elasticsearch before 5 deletes by query in this way.
            Effect::Read if self.endpoint == "_query" && method == "DELETE" => Write,
            Effect::Read => Read,
            Effect::Write => Write,
            Effect::Changes | Effect::Administers if looks || only_tries => Read,
            Effect::Changes => Write,
            Effect::Administers => Other,
        }
    }
}

/// The first segment of a path, and what comes after it.
fn cut(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.find('/').unwrap_or(path.len());
    path.split_at_checked(end).filter(|(segment, _)| !segment.is_empty())
}

fn after_first(path: &str) -> &str {
    cut(path).map_or("", |(_, rest)| rest)
}

/// No index and no type begins with an underscore, but `_all` means all indices.
fn is_api(segment: &str) -> bool {
    let name = decode(segment);
    name.starts_with('_') && name != "_all"
}

fn known(name: &str) -> (&'static str, Effect) {
    let (name, effect) = table::endpoint(name)
        .filter(|(name, _)| name.starts_with('_'))
        .unwrap_or(("other", Effect::Administers));
    (if name == "_mappings" { "_mapping" } else { name }, effect)
}
