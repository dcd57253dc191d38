//! Documents that the source gave an `_id`: the same one for the target.
//!
//! A document that is written twice, because a request was tried again or a replay was done again, is then there once, and requests for it
//! by its id, which the client learned from the source, find it.
//!
//! | request | becomes | a repeat |
//! |---|---|---|
//! | `POST /i/_doc`, `POST /i/t` | `PUT /i/_doc/<id>`, `PUT /i/t/<id>` | writes the same document over it |
//! | the same to a data stream of the source | with `op_type=create`, which data streams ask for | is refused with 409: the document is there |
//! | an item `index` of `_bulk` without `_id` | the item with `_id` | writes the same document over it |
//! | an item `create` of `_bulk` without `_id` | the item with `_id` | is refused with 409: the document is there |

use super::coding;
use super::headers::Headers;
use super::request::Outgoing;
use super::route::{Place, Route, path};
use crate::target::path_segment;
use crate::transform::json::text as json;
use bytes::Bytes;
use codecs::bulk::{BulkItem, BulkOp, BulkTarget, items, text};
use codecs::json_scan::{elements, members};
use codecs::traffic::http;
use std::borrow::Cow;

/// A request with the ids that the source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithIds {
    /// The request.
    pub request: Outgoing,
    /// Documents that have an id now and had none before.
    pub given: usize,
    /// Documents that still have none: the source refused them, or did not say their ids.
    pub missing: usize,
}

/// An id that the source gave, and the index that it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Given<'a> {
    id: Option<Cow<'a, str>>,
    index: Option<Cow<'a, str>>,
}

/// Whether the request writes documents that it gives no id to: then it is worth waiting for the source's response.
#[must_use]
pub fn lacks_ids(request: &Outgoing, route: &Route<'_>) -> bool {
    match route.endpoint {
        "_doc" => request.method == "POST" && route.id.is_none() && !route.indices.is_empty(),
        "_bulk" => coding::decoded(&request.headers, &request.body).is_ok_and(|body| {
            items(&body).flatten().any(|item| lacks_id(&item, item.target().ok().as_ref()))
        }),
        _ => false,
    }
}

fn lacks_id(item: &BulkItem<'_>, target: Option<&BulkTarget<'_>>) -> bool {
    matches!(item.op, BulkOp::Index | BulkOp::Create) && target.is_some_and(|target| target.id.is_none())
}

/// The request with the ids that the source's response, a whole message, says. Made of the request as it was captured.
///
/// # Errors
///
/// A response, or the body of a bulk request, that cannot be read.
pub fn with_ids(request: &Outgoing, response: &[u8]) -> Result<WithIds, String> {
    if !lacks_ids(request, &Route::of(request)) {
        return Ok(WithIds { request: request.clone(), given: 0, missing: 0 });
    }
    let response_error =
        |error: &dyn std::fmt::Display| format!("the source's response cannot be read: {error}");
    let head = http::parse_response(response).map_err(|error| response_error(&error))?;
    let body = http::body(response, head.length, &head.headers).map_err(|error| response_error(&error))?;
    let mut headers = Headers::default();
    head.headers.iter().for_each(|(name, value)| headers.append(name, Bytes::copy_from_slice(value)));
    let body = Bytes::from(body.data.into_owned());
    let body = coding::decoded(&headers, &body).map_err(|error| response_error(&error))?;
    let is_done = (200..300).contains(&head.status);
    match Place::of(&request.method, request.path()).endpoint {
        "_bulk" if is_done => bulk(request, &body),
        "_bulk" => Ok(WithIds { request: request.clone(), given: 0, missing: 0 }),
        _ if is_done => Ok(single(request, &given(&body)?)),
        _ => Ok(WithIds { request: request.clone(), given: 0, missing: 1 }),
    }
}

fn single(request: &Outgoing, Given { id, index }: &Given<'_>) -> WithIds {
    let mut request = request.clone();
    let Some(id) = id else { return WithIds { request, given: 0, missing: 1 } };
    let new_path = format!("{}/{}", request.path().trim_end_matches('/'), path_segment(id));
    let mut query = request.query().to_owned();
    let is_data_stream = index.as_ref().is_some_and(|index| index.starts_with(".ds-"));
    if is_data_stream && path::parameter(&query, "op_type").is_none() {
        query.push_str(if query.is_empty() { "op_type=create" } else { "&op_type=create" });
    }
    request.target = path::target(&new_path, &query);
    "PUT".clone_into(&mut request.method);
    WithIds { request, given: 1, missing: 0 }
}

/// `_id` and `_index` of the result of one operation.
fn given(result: &[u8]) -> Result<Given<'_>, String> {
    let mut given = Given::default();
    for member in members(result).map_err(|error| format!("the source's response is {error}"))? {
        let (name, value) = member.map_err(|error| format!("the source's response is {error}"))?;
        match name {
            b"\"_id\"" => given.id = text(value),
            b"\"_index\"" => given.index = text(value),
            b"\"error\"" => return Ok(Given::default()),
            _ => {}
        }
    }
    Ok(given)
}

fn bulk(request: &Outgoing, response: &[u8]) -> Result<WithIds, String> {
    let plain = coding::decoded(&request.headers, &request.body)?;
    let mut results = results(response)?.into_iter();
    let mut body = Vec::with_capacity(plain.len().saturating_add(plain.len() / 4));
    let (mut given_ids, mut missing) = (0_usize, 0_usize);
    for item in items(&plain) {
        let item = item.map_err(|error| error.to_string())?;
        let target = item.target().map_err(|error| error.to_string())?;
        let given = results.next().unwrap_or_default();
        match given.id.filter(|_| lacks_id(&item, Some(&target))) {
            Some(id) => {
                write_with_id(&item, &id, &mut body);
                given_ids = given_ids.saturating_add(1);
            }
            None => {
                missing = missing.saturating_add(usize::from(lacks_id(&item, Some(&target))));
                body.extend_from_slice(item.action);
            }
        }
        body.push(b'\n');
        if let Some(document) = item.document {
            body.extend_from_slice(document);
            body.push(b'\n');
        }
    }
    let mut request = request.clone();
    if given_ids > 0 {
        request.body = coding::encode(&coding::coding(&request.headers), body.into())?;
    }
    Ok(WithIds { request, given: given_ids, missing })
}

/// What the source says of each operation; nothing, where it does not say it.
fn results(response: &[u8]) -> Result<Vec<Given<'_>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the source's response is {error}");
    let mut list = None;
    for member in members(response).map_err(|error| wrong(&error))? {
        if let (b"\"items\"", value) = member.map_err(|error| wrong(&error))? {
            list = Some(value);
        }
    }
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut results = Vec::new();
    for element in elements(list).map_err(|error| wrong(&error))? {
        let mut operation =
            members(element.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        results.push(match operation.next() {
            Some(member) => given(member.map_err(|error| wrong(&error))?.1)?,
            None => Given::default(),
        });
    }
    Ok(results)
}

fn write_with_id(item: &BulkItem<'_>, id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(item.op.name().as_bytes());
    out.extend_from_slice(b"\":{\"_id\":");
    json::encode(id, out);
    // An `_id` that is null stays away: it would be there twice.
    for (name, value) in members(item.parameters).into_iter().flatten().flatten() {
        if name != b"\"_id\"" {
            out.push(b',');
            out.extend_from_slice(name);
            out.push(b':');
            out.extend_from_slice(value);
        }
    }
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests;
