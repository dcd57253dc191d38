//! Which requests are replayed.

mod indices;
mod values;

#[cfg(test)]
mod tests;

pub use values::{ClassFilter, RequestFilter, Sample, StatusSet};

use super::coding;
use super::headers::without_secrets;
use super::message::{self, Spelling, payload};
use super::request::Outgoing;
use super::route::Route;
use super::transform::with_variables;
use crate::snapshot::{IndexPattern, IndexSelection};
use crate::traffic::{SourceRequest, SourceResponse};
use codecs::traffic::http;
use std::time::SystemTime;

/// Which requests are replayed: those that all of it holds for. By default every one.
#[derive(Debug, Clone, Default)]
pub struct SelectionSettings {
    /// Methods; none means all.
    pub methods: Vec<String>,
    /// Reads or writes only.
    pub class: ClassFilter,
    /// Indices, system indices included; none means all. Of bulk requests the items of other indices are left out. A request that names no
    /// index is replayed when no pattern selects.
    pub indices: Vec<IndexPattern>,
    /// A program that must hold for the message.
    pub filter: Option<RequestFilter>,
    /// What the source must have answered.
    pub statuses: Option<StatusSet>,
    /// The first byte must have come at this time or later, by the source's clock.
    pub from: Option<SystemTime>,
    /// The first byte must have come before this time.
    pub until: Option<SystemTime>,
    /// The record with the first byte must have this offset or a later one.
    pub first_offset: Option<i64>,
    /// The record with the first byte must have an earlier offset than this.
    pub end_offset: Option<i64>,
    /// A part of all.
    pub sample: Option<Sample>,
}

/// Why a request is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// Its time is not in the range.
    Time,
    /// Its offset is not in the range.
    Offset,
    /// It is not in the sample.
    Sample,
    /// Its method is not selected.
    Method,
    /// It is not a read, or not a write.
    Class,
    /// Its indices are not selected.
    Index,
    /// The program does not hold for it.
    Filter,
    /// The program fails on it.
    FilterFailed(String),
    /// The source's answer is not selected.
    Status,
}

impl Skip {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Offset => "offset",
            Self::Sample => "sample",
            Self::Method => "method",
            Self::Class => "class",
            Self::Index => "index",
            Self::Filter => "filter",
            Self::FilterFailed(_) => "filter_failed",
            Self::Status => "status",
        }
    }
}

/// A request without the items of bulk requests that are not selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The request.
    pub request: Outgoing,
    /// Positions of the items that were left out, in ascending order.
    pub left_out: Vec<usize>,
}

/// Decides which requests are replayed.
#[derive(Debug, Clone)]
pub struct Selection {
    settings: SelectionSettings,
    /// `None` when all are meant.
    indices: Option<IndexSelection>,
    /// Whether a pattern selects, so that what is not selected is left out.
    selects_indices: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self::new(SelectionSettings::default())
    }
}

impl Selection {
    /// A selection.
    #[must_use]
    pub fn new(settings: SelectionSettings) -> Self {
        let indices = &settings.indices;
        let selects_indices = indices.iter().any(|pattern| !pattern.excludes());
        let indices = (!indices.is_empty()).then(|| IndexSelection::new(indices.clone()).with_system());
        Self { settings, indices, selects_indices }
    }

    /// Why a request is not replayed, as far as it can be said before its response is there.
    #[must_use]
    pub fn check(&self, source: &SourceRequest, request: &Outgoing, route: &Route<'_>) -> Option<Skip> {
        let settings = &self.settings;
        let offset = source.tokens.first().map(crate::traffic::Token::offset);
        if settings.from.is_some_and(|from| source.first_byte < from)
            || settings.until.is_some_and(|until| source.first_byte >= until)
        {
            return Some(Skip::Time);
        }
        if settings.first_offset.is_some_and(|first| offset < Some(first))
            || settings.end_offset.is_some_and(|end| offset >= Some(end))
        {
            return Some(Skip::Offset);
        }
        if settings.sample.is_some_and(|sample| !sample.takes(&source.connection.id, source.index)) {
            return Some(Skip::Sample);
        }
        self.check_request(request, route)
    }

