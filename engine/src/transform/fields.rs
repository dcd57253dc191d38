//! Steps that change fields of `_source`, and leave every other byte of it as it is.

use super::field_path::FieldPath;
use super::json::{Member, Node};
use std::borrow::Cow;

/// One change of fields.
#[derive(Debug)]
pub(crate) enum FieldStep {
    /// Remove the fields.
    Drop(Vec<FieldPath>),
    /// Give the fields other names or places.
    Rename(Vec<(FieldPath, FieldPath)>),
    /// Write a value, as JSON, over what is there.
    Set(Vec<(FieldPath, String)>),
    /// Write the value of one field to another that is not there yet.
    Copy(Vec<(FieldPath, FieldPath)>),
}

impl FieldStep {
    /// Changes the document; true when anything changed.
    pub(crate) fn apply(&self, document: &mut Node<'_>) -> Result<bool, String> {
        let mut changed = false;
        match self {
            Self::Drop(paths) => paths.iter().for_each(|path| changed |= remove(document, path)),
            Self::Rename(pairs) => {
                for (from, to) in pairs {
                    changed |= rename(document, from, to)?;
                }
            }
            Self::Set(pairs) => {
                for (path, json) in pairs {
                    let value = Node::Text(Cow::Owned(json.clone().into_bytes()));
                    put(document, path, 0, &value, Existing::Replace)?;
                    changed = true;
                }
            }
            Self::Copy(pairs) => {
                for (from, to) in pairs {
                    changed |= copy(document, from, to)?;
                }
            }
        }
        Ok(changed)
    }
}

/// Calls `found` with each object that has the field, and with the name of the field in it.
///
/// `found` returns whether it changed the object.
fn each_object<'a>(
    node: &mut Node<'a>,
    path: &FieldPath,
    position: usize,
    found: &mut impl FnMut(&mut Vec<Member<'a>>, &str) -> Result<bool, String>,
) -> Result<bool, String> {
    let mut changed = false;
    if let Some(elements) = node.open_array() {
        for element in elements {
            changed |= each_object(element, path, position, found)?;
        }
        return Ok(changed);
    }
    let Some(members) = node.open_object() else { return Ok(false) };
    for (name, next) in path.spellings(position) {
        if next < path.len() {
            for member in members.iter_mut().filter(|member| member.is(name)) {
                changed |= each_object(&mut member.value, path, next, found)?;
            }
        } else if members.iter().any(|member| member.is(name)) {
            changed |= found(members, name)?;
        }
    }
    Ok(changed)
}

fn remove(document: &mut Node<'_>, path: &FieldPath) -> bool {
    let mut retain = |members: &mut Vec<Member<'_>>, name: &str| {
        members.retain(|member| !member.is(name));
        Ok(true)
    };
    each_object(document, path, 0, &mut retain).unwrap_or_default()
}

fn rename<'a>(document: &mut Node<'a>, from: &FieldPath, to: &FieldPath) -> Result<bool, String> {
    if let Some(last) = from.sibling(to) {
        return each_object(document, from, 0, &mut |members, name| {
            let new_name = renamed(name, from.last(), last);
            refuse_existing(members, &new_name, to)?;
            for member in members.iter_mut().filter(|member| member.is(name)) {
                member.name = Cow::Owned(super::json::tree::quoted(&new_name));
            }
            Ok(true)
        });
    }
    let mut values = Vec::new();
    each_object(document, from, 0, &mut |members, name| {
        let taken = members.extract_if(.., |member| member.is(name));
        values.extend(taken.map(|member| member.value));
        Ok(true)
    })?;
    match (values.pop(), values.len()) {
        (None, _) => Ok(false),
        (Some(value), 0) => put(document, to, 0, &value, Existing::Refuse).map(|()| true),
        (Some(_), others) => Err(format!(
            "`{}` has {} values, and only one can move to another object, `{}`",
            from.text(),
            others + 1,
            to.text()
        )),
    }
}

