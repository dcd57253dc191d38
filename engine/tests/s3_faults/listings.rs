//! Listings: answers that fail, are wrong or do not come.

use std::time::Duration;

use engine::storage::BlobInfo;

use crate::answers::{open, options, shown, store};
use crate::support::{Answer, Server, Step};

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
async fn a_page_that_fails_is_asked_for_again_not_the_pages_before() {
    let page = |key: &str, rest: &str| {
        let page =
            format!("<ListBucketResult><Contents><Key>repo/{key}</Key><Size>7</Size></Contents>{rest}");
        Answer::new("200 OK", &[]).body(format!("{page}</ListBucketResult>").as_bytes())
    };
    let goes_on = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>";
    let server = Server::start([page("a", goes_on), Answer::slow_down(), page("b", "")]).await;
    let store = store(&server).await;
    let blob = |name: &str| BlobInfo { name: name.to_owned(), length: 7 };
    assert_eq!(store.list("").await.unwrap().blobs, [blob("a"), blob("b")]);
    let asked_for_next: Vec<bool> =
        server.requests().iter().map(|head| head.contains("continuation-token=next")).collect();
    assert_eq!(asked_for_next, [false, true, true]);
    assert_eq!((store.counters().list.requests(), store.counters().list.retries()), (3, 1));
}
