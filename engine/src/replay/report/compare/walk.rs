//! The way through both answers at once.

use super::rules::Step;
use super::{Comparison, Difference, MOST_DIFFERENCES, Rules, SearchComparison, Subject};
use crate::replay::report::redact;
use codecs::json_compare::view::{Value, difference};
use std::borrow::Cow;

/// Deeper than this nothing is looked at: that counts as a difference.
const DEEPEST: usize = 120;

pub(super) struct Walk<'r, 'j> {
    pub(super) rules: &'r Rules,
    has_server_id: bool,
    path: Vec<Step<'j>>,
    /// What is below a document.
    in_document: bool,
    /// What is below the results of aggregations.
    in_aggregations: bool,
    /// There may be more hits than those that are compared.
    pub(super) may_go_on: bool,
    differences: Vec<Difference>,
    has_more: bool,
    searches: Vec<SearchComparison>,
}

impl<'r, 'j> Walk<'r, 'j> {
    pub(super) const fn new(subject: Subject<'r>) -> Self {
        Self {
            rules: subject.rules,
            has_server_id: subject.has_server_id,
            path: Vec::new(),
            in_document: subject.is_document,
            in_aggregations: false,
            may_go_on: false,
            differences: Vec::new(),
            has_more: false,
            searches: Vec::new(),
        }
    }

    pub(super) fn end(self) -> Comparison {
        Comparison { differences: self.differences, has_more: self.has_more, searches: self.searches }
    }

    pub(super) fn value(&mut self, source: Value<'j>, target: Value<'j>) {
        if self.path.len() > DEEPEST {
            return self.differ(Some(source), Some(target));
        }
        if !self.in_document && self.special(source, target) {
            return;
        }
        if source.is_object() && target.is_object() {
            self.object(source, target);
        } else if source.is_array() && target.is_array() {
            self.array(source, target);
        } else if !source.is_same_scalar(target) && !self.is_near(source, target) {
            self.differ(Some(source), Some(target));
        }
    }

    /// What has rules of its own; whether this was it.
    fn special(&mut self, source: Value<'j>, target: Value<'j>) -> bool {
        match self.names() {
            (.., Some("error")) if source.is_object() || target.is_object() => self.error(source, target),
            (Some("hits"), Some("hits")) if source.is_array() && target.is_array() => {
                self.hits(source, target)
            }
            (Some("hits"), Some("total")) => self.total(source, target),
            (_, Some("hits")) if source.is_object() && target.is_object() => {
                if self.is_search() {
                    self.searches.push(SearchComparison::of(source, target, self.rules));
                }
                let may_go_on = super::hits::may_go_on(source, target);
                let before = std::mem::replace(&mut self.may_go_on, may_go_on);
                self.object(source, target);
                self.may_go_on = before;
            }
            _ => return false,
        }
        true
    }

    /// The last two names of the path; none for a position.
    fn names(&self) -> (Option<&str>, Option<&str>) {
        let mut last = self.path.iter().rev();
        let (last, before) = (name_of(last.next()), name_of(last.next()));
        (before, last)
    }

    /// Whether the path is that of the hits of a whole search: `/hits` or `/responses/*/hits`.
    fn is_search(&self) -> bool {
        match self.path.as_slice() {
            [_] => true,
            [Step::Name(first), Step::Index(_), _] => first == "responses",
            _ => false,
        }
    }

    /// Errors are the same if their types are: their words and where they happened are not compared. Elasticsearch 1 has
    /// only words.
    fn error(&mut self, source: Value<'j>, target: Value<'j>) {
        if source.is_object() && target.is_object() {
            self.members(source, target, Rules::compares_of_error);
        }
    }

    /// A number, or since Elasticsearch 7 an object of the number and whether there may be more.
    fn total(&mut self, source: Value<'j>, target: Value<'j>) {
        let is_same = match (super::hits::Total::of(source), super::hits::Total::of(target)) {
            (Some(source), Some(target)) => source.agrees(target),
            _ => source.is_same_scalar(target),
        };
        if !is_same {
            self.differ(Some(source), Some(target));
        }
    }

    fn object(&mut self, source: Value<'j>, target: Value<'j>) {
        self.members(source, target, |_| true);
    }

