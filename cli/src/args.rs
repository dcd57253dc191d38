//! Arguments that several commands share, and the values they parse into.

use crate::telemetry::LogArgs;
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::snapshot::{IndexPattern, IndexSelection, Repository};
use engine::storage::{Location, S3Options};

/// Moves Elasticsearch and OpenSearch clusters to OpenSearch, and proves that nothing was lost
#[derive(Debug, Parser)]
#[command(name = "ferry", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    /// File of options, YAML or JSON: `memory: 1GiB` and the like, under the names of the flags, which win over it
    #[arg(long, value_name = "FILE", env = "FERRY_CONFIG", global = true)]
    config: Option<std::path::PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

const EXIT_STATUS: &str = "\
Exit status: 0 complete, 1 complete with failed documents (or faults found), 2 could not run or was stopped.
Every option can be given as an environment variable too: `FERRY_` and its name, such as FERRY_MEMORY=1GiB; or in a file, see
`--config`.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Backfill(Box<crate::commands::backfill::BackfillArgs>),
    #[command(subcommand)]
    Failed(crate::commands::failed::FailedCommand),
    Replay(Box<crate::commands::replay::ReplayArgs>),
    #[command(subcommand)]
    Snapshot(crate::commands::snapshot::SnapshotCommand),
    Verify(Box<crate::commands::verify::VerifyArgs>),
}

/// Where the snapshot repository is.
#[derive(Debug, Args)]
pub(crate) struct RepositoryArgs {
    /// Snapshot repository: `s3://bucket/prefix`, `file:///path`, or a path
    #[arg(long, value_name = "URI", env = "FERRY_REPO", required = true)]
    repo: Option<Location>,
    /// AWS region of the bucket [default: from the environment or the AWS profile]
    #[arg(long, value_name = "REGION", env = "FERRY_S3_REGION", help_heading = "S3")]
    s3_region: Option<String>,
    /// Endpoint of an S3-compatible server, such as `http://127.0.0.1:9000`
    #[arg(long, value_name = "URL", env = "FERRY_S3_ENDPOINT", help_heading = "S3")]
    s3_endpoint: Option<String>,
    /// Address the bucket in the path, not in the host name
    #[arg(long, env = "FERRY_S3_PATH_STYLE", help_heading = "S3")]
    s3_path_style: bool,
    /// Requests to the repository at once, at most
    #[arg(long, value_name = "N", env = "FERRY_S3_MAX_REQUESTS", default_value = "32", help_heading = "S3")]
    s3_max_requests: std::num::NonZeroU16,
}

impl RepositoryArgs {
    /// Opens the repository and reads its catalog.
    pub(crate) async fn open(&self) -> anyhow::Result<Repository> {
        let repo = self.repo.clone().ok_or_else(|| anyhow::anyhow!("`--repo` is needed"))?;
        Ok(Repository::open(repo, self.s3()).await?)
    }

    /// How S3 is reached.
    pub(crate) fn s3(&self) -> S3Options {
        S3Options {
            region: self.s3_region.clone(),
            endpoint: self.s3_endpoint.clone(),
            force_path_style: self.s3_path_style,
            max_requests: usize::from(self.s3_max_requests.get()),
            ..S3Options::default()
        }
    }
}

/// Which indices of a snapshot are meant.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Indices: names, patterns with `*`, `regex:EXPRESSION`, and `-` before any of them to exclude
    /// [default: all but system indices]
    #[arg(
        long,
        value_name = "PATTERNS",
        value_delimiter = ',',
        allow_hyphen_values = true,
        env = "FERRY_INDICES"
    )]
    pub(crate) indices: Vec<IndexPattern>,
}

impl SelectionArgs {
    /// What the patterns select; without any, every index.
    pub(crate) fn selection_of_all(self) -> IndexSelection {
        if self.indices.is_empty() { IndexSelection::everything() } else { IndexSelection::new(self.indices) }
    }
}

/// Form of what a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputForm {
    /// Tables and words
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// The form option of a command.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Form of the result
    #[arg(long, value_enum, value_name = "FORM", default_value_t, env = "FERRY_OUTPUT", help_heading = None::<&str>)]
    pub(crate) output: OutputForm,
}

/// A number of bytes, such as `512MiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let size: ByteSize =
        text.parse().map_err(|_| "expected a number of bytes, such as `512MiB` or `1GB`".to_owned())?;
    Ok(size.as_u64())
}
