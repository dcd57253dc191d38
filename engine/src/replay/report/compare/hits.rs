//! The hits of a search: their number, which they are, and their order, where the order says something.

use super::Rules;
use super::walk::{Walk, is_near};
use codecs::json_compare::view::Value;
use std::collections::HashMap;

/// A search that both answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SearchComparison {
    /// How many hits both counted; none if one of them did not count.
    pub(crate) totals: Option<(u64, u64)>,
    /// Whether these numbers agree.
    pub(crate) totals_agree: bool,
    /// Which share of the first hits both have; none if one of them shows no ids, or neither has hits.
    pub(crate) overlap: Option<f64>,
    /// Whether the page ends between hits that are tied, so that either of them is a right answer.
    pub(crate) is_cut_in_tie: bool,
}

impl SearchComparison {
    pub(super) fn of(source: Value<'_>, target: Value<'_>, rules: &Rules) -> Self {
        let total = |hits: Value<'_>| hits.get("total").and_then(Total::of);
        let totals = total(source).zip(total(target));
        let pages = source.get("hits").zip(target.get("hits"));
        let pages = pages.map(|(source, target)| (source.elements(), target.elements()));
        let overlap = pages.as_ref().and_then(|(source, target)| overlap(source, target, rules));
        let is_cut_in_tie = may_go_on(source, target)
            && pages.is_some_and(|(source, target)| {
                Pairing::of(&source, &target, rules).is_some_and(|pairing| pairing.is_cut_in_tie)
            });
        Self {
            totals: totals.map(|(source, target)| (source.value, target.value)),
            totals_agree: totals.is_some_and(|(source, target)| source.agrees(target)),
            overlap,
            is_cut_in_tie,
        }
    }
}

/// The number of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Total {
    value: u64,
    /// There may be more: the cluster stopped counting.
    is_bound: bool,
}

impl Total {
    pub(super) fn of(total: Value<'_>) -> Option<Self> {
        if let Some(value) = total.whole() {
            return Some(Self { value, is_bound: false });
        }
        let value = total.get("value")?.whole()?;
        let is_bound =
            total.get("relation").and_then(|relation| relation.string()).is_some_and(|r| r == "gte");
        Some(Self { value, is_bound })
    }

    /// Whether both may be the same number.
    pub(super) const fn agrees(self, other: Self) -> bool {
        match (self.is_bound, other.is_bound) {
            (false, false) => self.value == other.value,
            (true, false) => self.value <= other.value,
            (false, true) => other.value <= self.value,
            (true, true) => true,
        }
    }
}

/// Whether there may be more hits than both pages show.
pub(super) fn may_go_on(source: Value<'_>, target: Value<'_>) -> bool {
    let goes_on = |hits: Value<'_>| {
        let shown = hits.get("hits").map_or(0, |hits| hits.elements().len() as u64);
        let total = hits.get("total").and_then(Total::of);
        total.is_none_or(|total| total.is_bound || total.value > shown)
    };
    goes_on(source) && goes_on(target)
}

/// What tells a hit from others.
fn identity(hit: Value<'_>, rules: &Rules) -> Option<String> {
    let text = |name: &str| Some(hit.get(name)?.string()?.into_owned());
    let id = text("_id")?;
    if rules.ignores(&[super::rules::Step::Name("_index".into())], false) {
        return Some(id);
    }
    Some(format!("{}\0{id}", text("_index").unwrap_or_default()))
}

