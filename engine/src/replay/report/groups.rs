//! Mismatches, by what they have in common, each with its first examples.

use super::compare::Difference;
use super::summary::{Bodies, ClassOfBodies, Example, Mismatch, MismatchKind};
use std::collections::BTreeMap;

/// Groups that are told apart, of status mismatches and errors, and of bodies.
const MOST_GROUPS: usize = 1000;

/// The place of differences that are not kept.
const MORE: &str = "(more places)";
const OTHERS: &str = "(others)";

/// Mismatches so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    most_examples: usize,
    groups: BTreeMap<(MismatchKind, String, String), (u64, Vec<Example>)>,
    /// By class of request, status, and all places that differ.
    bodies: BTreeMap<(String, String, Vec<String>), BodyGroup>,
    /// Bodies that are equal, by class of request.
    equal: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct BodyGroup {
    count: u64,
    examples: Vec<(Example, Vec<Difference>)>,
}

impl Groups {
    pub(super) fn new(most_examples: usize) -> Self {
        Self { most_examples, ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        kind: MismatchKind,
        class: &str,
        what: &str,
        example: impl FnOnce() -> Example,
    ) {
        let mut key = (kind, class.to_owned(), what.to_owned());
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            key.2 = OTHERS.to_owned();
        }
        let (count, examples) = self.groups.entry(key).or_default();
        *count = count.saturating_add(1);
        if examples.len() < self.most_examples {
            examples.push(example());
        }
    }

    /// Two bodies that were compared. Whether their differences are noise is known in the end only.
    pub(super) fn add_body(
        &mut self,
        class: &str,
        status: &str,
        differences: Vec<Difference>,
        has_more: bool,
        example: impl FnOnce() -> Example,
    ) {
        if differences.is_empty() {
            let equal = self.equal.entry(class.to_owned()).or_default();
            *equal = equal.saturating_add(1);
            return;
        }
        let mut places: Vec<_> = differences.iter().map(|difference| difference.pattern.clone()).collect();
        if has_more {
            places.push(MORE.to_owned());
        }
        let mut key = (class.to_owned(), status.to_owned(), places);
        if self.bodies.len() >= MOST_GROUPS && !self.bodies.contains_key(&key) {
            key.2 = vec![OTHERS.to_owned()];
        }
        let group = self.bodies.entry(key).or_default();
        group.count = group.count.saturating_add(1);
        if group.examples.len() < self.most_examples {
            group.examples.push((example(), differences));
        }
    }

    /// The books of bodies, and all mismatches, the most frequent first.
    pub(super) fn finish(self, is_noise: impl Fn(&str, &str) -> bool) -> (Bodies, Vec<Mismatch>) {
        let mut classes: BTreeMap<String, ClassOfBodies> = BTreeMap::new();
        for (class, equal) in self.equal {
            classes.entry(class).or_default().equal = equal;
        }
        let mut groups = self.groups;
        for ((class, status, places), group) in self.bodies {
            let counts = classes.entry(class.clone()).or_default();
            let Some(place) = places.iter().find(|place| !is_noise(&class, place)) else {
                counts.equal_but_for_noise = counts.equal_but_for_noise.saturating_add(group.count);
                continue;
            };
            counts.different = counts.different.saturating_add(group.count);
            let key = (MismatchKind::Body, class, format!("{status}: {place}"));
            let (count, examples) = groups.entry(key).or_default();
            *count = count.saturating_add(group.count);
            let room = self.most_examples.saturating_sub(examples.len());
            examples.extend(group.examples.into_iter().take(room).map(|(example, differences)| {
                let first = differences.iter().find(|difference| difference.pattern == *place);
                Example { difference: first.or(differences.first()).cloned(), ..example }
            }));
        }
        let mismatch =
            |((kind, class, what), (count, examples))| Mismatch { kind, class, what, count, examples };
        let mut mismatches: Vec<_> = groups.into_iter().map(mismatch).collect();
        mismatches.sort_by_key(|mismatch| std::cmp::Reverse(mismatch.count));
        (books(classes), mismatches)
    }
}

fn books(classes: BTreeMap<String, ClassOfBodies>) -> Bodies {
    let mut bodies = Bodies::default();
    for (class, counts) in classes {
        let compared =
            counts.equal.saturating_add(counts.equal_but_for_noise).saturating_add(counts.different);
        let counts = ClassOfBodies { class, compared, ..counts };
        for (sum, count) in [
            (&mut bodies.compared, counts.compared),
            (&mut bodies.equal, counts.equal),
            (&mut bodies.equal_but_for_noise, counts.equal_but_for_noise),
            (&mut bodies.different, counts.different),
        ] {
            *sum = sum.saturating_add(count);
        }
        bodies.classes.push(counts);
    }
    bodies
}
