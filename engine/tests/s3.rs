//! Repositories in a real S3 server: `tests/run s3` starts one, see `tests/servers/s3/with-server`.
#![expect(clippy::unwrap_used, reason = "a wrong assumption of a test fails that test")]

use std::error::Error as _;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use engine::Error;
use engine::bulk::{
    FailedDocuments, FailedFiles, FailedOperation, FailedOptions, FailedRecord, FailureClass, Filter,
    summarize,
};
use engine::storage::{BlobInfo, BlobStore, Location, S3Options};
use futures::{StreamExt, TryStreamExt, stream};

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

fn endpoint() -> String {
    std::env::var("FERRY_TEST_S3_ENDPOINT").unwrap()
}

/// A client that writes, which ferry does not.
fn writer() -> Client {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
        .endpoint_url(endpoint())
        .force_path_style(true)
        .http_client(http);
    Client::from_conf(config.build())
}

/// A new bucket with these objects.
async fn bucket(name: &str, objects: impl IntoIterator<Item = (String, Vec<u8>)>) -> Client {
    let client = writer();
    client.create_bucket().bucket(name).send().await.unwrap();
    let puts = objects
        .into_iter()
        .map(|(key, body)| client.put_object().bucket(name).key(key).body(body.into()).send());
    stream::iter(puts).buffer_unordered(8).try_collect::<Vec<_>>().await.unwrap();
    client
}

fn objects<const N: usize>(objects: [(&str, &[u8]); N]) -> [(String, Vec<u8>); N] {
    objects.map(|(key, body)| (key.to_owned(), body.to_vec()))
}

/// Opens a repository with credentials from the environment.
async fn open(location: &str) -> BlobStore {
    let options = S3Options { endpoint: Some(endpoint()), ..S3Options::default() };
    BlobStore::open(&Location::parse(location).unwrap(), &options).await.unwrap()
}