fn identities(hits: &[Value<'_>], rules: &Rules) -> Option<Vec<String>> {
    hits.iter().map(|hit| identity(*hit, rules)).collect()
}

fn overlap(source: &[Value<'_>], target: &[Value<'_>], rules: &Rules) -> Option<f64> {
    let first = |hits: &[Value<'_>]| identities(hits.get(..rules.top_k).unwrap_or(hits), rules);
    let (source, target) = (first(source)?, first(target)?);
    let longer = source.len().max(target.len());
    let common = source.iter().filter(|id| target.contains(id)).count();
    let share = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (longer > 0).then(|| share(common) / share(longer))
}

/// Which hit of the source is which of the target.
struct Pairing {
    /// For each hit of the source, its place in the target's page.
    places: Vec<Option<usize>>,
    /// Hits of the target that the source does not have, by their places.
    extra: Vec<usize>,
    /// For each hit of the source, the first and the last place of the hits that are tied with it.
    ties: Vec<(usize, usize)>,
    /// Those that only one of both has are tied with the last hit of the page.
    is_cut_in_tie: bool,
}

impl Pairing {
    /// None if the hits do not say which they are.
    fn of(source: &[Value<'_>], target: &[Value<'_>], rules: &Rules) -> Option<Self> {
        let (ids, others) = (identities(source, rules)?, identities(target, rules)?);
        let by_id: HashMap<&str, usize> =
            others.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let places: Vec<_> = ids.iter().map(|id| by_id.get(id.as_str()).copied()).collect();
        let known: std::collections::HashSet<&str> = ids.iter().map(String::as_str).collect();
        let extra: Vec<_> = others
            .iter()
            .enumerate()
            .filter(|(_, id)| !known.contains(id.as_str()))
            .map(|(at, _)| at)
            .collect();
        let ties = ties(source, rules);
        let mut pairing = Self { places, extra, ties, is_cut_in_tie: false };
        pairing.is_cut_in_tie = pairing.is_cut(source, target, rules);
        Some(pairing)
    }

    fn is_cut(&self, source: &[Value<'_>], target: &[Value<'_>], rules: &Rules) -> bool {
        let (Some(last), Some((first_tied, _))) = (source.last(), self.ties.last()) else { return false };
        let missing = self.places.iter().enumerate().filter(|(_, place)| place.is_none());
        let missing: Vec<_> = missing.map(|(at, _)| at).collect();
        let is_tied = |at: &usize| target.get(*at).is_some_and(|hit| is_tie(*last, *hit, rules));
        !missing.is_empty()
            && source.len() == target.len()
            && missing.iter().all(|at| at >= first_tied)
            && self.extra.iter().all(is_tied)
    }
}

/// For each hit, the first and the last place of the hits around it that are tied.
fn ties(hits: &[Value<'_>], rules: &Rules) -> Vec<(usize, usize)> {
    let mut ties = Vec::with_capacity(hits.len());
    for run in hits.chunk_by(|left, right| is_tie(*left, *right, rules)) {
        let first = ties.len();
        let last = first.saturating_add(run.len()).saturating_sub(1);
        ties.extend(run.iter().map(|_| (first, last)));
    }
    ties
}

/// Whether the order of two hits is open.
fn is_tie(left: Value<'_>, right: Value<'_>, rules: &Rules) -> bool {
    match (left.get("sort"), right.get("sort")) {
        (Some(left), Some(right)) => {
            let (left, right) = (left.elements(), right.elements());
            let is_same = |(left, right): (&Value<'_>, &Value<'_>)| left.is_same_scalar(*right);
            return left.len() == right.len() && left.iter().zip(&right).all(is_same);
        }
        (None, None) => {}
        _ => return false,
    }
    let score = |hit: Value<'_>| hit.get("_score").and_then(|score| score.double());
    match (score(left), score(right)) {
        (Some(left), Some(right)) => is_near(left, right, rules.score_tolerance),
        (None, None) => true,
        _ => false,
    }
}

impl<'j> Walk<'_, 'j> {
    /// Hits that both have are compared with each other, wherever they stand; then, whether the order is the same where it
    /// is not open.
    pub(super) fn hits(&mut self, source: Value<'j>, target: Value<'j>) {
        let (hits, others) = (source.elements(), target.elements());
        let Some(mut pairing) = Pairing::of(&hits, &others, self.rules) else {
            self.elements(&hits, &others);
            if hits.len() != others.len() {
                self.differ(Some(source), Some(target));
            }
            return;
        };
        pairing.is_cut_in_tie &= self.may_go_on;
        let is_whole = pairing.extra.is_empty() && pairing.places.iter().all(Option::is_some);
        if !is_whole && !pairing.is_cut_in_tie {
            self.missing_hits(&pairing, &hits, &others);
        }
        for (at, (hit, place)) in hits.iter().zip(&pairing.places).enumerate() {
            let Some((place, other)) = place.and_then(|place| Some((place, others.get(place)?))) else {
                continue;
            };
            let is_in_order =
                pairing.ties.get(at).is_none_or(|(first, last)| (*first..=*last).contains(&place));
            self.element(at, |walk| {
                if is_whole && !is_in_order {
                    walk.below("(place)", |walk| {
                        walk.differ(hit.get("_id"), others.get(at).and_then(|o| o.get("_id")))
                    });
                }
                walk.value(*hit, *other);
            });
        }
    }

    fn missing_hits(&mut self, pairing: &Pairing, hits: &[Value<'j>], others: &[Value<'j>]) {
        let first = pairing.places.iter().position(Option::is_none);
        let extra = pairing.extra.first().copied();
        let id = |hits: &[Value<'j>], at: Option<usize>| at.and_then(|at| hits.get(at)?.get("_id"));
        let at = first.or(extra).unwrap_or_default();
        self.element(at, |walk| walk.below("_id", |walk| walk.differ(id(hits, first), id(others, extra))));
    }
}
