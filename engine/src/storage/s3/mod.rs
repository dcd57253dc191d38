//! A repository in a bucket of S3, or of a server that speaks its protocol.
//!
//! The AWS SDK signs requests, finds credentials and understands answers. Retries, time limits, the limit on requests
//! in flight and the check of what came are here, and are the same for headers and bodies.

mod body;
mod client;
mod errors;
mod options;

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use bytes::Bytes;
use futures::future::try_join_all;
use lru::LruCache;

pub use options::{S3Options, S3Timeouts};

use super::counters::{Counter, Counters};
use super::ranges::{self, Merging};
use super::retry::{Failure, Retry};
use super::{BlobInfo, Listing, Location};
use crate::error::{Access, Cause, Error, Operation, Result};
use body::Sent;
use client::Connected;

/// A request costs as much time as half a mebibyte more of a body.
const MERGING: Merging = Merging { gap: 512 << 10, longest: 8 << 20 };

/// Of how many blobs the ETag is kept, so that a later range comes from the same blob.
const KEPT_ETAGS: NonZeroUsize = NonZeroUsize::new(16 << 10).unwrap();

/// A repository in a bucket.
pub(super) struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    url: String,
    region: String,
    endpoint: Option<Arc<str>>,
    timeouts: S3Timeouts,
    retry: Retry,
    etags: Mutex<LruCache<String, Arc<str>>>,
    counters: Counters,
}

/// Nothing of the client: it holds credentials.
impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, region, endpoint, counters, .. } = self;
        let mut store = f.debug_struct("S3Store");
        store
            .field("url", url)
            .field("region", region)
            .field("endpoint", endpoint)
            .field("counters", counters);
        store.finish_non_exhaustive()
    }
}

/// A page of a listing, and where the next one starts.
struct Page {
    listing: Listing,
    next: Option<String>,
}

