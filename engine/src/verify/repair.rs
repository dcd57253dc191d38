//! Sending documents again that are missing or different.

use super::cluster::{Endpoint, path_segment};
use super::error::{Error, Result};
use crate::flow::Backoff;
use crate::target::Request;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Method;
use serde::{Deserialize, Serialize};
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

/// A [`Resend`] of one `_bulk` request at a time: enough for the few documents that a repair is for.
#[must_use]
pub fn resend_by_bulk(endpoint: &Endpoint) -> Resend {
    let endpoint = endpoint.clone();
    Arc::new(move |operations| {
        let endpoint = endpoint.clone();
        Box::pin(async move { send_all(&endpoint, operations).await })
    })
}

/// How often an operation is sent that the target is too busy for.
const ATTEMPTS: u32 = 6;

async fn send_all(endpoint: &Endpoint, operations: Vec<Operation>) -> Result<Vec<Option<String>>> {
    let mut verdicts: Vec<Option<String>> = vec![None; operations.len()];
    let mut left: Vec<usize> = (0..operations.len()).collect();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(Backoff::default().delay(attempt, None)).await;
        }
        let sent: Vec<&Operation> = left.iter().filter_map(|number| operations.get(*number)).collect();
        let results = send(endpoint, &sent).await?;
        let mut busy = Vec::new();
        for (number, result) in left.iter().copied().zip(results) {
            if matches!(result.status, 429 | 503) {
                busy.push(number);
            }
            if let Some(verdict) = verdicts.get_mut(number) {
                *verdict = (result.status >= 300).then(|| result.reason());
            }
        }
        left = busy;
        if left.is_empty() {
            break;
        }
    }
    Ok(verdicts)
}

#[derive(Deserialize)]
struct OperationResult {
    status: u16,
    error: Option<serde_json::Value>,
}

impl OperationResult {
    fn reason(&self) -> String {
        let error = self.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let error: String = error.chars().take(300).collect();
        format!("the target refused it ({}): {error}", self.status)
    }
}

async fn send(endpoint: &Endpoint, operations: &[&Operation]) -> Result<Vec<OperationResult>> {
    #[derive(Deserialize)]
    struct Answer {
        items: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        index: OperationResult,
    }
    let index = operations.first().map_or("", |operation| operation.index.as_str());
    let what = format!("send {} documents to index `{index}`", operations.len());
    let mut body = Vec::new();
    for operation in operations {
        write(operation, endpoint.dialect.typed, &mut body);
    }
    let request = Request::new(Method::POST, format!("/{}/_bulk", path_segment(index)));
    let response = endpoint.send(&what, &request.ndjson(Bytes::from(body))).await?;
    let url = endpoint.client.url();
    if !response.is_success() {
        return Err(Error::refused(&what, url, &response));
    }
    let answer: Answer = response
        .json()
        .map_err(|_| Error::unexpected(&what, url, format!("it answered {}", response.excerpt())))?;
    if answer.items.len() != operations.len() {
        let problem =
            format!("{} operations were sent, {} were answered", operations.len(), answer.items.len());
        return Err(Error::unexpected(&what, url, problem));
    }
    Ok(answer.items.into_iter().map(|item| item.index).collect())
}

fn write(operation: &Operation, typed: bool, body: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        index: Action<'a>,
    }
    #[derive(Serialize)]
    struct Action<'a> {
        #[serde(rename = "_id")]
        id: &'a str,
        #[serde(rename = "_type", skip_serializing_if = "Option::is_none")]
        type_name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        routing: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parent: Option<&'a str>,
    }
    let action = Action {
        id: &operation.id,
        // Where the target has types, an operation must have one.
        type_name: typed.then(|| operation.type_name.as_deref().unwrap_or("_doc")),
        routing: operation.routing.as_deref(),
        parent: operation.parent.as_deref().filter(|_| typed),
    };
    // Strings and nothing else: this cannot fail.
    body.extend_from_slice(&serde_json::to_vec(&Line { index: action }).unwrap_or_default());
    body.push(b'\n');
    body.extend_from_slice(&operation.source);
    body.push(b'\n');
}
