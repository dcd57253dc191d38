//! Whether two answers of the same status say the same.

mod bulk;
mod hits;
mod rules;
mod walk;

#[cfg(test)]
mod tests;

pub(super) use bulk::{BulkComparison, compare_bulk};
pub(super) use hits::SearchComparison;
pub use rules::{IgnoredPath, Rules};

use codecs::json_compare::view::Json;
use walk::Walk;

/// Places that differ and are kept of one pair of answers; a place of each pattern.
const MOST_DIFFERENCES: usize = 16;

/// A place where two answers differ.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The place without positions in arrays, such as `/hits/hits/*/_id`: the same for what differs alike.
    pub pattern: String,
    /// The place: a JSON pointer in the answer of the source, or in that of the target where only it has the value.
    pub pointer: String,
    /// What the source says there, cut; none if it has nothing there.
    pub source: Option<String>,
    /// What the target says there.
    pub target: Option<String>,
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'r> {
    pub(super) rules: &'r Rules,
    /// The whole answer is a document.
    pub(super) is_document: bool,
    /// The answer has an id that a cluster made up.
    pub(super) has_server_id: bool,
}

/// What comparing came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Comparison {
    /// Where they differ: the first place of each pattern.
    pub(super) differences: Vec<Difference>,
    /// Whether there are more patterns than are kept.
    pub(super) has_more: bool,
    /// Each search in the answer, as far as both have it.
    pub(super) searches: Vec<SearchComparison>,
}

/// Compares two bodies.
pub(super) fn compare(subject: Subject<'_>, source: &[u8], target: &[u8]) -> Comparison {
    let is_json = |body: &[u8]| matches!(body.trim_ascii_start(), [b'{' | b'[', ..]);
    if is_json(source)
        && is_json(target)
        && let (Ok(source), Ok(target)) = (Json::parse(source), Json::parse(target))
    {
        let mut walk = Walk::new(subject);
        walk.value(source.root(), target.root());
        return walk.end();
    }
    if source.trim_ascii() == target.trim_ascii() {
        return Comparison::default();
    }
    let excerpt =
        |body: &[u8]| Some(super::redact::cut(&String::from_utf8_lossy(body.get(..1024).unwrap_or(body))));
    let difference = Difference {
        pattern: "(text)".to_owned(),
        pointer: String::new(),
        source: excerpt(source),
        target: excerpt(target),
    };
    Comparison { differences: vec![difference], ..Comparison::default() }
}
