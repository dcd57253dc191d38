//! Bodies that name indices elsewhere: `_aliases`, `_reindex`.

use super::lookups::{list, names_node};
use super::mapping::Mapping;
use crate::transform::json::{Member, Node};

/// The body of `_aliases`: the indices of each action. `None` when it stays as it is.
pub(crate) fn aliases(body: &[u8], mapping: &Mapping) -> Result<Option<Vec<u8>>, String> {
    let mut root = Node::document(body).map_err(|error| error.to_string())?;
    let members = root.open_object().ok_or("the body is no object")?;
    let Some(actions) = members.iter_mut().find(|member| member.is("actions")) else { return Ok(None) };
    let actions = actions.value.open_array().ok_or("`actions` is not a list")?;
    let mut is_changed = false;
    for action in actions {
        for what in action.open_object().ok_or("an action is no object")? {
            let Some(members) = what.value.open_object() else { continue };
            is_changed |= map_names(members, ["index", "indices"], mapping, &[] as &[&str]);
        }
    }
    Ok(is_changed.then(|| written(&root)))
}

/// The body of `_reindex`: where documents come from and where they go. `None` when it stays as it is.
pub(crate) fn reindex(body: &[u8], mapping: &Mapping) -> Result<Option<Vec<u8>>, String> {
    let mut root = Node::document(body).map_err(|error| error.to_string())?;
    let members = root.open_object().ok_or("the body is no object")?;
    let mut is_changed = false;
    for member in members {
        let is_source = member.is("source");
        if !is_source && !member.is("dest") {
            continue;
        }
        let members = member.value.open_object().ok_or("`source` or `dest` is no object")?;
        if is_source && members.iter().any(|member| member.is("remote")) {
            continue;
        }
        let types = members.iter_mut().find(|member| member.is("type"));
        let types = types.map(|member| list(&mut member.value)).unwrap_or_default();
        is_changed |= map_names(members, ["index", "index"], mapping, &types);
        if mapping.removes_types() {
            let before = members.len();
            members.retain(|member| !member.is("type"));
            is_changed |= members.len() != before;
        }
    }
    Ok(is_changed.then(|| written(&root)))
}

/// Maps the names in a member; whether that changed them.
fn map_names<T: AsRef<str>>(
    members: &mut Vec<Member<'_>>,
    [one, several]: [&str; 2],
    mapping: &Mapping,
    types: &[T],
) -> bool {
    let Some(member) = members.iter_mut().find(|member| member.is(one) || member.is(several)) else {
        return false;
    };
    let old = list(&mut member.value);
    let new = mapping.scope(&old, types);
    if new == old || new.is_empty() {
        return false;
    }
    let name = if new.len() > 1 { several } else { one };
    *member = Member::new(name, names_node(&new));
    true
}

fn written(node: &Node<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    node.write(&mut out);
    out
}
