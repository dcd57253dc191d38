//! Opening a repository: its catalog of snapshots and indices.

use crate::error::{Cause, Error, Result};
use crate::storage::{BlobStore, Location, S3Options};
use bytes::Bytes;
use codecs::snapshot::blob_path::BlobPath;
use codecs::snapshot::repository_data::{RepositoryData, SnapshotEntry, decode_index_latest, generation};
use tokio::sync::OnceCell;

/// No metadata blob is longer than this, stored or decompressed, in bytes.
pub(super) const METADATA_LIMIT: u64 = 1 << 30;

/// [`METADATA_LIMIT`] for decoders.
pub(super) const DECODED_LIMIT: usize = 1 << 30;

/// A snapshot repository and its catalog.
#[derive(Debug)]
pub struct Repository {
    location: Location,
    options: S3Options,
    root: OnceCell<BlobStore>,
    pub(super) store: BlobStore,
    pub(super) data: RepositoryData,
    catalog: String,
}

impl Repository {
    /// Opens a repository and reads its newest catalog.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`] where there is no catalog; [`Error::Codec`] for one that is damaged (an older one is
    /// never taken instead: it would lack snapshots); and all that concern access to the storage.
    pub async fn open(location: Location, options: S3Options) -> Result<Self> {
        let store = BlobStore::open(&location, &options).await?;
        let catalog = newest_catalog(&store).await?;
        let bytes = store.read(&catalog, METADATA_LIMIT).await?;
        let data = RepositoryData::decode(&catalog, &bytes, DECODED_LIMIT)
            .map_err(|error| undecodable(store.url(), error))?;
        Ok(Self { location, options, root: OnceCell::new(), store, data, catalog })
    }

    /// The storage of the repository.
    #[must_use]
    pub const fn store(&self) -> &BlobStore {
        &self.store
    }

    /// The catalog.
    #[must_use]
    pub const fn data(&self) -> &RepositoryData {
        &self.data
    }

    /// Name of the blob that the catalog was read from, such as `index-3`.
    #[must_use]
    pub fn catalog(&self) -> &str {
        &self.catalog
    }

    /// The snapshots, in the order of the catalog.
    #[must_use]
    pub fn snapshots(&self) -> &[SnapshotEntry] {
        &self.data.snapshots
    }

    /// The storage that hashed folders of shards start from (the whole bucket), and the path of the repository in it.
    pub(super) async fn root(&self) -> Result<(BlobStore, String)> {
        let Location::S3 { bucket, prefix } = &self.location else {
            return Ok((self.store.clone(), String::new()));
        };
        let bucket = Location::S3 { bucket: bucket.clone(), prefix: String::new() };
        let root = self.root.get_or_try_init(|| BlobStore::open(&bucket, &self.options)).await?;
        Ok((root.clone(), prefix.clone()))
    }

    /// Reads a metadata blob of the repository under the first of its names that exists, and that name.
    pub(super) async fn read_metadata(&self, path: &BlobPath) -> Result<(String, Bytes)> {
        read_first(&self.store, path.candidates().map(str::to_owned)).await
    }

    /// An error of a decoder about a blob of this repository.
    pub(super) fn undecodable(&self, error: codecs::Error) -> Error {
        undecodable(self.store.url(), error)
    }
}

/// Reads the first of several blobs that exists; if there is none, the error is about the first and names the others.
pub(super) async fn read_first(
    store: &BlobStore,
    paths: impl IntoIterator<Item = String>,
) -> Result<(String, Bytes)> {
    let mut missing = None;
    for path in paths {
        let error = match store.read(&path, METADATA_LIMIT).await {
            Ok(bytes) => return Ok((path, bytes)),
            Err(error) => error,
        };
        missing = Some(match (missing, error) {
            (None, Error::NotFound { access, cause }) => Error::NotFound { access, cause },
            (Some(Error::NotFound { access, cause }), Error::NotFound { .. }) => {
                let cause = Cause::Unexpected(format!("{cause}; nor is there `{path}`"));
                Error::NotFound { access, cause: Box::new(cause) }
            }
            (_, error) => return Err(error),
        });
    }
    Err(missing.unwrap_or_else(|| Error::NoRepository { url: store.url().to_owned() }))
}

fn undecodable(url: &str, source: codecs::Error) -> Error {
    Error::Codec { what: format!("the metadata of `{url}`"), source: Box::new(source) }
}

/// The newest `index-N`, else `index` of Elasticsearch 1 and 2.
///
/// A listing is the truth. Where listing is not allowed, `index.latest` says the number; it may be one behind.
async fn newest_catalog(store: &BlobStore) -> Result<String> {
    let listing = match store.list("").await {
        Ok(listing) => listing,
        Err(error @ Error::AccessDenied { .. }) => {
            let Ok(bytes) = store.read("index.latest", METADATA_LIMIT).await else { return Err(error) };
            let generation = decode_index_latest("index.latest", &bytes)
                .map_err(|error| undecodable(store.url(), error))?;
            tracing::warn!(
                url = store.url(),
                generation,
                "the repository cannot be listed, trusting `index.latest`"
            );
            return Ok(format!("index-{generation}"));
        }
        Err(error) => return Err(error),
    };
    let newest = listing.blobs.iter().filter_map(|blob| generation(&blob.name)).max();
    match newest {
        Some(generation) => Ok(format!("index-{generation}")),
        None if listing.blobs.iter().any(|blob| blob.name == "index") => Ok("index".to_owned()),
        None => Err(Error::NoRepository { url: store.url().to_owned() }),
    }
}
