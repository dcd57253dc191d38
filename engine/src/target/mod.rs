//! The HTTP client of a cluster: Elasticsearch, OpenSearch, OpenSearch Serverless.

mod client;
mod request;

pub use client::{Client, ClientOptions};
pub use request::{ContentType, Request, Response, SendError};