    fn members(&mut self, source: Value<'j>, target: Value<'j>, is_compared: fn(&str) -> bool) {
        let mut others = target.members().into_iter().peekable();
        for (name, value) in source.members() {
            while let Some((name, extra)) = others.next_if(|(other, _)| *other < name) {
                self.step(name, is_compared, |walk| walk.differ(None, Some(extra)));
            }
            let other = others.next_if(|(other, _)| *other == name);
            self.step(name, is_compared, |walk| match other {
                Some((_, other)) => walk.value(value, other),
                None => walk.differ(Some(value), None),
            });
        }
        for (name, extra) in others {
            self.step(name, is_compared, |walk| walk.differ(None, Some(extra)));
        }
    }

    fn step(&mut self, name: Cow<'j, str>, is_compared: fn(&str) -> bool, visit: impl FnOnce(&mut Self)) {
        if !is_compared(&name) {
            return;
        }
        let before = (self.in_document, self.in_aggregations);
        let (is_document, is_aggregations) =
            (matches!(&*name, "_source" | "fields"), matches!(&*name, "aggregations" | "aggs"));
        self.path.push(Step::Name(name));
        if !self.is_ignored() {
            self.in_document |= is_document;
            self.in_aggregations |= is_aggregations;
            visit(self);
        }
        self.path.pop();
        (self.in_document, self.in_aggregations) = before;
    }

    fn is_ignored(&self) -> bool {
        if self.rules.ignores(&self.path, self.in_document) {
            return true;
        }
        match self.path.as_slice() {
            [Step::Name(name)] if name == "task" => true,
            [Step::Name(name)] if name == "id" => self.has_server_id,
            _ => false,
        }
    }

    fn array(&mut self, source: Value<'j>, target: Value<'j>) {
        let (elements, others) = (source.elements(), target.elements());
        self.elements(&elements, &others);
        if elements.len() != others.len() {
            self.differ(Some(source), Some(target));
        }
    }

    /// Compares what stands at the same positions.
    pub(super) fn elements(&mut self, source: &[Value<'j>], target: &[Value<'j>]) {
        for (position, (source, target)) in source.iter().zip(target).enumerate() {
            self.element(position, |walk| walk.value(*source, *target));
        }
    }

    pub(super) fn element(&mut self, position: usize, visit: impl FnOnce(&mut Self)) {
        self.path.push(Step::Index(position));
        if !self.rules.ignores(&self.path, self.in_document) {
            visit(self);
        }
        self.path.pop();
    }

    /// With one more name on the path, such as that of an `_id`.
    pub(super) fn below(&mut self, name: &'static str, visit: impl FnOnce(&mut Self)) {
        self.step(Cow::Borrowed(name), |_| true, visit);
    }

    fn is_near(&self, source: Value<'_>, target: Value<'_>) -> bool {
        let (before, last) = self.names();
        let tolerance = match (before, last) {
            _ if self.in_document => return false,
            (_, Some("_score" | "max_score")) => self.rules.score_tolerance,
            _ if self.in_aggregations => self.rules.aggregation_tolerance,
            _ => return false,
        };
        match (source.double(), target.double()) {
            (Some(source), Some(target)) => is_near(source, target, tolerance),
            _ => false,
        }
    }

    /// Notes a difference at the path.
    pub(super) fn differ(&mut self, source: Option<Value<'_>>, target: Option<Value<'_>>) {
        let pattern = pattern(&self.path);
        if self.differences.iter().any(|known| known.pattern == pattern) {
            return;
        }
        if self.differences.len() == MOST_DIFFERENCES {
            self.has_more = true;
            return;
        }
        let is_secret = |step: &Step<'_>| matches!(step, Step::Name(name) if redact::is_secret_name(name));
        let shown = difference(source, target);
        let is_shown = !self.path.iter().any(is_secret);
        let shown_value =
            |value: Option<String>| value.map(|value| if is_shown { value } else { "REDACTED".to_owned() });
        self.differences.push(Difference {
            pattern,
            pointer: pointer(&self.path),
            source: shown_value(shown.expected),
            target: shown_value(shown.found),
        });
    }
}

fn name_of<'a>(step: Option<&'a Step<'_>>) -> Option<&'a str> {
    match step {
        Some(Step::Name(name)) => Some(name),
        _ => None,
    }
}

/// Whether two numbers are no further apart than this share of the larger one.
pub(super) fn is_near(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * left.abs().max(right.abs())
}

fn pattern(path: &[Step<'_>]) -> String {
    written(path, |_| "*".to_owned())
}

fn pointer(path: &[Step<'_>]) -> String {
    written(path, |index| index.to_string())
}

fn written(path: &[Step<'_>], position: fn(usize) -> String) -> String {
    const LONGEST: usize = 512;
    let mut text = String::new();
    for step in path {
        text.push('/');
        match step {
            Step::Name(name) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => text.push_str(&position(*index)),
        }
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