impl S3Store {
    pub(super) async fn open(bucket: &str, prefix: &str, options: &S3Options) -> Result<Self> {
        let url = Location::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() }.to_string();
        let in_flight = options::in_flight(options.max_requests)?;
        let Connected { client, region, endpoint } = client::connect(&url, options).await?;
        Ok(Self {
            client,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            url,
            region,
            endpoint,
            timeouts: options.timeouts,
            retry: Retry { max_attempts: options.max_attempts, backoff: options.backoff, in_flight },
            etags: Mutex::new(LruCache::new(KEPT_ETAGS)),
            counters: Counters::default(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What an error says about an operation on a blob or folder.
    fn access(&self, operation: Operation, path: &str) -> Access {
        Access { operation, url: super::join(&self.url, path), endpoint: self.endpoint.clone() }
    }

    /// The blobs and folders in a folder; a folder that does not exist is empty.
    pub(super) async fn list(&self, folder: &str) -> Result<Listing> {
        let access = || self.access(Operation::List, folder);
        super::check_folder(folder, access)?;
        let mut start = super::join(&self.prefix, folder);
        if !start.is_empty() {
            start.push('/');
        }
        let mut listing = Listing::default();
        let mut token: Option<String> = None;
        loop {
            let attempt = || self.list_page(&start, token.as_deref(), access);
            let page = self.retry.run(&self.counters.list, access, attempt).await?;
            listing.blobs.extend(page.listing.blobs);
            listing.folders.extend(page.listing.folders);
            match page.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        listing.blobs.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        listing.folders.sort_unstable();
        Ok(listing)
    }

    async fn list_page(
        &self,
        start: &str,
        token: Option<&str>,
        access: impl Fn() -> Access,
    ) -> Result<Page, Failure> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).delimiter("/");
        let request = request
            .set_prefix((!start.is_empty()).then(|| start.to_owned()))
            .set_continuation_token(token.map(str::to_owned));
        let answer = within(self.timeouts.request, async {
            request.send().await.map_err(|error| errors::failure(error, access(), &self.region))
        });
        Ok(page(answer.await?, start, token)?)
    }

    /// A whole blob of at most `limit` bytes.
    pub(super) async fn read(&self, path: &str, limit: u64) -> Result<Bytes> {
        let access = || self.access(Operation::Read, path);
        super::check_blob(path, access)?;
        let attempt = || self.read_whole(path, limit, access);
        self.retry.run(&self.counters.read, access, attempt).await
    }

    async fn read_whole(
        &self,
        path: &str,
        limit: u64,
        access: impl Fn() -> Access,
    ) -> Result<Bytes, Failure> {
        let request = self.client.get_object().bucket(&self.bucket).key(super::join(&self.prefix, path));
        let answer = request.send().await.map_err(|error| errors::failure(error, access(), &self.region))?;
        let too_large = |length| Failure::Final(Error::TooLarge { access: access(), length, limit });
        let announced = announced(&answer)?;
        if let Some(length) = announced.filter(|length| *length > limit) {
            return Err(too_large(length));
        }
        let bytes = self.body(answer, announced.unwrap_or(limit), announced, &self.counters.read).await?;
        let found = bytes.len() as u64;
        match announced {
            Some(expected) if found != expected => Err(Cause::WrongLength { expected, found }.into()),
            _ if found > limit => Err(too_large(found)),
            _ => Ok(bytes),
        }
    }

    /// Writes a whole blob in one request.
    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let access = || self.access(Operation::Write, path);
        super::check_blob(path, access)?;
        let attempt = || self.put_whole(path, bytes.clone(), access);
        self.retry.run(&self.counters.write, access, attempt).await?;
        // A later range is one of the new blob.
        self.etags.lock().unwrap_or_else(PoisonError::into_inner).pop(path);
        Ok(())
    }

    async fn put_whole(&self, path: &str, bytes: Bytes, access: impl Fn() -> Access) -> Result<(), Failure> {
        let length = bytes.len();
        let request = self.client.put_object().bucket(&self.bucket).key(super::join(&self.prefix, path));
        let answer = within(self.timeouts.total(length as u64), async {
            let answer = request.body(bytes.into()).send().await;
            answer.map_err(|error| errors::failure(error, access(), &self.region))
        });
        answer.await?;
        self.counters.write.add_bytes(length);
        Ok(())
    }

    /// Exactly these bytes of a blob.
    pub(super) async fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let access = || self.access(Operation::ReadRange(range.clone()), path);
        super::check_blob(path, access)?;
        super::check_range(&range, access)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let attempt = || self.read_part(path, &range, access);
        self.retry.run(&self.counters.read_range, access, attempt).await
    }

    async fn read_part(
        &self,
        path: &str,
        range: &Range<u64>,
        access: impl Fn() -> Access,
    ) -> Result<Bytes, Failure> {
        let request = self.client.get_object().bucket(&self.bucket).key(super::join(&self.prefix, path));
        let request = request
            .range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .set_if_match(self.etag(path).map(|etag| etag.to_string()));
        let answer = request.send().await.map_err(|error| errors::failure(error, access(), &self.region))?;
        let expected = range.end.saturating_sub(range.start);
        let wrong_length = |found| Cause::WrongLength { expected, found };
        match body::sent(answer.content_range(), range) {
            Sent::Whole => {}
            Sent::Shorter(found) => {
                return Err(Failure::Final(Error::WrongLength {
                    access: access(),
                    expected,
                    found,
                    attempts: 1,
                }));
            }
            Sent::Other(cause) => return Err(cause.into()),
        }
        if let Some(found) = announced(&answer)?.filter(|length| *length != expected) {
            return Err(wrong_length(found).into());
        }
        self.check_etag(path, answer.e_tag(), &access)?; // Last: the ETag of a wrong answer is not kept.
        let bytes = self.body(answer, expected, Some(expected), &self.counters.read_range).await?;
        let found = bytes.len() as u64;
        if found == expected { Ok(bytes) } else { Err(wrong_length(found).into()) }
    }

