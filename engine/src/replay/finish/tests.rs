use super::*;
use crate::replay::route::tests::request;
use crate::target::AwsService;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::SecretString;

fn finisher(url: &str, auth: ReplayAuth) -> Finisher {
    let (host, user_agent) = (HostHeader::Target, None);
    Finisher::new(&FinishSettings { url: Url::parse(url).unwrap(), host, auth, user_agent }).unwrap()
}

fn with(line: &str, headers: &[(&str, &str)], body: &str) -> Outgoing {
    let (method, target) = line.split_once(' ').unwrap();
    let mut request = request(method, target, body);
    request.headers = Headers::default();
    headers.iter().for_each(|(name, value)| request.headers.append(name, value.to_string()));
    request
}

fn shown(request: &Outgoing) -> String {
    let line = |(name, value)| format!("{name}: {}", String::from_utf8_lossy(value));
    request.headers.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_host_is_that_of_the_target_with_its_port() {
    let host = |url: &str, host: HostHeader| {
        let (url, auth, user_agent) = (Url::parse(url).unwrap(), ReplayAuth::Source, None);
        let finisher = Finisher::new(&FinishSettings { url, host, auth, user_agent }).unwrap();
        finisher
            .finish(with("GET /", &[("HOST", "source:9200")], ""))
            .headers
            .text("host")
            .unwrap()
            .to_owned()
    };
    assert_eq!(host("http://os.example:9201", HostHeader::Target), "os.example:9201");
    assert_eq!(host("https://os.example:443", HostHeader::Target), "os.example");
    assert_eq!(host("http://[::1]:9200", HostHeader::Target), "[::1]:9200");
    assert_eq!(host("http://os", HostHeader::Source), "source:9200");
    assert_eq!(host("http://os", HostHeader::Fixed("x".to_owned())), "x");
    let without = finisher("http://os:1", ReplayAuth::Source).finish(with("GET /", &[], ""));
    assert_eq!(shown(&without), "Host: os:1");
}

#[test]
fn a_client_that_said_no_host_says_that_of_the_target() {
    let settings = FinishSettings {
        url: Url::parse("http://os:1").unwrap(),
        host: HostHeader::Source,
        auth: ReplayAuth::Source,
        user_agent: None,
    };
    let finished = Finisher::new(&settings).unwrap().finish(with("GET /", &[], ""));
    assert_eq!(shown(&finished), "Host: os:1");
}

#[test]
fn a_host_is_a_word_or_what_can_be_one() {
    assert_eq!("target".parse(), Ok(HostHeader::Target));
    assert_eq!("source".parse(), Ok(HostHeader::Source));
    for host in ["search.example", "search.example:9200", "[::1]:9200", "10.0.0.1"] {
        assert_eq!(host.parse(), Ok(HostHeader::Fixed(host.to_owned())));
    }
    for wrong in ["", "a b", "http://a", "a\r\nX: 1", "user@a", "ä"] {
        assert!(wrong.parse::<HostHeader>().is_err(), "{wrong:?}");
    }
}

#[test]
fn headers_of_the_clients_connection_do_not_go_on() {
    let old = with(
        "POST /i/_search",
        &[
            ("Host", "a"),
            ("Connection", "keep-alive, X-Hop"),
            ("Keep-Alive", "timeout=5"),
            ("x-hop", "1"),
            ("Expect", "100-continue"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("X-Opaque-Id", "7"),
            ("Content-Length", "99"),
        ],
        "{}",
    );
    let new = finisher("http://os:1", ReplayAuth::Source).finish(old);
    assert_eq!(shown(&new), "Host: os:1; X-Opaque-Id: 7; Content-Length: 2");
}

#[test]
fn the_length_or_the_chunks_are_those_of_the_body() {
    let finisher = finisher("http://os", ReplayAuth::Source);
    let framed = |line: &str, headers: &[(&str, &str)], body: &str| {
        let new = shown(&finisher.finish(with(line, headers, body)));
        new.replace("; Host: os", "").replace("Host: os", "")
    };
    assert_eq!(framed("GET /", &[], ""), "");
    assert_eq!(framed("GET /i/_search", &[], "{}"), "; Content-Length: 2");
    assert_eq!(framed("POST /i/_refresh", &[], ""), "; Content-Length: 0");
    assert_eq!(framed("DELETE /i", &[("content-length", "0")], ""), "content-length: 0");
    assert_eq!(framed("PUT /i", &[("Transfer-Encoding", "chunked")], "{}"), "; Content-Length: 2");
    let mut chunked =
        with("PUT /i", &[("transfer-encoding", "gzip, chunked"), ("Content-Length", "5")], "{}");
    chunked.chunked = true;
    chunked.trailers.append("X-Sum", "1");
    let new = finisher.finish(chunked);
    assert_eq!(shown(&new), "transfer-encoding: chunked; Host: os; Trailer: X-Sum");
    assert_eq!(new.trailers.text("x-sum"), Some("1"));
}

#[test]
fn the_path_of_the_target_goes_before_and_what_no_uri_has_is_encoded() {
    let target = |url: &str, target: &str| {
        finisher(url, ReplayAuth::Source).finish(with(&format!("GET {target}"), &[], "")).target
    };
    assert_eq!(target("http://os/search/", "/i/_doc/1?a"), "/search/i/_doc/1?a");
    assert_eq!(target("http://os", "/<i-{now/d}>/_search?q=\"a\"|b"), "/%3Ci-{now/d}%3E/_search?q=%22a%22|b");
    assert_eq!(target("http://os", "/i/_search?q=ü&x=%20"), "/i/_search?q=ü&x=%20");
    let all: String = (1..256_u32).filter_map(char::from_u32).filter(|character| *character != '?').collect();
    let sendable = sendable("", &format!("/{all}?{all}"));
    let uri: http::Uri = sendable.parse().unwrap();
    assert_eq!(uri.path_and_query().unwrap().as_str(), sendable);
}

#[test]
fn the_user_agent_is_added_to_the_clients() {
    let settings = FinishSettings {
        url: Url::parse("http://os").unwrap(),
        host: HostHeader::Target,
        auth: ReplayAuth::Source,
        user_agent: Some("replay/1".to_owned()),
    };
    let new = Finisher::new(&settings).unwrap().finish(with("GET /", &[("user-agent", "curl/8")], ""));
    assert_eq!(new.headers.text("User-Agent"), Some("curl/8; replay/1"));
}

#[tokio::test]
async fn the_clients_credentials_stay_go_or_are_replaced() {
    let old = || with("GET /", &[("Authorization", "Basic b2xk"), ("x-amz-date", "old")], "");
    let after = |auth: ReplayAuth| async {
        let finisher = finisher("http://os", auth);
        let mut request = finisher.finish(old());
        finisher.authorize(&mut request).await.unwrap();
        request.headers.text("authorization").map(str::to_owned)
    };
    assert_eq!(after(ReplayAuth::Source).await.as_deref(), Some("Basic b2xk"));
    assert_eq!(after(ReplayAuth::Removed).await, None);
    let basic = Auth::Basic { user: "u".to_owned(), password: SecretString::from("p") };
    assert_eq!(after(ReplayAuth::As(basic)).await.as_deref(), Some("Basic dTpw"));
}

fn sigv4(url: &str) -> Finisher {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    finisher(
        url,
        ReplayAuth::As(Auth::SigV4 {
            service: AwsService::Managed,
            region: "eu-central-1".to_owned(),
            credentials: Some(SharedCredentialsProvider::new(credentials)),
        }),
    )
}

#[tokio::test]
async fn defect_20_a_signature_is_over_the_body_as_it_is_sent() {
    let finisher = sigv4("https://os.example");
    let mut old = with(
        "PUT /i/_doc/1?a=b c",
        &[
            ("Authorization", "AWS4 old"),
            ("X-Amz-Date", "old"),
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
        ],
        "",
    );
    old.body = crate::replay::coding::encode("gzip", Bytes::from_static(b"{}")).unwrap();
    let mut request = finisher.finish(old);
    assert_eq!(
        shown(&request),
        format!(
            "Content-Type: application/json; Content-Encoding: gzip; Host: os.example; Content-Length: {}",
            request.body.len()
        )
    );
    finisher.authorize(&mut request).await.unwrap();
    let hash = {
        use sha2::Digest as _;
        sha2::Sha256::digest(&request.body).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(request.headers.text("x-amz-content-sha256"), Some(hash.as_str()));
    let authorization = request.headers.text("authorization").unwrap();
    let start = "AWS4-HMAC-SHA256 Credential=AKID/";
    assert!(authorization.starts_with(start), "{authorization}");
    let signed = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date";
    assert!(authorization.contains(signed), "{authorization}");
    assert!(!format!("{request:?}").contains("AKID"));
}

#[tokio::test]
async fn each_attempt_has_one_signature() {
    let finisher = sigv4("https://os.example");
    let mut request = finisher.finish(with("PUT /i/_doc/1", &[], &"x".repeat(INLINE + 1)));
    finisher.authorize(&mut request).await.unwrap();
    let names =
        |request: &Outgoing| request.headers.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let first = names(&request);
    finisher.authorize(&mut request).await.unwrap();
    assert_eq!(names(&request), first);
}
