//! What all clients of AWS services share: HTTP below the SDK, the region, and the credential chain.

mod chain;
mod credentials;
mod http;

pub(crate) use chain::{bounded, check_region, configured_region, ec2_region, load};
pub(crate) use credentials::CredentialCache;
pub(crate) use http::{LazyTls, Silence};
