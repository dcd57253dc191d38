//! From what the client sent to what is sent to the target.

use super::bulk::Operations;
use super::coding;
use super::finish::Finisher;
use super::ids::{lacks_ids, with_ids};
use super::request::Outgoing;
use super::route::Route;
use super::select::{Selection, Skip};
use super::transform::{RequestTransforms, TransformStatus};
use crate::target::SendError;
use crate::traffic::SourceResponse;
use bytes::Bytes;

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
    /// Whether the source's response has to be known before.
    pub(super) fn needs_response(&self, outgoing: &Outgoing) -> bool {
        self.selection.needs_response() || (self.keeps_ids && lacks_ids(outgoing, &Route::of(outgoing)))
    }

    pub(super) async fn apply(&self, outgoing: Outgoing, response: Option<&SourceResponse>) -> Prepared {
        if self.selection.needs_response() {
            let skip =
                response.map_or(Some(Skip::Status), |response| self.selection.check_response(response));
            if let Some(skip) = skip {
                return Prepared::Skip(skip);
            }
        }
        let message = response.map(|response| response.message.clone()).filter(|_| self.keeps_ids);
        if self.transforms.computes() {
            let this = self.clone();
            let changed = tokio::task::spawn_blocking(move || this.change(outgoing, message)).await;
            return changed.unwrap_or_else(|error| Prepared::Fail(format!("a transform panicked: {error}")));
        }
        self.change(outgoing, message)
    }

    fn change(&self, outgoing: Outgoing, response: Option<Bytes>) -> Prepared {
        let outgoing = match response.filter(|_| lacks_ids(&outgoing, &Route::of(&outgoing))) {
            None => outgoing,
            Some(response) => match with_ids(&outgoing, &response) {
                Ok(with_ids) => with_ids.request,
                Err(reason) => {
                    tracing::debug!(reason, "the ids that the source gave are not known");
                    outgoing
                }
            },
        };
        let narrowed = match Route::of(&outgoing).endpoint {
            "_bulk" => self.selection.narrow(outgoing.clone(), &Route::of(&outgoing)),
            _ => super::select::Narrowed { request: outgoing, left_out: Vec::new() },
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

    /// The operations of a bulk request, if it can be taken apart.
    pub(super) fn operations(&self, outgoing: &Outgoing) -> Option<Operations> {
        if Route::of(outgoing).endpoint != "_bulk" || !coding::coding(&outgoing.headers).is_empty() {
            return None;
        }
        Operations::find(&outgoing.body)
    }

    /// The request as it is sent, with what authorizes it now.
    pub(super) async fn http(&self, outgoing: &Outgoing) -> Result<http::Request<Bytes>, SendError> {
        let mut authorized = outgoing.clone();
        self.finisher.authorize(&mut authorized).await?;
        let mut builder =
            http::Request::builder().method(authorized.method.as_str()).uri(authorized.target.as_str());
        for (name, value) in authorized.headers.iter() {
            builder = builder.header(name, value);
        }
        builder.body(authorized.body).map_err(|error| SendError::Invalid(std::sync::Arc::new(error)))
    }
}
