//! Answers that fail, are wrong or do not come.

use std::error::Error as _;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use engine::Error;
use engine::flow::Backoff;
use engine::storage::{BlobInfo, BlobStore, Location, S3Options, S3Timeouts};

use crate::support::{Answer, Server, Step};

const BLOB: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SECRETS: [&str; 3] = ["AKIDEXAMPLE", "wJalrXUtnFEMI", "session-token"];

fn options(server: &Server) -> S3Options {
    let milliseconds = Duration::from_millis;
    let [key, secret, token] = SECRETS.map(str::to_owned);
    S3Options {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(server.endpoint.clone()),
        max_attempts: 3,
        backoff: Backoff { first: milliseconds(1), longest: milliseconds(2) },
        timeouts: S3Timeouts {
            connect: milliseconds(2000),
            silence: milliseconds(2000),
            request: milliseconds(5000),
        },
        credentials: Some(SharedCredentialsProvider::new(Credentials::new(
            key,
            secret,
            Some(token),
            None,
            "test",
        ))),
        ..S3Options::default()
    }
}

async fn open(options: &S3Options) -> BlobStore {
    let location = Location::parse("s3://bucket/repo").unwrap();
    BlobStore::open(&location, options).await.unwrap()
}

async fn store(server: &Server) -> BlobStore {
    open(&options(server)).await
}

/// The answer to a request for `range` of [`BLOB`].
fn part(range: std::ops::Range<usize>) -> Answer {
    Answer::range(range.start, range.end - 1, BLOB.len()).body(&BLOB[range])
}

fn whole() -> Answer {
    Answer::new("200 OK", &[("ETag", "\"one\"")]).body(BLOB)
}

/// Message and cause, with the port of the server replaced.
fn shown(error: &Error, server: &Server) -> (String, String) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    for secret in SECRETS {
        assert!(!format!("{error}{error:?}{cause}").contains(secret), "{error:?}");
    }
    let hide = |text: String| text.replace(&server.endpoint, "http://server");
    (hide(error.to_string()), hide(cause))
}

/// The error of reading the bytes 4..10, with message and cause.
async fn refused_range(server: &Server) -> (Error, String, String) {
    let error = store(server).await.read_range("blob", 4..10).await.unwrap_err();
    let (message, cause) = shown(&error, server);
    (error, message, cause)
}

#[tokio::test]
async fn slow_down_is_retried_until_it_passes() {
    let server = Server::start([Answer::slow_down(), Answer::slow_down(), part(4..10)]).await;
    let store = store(&server).await;
    assert_eq!(store.read_range("blob", 4..10).await.unwrap(), "456789");
    let counters = &store.counters().read_range;
    assert_eq!((counters.requests(), counters.retries(), counters.bytes()), (3, 2, 6));
    assert_eq!(server.header("range"), ["bytes=4-9"; 3]);
}

