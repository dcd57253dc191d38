//! Documents that never become an operation.

use crate::bulk::{FailedRecord, FailureClass};
use crate::document::{Document, Unwritable};
use crate::error::chain;
use crate::segment::{ReadFailure, Segment};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// A document that is not sent, and why.
#[derive(Debug, Clone)]
pub(super) struct Unsent {
    segment: Arc<str>,
    document: u32,
    /// How many documents it stands for; none when they are sent all the same.
    documents: u64,
    id: Option<String>,
    routing: Option<String>,
    type_name: Option<String>,
    class: FailureClass,
    reason: String,
    source: Option<Box<RawValue>>,
}

impl Unsent {
    pub(super) fn new(
        segment: &Arc<str>,
        document: &Document<'_>,
        class: FailureClass,
        reason: String,
    ) -> Self {
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        Self {
            segment: Arc::clone(segment),
            document: document.number,
            documents: 1,
            id: Some(text(document.id)),
            routing: document.routing.map(text),
            type_name: document.type_name.map(text),
            class,
            reason,
            source: None,
        }
    }

    /// One whose `_source` is not there, or cannot be converted.
    pub(super) fn unwritable(segment: &Arc<str>, document: &Document<'_>, reason: &Unwritable) -> Self {
        let class = match reason {
            Unwritable::NoSource => FailureClass::NoSource,
            Unwritable::Source(_) => FailureClass::Unreadable,
        };
        Self::new(segment, document, class, chain(reason))
    }

    /// One of a chunk whose other documents can be read.
    pub(super) fn unreadable(segment: &Arc<str>, failure: &ReadFailure) -> Self {
        Self {
            segment: Arc::clone(segment),
            document: failure.documents.start,
            documents: failure.live.into(),
            id: None,
            routing: None,
            type_name: None,
            class: FailureClass::Unreadable,
            reason: failure.error.to_string(),
            source: None,
        }
    }

    /// The documents of a segment that are written though its checksum is wrong.
    pub(super) fn untrusted(segment: &Segment, error: &codecs::Error) -> Self {
        let reason = format!(
            "{error}; what could be read of this segment is written, and may not be what was indexed"
        );
        Self {
            segment: Arc::clone(segment.shared_name()),
            document: 0,
            documents: 0,
            id: None,
            routing: None,
            type_name: None,
            class: FailureClass::Unreadable,
            reason,
            source: None,
        }
    }

    /// With the document as it was before it failed.
    pub(super) fn with_source(self, source: &[u8]) -> Self {
        let source = std::str::from_utf8(source).ok();
        let source = source.and_then(|source| RawValue::from_string(source.to_owned()).ok());
        Self { source, ..self }
    }

    pub(super) const fn class(&self) -> FailureClass {
        self.class
    }

    pub(super) const fn segment(&self) -> &Arc<str> {
        &self.segment
    }

    pub(super) const fn documents(&self) -> u64 {
        self.documents
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The record for the file of failed documents.
    pub(super) fn record<'a>(&'a self, item: &'a str, index: &'a str) -> FailedRecord<'a> {
        FailedRecord {
            id: self.id.as_deref().map(Cow::Borrowed),
            routing: self.routing.as_deref().map(Cow::Borrowed),
            type_name: self.type_name.as_deref().map(Cow::Borrowed),
            segment: Some(Cow::Borrowed(&self.segment)),
            document: Some(self.document),
            documents: self.documents,
            source: self.source.as_deref(),
            ..FailedRecord::of_documents(item, index, self.class, &self.reason)
        }
    }
}