    /// Exactly the bytes of each range, in the order of the ranges.
    pub(super) async fn read_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for range in ranges {
            super::check_range(range, || self.access(Operation::ReadRange(range.clone()), path))?;
        }
        let requests = MERGING.merge(ranges).into_iter().map(|merged| async {
            let bytes = self.read_range(path, merged.range.clone()).await?;
            Ok::<_, Error>((merged, bytes))
        });
        Ok(ranges::split(ranges, &try_join_all(requests).await?))
    }

    /// Reads the body of an answer, in the time that its length explains.
    async fn body(
        &self,
        answer: GetObjectOutput,
        most: u64,
        announced: Option<u64>,
        counter: &Counter,
    ) -> Result<Bytes, Failure> {
        let total = self.timeouts.total(announced.unwrap_or_default());
        within(total, async { Ok(body::read(answer.body, most, self.timeouts.silence, counter).await?) })
            .await
    }

    /// The ETag of the blob that earlier ranges came from.
    fn etag(&self, path: &str) -> Option<Arc<str>> {
        self.etags.lock().unwrap_or_else(PoisonError::into_inner).get(path).map(Arc::clone)
    }

    /// Keeps the ETag of the first range, and refuses one that differs: requests that run side by side have none to
    /// ask for, and some servers ignore `If-Match`.
    fn check_etag(&self, path: &str, etag: Option<&str>, access: impl Fn() -> Access) -> Result<(), Failure> {
        // A weak one (`W/"…"`) says nothing about bytes, and never matches.
        let Some(etag) = etag.filter(|etag| etag.starts_with('"')) else { return Ok(()) };
        let mut etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        let first = etags.get_or_insert(path.to_owned(), || Arc::from(etag));
        if **first == *etag {
            return Ok(());
        }
        let words =
            format!("its ETag was `{}` and is `{}`", errors::printable(first), errors::printable(etag));
        Err(Failure::Final(Error::Changed { access: access(), cause: Box::new(Cause::Unexpected(words)) }))
    }
}

/// Gives an attempt this long.
async fn within<T>(limit: Duration, attempt: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(Cause::Slow(limit).into()))
}

/// The length in `Content-Length`.
fn announced(answer: &GetObjectOutput) -> Result<Option<u64>, Cause> {
    let negative = |_| Cause::Unexpected("the server announced a negative length".to_owned());
    answer.content_length().map(u64::try_from).transpose().map_err(negative)
}

/// A page of a listing. The names of a folder start behind `start`; `token` is where this page started.
fn page(answer: ListObjectsV2Output, start: &str, token: Option<&str>) -> Result<Page, Cause> {
    let mut listing = Listing::default();
    for object in answer.contents() {
        // The empty name is that of an object that stands for the folder; some tools make such.
        let Some(name) = object.key().and_then(|key| key.strip_prefix(start)).filter(|name| !name.is_empty())
        else {
            continue;
        };
        let Some(length) = object.size().and_then(|size| u64::try_from(size).ok()) else {
            return Err(Cause::Unexpected(format!(
                "the listing has no length of `{}`",
                errors::printable(name)
            )));
        };
        listing.blobs.push(BlobInfo { name: name.to_owned(), length });
    }
    for folder in answer.common_prefixes() {
        let name = folder.prefix().and_then(|prefix| prefix.strip_prefix(start)?.strip_suffix('/'));
        listing.folders.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let next = answer.next_continuation_token.filter(|_| answer.is_truncated == Some(true));
    match next {
        None if answer.is_truncated == Some(true) => {
            Err(Cause::Unexpected("the listing goes on, but does not say where".to_owned()))
        }
        Some(next) if Some(next.as_str()) == token => {
            Err(Cause::Unexpected("the listing does not come to its end".to_owned()))
        }
        next => Ok(Page { listing, next }),
    }
}