/// Message and cause, without what differs from run to run.
fn shown(error: &Error) -> (String, String) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let cause = cause.split(" (request id").next().unwrap_or_default().to_owned();
    (error.to_string().replace(&endpoint(), "http://server"), cause)
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_lists_a_folder_of_several_pages() {
    let blobs = (0..2005).map(|number| (format!("repo/indices/__{number:04}"), vec![b'x'; number % 10]));
    let folders = (0..3).map(|number| (format!("repo/indices/folder{number}/meta"), Vec::new()));
    bucket("pages", blobs.chain(folders)).await;
    let store = open("s3://pages/repo").await;
    let listing = store.list("indices").await.unwrap();
    let expected: Vec<BlobInfo> =
        (0..2005).map(|number| BlobInfo { name: format!("__{number:04}"), length: number % 10 }).collect();
    assert_eq!(listing.blobs, expected);
    assert_eq!(listing.folders, ["folder0", "folder1", "folder2"]);
    assert_eq!(store.counters().list.requests(), 3); // 2008 names, 1000 a page
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_lists_what_is_below_the_prefix_and_nothing_else() {
    let keys = [
        "index-0",
        "repo",
        "repo/index-1",
        "repo/indices/a/0/__b",
        "repo/empty/",
        "repo2/index-2",
        "repo//x",
    ];
    bucket("prefix", keys.map(|key| (key.to_owned(), b"12".to_vec()))).await;
    let names = |blobs: Vec<BlobInfo>| blobs.into_iter().map(|blob| blob.name).collect::<Vec<_>>();

    let repository = open("s3://prefix/repo").await.list("").await.unwrap();
    assert_eq!(names(repository.blobs), ["index-1"]);
    assert_eq!(repository.folders, ["empty", "indices"]);
    let whole = open("s3://prefix").await.list("").await.unwrap();
    assert_eq!(names(whole.blobs), ["index-0", "repo"]);
    assert_eq!(whole.folders, ["repo", "repo2"]);
    let store = open("s3://prefix/repo/").await;
    assert_eq!(store.url(), "s3://prefix/repo");
    assert_eq!(
        store.list("empty").await.unwrap().blobs,
        [],
        "an object that stands for its folder is none of it"
    );
    assert_eq!(store.list("nowhere").await.unwrap(), engine::storage::Listing::default());
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_reads_blobs_and_ranges_of_them() {
    bucket("read", objects([("repo/blob", ALPHABET), ("repo/empty", b"")])).await;
    let store = open("s3://read/repo").await;
    assert_eq!(store.read("blob", 26).await.unwrap(), ALPHABET);
    assert_eq!(store.read("empty", 26).await.unwrap(), "");
    assert_eq!(store.read_range("blob", 0..1).await.unwrap(), "a");
    assert_eq!(store.read_range("blob", 10..26).await.unwrap(), "klmnopqrstuvwxyz");
    assert_eq!(store.read_range("blob", 7..7).await.unwrap(), "");
    let counters = store.counters();
    assert_eq!((counters.read.requests(), counters.read.bytes()), (2, 26));
    assert_eq!((counters.read_range.requests(), counters.read_range.bytes()), (2, 17));
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_reads_near_ranges_together_and_distant_ones_apart() {
    let blob: Vec<u8> = (0..3_000_000_u32).map(|place| (place % 251).to_le_bytes()[0]).collect();
    bucket("ranges", [("blob".to_owned(), blob.clone())]).await;
    let store = open("s3://ranges").await;
    let ranges = [2_999_000..3_000_000, 10..20, 500_000..500_001, 5..15];
    let expected = ranges.clone().map(|range| {
        let [start, end] = [range.start, range.end].map(|place: u64| usize::try_from(place).unwrap());
        blob.get(start..end).unwrap()
    });
    assert_eq!(store.read_ranges("blob", &ranges).await.unwrap(), expected);
    assert_eq!(store.counters().read_range.requests(), 2); // 5..500_001 and the end
    assert_eq!(store.counters().read_range.bytes(), 499_996 + 1000);
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_keys_may_have_any_characters() {
    let names = ["a b", "a+b", "a%20b", "größe", "q?x=1&y#z", "\"<&>'", "=eq;*()!$,:@"];
    bucket("keys", names.map(|name| (format!("über uns/{name}"), name.as_bytes().to_vec()))).await;
    let store = open("s3://keys/über uns").await;
    for name in names {
        assert_eq!(store.read(name, 100).await.unwrap(), name);
    }
    let mut sorted = names;
    sorted.sort_unstable();
    let listed: Vec<String> = store.list("").await.unwrap().blobs.into_iter().map(|blob| blob.name).collect();
    assert_eq!(listed, sorted);
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_objects_and_buckets_that_do_not_exist_are_not_found() {
    bucket("missing", objects([("repo/blob", ALPHABET)])).await;
    let error = open("s3://missing/repo").await.read("other", 100).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    assert_eq!(
        shown(&error),
        (
            "could not read `s3://missing/repo/other` at `http://server`: not found".to_owned(),
            "the server answered 404 `NoSuchKey`: The specified key does not exist".to_owned()
        )
    );
    let nowhere = open("s3://no-such-bucket/repo").await;
    let no_bucket = "the server answered 404 `NoSuchBucket`: The specified bucket does not exist";
    let error = nowhere.read_range("blob", 0..1).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    assert_eq!(shown(&error).1, no_bucket);
    let error = nowhere.list("").await.unwrap_err();
    assert_eq!(
        shown(&error),
        (
            "could not list `s3://no-such-bucket/repo` at `http://server`: not found".to_owned(),
            no_bucket.to_owned()
        )
    );
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_ranges_behind_the_end_of_a_blob_are_too_short() {
    bucket("short", objects([("blob", ALPHABET)])).await;
    let store = open("s3://short").await;
    let message = |error: Error| shown(&error).0;
    assert_eq!(
        message(store.read_range("blob", 20..30).await.unwrap_err()),
        "could not read bytes 20..30 of `s3://short/blob` at `http://server`: expected 10 bytes, found 6"
    );
    assert_eq!(
        message(store.read_range("blob", 26..30).await.unwrap_err()),
        "could not read bytes 26..30 of `s3://short/blob` at `http://server`: expected 4 bytes, found 0"
    );
    assert_eq!(
        message(store.read("blob", 25).await.unwrap_err()),
        "could not read `s3://short/blob` at `http://server`: it has 26 bytes or more, the limit is 25"
    );
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_blobs_that_are_replaced_between_two_ranges_are_an_error() {
    let writer = bucket("replaced", objects([("blob", ALPHABET)])).await;
    let store = open("s3://replaced").await;
    assert_eq!(store.read_range("blob", 0..3).await.unwrap(), "abc");
    let other = ALPHABET.to_ascii_uppercase();
    writer.put_object().bucket("replaced").key("blob").body(other.into()).send().await.unwrap();
    let error = store.read_range("blob", 3..6).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert_eq!(
        shown(&error).0,
        "could not read bytes 3..6 of `s3://replaced/blob` at `http://server`: the blob was replaced while it was \
         being read"
    );
    assert_eq!(open("s3://replaced").await.read_range("blob", 3..6).await.unwrap(), "DEF");
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_path_style_works_where_the_endpoint_is_a_name() {
    bucket("path-style", objects([("blob", ALPHABET)])).await;
    let options = S3Options {
        endpoint: Some(endpoint().replace("127.0.0.1", "localhost")),
        force_path_style: true,
        ..S3Options::default()
    };
    let store = BlobStore::open(&Location::parse("s3://path-style").unwrap(), &options).await.unwrap();
    assert_eq!(store.read("blob", 26).await.unwrap(), ALPHABET);
    assert_eq!(store.list("").await.unwrap().blobs.len(), 1);
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_blobs_are_written_and_replaced() {
    bucket("written", []).await;
    let store = open("s3://written/failed documents").await;
    store.put("session=a/größe", "first".into()).await.unwrap();
    assert_eq!(store.read_range("session=a/größe", 0..5).await.unwrap(), "first");
    store.put("session=a/größe", "second".into()).await.unwrap();
    assert_eq!(store.read_range("session=a/größe", 0..6).await.unwrap(), "second");
    assert_eq!((store.counters().write.requests(), store.counters().write.bytes()), (2, 11));
    let error = open("s3://no-such-bucket").await.put("blob", "x".into()).await.unwrap_err();
    assert_eq!(shown(&error).0, "could not write `s3://no-such-bucket/blob` at `http://server`: not found");
}

#[tokio::test]
#[ignore = "needs an S3 server: tests/run s3"]
async fn s3_keeps_failed_documents() {
    bucket("failed", []).await;
    let location = Location::parse("s3://failed/documents").unwrap();
    let s3 = S3Options { endpoint: Some(endpoint()), ..S3Options::default() };
    for worker in ["a", "b"] {
        let options = FailedOptions { s3: s3.clone(), ..FailedOptions::new(location.clone(), "s", worker) };
        let writer = FailedDocuments::new(options);
        let operation = FailedOperation {
            position: 0,
            origin: None,
            id: Some("1".to_owned()),
            class: FailureClass::Refused,
            status: Some(400),
            error_type: None,
            reason: "because".to_owned(),
            action: "{\"index\":{\"_id\":\"1\"}}".into(),
            source: "{}".into(),
        };
        writer.record("item", "i", &operation).await.unwrap();
        writer.flush().await.unwrap();
    }
    let files = FailedFiles::open(&location, &s3).await.unwrap();
    let summary = summarize(&files, &Filter::default()).await.unwrap();
    assert_eq!((summary.files, summary.records, summary.rows[0].documents), (2, 2, 1));
    let nowhere = FailedOptions::new(Location::parse("s3://no-such-bucket/x").unwrap(), "s", "w");
    let writer = FailedDocuments::new(FailedOptions { s3, ..nowhere });
    let record = FailedRecord::of_documents("item", "i", FailureClass::Unreadable, "damaged");
    writer.record_document(record).await.unwrap();
    assert!(matches!(writer.flush().await, Err(Error::NotFound { .. })));
}
