//! Requests, and what of their answers is needed.

use super::IndexStore;
use crate::coordination::backend::{Stored, Version};
use crate::coordination::error::StoreError;
use crate::target::{Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The answer to a write of one document.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    #[serde(rename = "_seq_no")]
    sequence: u64,
    #[serde(rename = "_primary_term")]
    term: u64,
}

/// A document, as it is read alone or found by a search.
#[derive(Debug, Deserialize)]
pub(super) struct Found<T> {
    #[serde(rename = "_seq_no")]
    sequence: u64,
    #[serde(rename = "_primary_term")]
    term: u64,
    #[serde(rename = "_source")]
    source: T,
}

/// The answer to a bulk request of creations.
#[derive(Debug, Deserialize)]
pub(super) struct Bulk {
    pub(super) items: Vec<BulkItem>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BulkItem {
    pub(super) create: Verdict,
}

#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    pub(super) status: u16,
    pub(super) error: Option<serde_json::Value>,
}

impl From<Written> for Version {
    fn from(written: Written) -> Self {
        Self { sequence: written.sequence, term: written.term }
    }
}

impl<T> From<Found<T>> for Stored<T> {
    fn from(found: Found<T>) -> Self {
        Self { document: found.source, version: Version { sequence: found.sequence, term: found.term } }
    }
}

/// Whether a document may be taken later.
pub(super) const fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// An id in a path: all but unreserved characters are percent-encoded.
pub(super) fn encoded(id: &str) -> String {
    let mut path = String::with_capacity(id.len().saturating_mul(2));
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

impl IndexStore {
    pub(super) async fn send(&self, what: &'static str, request: &Request) -> Result<Response, StoreError> {
        let answer = self.client.send_retrying(request).await;
        answer.map_err(|source| StoreError::NoAnswer { what, store: self.name(), source })
    }

    /// The body of a success; any other status is an error.
    pub(super) fn parse_success<T: DeserializeOwned>(
        &self,
        what: &'static str,
        answer: &Response,
    ) -> Result<T, StoreError> {
        if answer.is_success() { self.parse(what, answer) } else { Err(self.refused(what, answer)) }
    }

    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        what: &'static str,
        answer: &Response,
    ) -> Result<T, StoreError> {
        answer.json().map_err(|error| StoreError::Refused {
            what,
            store: self.name(),
            status: answer.status,
            answer: format!("{} ({error})", answer.excerpt()),
        })
    }

    pub(super) fn refused(&self, what: &'static str, answer: &Response) -> StoreError {
        let (store, status, answer) = (self.name(), answer.status, answer.excerpt());
        match status {
            401 | 403 => StoreError::Denied { what, store, status, answer },
            _ => StoreError::Refused { what, store, status, answer },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn ids_in_paths_are_encoded() {
        assert_eq!(encoded("orders-1.x_y:3:_7:120"), "orders-1.x_y%3A3%3A_7%3A120");
        assert_eq!(encoded("größe/?#% "), "gr%C3%B6%C3%9Fe%2F%3F%23%25%20");
    }
}
