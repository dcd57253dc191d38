use super::*;
use std::collections::BTreeMap;
use url::Url;

/// 2015-08-30 12:36:00 UTC
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn credentials(session: Option<&str>, expiry: Option<SystemTime>) -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    Credentials::new("AKIDEXAMPLE", secret, session.map(str::to_owned), expiry, "test")
}

/// The URL in a token, without its query, and the pairs of that.
fn parts(token: &str) -> (String, BTreeMap<String, String>) {
    assert!(!token.contains('='), "{token}");
    let url = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let url: Url = url.parse().unwrap();
    let pairs = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    (url.as_str().split('?').next().unwrap().to_owned(), pairs)
}

#[test]
fn tokens_are_those_of_the_signer_of_aws() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/fixtures/sigv4/msk.json")).unwrap();
    for vector in vectors.as_array().unwrap() {
        let region = vector["region"].as_str().unwrap();
        let (made, expires) = token(region, credentials(vector["session"].as_str(), None), time()).unwrap();
        let (found, expected) = (parts(&made), parts(vector["token"].as_str().unwrap()));
        let (mut found_query, mut expected_query) = (found.1, expected.1);
        let agent = found_query.remove("User-Agent").unwrap();
        assert_eq!(agent, concat!("ferry/", env!("CARGO_PKG_VERSION")));
        expected_query.remove("User-Agent").unwrap();
        assert_eq!((found.0, found_query), (expected.0, expected_query), "{region}");
        let expires = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        assert_eq!(expires, u128::from(vector["expires_ms"].as_u64().unwrap()), "{region}");
    }
}

#[test]
fn a_token_is_not_valid_for_longer_than_its_credentials() {
    let expiry = time() + Duration::from_secs(100);
    let (made, expires) = token("eu-central-1", credentials(None, Some(expiry)), time()).unwrap();
    assert_eq!((parts(&made).1["X-Amz-Expires"].as_str(), expires), ("100", expiry));
    let far = time() + Duration::from_secs(100_000);
    let (made, _) = token("eu-central-1", credentials(None, Some(far)), time()).unwrap();
    assert_eq!(parts(&made).1["X-Amz-Expires"], "900");
}

#[test]
fn the_names_of_the_brokers_say_their_region() {
    let brokers = [
        ("b-1.traffic.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098,b-2.x:9098", Some("eu-central-1")),
        ("boot-x1y2z3.c1.kafka-serverless.us-east-1.amazonaws.com:9098", Some("us-east-1")),
        ("b-1.traffic.x1y2z3.c2.kafka.cn-north-1.amazonaws.com.cn:9098", Some("cn-north-1")),
        ("kafka.example.com:9098", None),
        ("kafka:9098", None),
    ];
    for (brokers, region) in brokers {
        assert_eq!(region_of(brokers).as_deref(), region, "{brokers}");
    }
}

#[tokio::test]
async fn debug_shows_nothing_of_the_identity() {
    let identity = MskIdentity::new(Some("eu-central-1".to_owned()), "kafka:9098").await.unwrap();
    let shown = format!("{identity:?}");
    assert!(shown.contains("eu-central-1") && !shown.contains("AKID"), "{shown}");
    let error = MskIdentity::new(Some("evil.example/".to_owned()), "kafka:9098").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot use the region of the brokers `evil.example/`"), "{error}");
}