#[tokio::test]
async fn slow_down_for_ever_is_an_error_after_the_last_attempt() {
    let server = Server::start([Answer::slow_down()]).await;
    let (error, message, cause) = refused_range(&server).await;
    assert_eq!(
        message,
        "could not read bytes 4..10 of `s3://bucket/repo/blob` at `http://server`: gave up after 3 attempts"
    );
    assert_eq!(
        cause,
        "the server answered 503 `SlowDown`: Please reduce your request rate (request id 4442587FB7D0A2F9)"
    );
    assert_eq!(
        error.hint().unwrap(),
        "the storage is overloaded: allow fewer requests in flight, or try again later"
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_of_a_proxy_without_xml_is_retried() {
    let gateway =
        Answer::new("502 Bad Gateway", &[("Content-Type", "text/html")]).body(b"<html>Bad Gateway</html>");
    let server = Server::start([gateway.clone(), gateway, part(4..10)]).await;
    assert_eq!(store(&server).await.read_range("blob", 4..10).await.unwrap(), "456789");
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let busy = Answer::error("503 Slow Down", "SlowDown", "Wait.", &[("Retry-After", "1")]);
    let server = Server::start([busy, part(4..10)]).await;
    let started = Instant::now();
    assert_eq!(store(&server).await.read_range("blob", 4..10).await.unwrap(), "456789");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_connection_cut_inside_the_body_is_retried() {
    let cut = Answer::range(4, 9, BLOB.len()).body_announced_as(6, b"456").then(Step::Close);
    let server = Server::start([cut, part(4..10)]).await;
    let store = store(&server).await;
    assert_eq!(store.read_range("blob", 4..10).await.unwrap(), "456789");
    let counters = &store.counters().read_range;
    assert_eq!((counters.requests(), counters.retries(), counters.bytes()), (2, 1, 9));
}

#[tokio::test]
async fn a_connection_that_is_always_cut_is_an_error_with_what_had_come() {
    let cut = Answer::range(4, 9, BLOB.len()).body_announced_as(6, b"456").then(Step::Close);
    let server = Server::start([cut]).await;
    let (error, message, cause) = refused_range(&server).await;
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(
        message,
        "could not read bytes 4..10 of `s3://bucket/repo/blob` at `http://server`: gave up after 3 attempts"
    );
    assert_eq!(
        cause,
        "the connection ended after 3 bytes of the body: error reading a body from connection: end of file before \
         message length reached"
    );
}

#[tokio::test]
async fn a_whole_blob_that_is_cut_is_retried() {
    let cut = Answer::new("200 OK", &[]).body_announced_as(BLOB.len(), &BLOB[..7]).then(Step::Close);
    let server = Server::start([cut, whole()]).await;
    assert_eq!(store(&server).await.read("blob", 100).await.unwrap(), BLOB);
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_an_error_after_the_last_attempt() {
    let server = Server::hanging_up().await;
    let (error, _, cause) = refused_range(&server).await;
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(cause, "client error (SendRequest): connection closed before message completed");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_after_the_last_attempt() {
    let server = Server::start([whole()]).await;
    let options = options(&server);
    drop(server);
    let gone = open(&options).await;
    tokio::time::sleep(Duration::from_millis(20)).await; // Until the port is closed.
    let error = gone.read_range("blob", 4..10).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(
        error.source().unwrap().to_string(),
        "client error (Connect): tcp connect error: Connection refused (os error 111)"
    );
    assert_eq!(
        error.hint().unwrap(),
        "check the endpoint, name resolution, proxies and certificates, and the network in between"
    );
}

#[tokio::test]
async fn a_body_shorter_than_the_range_is_an_error_with_both_lengths() {
    let short = Answer::range(4, 9, BLOB.len()).body(b"456");
    let server = Server::start([short]).await;
    let (error, message, _) = refused_range(&server).await;
    assert!(matches!(error, Error::WrongLength { expected: 6, found: 3, attempts: 3, .. }));
    assert_eq!(
        message,
        "could not read bytes 4..10 of `s3://bucket/repo/blob` at `http://server`: expected 6 bytes, found 3 after 3 \
         attempts"
    );
}

#[tokio::test]
async fn a_body_that_is_announced_longer_than_the_range_is_not_read() {
    let long = Answer::range(4, 9, BLOB.len()).body_announced_as(1 << 40, b"456789abc");
    let server = Server::start([long.clone(), long, part(4..10)]).await;
    let store = store(&server).await;
    assert_eq!(store.read_range("blob", 4..10).await.unwrap(), "456789");
    assert_eq!(store.counters().read_range.bytes(), 6);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let chunk = b"a\r\n0123456789\r\n".repeat(100);
    let endless = Answer::new(
        "206 Partial Content",
        &[("Content-Range", "bytes 4-9/36"), ("Transfer-Encoding", "chunked")],
    );
    let endless = (0..1000).fold(endless, |answer, _| answer.then(Step::Send(chunk.clone())));
    let server = Server::start([endless]).await;
    let (error, ..) = refused_range(&server).await;
    let Error::WrongLength { expected: 6, found, attempts: 3, .. } = error else { panic!("{error}") };
    assert!((7..1_000_000).contains(&found), "{found}"); // What comes at once is a matter of the kernel.
}

#[tokio::test]
async fn a_blob_that_ends_inside_the_range_is_too_short_and_not_asked_for_again() {
    let server = Server::start([Answer::range(4, 7, 8).body(b"4567")]).await;
    let (error, message, _) = refused_range(&server).await;
    assert!(matches!(error, Error::WrongLength { expected: 6, found: 4, attempts: 1, .. }));
    assert_eq!(
        message,
        "could not read bytes 4..10 of `s3://bucket/repo/blob` at `http://server`: expected 6 bytes, found 4"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_blob_that_ends_before_the_range_is_too_short() {
    let behind = Answer::error("416 Range Not Satisfiable", "InvalidRange", "Not satisfiable", &[]);
    let server = Server::start([behind]).await;
    let (error, ..) = refused_range(&server).await;
    assert!(matches!(error, Error::WrongLength { expected: 6, found: 0, attempts: 1, .. }));
}

#[tokio::test]
async fn another_range_is_never_taken_for_the_one_that_was_asked_for() {
    let server = Server::start([Answer::range(5, 10, BLOB.len()).body(b"56789a")]).await;
    let (error, _, cause) = refused_range(&server).await;
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(cause, "the server sent `bytes 5-10/36`");
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_an_error() {
    let server = Server::start([whole()]).await;
    let (.., cause) = refused_range(&server).await;
    assert_eq!(cause, "the server ignored the range and sent the whole blob");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let server = Server::silent().await;
    let mut options = options(&server);
    options.timeouts.silence = Duration::from_millis(125);
    let started = Instant::now();
    let error = open(&options).await.read_range("blob", 4..10).await.unwrap_err();
    let (_, cause) = shown(&error, &server);
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(cause, "the server sent nothing for 0.125 s");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_says_nothing_to_a_listing_is_given_up_in_time() {
    let server = Server::silent().await;
    let mut options = options(&server);
    options.timeouts.silence = Duration::from_millis(125);
    let error = open(&options).await.list("").await.unwrap_err();
    assert_eq!(
        shown(&error, &server),
        (
            "could not list `s3://bucket/repo` at `http://server`: gave up after 3 attempts".to_owned(),
            "the server sent nothing for 0.125 s".to_owned()
        )
    );
}

#[tokio::test]
async fn a_body_that_stops_is_asked_for_again() {
    let stops = Answer::range(4, 9, BLOB.len()).body_announced_as(6, b"456");
    let stops = stops.then(Step::Wait(Duration::from_secs(60)));
    let server = Server::start([stops, part(4..10)]).await;
    let mut options = options(&server);
    options.timeouts.silence = Duration::from_millis(125);
    let store = open(&options).await;
    assert_eq!(store.read_range("blob", 4..10).await.unwrap(), "456789");
    assert_eq!(store.counters().read_range.retries(), 1);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_when_its_time_is_over() {
    let mut trickle = Answer::range(4, 9, BLOB.len()).body_announced_as(6, b"");
    for byte in b"456789" {
        trickle = trickle.then(Step::Wait(Duration::from_millis(150))).then(Step::Send(vec![*byte]));
    }
    let server = Server::start([trickle]).await;
    let mut options = options(&server);
    options.timeouts.request = Duration::from_millis(375);
    let error = open(&options).await.read_range("blob", 4..10).await.unwrap_err();
    let (_, cause) = shown(&error, &server);
    assert!(matches!(error, Error::Unavailable { attempts: 3, .. }));
    assert_eq!(cause, "no complete answer within 0.375 s");
    assert_eq!(
        error.hint().unwrap(),
        "check the network between this machine and the storage; for a slow link allow a longer request timeout"
    );
}

#[tokio::test]
async fn a_slow_body_that_is_in_time_is_read() {
    let mut slow = Answer::range(4, 9, BLOB.len()).body_announced_as(6, b"");
    for byte in b"456789" {
        slow = slow.then(Step::Wait(Duration::from_millis(20))).then(Step::Send(vec![*byte]));
    }
    let server = Server::start([slow]).await;
    assert_eq!(store(&server).await.read_range("blob", 4..10).await.unwrap(), "456789");
}

#[tokio::test]
async fn later_ranges_ask_for_the_blob_of_the_first() {
    let server = Server::start([part(4..10), part(0..4)]).await;
    let store = store(&server).await;
    store.read_range("blob", 4..10).await.unwrap();
    store.read_range("blob", 0..4).await.unwrap();
    assert_eq!(server.header("if-match"), ["", "\"one\""]);
}

#[tokio::test]
async fn a_blob_that_was_replaced_is_an_error() {
    let failed = Answer::error("412 Precondition Failed", "PreconditionFailed", "It did not hold", &[]);
    let server = Server::start([part(4..10), failed]).await;
    let store = store(&server).await;
    store.read_range("blob", 4..10).await.unwrap();
    let error = store.read_range("blob", 0..4).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }));
    assert_eq!(
        shown(&error, &server),
        (
            "could not read bytes 0..4 of `s3://bucket/repo/blob` at `http://server`: the blob was replaced while it \
             was being read"
                .to_owned(),
            "the server answered 412 `PreconditionFailed`: It did not hold (request id 4442587FB7D0A2F9)".to_owned()
        )
    );
}

#[tokio::test]
async fn a_blob_that_was_replaced_is_noticed_when_the_server_ignores_if_match() {
    let headers = [("Content-Range", "bytes 0-3/36"), ("ETag", "\"two\"")];
    let other = Answer::new("206 Partial Content", &headers).body(b"....");
    let server = Server::start([part(4..10), other]).await;
    let store = store(&server).await;
    store.read_range("blob", 4..10).await.unwrap();
    let error = store.read_range("blob", 0..4).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }));
    assert_eq!(error.source().unwrap().to_string(), "its ETag was `\"one\"` and is `\"two\"`");
}

#[tokio::test]
async fn near_ranges_are_read_by_one_request() {
    let server = Server::start([part(2..30)]).await;
    let ranges = [20..30, 2..4, 2..10, 7..7];
    let parts = store(&server).await.read_ranges("blob", &ranges).await.unwrap();
    assert_eq!(parts, ["klmnopqrst", "23", "23456789", ""]);
    assert_eq!(server.header("range"), ["bytes=2-29"]);
}

#[tokio::test]
async fn as_many_requests_are_in_flight_as_allowed_and_no_more() {
    let slow = Answer::new("200 OK", &[]).body_announced_as(BLOB.len(), b"");
    let slow = slow.then(Step::Wait(Duration::from_millis(30))).then(Step::Send(BLOB.to_vec()));
    let server = Server::start([slow]).await;
    let mut options = options(&server);
    options.max_requests = 3;
    let store = open(&options).await;
    let read = futures::future::join_all((0..9).map(|_| store.read("blob", 100))).await;
    assert!(read.iter().all(|blob| blob.as_ref().unwrap() == BLOB));
    assert_eq!(server.most_in_flight(), 3);
}

#[tokio::test]
async fn a_blob_larger_than_the_limit_is_not_read() {
    let server = Server::start([whole()]).await;
    let error = store(&server).await.read("blob", 35).await.unwrap_err();
    assert_eq!(
        shown(&error, &server).0,
        "could not read `s3://bucket/repo/blob` at `http://server`: it has 36 bytes or more, the limit is 35"
    );
    let chunked = Answer::new("200 OK", &[("Transfer-Encoding", "chunked")]);
    let chunked =
        chunked.then(Step::Send(b"24\r\n0123456789abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n".to_vec()));
    let server = Server::start([chunked]).await;
    let store = store(&server).await;
    assert_eq!(store.read("blob", 36).await.unwrap(), BLOB);
    assert!(matches!(store.read("blob", 35).await.unwrap_err(), Error::TooLarge { limit: 35, .. }));
}

#[tokio::test]
async fn a_bucket_in_another_region_is_named() {
    let headers = [("x-amz-bucket-region", "eu-west-1")];
    let moved = Answer::error("301 Moved Permanently", "PermanentRedirect", "Use the endpoint.", &headers);
    let server = Server::start([moved]).await;
    let error = store(&server).await.list("").await.unwrap_err();
    assert_eq!(
        shown(&error, &server).0,
        "could not list `s3://bucket/repo` at `http://server`: the bucket is in region `eu-west-1`, not in `us-east-1`"
    );
    assert_eq!(error.hint().unwrap(), "configure the region `eu-west-1`");
}

#[tokio::test]
async fn a_listing_that_is_not_one_of_s3_is_an_error() {
    let server = Server::start([Answer::new("200 OK", &[]).body(b"<html>It works!</html>")]).await;
    let error = store(&server).await.list("").await.unwrap_err();
    assert_eq!(shown(&error, &server).1, "the answer is not one of S3");
}

#[tokio::test]
async fn a_listing_that_is_cut_is_asked_for_again() {
    let page = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>repo/index-3</Key><Size>7</Size>\
                </Contents><CommonPrefixes><Prefix>repo/indices/</Prefix></CommonPrefixes></ListBucketResult>";
    let cut =
        Answer::new("200 OK", &[]).body_announced_as(page.len(), &page.as_bytes()[..40]).then(Step::Close);
    let server = Server::start([cut.clone(), Answer::new("200 OK", &[]).body(page.as_bytes())]).await;
    let listing = store(&server).await.list("").await.unwrap();
    assert_eq!(listing.blobs, [BlobInfo { name: "index-3".to_owned(), length: 7 }]);
    assert_eq!(listing.folders, ["indices"]);
    let server = Server::start([cut]).await;
    let error = store(&server).await.list("").await.unwrap_err();
    assert_eq!(
        shown(&error, &server).1,
        "error reading a body from connection: end of file before message length reached"
    );
}

#[tokio::test]
async fn a_listing_that_does_not_end_is_an_error() {
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated>\
                <NextContinuationToken>again</NextContinuationToken></ListBucketResult>";
    let server = Server::start([Answer::new("200 OK", &[]).body(page.as_bytes())]).await;
    let error = store(&server).await.list("").await.unwrap_err();
    assert_eq!(shown(&error, &server).1, "the listing does not come to its end");
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
    let server = Server::start([Answer::new("200 OK", &[]).body(page.as_bytes())]).await;
    let error = store(&server).await.list("").await.unwrap_err();
    assert_eq!(shown(&error, &server).1, "the listing goes on, but does not say where");
}

#[tokio::test]
async fn paths_that_leave_the_repository_are_never_sent() {
    let server = Server::start([whole()]).await;
    let store = store(&server).await;
    for path in ["", "..", "a/../b", "/a", "a//b", "a/", "./a", "a\0b"] {
        assert!(matches!(store.read(path, 100).await, Err(Error::InvalidPath { .. })), "{path}");
        assert!(matches!(store.read_range(path, 0..1).await, Err(Error::InvalidPath { .. })), "{path}");
        assert!(
            matches!(
                store.read_ranges(path, std::slice::from_ref(&(0..1))).await,
                Err(Error::InvalidPath { .. })
            ),
            "{path}"
        );
        assert!(
            path.is_empty() || matches!(store.list(path).await, Err(Error::InvalidPath { .. })),
            "{path}"
        );
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let reversed = store.read_range("blob", 5..4).await;
    assert!(matches!(reversed, Err(Error::InvalidPath { .. })));
    assert_eq!(server.requests(), [""; 0]);
}

/// A source of credentials that fails.
#[derive(Debug)]
struct Failing(fn() -> CredentialsError);

impl ProvideCredentials for Failing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(self.0()))
    }
}

#[tokio::test]
async fn without_credentials_no_request_is_sent() {
    let server = Server::start([whole()]).await;
    let mut options = options(&server);
    let nothing = || CredentialsError::not_loaded("no providers in chain provided credentials");
    options.credentials = Some(SharedCredentialsProvider::new(Failing(nothing)));
    let error = open(&options).await.read("blob", 100).await.unwrap_err();
    assert!(matches!(error, Error::NoCredentials { .. }));
    assert_eq!(
        shown(&error, &server),
        (
            "could not read `s3://bucket/repo/blob` at `http://server`: no AWS credentials".to_owned(),
            "no providers in chain provided credentials".to_owned()
        )
    );
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_source_of_credentials_that_fails_is_asked_again() {
    let server = Server::start([whole()]).await;
    let mut options = options(&server);
    let failing = || CredentialsError::provider_error("STS answered 503");
    options.credentials = Some(SharedCredentialsProvider::new(Failing(failing)));
    let error = open(&options).await.read("blob", 100).await.unwrap_err();
    assert_eq!(
        shown(&error, &server),
        (
            "could not read `s3://bucket/repo/blob` at `http://server`: gave up after 3 attempts".to_owned(),
            "STS answered 503".to_owned()
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        "the source of the AWS credentials does not answer: check it, then start again"
    );
}
