//! Sending documents again that are missing or different.

use super::cluster::Endpoint;
use super::error::Result;
use crate::bulk::{BatchBuilder, BatchLimits, BulkSink, PathForm, SinkSettings};
use crate::flow::ConcurrencyLimit;
use bytes::Bytes;
use codecs::bulk::{Action, OpType};
use futures::future::BoxFuture;
use std::sync::Arc;

/// A document to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The index in the target.
    pub index: String,
    /// `_id`.
    pub id: String,
    /// `_type`, for a target with types.
    pub type_name: Option<String>,
    /// `routing`.
    pub routing: Option<String>,
    /// `parent`, for a target with types.
    pub parent: Option<String>,
    /// `_source`, on one line.
    pub source: Bytes,
}

/// Sends operations, and says of each, by its place, why the target refused it; none where it took it.
///
/// Returns only when every operation has its final verdict: whoever makes it decides on retries. An error stops the
/// comparison.
pub type Resend =
    Arc<dyn Fn(Vec<Operation>) -> BoxFuture<'static, Result<Vec<Option<String>>>> + Send + Sync>;

/// A [`Resend`] of bulk requests.
#[must_use]
pub fn resend_by_bulk(endpoint: &Endpoint) -> Resend {
    let dialect = endpoint.dialect;
    let path =
        if dialect.typed { PathForm::of_elasticsearch(dialect.major.into()) } else { PathForm::Untyped };
    let settings = SinkSettings { path, ..SinkSettings::default() };
    let sink = BulkSink::new(endpoint.client.clone(), settings, ConcurrencyLimit::new(1, AT_ONCE));
    let sink = Arc::new(sink);
    Arc::new(move |operations| {
        let sink = Arc::clone(&sink);
        Box::pin(async move { send_all(&sink, dialect.typed, operations).await })
    })
}

/// Requests under way at once: enough for the few documents that a repair is for.
const AT_ONCE: usize = 4;

/// Sends operations on one index.
async fn send_all(sink: &BulkSink, typed: bool, operations: Vec<Operation>) -> Result<Vec<Option<String>>> {
    let mut verdicts: Vec<Option<String>> = vec![None; operations.len()];
    let Some(first) = operations.first() else { return Ok(verdicts) };
    let mut builder = BatchBuilder::new(first.index.as_str(), BatchLimits::default());
    let nowhere: Arc<str> = Arc::from("");
    let (mut batches, mut sent) = (Vec::new(), 0);
    for (number, operation) in (0..).zip(&operations) {
        let [type_name, routing, parent] = [&operation.type_name, &operation.routing, &operation.parent]
            .map(|text| text.as_deref().map(str::as_bytes));
        let action = Action {
            op: OpType::Index,
            index: None,
            type_name: type_name.filter(|_| typed),
            id: Some(operation.id.as_bytes()),
            routing,
            parent: parent.filter(|_| typed),
        };
        let id = operation.id.as_bytes();
        batches.extend(builder.add_operation(&action, id, &operation.source, &nowhere, number));
    }
    batches.extend(builder.finish());
    for batch in batches {
        let operations = batch.len();
        let outcome = sink.send(batch).await?;
        for failed in outcome.failed {
            let position = usize::try_from(failed.position).unwrap_or(usize::MAX);
            if let Some(verdict) = verdicts.get_mut(position.saturating_add(sent)) {
                let error = failed.error_type.as_deref().unwrap_or("error");
                *verdict = Some(format!("the target refused it: {error}: {}", failed.reason));
            }
        }
        sent = sent.saturating_add(operations);
    }
    Ok(verdicts)
}
