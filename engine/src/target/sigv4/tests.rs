use super::*;
use serde::Deserialize;
use std::time::{Duration, UNIX_EPOCH};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// 2015-08-30 12:36:00 UTC
fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> http::Request<Bytes> {
    let builder = http::Request::builder().method(method).uri(url);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Bytes::copy_from_slice(body)).unwrap()
}

fn header<'a>(request: &'a http::Request<Bytes>, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

/// The signature in the way of AWS's test suite: region `us-east-1`, service `service`.
fn suite(mut request: http::Request<Bytes>, body_header: bool, token: Option<&str>) -> String {
    let scope = Scope { service: "service", region: "us-east-1", body_header };
    let credentials = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test");
    sign(&mut request, &scope, credentials, time()).unwrap();
    header(&request, "authorization").rsplit_once("Signature=").unwrap().1.to_owned()
}

/// Values from AWS's Signature Version 4 test suite; a test has the name of the folder there.
#[test]
fn signatures_are_those_of_the_test_suite_of_aws() {
    let get = |path: &str| request("GET", &format!("https://example.amazonaws.com{path}"), &[], b"");
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        request("POST", "https://example.amazonaws.com/", headers, body)
    };
    let cases = [
        ("get-vanilla", get("/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "get-unreserved",
            get("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-vanilla-query-order-key-case",
            get("/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("post-vanilla", post(&[], b""), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ];
    for (name, request, signature) in cases {
        assert_eq!(suite(request, false, None), signature, "{name}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded"), ("content-length", "13")];
    assert_eq!(
        suite(post(&form, b"Param1=value1"), true, None),
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        "post-x-www-form-urlencoded"
    );
}

/// A request that botocore has signed: `tests/servers/sigv4/vectors.py`.
#[derive(Deserialize)]
struct Vector {
    name: String,
    service: String,
    region: String,
    token: Option<String>,
    method: String,
    url: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Vec<u8>,
    content_sha256: String,
    authorization: String,
}

#[test]
fn signatures_are_those_of_botocore() {
    let text = include_str!("../../../../tests/fixtures/sigv4/botocore.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 26);
    for vector in vectors {
        let headers: Vec<(&str, &str)> =
            vector.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut request = request(&vector.method, &vector.url, &headers, &vector.body);
        let scope = Scope { service: &vector.service, region: &vector.region, body_header: true };
        let credentials = Credentials::new(KEY, SECRET, vector.token.clone(), None, "test");
        sign(&mut request, &scope, credentials, time()).unwrap();
        assert_eq!(header(&request, "x-amz-content-sha256"), vector.content_sha256, "{}", vector.name);
        assert_eq!(header(&request, "authorization"), vector.authorization, "{}", vector.name);
        let token =
            request.headers().get("x-amz-security-token").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(token, vector.token, "{}", vector.name);
    }
}

#[test]
fn signed_headers_are_not_shown() {
    let mut request = request("GET", "https://example.amazonaws.com/", &[], b"");
    let scope = Scope { service: "es", region: "us-east-1", body_header: true };
    let credentials = Credentials::new(KEY, SECRET, Some("TOKEN".to_owned()), None, "test");
    sign(&mut request, &scope, credentials, time()).unwrap();
    let shown = format!("{request:?}");
    for secret in [KEY, SECRET, "TOKEN", "Signature"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
