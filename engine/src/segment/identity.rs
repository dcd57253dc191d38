//! Which stored fields make the identity of a document, and how they become text.

use crate::document::Entry;
use codecs::document_id;
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::stored_fields::{Fields, Malformed, StoredValue};
use std::ops::Range;

/// Numbers of the stored fields that Elasticsearch keeps for each document; they differ from segment to segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdentityFields {
    id: Option<u32>,
    uid: Option<u32>,
    source: Option<u32>,
    routing: Option<u32>,
    parent: Option<u32>,
}

/// Why a document's identity could not be read.
pub(crate) enum Unreadable {
    Malformed(Malformed),
    Identity(codecs::Error),
    /// It has what only documents with an id have.
    NoId,
}

impl From<Malformed> for Unreadable {
    fn from(at: Malformed) -> Self {
        Self::Malformed(at)
    }
}

impl From<codecs::Error> for Unreadable {
    fn from(error: codecs::Error) -> Self {
        Self::Identity(error)
    }
}

impl IdentityFields {
    pub(crate) fn new(infos: &FieldInfos) -> Self {
        let number = |name| infos.by_name(name).map(|field| field.number);
        Self {
            id: number("_id"),
            uid: number("_uid"),
            source: number("_source"),
            routing: number("_routing"),
            parent: number("_parent"),
        }
    }

    /// Reads one document: its identity goes to `text`, its `_source` stays where it is.
    ///
    /// None for a document without an id: a nested child, whose text is in its parent.
    pub(crate) fn read(
        &self,
        document: u32,
        mut fields: Fields<'_>,
        text: &mut Vec<u8>,
    ) -> Result<Option<Entry>, Unreadable> {
        let mut id = None;
        let mut entry =
            Entry { document, id: 0..0, type_name: None, routing: None, parent: None, source: None };
        while let Some(field) = fields.next() {
            let (number, value) = field?;
            let number = Some(number);
            let (StoredValue::Bytes(bytes) | StoredValue::String(bytes)) = value else { continue };
            if number == self.source {
                let end = fields.position();
                entry.source = Some(end.saturating_sub(bytes.len())..end);
            } else if number == self.id {
                id = Some(match value {
                    StoredValue::String(_) => append(text, bytes),
                    _ => {
                        let start = text.len();
                        document_id::decode_id(bytes, text)?;
                        start..text.len()
                    }
                });
            } else if number == self.uid {
                let (type_name, name) = document_id::split_uid(bytes)?;
                entry.type_name = Some(append(text, type_name.as_bytes()));
                id = Some(append(text, name.as_bytes()));
            } else if number == self.routing {
                entry.routing = Some(append(text, bytes));
            } else if number == self.parent {
                // `type#id` of the parent; the type is known from the mapping.
                let (_, name) = document_id::split_uid(bytes)?;
                entry.parent = Some(append(text, name.as_bytes()));
            }
        }
        match id {
            Some(id) => Ok(Some(Entry { id, ..entry })),
            // A nested child stores none of these, so this one is damaged: passed over, it would be lost.
            None if entry.source.is_some() || entry.routing.is_some() || entry.parent.is_some() => {
                Err(Unreadable::NoId)
            }
            None => Ok(None),
        }
    }
}

fn append(text: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = text.len();
    text.extend_from_slice(bytes);
    start..text.len()
}