    /// As [`Self::check`], as far as it follows from the request alone.
    #[must_use]
    pub fn check_request(&self, request: &Outgoing, route: &Route<'_>) -> Option<Skip> {
        let settings = &self.settings;
        let is_method = |method: &String| method.eq_ignore_ascii_case(&request.method);
        if !settings.methods.is_empty() && !settings.methods.iter().any(is_method) {
            return Some(Skip::Method);
        }
        if !settings.class.takes(route.class) {
            return Some(Skip::Class);
        }
        if self.indices.as_ref().is_some_and(|indices| !self.takes_indices(indices, request, route)) {
            return Some(Skip::Index);
        }
        match &settings.filter {
            None => None,
            Some(filter) => match holds(filter, request, route) {
                Ok(true) => None,
                Ok(false) => Some(Skip::Filter),
                Err(reason) => Some(Skip::FilterFailed(without_secrets(reason, &request.headers))),
            },
        }
    }

    fn takes_indices(&self, selection: &IndexSelection, request: &Outgoing, route: &Route<'_>) -> bool {
        let is_taken = |index: &str| selection.check(index).is_ok();
        match indices::of_items(request, route) {
            Some(items) => items.iter().any(|index| match index {
                Some(index) => is_taken(index),
                None => !self.selects_indices,
            }),
            None => {
                let mut names = route.indices.iter().filter(|name| !name.starts_with('-')).peekable();
                if names.peek().is_none() {
                    return !self.selects_indices;
                }
                let is_excluded = |index: &str| {
                    matches!(selection.check(index), Err(crate::snapshot::Exclusion::Pattern(_)))
                };
                let names: Vec<_> = names.collect();
                names.iter().any(|name| is_taken(name)) && !names.iter().any(|name| is_excluded(name))
            }
        }
    }

    /// Leaves out the items of a bulk request whose indices are not selected.
    #[must_use]
    pub fn narrow(&self, request: Outgoing, route: &Route<'_>) -> Narrowed {
        let narrowed = self.indices.as_ref().filter(|_| route.endpoint == "_bulk").and_then(|selection| {
            let plain = coding::decoded(&request.headers, &request.body).ok()?;
            let takes = |index: Option<&str>| match index {
                Some(index) => selection.check(index).is_ok(),
                None => !self.selects_indices,
            };
            let (body, left_out) = indices::without(&plain, route, takes)?;
            let body = coding::encode(&coding::coding(&request.headers), body.into()).ok()?;
            Some((body, left_out))
        });
        match narrowed {
            Some((body, left_out)) => Narrowed { request: Outgoing { body, ..request }, left_out },
            None => Narrowed { request, left_out: Vec::new() },
        }
    }

    /// Whether [`Self::narrow`] may leave something out.
    pub(super) const fn narrows(&self) -> bool {
        self.indices.is_some()
    }

    /// Whether the source's response decides: [`Self::check_response`] must then be asked before the request is sent.
    #[must_use]
    pub const fn needs_response(&self) -> bool {
        self.settings.statuses.is_some()
    }

    /// Why a request is not replayed, by its response. One that never came, or is no HTTP, has no status that could be selected.
    #[must_use]
    pub fn check_response(&self, response: &SourceResponse) -> Option<Skip> {
        let statuses = self.settings.statuses.as_ref()?;
        let status = http::parse_response(&response.message).ok().map(|head| head.status);
        let is_taken = status.is_some_and(|status| statuses.contains(status));
        (!is_taken).then_some(Skip::Status)
    }
}

/// Whether a program holds for a request.
fn holds(filter: &RequestFilter, request: &Outgoing, route: &Route<'_>) -> Result<bool, String> {
    let mut message = message::head(request, Spelling::Small);
    if filter.program().looks_at_payload() {
        let body = coding::decoded(&request.headers, &request.body)?;
        let payload = payload::of_body(&body, request.headers.text("content-type"));
        message = message::with_payload(message, &payload);
    }
    with_variables(route, |variables| filter.program().holds(&message, variables))
}
