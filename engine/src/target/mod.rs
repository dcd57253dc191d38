//! The HTTP client of a cluster: Elasticsearch, OpenSearch, OpenSearch Serverless.
//!
//! | file | what |
//! |---|---|
//! | `client` | one request, one answer; compression |
//! | `request` | requests, answers, and why there is none |
//! | `connect` | TCP and TLS, and what a broken connection means |
//! | `answer` | limits on what comes |
//! | `connection`, `body` | one connection, for requests that are passed on as they are |
//! | `endpoint` | the URL |
//! | `tls` | whose certificate is accepted, and which one is shown |
//! | `auth`, `sigv4`, `secret` | who this client is |
//! | `version`, `serverless` | what the cluster is |
//! | `collector` | a collector of metrics |

mod answer;
mod auth;
mod body;
mod client;
mod collector;
mod connect;
mod connection;
mod endpoint;
mod request;
pub mod secret;
mod serverless;
mod sigv4;
mod tls;
mod version;

pub use auth::{Auth, AwsService};
pub(crate) use auth::{Authorization, Authorizer};
pub use body::RequestBody;
pub use client::{Client, ClientOptions};
pub use collector::collector;
pub use connection::{Connection, Dialer, RawResponse};
pub use endpoint::{cluster_url, path_segment};
pub use request::{ContentType, Request, Response, SendError};
pub use secrecy::{ExposeSecret, SecretString};
pub use tls::TlsOptions;
pub use version::{Cluster, CollectionKind, Flavor, detect};
