//! From what the client sent to what is sent to the target.

use super::finish::Finisher;
use super::ids::{lacks_ids, with_ids};
use super::request::Outgoing;
use super::route::Route;
use super::select::{Narrowed, Selection, Skip};
use super::transform::{RequestTransforms, TransformStatus};
use crate::target::{RequestBody, SendError};
use crate::traffic::SourceResponse;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use std::sync::Arc;

/// What is done with every request.
#[derive(Debug, Clone)]
pub struct Preparation {
    /// Which requests are sent, and which items of bulk requests.
    pub selection: Selection,
    /// What is changed.
    pub transforms: RequestTransforms,
    /// Where requests go, and who they are from.
    pub finisher: Finisher,
    /// Whether documents that the source gave an id to get the same one.
    pub keeps_ids: bool,
    /// Whether a request that a transform fails on is sent as it was.
    pub sends_untransformed: bool,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Prepared {
    /// Send this.
    Send { outgoing: Outgoing, status: &'static str },
    /// Send nothing: it is not selected.
    Skip(Skip),
    /// Send nothing: a transform wants it so.
    Drop,
    /// Send nothing: a transform failed.
    Fail(String),
}

impl Preparation {
    /// Whether the request gets the ids that the source's response to it says.
    pub(super) fn takes_ids(&self, outgoing: &Outgoing) -> bool {
        // Most others are told without a look at their route.
        let may_lack = outgoing.method == "POST" || outgoing.target.contains("_bulk");
        self.keeps_ids && may_lack && lacks_ids(outgoing, &Route::of(outgoing))
    }

    pub(super) async fn apply(
        &self,
        outgoing: Outgoing,
        response: Option<&SourceResponse>,
        takes_ids: bool,
    ) -> Prepared {
        if self.selection.needs_response() {
            let skip =
                response.map_or(Some(Skip::Status), |response| self.selection.check_response(response));
            if let Some(skip) = skip {
                return Prepared::Skip(skip);
            }
        }
        let message = response.filter(|_| takes_ids).map(|response| response.message.clone());
        if self.transforms.computes() {
            let this = self.clone();
            let changed = tokio::task::spawn_blocking(move || this.change(outgoing, message)).await;
            return changed.unwrap_or_else(|error| Prepared::Fail(format!("a transform panicked: {error}")));
        }
        self.change(outgoing, message)
    }

    /// `response`: the source's, of a request that gets the ids that it says.
    fn change(&self, outgoing: Outgoing, response: Option<Bytes>) -> Prepared {
        let outgoing = match response {
            None => outgoing,
            Some(response) => match with_ids(&outgoing, &response) {
                Ok(with_ids) => with_ids.request,
                Err(reason) => {
                    tracing::debug!(reason, "the ids that the source gave are not known");
                    outgoing
                }
            },
        };
        let narrowed = if self.selection.narrows() {
            self.selection.narrow(outgoing.clone(), &Route::of(&outgoing))
        } else {
            Narrowed { request: outgoing, left_out: Vec::new() }
        };
        let transformed = self.transforms.apply_narrowed(narrowed);
        let status = transformed.status.name();
        match transformed.status {
            TransformStatus::Dropped { .. } => Prepared::Drop,
            TransformStatus::Failed(failure) if !self.sends_untransformed => {
                Prepared::Fail(failure.to_string())
            }
            _ => Prepared::Send { outgoing: self.finisher.finish(transformed.request), status },
        }
    }

    /// Whether it is a bulk request.
    pub(super) fn is_bulk(&self, outgoing: &Outgoing) -> bool {
        outgoing.target.contains("_bulk") && Route::of(outgoing).endpoint == "_bulk"
    }

    /// The request as it is sent, with what authorizes it now.
    pub(super) async fn http(&self, outgoing: &Outgoing) -> Result<http::Request<RequestBody>, SendError> {
        if !self.finisher.authorizes() {
            return http(outgoing);
        }
        let mut authorized = outgoing.clone();
        // Boxed: credentials may have to be fetched, which takes a large future.
        Box::pin(self.finisher.authorize(&mut authorized)).await?;
        http(&authorized)
    }
}

fn http(outgoing: &Outgoing) -> Result<http::Request<RequestBody>, SendError> {
    let invalid = |error: http::Error| SendError::Invalid(Arc::new(error));
    let body = RequestBody::new(outgoing.body.clone(), outgoing.trailers.to_map());
    let mut request = http::Request::new(body);
    *request.method_mut() =
        Method::from_bytes(outgoing.method.as_bytes()).map_err(|error| invalid(error.into()))?;
    *request.uri_mut() = Uri::try_from(outgoing.target.as_str()).map_err(|error| invalid(error.into()))?;
    let headers = request.headers_mut();
    headers.reserve(outgoing.headers.len());
    for (name, value) in outgoing.headers.shared() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| invalid(error.into()))?;
        let value = HeaderValue::from_maybe_shared(value.clone()).map_err(|error| invalid(error.into()))?;
        headers.append(name, value);
    }
    Ok(request)
}
