//! Where requests for an index, and for mapping types in it, go.

use super::super::route::is_pattern;
use crate::transform::names::{RenameIndex, TypeRouting, check_index};

/// Where requests for an index, and for mapping types in it, go.
#[derive(Debug)]
pub(crate) enum Mapping {
    /// Indices get other names, types stay.
    Rename(RenameIndex),
    /// Types are taken away; each goes to an index.
    Types {
        /// Index and type → index, as for documents.
        routing: TypeRouting,
        /// The major version of the source, where it is known.
        source_major: Option<u64>,
    },
}

impl Mapping {
    const DEFAULT_TYPE: &'static str = "_doc";

    /// Whether types are taken away.
    pub(crate) const fn removes_types(&self) -> bool {
        matches!(self, Self::Types { .. })
    }

    /// The index for a document; `None` drops it.
    ///
    /// `_doc` stands for the one type that an index has, whatever its name: Elasticsearch 7 lets clients write it so.
    pub(crate) fn document(&self, index: &str, type_name: Option<&str>) -> Result<Option<String>, String> {
        let target = match self {
            Self::Rename(rename) => Some(rename.apply(index).unwrap_or_else(|| index.to_owned())),
            Self::Types { routing, .. } => {
                let type_name = type_name.unwrap_or(Self::DEFAULT_TYPE);
                let only = || match routing.fixed.get(index) {
                    Some(types) if type_name == Self::DEFAULT_TYPE && types.len() == 1 => {
                        types.values().next().filter(|target| !target.is_empty()).cloned()
                    }
                    _ => None,
                };
                routing.route(index, Some(type_name)).or_else(only)
            }
        };
        if let Some(target) = target.as_ref().filter(|target| *target != index) {
            check_index(target)?;
        }
        Ok(target)
    }

    /// The indices for names and patterns of indices, and of types in them (none means all of them). None at all: what they have was
    /// dropped.
    pub(crate) fn scope<T: AsRef<str>, U: AsRef<str>>(&self, indices: &[T], types: &[U]) -> Vec<String> {
        let mut scope: Vec<String> = Vec::new();
        for index in indices {
            for target in self.targets(index.as_ref(), types) {
                if !scope.contains(&target) {
                    scope.push(target);
                }
            }
        }
        scope
    }

    fn targets<T: AsRef<str>>(&self, index: &str, types: &[T]) -> Vec<String> {
        let as_it_is = || vec![index.to_owned()];
        let routing = match self {
            _ if index.starts_with('-') => return as_it_is(),
            Self::Rename(_) if is_pattern(index) => return as_it_is(),
            Self::Rename(rename) => return rename.apply(index).map_or_else(as_it_is, |index| vec![index]),
            Self::Types { routing, .. } => routing,
        };
        let types: Vec<&str> = types.iter().map(AsRef::as_ref).filter(|name| !is_pattern(name)).collect();
        let mut targets = fixed_targets(routing, index, &types);
        if routing.fixed.contains_key(index) {
            return targets;
        }
        match types.as_slice() {
            _ if routing.keeps_index => targets.push(index.to_owned()),
            [] => targets.push(routing.route(index, None).unwrap_or_else(|| index.to_owned())),
            types => targets.extend(types.iter().filter_map(|name| routing.route(index, Some(name)))),
        }
        targets
    }

    /// Refuses a request that changes all documents of a type, when the index that it would go to has those of other types as well.
    pub(crate) fn check_not_united<T: AsRef<str>, U: AsRef<str>>(
        &self,
        indices: &[T],
        types: &[U],
        scope: &[String],
    ) -> Result<(), String> {
        let Self::Types { routing, source_major } = self else { return Ok(()) };
        let is_named = |name: &str| types.iter().any(|known| known.as_ref() == name);
        let other = |index: &str| {
            let types = routing.fixed.get(index)?;
            types
                .iter()
                .find(|(name, target)| !is_named(name) && scope.contains(target))
                .map(|(name, _)| name)
        };
        for index in indices.iter().map(AsRef::as_ref) {
            let problem = if let Some(other) = other(index) {
                format!("has those of the type `{other}` as well")
            } else if routing.fixed.contains_key(index) {
                continue;
            } else {
                match source_major {
                    Some(6..) => continue,
                    Some(_) => "may have those of other types as well".to_owned(),
                    None => {
                        "may have those of other types as well: say the version of the source in `source_properties`; since 6, an index has \
                         one type"
                            .to_owned()
                    }
                }
            };
            return Err(format!(
                "it changes documents of one type of `{index}`, but the index that it would go to {problem}"
            ));
        }
        Ok(())
    }
}

/// Where the types of the listed indices that a name or pattern means go.
fn fixed_targets(routing: &TypeRouting, index: &str, types: &[&str]) -> Vec<String> {
    let is_meant = |known: &str| known == index || (is_pattern(index) && matches_pattern(index, known));
    let mut targets: Vec<String> = Vec::new();
    for (_, targets_by_type) in routing.fixed.iter().filter(|(known, _)| is_meant(known)) {
        let is_asked = |name: &str| {
            let is_only = types.contains(&Mapping::DEFAULT_TYPE) && targets_by_type.len() == 1;
            types.is_empty() || types.contains(&name) || is_only
        };
        let asked = targets_by_type.iter().filter(|(name, target)| is_asked(name) && !target.is_empty());
        targets.extend(asked.map(|(_, target)| target.clone()));
    }
    targets.sort_unstable(); // the map has no order
    targets
}

/// Whether a name matches a pattern with `*`.
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    if pattern == "_all" {
        return true;
    }
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let rest = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let mut parts = middle.split('*');
    rest.is_some_and(|rest| {
        parts.try_fold(rest, |rest, part| rest.split_once(part).map(|(_, after)| after)).is_some()
    })
}
