//! Action lines of bulk requests: indices mapped, types taken away, parameters of old versions given their names of today.

use super::mapping::Mapping;
use crate::transform::json::text as json;
use codecs::bulk::{BulkItem, items, text};
use codecs::json_scan::members;
use std::borrow::Cow;

/// Index and type that the path of a request gives to what has none of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults<'a> {
    pub(crate) index: Option<Cow<'a, str>>,
    pub(crate) type_name: Option<Cow<'a, str>>,
    /// The index that the path of the new request gives.
    pub(crate) new_index: Option<String>,
}

/// What became of the operations of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The new body, if it differs.
    pub(crate) body: Vec<u8>,
    /// Whether it differs.
    pub(crate) is_changed: bool,
    /// Operations that are left.
    pub(crate) kept: usize,
    /// Positions of those that were dropped.
    pub(crate) dropped: Vec<usize>,
}

/// Rewrites the operations of a body.
pub(crate) fn rewrite(body: &[u8], defaults: &Defaults<'_>, mapping: &Mapping) -> Result<Rewritten, String> {
    let mut rewritten = Rewritten::default();
    for (position, item) in items(body).enumerate() {
        let item = item.map_err(|error| error.to_string())?;
        let action = action(&item, defaults, mapping)?;
        if !rewritten.is_changed && !matches!(action, Action::Kept) {
            rewritten.is_changed = true;
            rewritten.body.reserve(body.len());
            rewritten.body.extend_from_slice(before(body, item.action)); // of what does not change, nothing is copied
        }
        let line = match &action {
            Action::Dropped => {
                rewritten.dropped.push(position);
                continue;
            }
            Action::Kept => item.action,
            Action::Changed(line) => line,
        };
        rewritten.kept = rewritten.kept.saturating_add(1);
        if rewritten.is_changed {
            for line in [Some(line), item.document].into_iter().flatten() {
                rewritten.body.extend_from_slice(line);
                rewritten.body.push(b'\n');
            }
        }
    }
    Ok(rewritten)
}

/// What stands before a part of a body.
fn before<'a>(body: &'a [u8], part: &[u8]) -> &'a [u8] {
    let length = part.as_ptr().addr().checked_sub(body.as_ptr().addr());
    length.and_then(|length| body.get(..length)).unwrap_or_default()
}

enum Action {
    Kept,
    Dropped,
    Changed(Vec<u8>),
}

fn action(item: &BulkItem<'_>, defaults: &Defaults<'_>, mapping: &Mapping) -> Result<Action, String> {
    let target = item.target().map_err(|error| error.to_string())?;
    let Some(index) = target.index.as_ref().or(defaults.index.as_ref()) else { return Ok(Action::Kept) };
    let type_name = target.type_name.as_deref().or(defaults.type_name.as_deref());
    let Some(new_index) = mapping.document(index, type_name)? else { return Ok(Action::Dropped) };
    let shown = match &target.index {
        Some(index) if *index == new_index => None,
        None if defaults.new_index.as_ref() == Some(&new_index) => None,
        _ => Some(new_index),
    };
    let changed = parameters(item.parameters, shown.as_deref(), mapping.removes_types())?;
    Ok(changed.map_or(Action::Kept, |parameters| {
        let name = item.op.name();
        Action::Changed([b"{\"", name.as_bytes(), b"\":", &parameters, b"}"].concat())
    }))
}

/// The names that parameters have since Elasticsearch 7; `None` for those that nothing stands for any more.
fn name_today(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"\"_routing\"" => "routing",
        b"\"_version\"" => "version",
        b"\"_version_type\"" => "version_type",
        b"\"_retry_on_conflict\"" => "retry_on_conflict",
        _ => return None,
    })
}

/// Whether a parameter is gone in later versions, with nothing in its place.
const fn is_gone(name: &[u8]) -> bool {
    matches!(name, b"\"_type\"" | b"\"_timestamp\"" | b"\"timestamp\"" | b"\"_ttl\"" | b"\"ttl\"")
}

const fn is_parent(name: &[u8]) -> bool {
    matches!(name, b"\"_parent\"" | b"\"parent\"")
}

/// Parameters of an action, of `_mget` and the like, with another index, and as they are written today. `None` when they stay as they
/// are.
///
/// A parent becomes the routing, where there is none: that is what it was to the old versions.
pub(crate) fn parameters(
    parameters: &[u8],
    index: Option<&str>,
    modernise: bool,
) -> Result<Option<Vec<u8>>, String> {
    let all = members(parameters).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| error.to_string())?;
    let is_old = |name: &[u8]| modernise && (is_gone(name) || is_parent(name) || name_today(name).is_some());
    if index.is_none() && !all.iter().any(|(name, _)| is_old(name)) {
        return Ok(None);
    }
    let has_routing = all.iter().any(|(name, _)| matches!(*name, b"\"routing\"" | b"\"_routing\""));
    let mut out = Writer(vec![b'{']);
    if let Some(index) = index {
        out.name(b"\"_index\"");
        json::encode(index, &mut out.0);
    }
    for (name, value) in all {
        match name {
            b"\"_index\"" if index.is_some() => {}
            name if modernise && is_gone(name) => {}
            name if modernise && is_parent(name) => {
                if let Some(parent) = text(value).filter(|_| !has_routing) {
                    out.name(b"\"routing\"");
                    json::encode(&parent, &mut out.0);
                }
            }
            name => {
                match name_today(name).filter(|_| modernise) {
                    Some(today) => out.name(format!("\"{today}\"").as_bytes()),
                    None => out.name(name),
                }
                out.0.extend_from_slice(value);
            }
        }
    }
    out.0.push(b'}');
    Ok(Some(out.0))
}

struct Writer(Vec<u8>);

impl Writer {
    /// The name of the next member, with its quotes.
    fn name(&mut self, name: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(name);
        self.0.push(b':');
    }
}
