//! Answers to bulk requests: item by item, also where the target was sent some of the operations again.

use super::walk::Walk;
use super::{Comparison, Subject};
use codecs::json_compare::view::{Json, Value};

/// The items of both answers.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BulkComparison {
    /// Items at positions that both answers have.
    pub(crate) items: u64,
    /// Items that have the same action, status and type of error.
    pub(crate) same: u64,
    /// Each of the others: what source and target say of it.
    pub(crate) different: Vec<(String, String)>,
    /// What differs at all, the first place of each pattern.
    pub(crate) comparison: Comparison,
}

/// An item: its action, status and type of error, and all of it.
#[derive(Clone)]
struct Item<'j> {
    words: String,
    has_error: bool,
    value: Value<'j>,
}

/// Compares the answer of the source with those of the target, of which each after the first one is about operations of the
/// one before that had failed. Why it cannot be done, if it cannot.
pub(crate) fn compare_bulk(
    subject: Subject<'_>,
    source: &[u8],
    targets: &[&[u8]],
) -> Result<BulkComparison, &'static str> {
    let no_items = "a bulk answer without items";
    let source = Json::parse(source).map_err(|_| no_items)?;
    let answers: Vec<Json<'_>> =
        targets.iter().map(|target| Json::parse(target)).collect::<Result<_, _>>().map_err(|_| no_items)?;
    let items = items(source.root()).ok_or(no_items)?;
    let mut found: Option<Vec<Item<'_>>> = None;
    for answer in &answers {
        let again = self::items(answer.root()).ok_or(no_items)?;
        found = Some(match found {
            Some(before) if again.len() < before.len() => put_back(before, again)?,
            _ => again,
        });
    }
    Ok(compare_items(subject, &items, &found.ok_or(no_items)?))
}

fn compare_items<'j>(subject: Subject<'_>, items: &[Item<'j>], found: &[Item<'j>]) -> BulkComparison {
    let mut walk = Walk::new(subject);
    let mut bulk = BulkComparison::default();
    walk.below("items", |walk| {
        for (position, (item, other)) in items.iter().zip(found).enumerate() {
            bulk.items = bulk.items.saturating_add(1);
            if item.words == other.words {
                bulk.same = bulk.same.saturating_add(1);
            } else {
                bulk.different.push((item.words.clone(), other.words.clone()));
            }
            walk.element(position, |walk| walk.value(item.value, other.value));
        }
        if items.len() != found.len() {
            let longer = items.len().min(found.len());
            let value = |items: &[Item<'j>]| items.get(longer).map(|item| item.value);
            walk.element(longer, |walk| walk.below("(item)", |walk| walk.differ(value(items), value(found))));
        }
    });
    bulk.comparison = walk.end();
    bulk
}

fn items(answer: Value<'_>) -> Option<Vec<Item<'_>>> {
    let items = answer.get("items").filter(Value::is_array)?;
    Some(items.elements().into_iter().map(item).collect())
}

fn item(value: Value<'_>) -> Item<'_> {
    let members = value.members();
    let Some((action, result)) = members.first() else {
        return Item { words: "(empty)".to_owned(), has_error: false, value };
    };
    let mut words = super::super::redact::cut(action);
    if let Some(status) = result.get("status").and_then(|status| status.whole()) {
        words.push_str(&format!(" {status}"));
    }
    let error = result.get("error");
    if let Some(kind) = error.and_then(|error| error.get("type")).and_then(|kind| kind.string()) {
        words.push(' ');
        words.push_str(&super::super::redact::cut(&kind));
    }
    Item { words, has_error: error.is_some(), value }
}

/// Puts the items of an answer to operations that were sent again in the places of those that had failed.
fn put_back<'j>(mut all: Vec<Item<'j>>, again: Vec<Item<'j>>) -> Result<Vec<Item<'j>>, &'static str> {
    let failed = || all.iter().enumerate().filter(|(_, item)| item.has_error).map(|(at, _)| at);
    let places: Vec<usize> = if failed().count() == again.len() {
        failed().collect()
    } else {
        let mut candidates = failed();
        let place = |item: &Item<'j>| {
            candidates.find(|at| all.get(*at).is_some_and(|old| is_same_document(old, item)))
        };
        again.iter().filter_map(place).collect()
    };
    if places.len() != again.len() {
        return Err("a bulk that was sent again in part, of which is not clear which part");
    }
    for (place, item) in places.into_iter().zip(again) {
        if let Some(old) = all.get_mut(place) {
            *old = item;
        }
    }
    Ok(all)
}

fn is_same_document(left: &Item<'_>, right: &Item<'_>) -> bool {
    let of = |item: &Item<'_>| {
        let members = item.value.members();
        let (_, result) = members.first()?;
        let text =
            |name: &str| result.get(name).and_then(|value| value.string()).map(|text| text.into_owned());
        Some((text("_index"), text("_id")?))
    };
    of(left).is_some() && of(left) == of(right)
}
