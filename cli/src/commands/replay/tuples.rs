//! Where tuples go.

use crate::args::bytes;
use clap::Args;
use engine::replay::{Rotation, TupleSettings};
use engine::storage::{BlobStore, Location, S3Options};
use std::num::NonZeroU32;
use std::time::Duration;

/// Files of tuples: a line of JSON for each request, with what source and target answered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tuples")]
pub(crate) struct TupleArgs {
    /// Folder or `s3://bucket/prefix` for the tuples of this replay: files named by topic, partition and offsets
    #[arg(long, value_name = "PLACE", env = "FERRY_TUPLES")]
    tuples: Option<Location>,
    /// Write `Authorization`, cookies and the like, and passwords and keys in bodies of `_security` requests, into tuples as they
    /// are
    #[arg(long, env = "FERRY_KEEP_CREDENTIALS")]
    keep_credentials: bool,
    /// A file is closed, and its requests are committed, when it has so many bytes of tuples, not compressed,
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "64MiB", env = "FERRY_TUPLE_BYTES")]
    tuple_bytes: u64,
    /// or is so old,
    #[arg(long, value_name = "SECONDS", default_value = "10", env = "FERRY_TUPLE_SECONDS", aliases = ["tuple-max-buffer-seconds", "tupleMaxBufferSeconds"])]
    tuple_seconds: NonZeroU32,
    /// or has so many tuples (0: any number)
    #[arg(long, value_name = "N", default_value = "0", env = "FERRY_TUPLES_PER_FILE", aliases = ["tuple-max-per-file", "tupleMaxPerFile"])]
    tuples_per_file: u64,
    /// AWS region of the bucket [default: from the environment or the AWS profile]
    #[arg(long, value_name = "REGION", env = "FERRY_S3_REGION", aliases = ["tuple-s3-region", "tupleS3Region"])]
    s3_region: Option<String>,
    /// Endpoint of an S3-compatible server, such as `http://127.0.0.1:9000`
    #[arg(long, value_name = "URL", env = "FERRY_S3_ENDPOINT")]
    s3_endpoint: Option<String>,
    /// Address the bucket in the path, not in the host name
    #[arg(long, env = "FERRY_S3_PATH_STYLE")]
    s3_path_style: bool,
}

impl TupleArgs {
    /// Opens the place; none is given when no tuples are wanted.
    pub(super) async fn open(&self) -> anyhow::Result<Option<(BlobStore, TupleSettings, Rotation)>> {
        let Some(location) = &self.tuples else { return Ok(None) };
        let options = S3Options {
            region: self.s3_region.clone(),
            endpoint: self.s3_endpoint.clone(),
            force_path_style: self.s3_path_style,
            ..S3Options::default()
        };
        let store = BlobStore::create(location, &options).await?;
        let settings = TupleSettings { keep_credentials: self.keep_credentials, ..TupleSettings::default() };
        let age = Duration::from_secs(self.tuple_seconds.get().into());
        Ok(Some((store, settings, Rotation { bytes: self.tuple_bytes, age, tuples: self.tuples_per_file })))
    }
}
