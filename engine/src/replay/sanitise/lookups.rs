//! Bodies that name what is looked for: `_mget`, `_msearch`.

use super::bulk::{Defaults, Rewritten, parameters};
use super::mapping::Mapping;
use crate::transform::json::{Member, Node, quoted, text};
use memchr::memchr;
use std::borrow::Cow;

/// The body of `_mget`: `docs` with an index and a type each, or `ids` of the path's.
pub(crate) fn mget(body: &[u8], defaults: &Defaults<'_>, mapping: &Mapping) -> Result<Rewritten, String> {
    let mut root = Node::document(body).map_err(|error| error.to_string())?;
    let members = root.open_object().ok_or("the body is no object")?;
    let mut rewritten = Rewritten { kept: 1, ..Rewritten::default() };
    if let Some(docs) = members.iter_mut().find(|member| member.is("docs")).map(|member| &mut member.value) {
        let docs = docs.open_array().ok_or("`docs` is not a list")?;
        let mut kept = Vec::with_capacity(docs.len());
        for (position, doc) in docs.drain(..).enumerate() {
            match looked_for(&doc, defaults, mapping)? {
                Looked::Kept => kept.push(doc),
                Looked::Dropped => rewritten.dropped.push(position),
                Looked::Changed(changed) => {
                    kept.push(Node::Text(Cow::Owned(changed)));
                    rewritten.is_changed = true;
                }
            }
        }
        rewritten.kept = kept.len();
        *docs = kept;
    }
    rewritten.is_changed |= !rewritten.dropped.is_empty();
    root.write(&mut rewritten.body);
    Ok(rewritten)
}

enum Looked {
    Kept,
    Dropped,
    Changed(Vec<u8>),
}

fn looked_for(doc: &Node<'_>, defaults: &Defaults<'_>, mapping: &Mapping) -> Result<Looked, String> {
    let mut json = Vec::new();
    doc.write(&mut json);
    let mut index = None;
    let mut type_name = None;
    // A doc may be an id alone.
    for member in codecs::json_scan::members(&json).into_iter().flatten() {
        let (name, value) = member.map_err(|error| error.to_string())?;
        match name {
            b"\"_index\"" => index = codecs::bulk::text(value),
            b"\"_type\"" => type_name = codecs::bulk::text(value),
            _ => {}
        }
    }
    let Some(old_index) = index.as_ref().or(defaults.index.as_ref()) else { return Ok(Looked::Kept) };
    let type_name = type_name.as_deref().or(defaults.type_name.as_deref());
    let Some(new_index) = mapping.document(old_index, type_name)? else { return Ok(Looked::Dropped) };
    let shown = match &index {
        Some(index) if *index == new_index => None,
        None if defaults.new_index.as_ref() == Some(&new_index) => None,
        _ => Some(new_index),
    };
    if !json.starts_with(b"{") {
        return Ok(Looked::Kept);
    }
    let changed = parameters(&json, shown.as_deref(), mapping.removes_types())?;
    Ok(changed.map_or(Looked::Kept, Looked::Changed))
}

/// Names of indices and types that the path of `_msearch` gives to searches without any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) indices: Vec<Cow<'a, str>>,
    pub(crate) types: Vec<Cow<'a, str>>,
    /// The indices that the path of the new request gives.
    pub(crate) new_indices: Vec<String>,
}

/// The body of `_msearch`: for each search a line that says where, and a line that says what.
pub(crate) fn msearch(body: &[u8], scope: &Scope<'_>, mapping: &Mapping) -> Result<Rewritten, String> {
    let mut rewritten = Rewritten { body: Vec::with_capacity(body.len()), ..Rewritten::default() };
    let mut rest = body;
    let mut position = 0_usize;
    while !rest.is_empty() {
        let header = line(&mut rest);
        if rest.is_empty() && header.trim_ascii().is_empty() {
            break;
        }
        let search = line(&mut rest);
        match searched(header, scope, mapping)? {
            None => {
                rewritten.dropped.push(position);
                rewritten.is_changed = true;
            }
            Some(new) => {
                rewritten.is_changed |= matches!(new, Cow::Owned(_));
                rewritten.kept = rewritten.kept.saturating_add(1);
                for line in [&new, search] {
                    rewritten.body.extend_from_slice(line);
                    rewritten.body.push(b'\n');
                }
            }
        }
        position = position.saturating_add(1);
    }
    Ok(rewritten)
}

fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr(b'\n', rest).unwrap_or(rest.len());
    let line = rest.get(..end).unwrap_or_default();
    *rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
    line
}

/// The new line of a search; `None` when it searches nothing that is left.
fn searched<'a>(
    header: &'a [u8],
    scope: &Scope<'_>,
    mapping: &Mapping,
) -> Result<Option<Cow<'a, [u8]>>, String> {
    let given = if header.trim_ascii().is_empty() { b"{}" } else { header };
    let mut node = Node::document(given).map_err(|error| format!("a line of a search is {error}"))?;
    let members = node.open_object().ok_or("a line of a search is no object")?;
    let mut names = |wanted: [&str; 2]| {
        let found = members.iter_mut().find(|member| wanted.iter().any(|name| member.is(name)));
        found.map(|member| list(&mut member.value)).filter(|names| !names.is_empty())
    };
    let own_indices = names(["index", "indices"]);
    let own_types = names(["type", "types"]).filter(|_| mapping.removes_types());
    let of_path = |names: &[Cow<'_, str>]| names.iter().map(|name| name.clone().into_owned()).collect();
    let indices: Vec<String> = own_indices.clone().unwrap_or_else(|| of_path(&scope.indices));
    let types: Vec<String> = own_types.clone().unwrap_or_else(|| of_path(&scope.types));
    let new = mapping.scope(&indices, &types);
    if new.is_empty() && !indices.is_empty() {
        return Ok(None);
    }
    let of_path_now = if own_indices.is_some() { &indices } else { &scope.new_indices };
    if new == *of_path_now && own_types.is_none() {
        return Ok(Some(Cow::Borrowed(header)));
    }
    let removed: &[&str] =
        if own_types.is_some() { &["index", "indices", "type", "types"] } else { &["index", "indices"] };
    members.retain(|member| !removed.iter().any(|name| member.is(name)));
    if new != scope.new_indices {
        members.insert(0, Member::new("index", names_node(&new)));
    }
    let mut out = Vec::with_capacity(header.len());
    node.write(&mut out);
    Ok(Some(Cow::Owned(out)))
}

/// A name, several as a text with commas, or a list.
pub(crate) fn list(value: &mut Node<'_>) -> Vec<String> {
    let split = |node: &Node<'_>| -> Vec<String> {
        let Node::Text(token) = node else { return Vec::new() };
        let text = codecs::bulk::text(token).unwrap_or_default();
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    match value.open_array() {
        Some(elements) => elements.iter().flat_map(split).collect(),
        None => split(value),
    }
}

/// One name as a text, several as a list.
pub(crate) fn names_node<'a>(names: &[String]) -> Node<'a> {
    if let [name] = names {
        return Node::Text(Cow::Owned(quoted(name)));
    }
    let mut out = vec![b'['];
    for (position, name) in names.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        text::encode(name, &mut out);
    }
    out.push(b']');
    Node::Text(Cow::Owned(out))
}

/// The indices that each document of `_mget` names.
pub(crate) fn mget_indices(body: &[u8]) -> Option<Vec<Vec<String>>> {
    let mut root = Node::document(body).ok()?;
    let members = root.open_object()?;
    let Some(docs) = members.iter_mut().find(|member| member.is("docs")) else {
        return Some(vec![Vec::new()]);
    };
    let docs = docs.value.open_array()?;
    Some(docs.iter_mut().map(|doc| names_in(doc, ["_index", "_index"])).collect())
}

/// The indices that each search of `_msearch` names.
pub(crate) fn msearch_indices(body: &[u8]) -> Option<Vec<Vec<String>>> {
    let mut rest = body;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let header = line(&mut rest);
        line(&mut rest);
        if header.trim_ascii().is_empty() {
            all.push(Vec::new());
        } else {
            all.push(names_in(&mut Node::document(header).ok()?, ["index", "indices"]));
        }
    }
    Some(all)
}

fn names_in(node: &mut Node<'_>, names: [&str; 2]) -> Vec<String> {
    let members = node.open_object().into_iter().flatten();
    let mut found = members.filter(|member| names.iter().any(|name| member.is(name)));
    found.next().map(|member| list(&mut member.value)).unwrap_or_default()
}
