//! Signed requests, as a server gets them.

use crate::server::{Reply, Server};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use bytes::Bytes;
use engine::target::{Auth, AwsService, Client, ClientOptions, Request, SendError};
use http::Method;

fn signing(credentials: SharedCredentialsProvider) -> Auth {
    let region = "eu-central-1".to_owned();
    Auth::SigV4 { service: AwsService::Serverless, region, credentials: Some(credentials) }
}

#[tokio::test]
async fn the_signature_covers_the_bytes_that_are_sent() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let credentials = Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
    let auth = signing(SharedCredentialsProvider::new(credentials));
    let client = Client::new(ClientOptions { auth, gzip: true, ..server.options() }).unwrap();
    let long = Bytes::from("{\"index\":{}}\n".repeat(10_000));
    client.send(&Request::new(Method::POST, "/%3Cx%3E/_bulk").ndjson(long)).await.unwrap();
    client.send(&Request::new(Method::GET, "/")).await.unwrap();
    let received = server.received();
    assert_eq!(received[0].header("content-encoding"), "gzip");
    assert_eq!(received[0].header("x-amz-security-token"), "token");
    let hash = received[0].header("x-amz-content-sha256");
    assert_eq!(hash, sha256(&received[0].body));
    let authorization = received[0].header("authorization");
    let (start, _) = authorization.split_once(", Signature=").unwrap();
    let date = &received[0].header("x-amz-date")[..8];
    assert_eq!(
        start,
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/{date}/eu-central-1/aoss/aws4_request, SignedHeaders=content-encoding;\
             content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
        )
    );
    assert_eq!(received[1].header("x-amz-content-sha256"), sha256(b""));
}

fn sha256(bytes: &[u8]) -> String {
    let cipher = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let rustls::SupportedCipherSuite::Tls13(suite) = cipher else { panic!("{cipher:?}") };
    let digest = suite.common.hash_provider.hash(bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A source that has none.
#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the profile `x` is empty")))
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::http(|_| Reply::new(200, "{}")).await;
    let auth = signing(SharedCredentialsProvider::new(Nothing));
    let client = Client::new(ClientOptions { auth, ..server.options() }).unwrap();
    let error = client.send(&Request::new(Method::GET, "/")).await.unwrap_err();
    assert!(matches!(error, SendError::Credentials(_)), "{error:?}");
    assert_eq!(
        engine::error::chain(&error),
        "no credentials to sign with: the credential provider was not enabled: the profile `x` is empty"
    );
    assert!(server.received().is_empty());
}

#[test]
fn a_region_that_is_none_is_refused() {
    let options = ClientOptions::new("http://localhost:9200".parse().unwrap());
    let region = "eu central".to_owned();
    let auth = Auth::SigV4 { service: AwsService::Managed, region, credentials: None };
    let error = Client::new(ClientOptions { auth, ..options }).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot use the AWS region of the cluster `eu central`: "),
        "{error}"
    );
}
