//! The `_bulk` request and its response.
//!
//! | part                | module      | form                                                                     |
//! |---------------------|-------------|--------------------------------------------------------------------------|
//! | action line         | `operation` | `{"index":{"_id":"1","routing":"r"}}`, `create` in place of `index`      |
//! | body of a client    | `request`   | operations of clients of any version, `update` and `delete` too          |
//! | source line         | [`json_line`](crate::json_line) | the document on one line                             |
//! | response            | `response`  | `{"items":[{"index":{"status":201}},…]}`, an item for each operation     |
//! | refusal of a request| `response`  | `{"error":{"type":"…","reason":"…"},"status":413}`                       |
//!
//! Spec: [Bulk API of OpenSearch 2.19](https://docs.opensearch.org/2.19/api-reference/document-apis/bulk/). The names of
//! the parameters were compared with `BulkRequest` of Elasticsearch 5.6, which takes `routing` and `_routing`, `parent`
//! and `_parent`; of 6.8, to which those with an underscore are deprecated; and with `BulkRequestParser` of 7 and later,
//! which take `routing` only. So `routing` and `parent` are right for all.

mod operation;
mod request;
mod response;

pub use operation::{Action, OpType, ParsedAction};
pub use request::{BulkItem, BulkItems, BulkOp, BulkTarget, NotBulk, items, text};
pub use response::{Diverted, OperationError, OperationResult, read_error, read_response};
