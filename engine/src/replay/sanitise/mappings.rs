//! Mappings with types, as versions before Elasticsearch 8 have them: in new indices, in templates, and by themselves.

use super::mapping::Mapping;
use crate::transform::json::{Member, Node, text};
use codecs::json_compare::{Comparison, compare};

/// What a mapping has at its top. Anything else there is the name of a type.
const OF_MAPPINGS: [&str; 19] = [
    "_all",
    "_data_stream_timestamp",
    "_field_names",
    "_meta",
    "_parent",
    "_routing",
    "_size",
    "_source",
    "_timestamp",
    "_ttl",
    "date_detection",
    "dynamic",
    "dynamic_date_formats",
    "dynamic_templates",
    "enabled",
    "numeric_detection",
    "properties",
    "runtime",
    "derived",
];

/// What later versions refuse at the top of a mapping, with nothing in its place.
const GONE: [&str; 4] = ["_all", "_parent", "_timestamp", "_ttl"];

/// The mapping for types that are made later; gone in later versions.
const DEFAULT: &str = "_default_";

/// How deep objects in objects are united.
const MAX_DEPTH: usize = 50;

/// What the body of a new index, or of a template, came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It has no types.
    Unchanged,
    /// All of its types were dropped.
    Dropped,
    /// The index, unless it is a template, and the new body.
    Changed(Option<String>, Vec<u8>),
}

/// Whether mappings are written with types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// Their own names must say it.
    Unknown,
}

/// Takes the types out of the mappings of a new index, or of a template (`index` is `None`): their properties become those of one mapping.
pub(crate) fn create(
    body: &[u8],
    index: Option<&str>,
    typed: Typed,
    mapping: &Mapping,
) -> Result<Created, String> {
    let mut root = Node::document(body).map_err(|error| error.to_string())?;
    let members = root.open_object().ok_or("the body is no object")?;
    let Some(mappings) = members.iter_mut().find(|member| member.is("mappings")) else {
        return Ok(Created::Unchanged);
    };
    let Some(types) = mappings.value.open_object() else { return Ok(Created::Unchanged) };
    if !is_typed(types, typed) {
        return Ok(Created::Unchanged);
    }
    let Some(Kept { target, types }) = kept_types(std::mem::take(types), index, mapping)? else {
        return Ok(Created::Dropped);
    };
    mappings.value = unite(types)?;
    let mut out = Vec::with_capacity(body.len());
    root.write(&mut out);
    Ok(Created::Changed(target, out))
}

/// A type and its mapping.
type Typing<'a> = (String, Node<'a>);

/// The types of a new index that are not dropped, and the index that they go to.
struct Kept<'a> {
    target: Option<String>,
    types: Vec<Typing<'a>>,
}

/// Looks which types go where; `None` when all are dropped.
fn kept_types<'a>(
    types: Vec<Member<'a>>,
    index: Option<&str>,
    mapping: &Mapping,
) -> Result<Option<Kept<'a>>, String> {
    let mut target: Option<String> = None;
    let mut kept = Vec::new();
    let mut is_dropped = false;
    for Member { name, value } in types {
        let name = text::decode(&name)?.into_owned();
        if name == DEFAULT {
            continue;
        }
        if let Some(index) = index {
            let Some(new_index) = mapping.document(index, Some(&name))? else {
                is_dropped = true;
                continue;
            };
            if let Some(other) = target.replace(new_index.clone()).filter(|other| *other != new_index) {
                return Err(format!(
                    "the types of the new index `{index}` go to `{other}` and to `{new_index}`: create these indices before the replay"
                ));
            }
        }
        kept.push((name, value));
    }
    Ok((!kept.is_empty() || !is_dropped).then_some(Kept { target, types: kept }))
}

/// The body of a mapping by itself, without its type; `None` when it has none.
pub(crate) fn put(body: &[u8], type_name: Option<&str>, typed: Typed) -> Result<Option<Vec<u8>>, String> {
    let mut root = Node::document(body).map_err(|error| error.to_string())?;
    let members = root.open_object().ok_or("the body is no object")?;
    let is_wrapped = match (members.as_slice(), type_name) {
        ([only], Some(name)) if only.is(name) => true,
        (members, None) => is_typed(members, typed) && members.len() == 1,
        _ => false,
    };
    let had_gone = members.iter().any(|member| GONE.iter().any(|name| member.is(name)));
    if !is_wrapped && !had_gone {
        return Ok(None);
    }
    let inner = if is_wrapped { members.remove(0).value } else { root };
    let mut out = Vec::with_capacity(body.len());
    unite(vec![(String::new(), inner)])?.write(&mut out);
    Ok(Some(out))
}

fn is_typed(members: &[Member<'_>], typed: Typed) -> bool {
    let is_of_mappings = |member: &Member<'_>| OF_MAPPINGS.iter().any(|name| member.is(name));
    match typed {
        Typed::Yes => true,
        Typed::No => false,
        Typed::Unknown => !members.is_empty() && !members.iter().any(is_of_mappings),
    }
}

/// One mapping of those of several types.
fn unite(types: Vec<Typing<'_>>) -> Result<Node<'_>, String> {
    let mut united: Vec<Member<'_>> = Vec::new();
    for (name, mut mapping) in types {
        let members =
            mapping.open_object().ok_or_else(|| format!("the mapping of the type `{name}` is no object"))?;
        let members = std::mem::take(members);
        let kept = members.into_iter().filter(|member| !GONE.iter().any(|gone| member.is(gone)));
        for member in kept {
            add(&mut united, member, "", 0)?;
        }
    }
    Ok(Node::Object(united))
}

/// Adds a member to those of a mapping, or of a field that is an object.
fn add<'a>(
    members: &mut Vec<Member<'a>>,
    mut new: Member<'a>,
    path: &str,
    depth: usize,
) -> Result<(), String> {
    let name = text::decode(&new.name)?.into_owned();
    let Some(old) = members.iter_mut().find(|member| member.is(&name)) else {
        members.push(new);
        return Ok(());
    };
    if is_equal(&old.value, &new.value) {
        return Ok(());
    }
    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
    if name == "dynamic_templates"
        && let (Some(old), Some(new)) = (old.value.open_array(), new.value.open_array())
    {
        old.append(new);
        return Ok(());
    }
    // Fields are united by their names; fields that are objects, by their own fields.
    let may_be_united =
        depth < MAX_DEPTH && (name == "properties" || has_properties(&mut old.value, &mut new.value));
    match (old.value.open_object(), new.value.open_object()) {
        (Some(old), Some(new)) if may_be_united => std::mem::take(new)
            .into_iter()
            .try_for_each(|member| add(old, member, &path, depth.saturating_add(1))),
        _ => Err(format!("two types of the new index say different things of `{path}` in their mappings")),
    }
}

fn has_properties(old: &mut Node<'_>, new: &mut Node<'_>) -> bool {
    let has = |node: &mut Node<'_>| {
        node.open_object().is_some_and(|members| members.iter().any(|member| member.is("properties")))
    };
    has(old) && has(new)
}

fn is_equal(old: &Node<'_>, new: &Node<'_>) -> bool {
    let written = |node: &Node<'_>| {
        let mut out = Vec::new();
        node.write(&mut out);
        out
    };
    compare(&written(old), &written(new)) == Comparison::Equal
}
