//! Which documents a request is about: what order between connections goes by.

use super::super::coding;
use super::super::request::Outgoing;
use super::{Route, RouteClass};
use codecs::bulk::items;
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;

/// Stands for an index and an `_id`. Two documents may share one: then they are kept in order without need.
///
/// Names count as clients write them: an alias and its index are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey(u64);

impl DocumentKey {
    /// The key of a document.
    #[must_use]
    pub fn new(index: &str, id: &str) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        hasher.write(index.as_bytes());
        hasher.write_u8(0xFF); // no index has such a byte
        hasher.write(id.as_bytes());
        Self(hasher.finish())
    }
}

/// What a request must be kept in order with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The documents that it names, sorted, each once. Those that the source gave an id to are not among them.
    pub documents: Vec<DocumentKey>,
    /// It writes to whatever documents there are, or to indices: everything before it must be done first, and what comes after it waits.
    pub is_barrier: bool,
}

/// Which documents a request is about. The body is looked at only of bulk requests; one that cannot be read is a barrier.
#[must_use]
pub fn document_keys(request: &Outgoing, route: &Route<'_>) -> Keys {
    let none = Keys::default();
    match (route.endpoint, route.index(), route.id.as_deref()) {
        ("_bulk", ..) => bulk_keys(request, route).unwrap_or(Keys { is_barrier: true, ..none }),
        (_, Some(index), Some(id)) => Keys { documents: vec![DocumentKey::new(index, id)], ..none },
        ("_doc", _, None) => none,
        _ => Keys { is_barrier: route.class == RouteClass::Write, ..none },
    }
}

fn bulk_keys(request: &Outgoing, route: &Route<'_>) -> Option<Keys> {
    let body = coding::decoded(&request.headers, &request.body).ok()?;
    let mut documents = Vec::new();
    for item in items(&body) {
        let target = item.ok()?.target().ok()?;
        let index = target.index.as_deref().or_else(|| route.index());
        if let (Some(index), Some(id)) = (index, target.id) {
            documents.push(DocumentKey::new(index, &id));
        }
    }
    documents.sort_unstable();
    documents.dedup();
    Some(Keys { documents, is_barrier: false })
}
