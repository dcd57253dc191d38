//! Requests for indices and mapping types as the source has them → requests for those of the target.
//!
//! | request of the source | request to the target |
//! |---|---|
//! | `/i/t/1`, `/i/t` (`POST`) | `/i/_doc/1`, `/i/_doc` |
//! | `/i/t/1/_create`, `_update`, `_source`, `_explain`, `_termvectors` | `/i/_create/1`, … |
//! | `/i/t/_search`, `_count`, `_delete_by_query`, `_mget`, `_bulk`, … | `/i/_search`, … |
//! | `DELETE /i/t/_query` | `POST /i/_delete_by_query` |
//! | `/i/t/_mapping`, `/i/_mapping/t` | `/i/_mapping`, the type taken out of the body |
//! | `PUT /i`, `PUT /_template/x` with types in `mappings` | one mapping of them all |
//! | `_type` in bulk requests and `_mget`, `type` in `_msearch` and `_reindex` | taken away |
//!
//! What has no type, and an index that keeps its name, is not touched.

mod bodies;
mod bulk;
mod lookups;
mod mapping;
mod mappings;
mod target;

#[cfg(test)]
mod tests;

pub(crate) use lookups::{mget_indices, msearch_indices};
pub(crate) use mapping::Mapping;

use super::route::Place;
use super::route::path::names;
use super::transform::Draft;
use bulk::{Defaults, Rewritten};
use lookups::Scope;
use mappings::{Created, Typed};
use std::borrow::Cow;
use target::{encoded, path_for, query_for};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on, changed or not.
    Sent,
    /// What it was for was dropped.
    Dropped,
}

/// The path of a request, taken apart.
struct Asked<'a> {
    place: Place<'a>,
    path: &'a str,
    method: &'a str,
    indices: Vec<Cow<'a, str>>,
    types: Vec<Cow<'a, str>>,
}

/// Maps indices and types of a request.
pub(crate) fn sanitise(draft: &mut Draft, mapping: &Mapping) -> Result<Fate, String> {
    let request = draft.request.clone(); // shares what is large
    let place = Place::of(&request.method, request.path());
    let asked = Asked {
        place,
        path: request.path(),
        method: &request.method,
        indices: place.index.map(names).unwrap_or_default(),
        types: place.types.filter(|_| mapping.removes_types()).map(names).unwrap_or_default(),
    };
    let deletes_type = matches!(place.endpoint, "type" | "_mapping") && request.method == "DELETE";
    if let Some(type_name) = asked.types.first().filter(|_| deletes_type) {
        // Elasticsearch 1. Without the type it would delete the index.
        return Err(format!(
            "it deletes the type `{type_name}` with its documents, which later versions cannot do"
        ));
    }
    let new_path = match asked.place.endpoint {
        "_doc" | "_create" | "_update" | "_source" | "_explain" | "_termvectors" | "_termvector"
            if place.index.is_some() =>
        {
            document(&asked, mapping)?
        }
        "_bulk" => bulk(draft, &asked, mapping)?,
        "_mget" => mget(draft, &asked, mapping)?,
        "_msearch" | "_msearch/template" => msearch(draft, &asked, mapping)?,
        "_mapping" => put_mapping(draft, &asked, mapping)?,
        "index" if request.method == "PUT" || request.method == "POST" => {
            create_index(draft, &asked, mapping)?
        }
        _ => scoped(draft, &asked, mapping)?,
    };
    let Some(new_path) = new_path else { return Ok(Fate::Dropped) };
    let had_types = !asked.types.is_empty();
    let query = query_for(request.query(), mapping.removes_types(), had_types);
    if new_path != asked.path || query != request.query() {
        draft.request.target = super::route::path::target(&new_path, &query);
    }
    Ok(Fate::Sent)
}

/// `None` drops the request.
type NewPath<'a> = Result<Option<Cow<'a, str>>, String>;

/// A request about one document.
fn document<'a>(asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let [index] = asked.indices.as_slice() else { return Ok(Some(Cow::Borrowed(asked.path))) };
    let type_name = asked.types.first().map(|name| &**name);
    let Some(new_index) = mapping.document(index, type_name)? else { return Ok(None) };
    Ok(Some(path_for(asked, &encoded(asked, index, &new_index))))
}

fn defaults<'a>(asked: &Asked<'a>, mapping: &Mapping) -> Result<Defaults<'a>, String> {
    let index = match asked.indices.as_slice() {
        [index] => Some(index.clone()),
        _ => None,
    };
    let type_name = asked.types.first().cloned();
    let new_index = match &index {
        Some(index) => mapping.document(index, type_name.as_deref())?,
        None => None,
    };
    Ok(Defaults { index, type_name, new_index })
}

/// Takes the new body, and notes what was dropped; whether anything is left.
fn take(draft: &mut Draft, rewritten: Rewritten) -> bool {
    if rewritten.kept == 0 && !rewritten.dropped.is_empty() {
        return false;
    }
    if rewritten.is_changed {
        draft.write(rewritten.body);
    }
    draft.drop_items(&rewritten.dropped);
    true
}

