//! The new path and query.

use super::Asked;
use crate::replay::route::path::{self, parameter, parameters, without_parameters};
use std::borrow::Cow;

/// The segment for one index; as it stood when the index is the same.
pub(super) fn encoded<'a>(asked: &Asked<'a>, old: &str, new: &str) -> Cow<'a, str> {
    match asked.place.index {
        Some(segment) if old == new => Cow::Borrowed(segment),
        _ => Cow::Owned(path::joined(&[new])),
    }
}

/// The segment for several indices; as it stood when they are the same.
pub(super) fn joined<'a>(asked: &Asked<'a>, new: &[String]) -> Cow<'a, str> {
    match asked.place.index {
        Some(segment) if new == asked.indices.as_slice() => Cow::Borrowed(segment),
        _ => Cow::Owned(path::joined(new)),
    }
}

/// The path with another segment for the index (none if it is empty), and without types; as it stood when it is the same.
pub(super) fn path_for<'a>(asked: &Asked<'a>, index: &str) -> Cow<'a, str> {
    let place = &asked.place;
    let is_same = index == place.index.unwrap_or_default();
    let is_old_name = place.endpoint == "_query" && asked.method == "DELETE";
    if is_same && asked.types.is_empty() && !is_old_name {
        return Cow::Borrowed(asked.path);
    }
    let Some(old) = place.index.filter(|_| asked.types.is_empty() && !index.is_empty() && !is_old_name)
    else {
        return Cow::Owned(without_types(asked, index));
    };
    // Whatever comes after the index stays.
    let trimmed = asked.path.trim_start_matches('/');
    Cow::Owned(format!("/{index}{}", trimmed.strip_prefix(old).unwrap_or_default()))
}

fn without_types(asked: &Asked<'_>, index: &str) -> String {
    let place = &asked.place;
    let mut path = String::with_capacity(asked.path.len());
    let mut push = |segment: &str| {
        if !segment.is_empty() {
            path.push('/');
            path.push_str(segment);
        }
    };
    push(index);
    match place.endpoint {
        "_query" => push("_delete_by_query"),
        "_termvector" => push("_termvectors"),
        // Whether a type is there: the index is what is left of it.
        "type" | "index" => {}
        endpoint => push(endpoint),
    }
    push(place.id.unwrap_or_default());
    path.push_str(place.rest);
    if path.is_empty() { "/".to_owned() } else { path }
}

/// The query without what speaks of types. Of requests with a type in their path, the parent becomes the routing, as it was to old versions.
pub(super) fn query_for(query: &str, removes_types: bool, had_types: bool) -> Cow<'_, str> {
    if !removes_types || query.is_empty() {
        return Cow::Borrowed(query);
    }
    let query = without_parameters(query, &["include_type_name"]);
    if !had_types || parameter(&query, "parent").is_none() {
        return query;
    }
    let parent = parameters(&query).find(|(name, _)| *name == "parent").map(|(_, value)| value.to_owned());
    let mut new = without_parameters(&query, &["parent"]).into_owned();
    if let Some(parent) = parent.filter(|_| parameter(&query, "routing").is_none()) {
        let separator = if new.is_empty() { "" } else { "&" };
        new.push_str(&format!("{separator}routing={parent}"));
    }
    Cow::Owned(new)
}
