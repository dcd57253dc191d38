//! The HTTP client of a cluster: Elasticsearch, OpenSearch, OpenSearch Serverless.
//!
//! | file | what |
//! |---|---|
//! | `client` | one request, one answer; compression |
//! | `request` | requests, answers, and why there is none |
//! | `connect` | TCP and TLS, and what a broken connection means |
//! | `answer` | limits on what comes |
//! | `endpoint` | the URL |
//! | `tls` | whose certificate is accepted, and which one is shown |
//! | `auth`, `sigv4`, `secret` | who this client is |
//! | `version`, `serverless` | what the cluster is |
//! | `collector` | a collector of metrics |

mod answer;
mod auth;
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
pub use client::{Client, ClientOptions};
pub use collector::collector;
pub use connection::{Connection, Dialer, RawResponse};
pub use endpoint::{cluster_url, path_segment};
pub use request::{ContentType, Request, Response, SendError};
pub use secrecy::{ExposeSecret, SecretString};
pub use tls::TlsOptions;
pub use version::{Cluster, CollectionKind, Flavor, detect};