/// A member may be called `a.b` as a whole: only its last part changes.
fn renamed(name: &str, last: &str, new_last: &str) -> String {
    format!("{}{new_last}", name.strip_suffix(last).unwrap_or_default())
}

fn copy<'a>(document: &mut Node<'a>, from: &FieldPath, to: &FieldPath) -> Result<bool, String> {
    if let Some(last) = from.sibling(to) {
        return each_object(document, from, 0, &mut |members, name| {
            let new_name = renamed(name, from.last(), last);
            refuse_existing(members, &new_name, to)?;
            let values = members.iter().filter(|member| member.is(name)).map(|member| member.value.clone());
            if let Some(value) = together(values.collect()) {
                members.push(Member::new(&new_name, value));
            }
            Ok(true)
        });
    }
    let mut values = Vec::new();
    each_object(document, from, 0, &mut |members, name| {
        values.extend(members.iter().filter(|member| member.is(name)).map(|member| member.value.clone()));
        Ok(false)
    })?;
    match together(values) {
        None => Ok(false),
        Some(value) => put(document, to, 0, &value, Existing::Refuse).map(|()| true),
    }
}

/// One value as it is; several as one array of all their elements, as `copy_to` of a mapping makes of them.
fn together(mut values: Vec<Node<'_>>) -> Option<Node<'_>> {
    if values.len() < 2 {
        return values.pop();
    }
    let mut all = Vec::with_capacity(values.len());
    for mut value in values {
        match value.open_array() {
            Some(elements) => all.append(elements),
            None => all.push(value),
        }
    }
    Some(Node::Array(all))
}

fn refuse_existing(members: &[Member<'_>], name: &str, path: &FieldPath) -> Result<(), String> {
    match members.iter().any(|member| member.is(name)) {
        true => Err(format!("there is a field `{}` already: its value would be lost", path.text())),
        false => Ok(()),
    }
}

/// What becomes of a value that is where another one shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Replace,
    Refuse,
}

/// Writes a value: over the field in the spelling that is there, else as a new member of the objects on the way.
fn put<'a>(
    node: &mut Node<'a>,
    path: &FieldPath,
    position: usize,
    value: &Node<'a>,
    existing: Existing,
) -> Result<(), String> {
    if let Some(elements) = node.open_array() {
        let mut elements = elements.iter_mut().filter(|element| !element.is_null());
        return elements.try_for_each(|element| put(element, path, position, value, existing));
    }
    if position > 0 && node.is_null() {
        *node = Node::Object(Vec::new()); // for Elasticsearch, `null` is a field that is not there
    }
    let Some(members) = node.open_object() else {
        return Err(format!(
            "`{}` cannot be written: there is a value that is no object on its way",
            path.text()
        ));
    };
    for (name, next) in path.spellings(position).rev() {
        let Some(first) = members.iter().position(|member| member.is(name)) else { continue };
        if next < path.len() {
            let member = members.iter_mut().rev().find(|member| member.is(name));
            return member.map_or(Ok(()), |member| put(&mut member.value, path, next, value, existing));
        }
        if existing == Existing::Refuse {
            return refuse_existing(members, name, path);
        }
        let mut position = 0;
        members.retain(|member| {
            position += 1;
            position - 1 == first || !member.is(name)
        });
        if let Some(member) = members.get_mut(first) {
            member.value = value.clone();
        }
        return Ok(());
    }
    members.extend(nested(path.names_from(position), value.clone()));
    Ok(())
}

/// `{"a":{"b":value}}` without the outer braces.
fn nested<'a>(names: &[String], value: Node<'a>) -> Option<Member<'a>> {
    let (first, rest) = names.split_first()?;
    let wrap = |value, name: &String| Node::Object(vec![Member::new(name, value)]);
    Some(Member::new(first, rest.iter().rev().fold(value, wrap)))
}