fn path_of_defaults<'a>(asked: &Asked<'a>, defaults: &Defaults<'_>) -> Cow<'a, str> {
    match (&defaults.index, &defaults.new_index) {
        (Some(index), Some(new_index)) => path_for(asked, &encoded(asked, index, new_index)),
        (Some(_), None) => path_for(asked, ""),
        (None, _) => path_for(asked, asked.place.index.unwrap_or_default()),
    }
}

fn bulk<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let defaults = defaults(asked, mapping)?;
    let rewritten = bulk::rewrite(draft.body().plain()?, &defaults, mapping)?;
    let is_left = take(draft, rewritten);
    Ok(is_left.then(|| path_of_defaults(asked, &defaults)))
}

fn mget<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let defaults = defaults(asked, mapping)?;
    if draft.body().plain()?.is_empty() {
        return Ok(Some(path_of_defaults(asked, &defaults)));
    }
    let rewritten = lookups::mget(draft.body().plain()?, &defaults, mapping)?;
    let is_left = take(draft, rewritten);
    Ok(is_left.then(|| path_of_defaults(asked, &defaults)))
}

fn msearch<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let new_indices = mapping.scope(&asked.indices, &asked.types);
    let scope = Scope { indices: asked.indices.clone(), types: asked.types.clone(), new_indices };
    let rewritten = lookups::msearch(draft.body().plain()?, &scope, mapping)?;
    let is_left = take(draft, rewritten);
    Ok(is_left.then(|| path_for(asked, &target::joined(asked, &scope.new_indices))))
}

/// Whether mappings in the request have types.
fn typed(draft: &Draft, mapping: &Mapping) -> Typed {
    let asked = super::route::path::parameter(draft.request.query(), "include_type_name");
    match (asked.as_deref(), mapping) {
        (Some("false"), _) => Typed::No,
        (Some(_), _) => Typed::Yes,
        (None, Mapping::Types { source_major: Some(7..), .. }) => Typed::No,
        _ => Typed::Unknown, // of version 6 and before it is for sure, but an empty mapping need not say so
    }
}

fn create_index<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let [index] = asked.indices.as_slice() else { return Ok(Some(Cow::Borrowed(asked.path))) };
    if mapping.removes_types() && !draft.body().plain()?.is_empty() {
        let created = mappings::create(draft.body().plain()?, Some(index), typed(draft, mapping), mapping)?;
        match created {
            Created::Dropped => return Ok(None),
            Created::Changed(target, body) => {
                draft.write(body);
                if let Some(target) = target {
                    return Ok(Some(path_for(asked, &encoded(asked, index, &target))));
                }
            }
            Created::Unchanged => {}
        }
    }
    match mapping.scope(&[index], &[] as &[&str]).as_slice() {
        [] => Ok(None),
        [target] => Ok(Some(path_for(asked, &encoded(asked, index, target)))),
        several => Err(format!(
            "the types of the new index `{index}` go to `{}`: create these indices before the replay",
            several.join("`, `")
        )),
    }
}

fn put_mapping<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    let writes = asked.method == "PUT" || asked.method == "POST";
    if writes && mapping.removes_types() && !draft.body().plain()?.is_empty() {
        let typed = if asked.types.is_empty() { typed(draft, mapping) } else { Typed::Yes };
        let type_name = asked.types.first().map(|name| &**name);
        if let Some(body) = mappings::put(draft.body().plain()?, type_name, typed)? {
            draft.write(body);
        }
        if asked.indices.is_empty() {
            // Later versions want to be told which indices.
            return Ok(Some(path_for(asked, "_all")));
        }
    }
    scoped(draft, asked, mapping)
}

/// A request about whole indices: searches, settings, …
fn scoped<'a>(draft: &mut Draft, asked: &Asked<'a>, mapping: &Mapping) -> NewPath<'a> {
    match (asked.place.endpoint, asked.method) {
        ("_aliases", "POST") => {
            if let Some(body) = bodies::aliases(draft.body().plain()?, mapping)? {
                draft.write(body);
            }
        }
        ("_reindex", "POST") => {
            if let Some(body) = bodies::reindex(draft.body().plain()?, mapping)? {
                draft.write(body);
            }
        }
        ("_template", "PUT" | "POST") if mapping.removes_types() => {
            let typed = typed(draft, mapping);
            if let Created::Changed(_, body) = mappings::create(draft.body().plain()?, None, typed, mapping)?
            {
                draft.write(body);
            }
        }
        _ => {}
    }
    let scope = mapping.scope(&asked.indices, &asked.types);
    if scope.is_empty() && !asked.indices.is_empty() {
        return Ok(None);
    }
    let by_query = matches!(asked.place.endpoint, "_delete_by_query" | "_update_by_query" | "_query");
    if by_query && !asked.types.is_empty() && asked.method != "GET" {
        mapping.check_not_united(&asked.indices, &asked.types, &scope)?;
    }
    if asked.place.endpoint == "_query" && asked.method == "DELETE" && mapping.removes_types() {
        draft.request.method = "POST".to_owned();
    }
    Ok(Some(path_for(asked, &target::joined(asked, &scope))))
}
