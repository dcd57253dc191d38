//! Where the state of a backfill into a cluster is.

use crate::cluster_args::CoordinatorArgs;
use clap::Args;
use engine::coordination::{Place, SessionName};
use engine::target::Client;
use std::path::PathBuf;

/// The word for `--coordinator` that means the target itself.
const TARGET: &str = "target";

/// Where the state of a session is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Session")]
pub(super) struct SessionArgs {
    /// Name of the job that workers share: `a` to `z`, `0` to `9` and `-`
    #[arg(long, value_name = "NAME", default_value = "backfill", env = "FERRY_SESSION")]
    pub(super) session: SessionName,
    /// Directory that the state is kept in, for processes of this machine
    #[arg(long, value_name = "DIR", default_value = "ferry-state", env = "FERRY_STATE")]
    pub(super) state: PathBuf,
    /// Cluster that the state is kept in, for workers on many machines: a URL, or `target`
    /// [default: none, the state directory]
    #[arg(long, value_name = "URL", env = "FERRY_COORDINATOR")]
    coordinator: Option<String>,
}

impl SessionArgs {
    /// Whether the state is in a cluster.
    pub(super) const fn is_shared(&self) -> bool {
        self.coordinator.is_some()
    }

    /// The place of the state. `target` is the client of the target, if there is one.
    pub(super) fn place(&self, args: &CoordinatorArgs, target: Option<&Client>) -> anyhow::Result<Place> {
        Ok(match (self.coordinator.as_deref(), target) {
            (None, _) => Place::Local(self.state.clone()),
            (Some(TARGET), Some(client)) => Place::OpenSearch(client.clone()),
            (Some(TARGET), None) => anyhow::bail!(
                "`--coordinator target` needs a target that is a cluster: give the URL of the cluster instead"
            ),
            (Some(url), _) => Place::OpenSearch(args.client(url)?),
        })
    }
}
