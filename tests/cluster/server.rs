//! Real servers, out of `tests/servers/searchlab`.

use crate::http;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The version that most tests use; one server for all of them.
pub const USUAL: &str = "os-2.19.1";

/// Stops the server and removes its data when standard input ends: also if this process is killed.
const KEEPER: &str = r#"trap '' INT TERM HUP; cat >/dev/null; "$0" stop --data "$1/data"; rm -rf "$1""#;

/// A server that runs as long as this value lives, and no longer than this process.
#[derive(Debug)]
pub struct Server {
    pub version: &'static str,
    pub url: String,
    folder: PathBuf,
    keeper: Child,
}

fn searchlab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers/searchlab/searchlab")
}

impl Server {
    pub fn start(version: &'static str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("ferry-cluster-test-{}-{version}", std::process::id()));
        std::fs::create_dir_all(folder.join("repositories")).unwrap();
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER]).arg(searchlab()).arg(&folder).stdin(Stdio::piped());
        let keeper = keeper.spawn().expect("a shell");
        let mut start = Command::new(searchlab());
        start.args(["start", version, "--data"]).arg(folder.join("data"));
        start.arg("--repo").arg(folder.join("repositories"));
        start.args(["-E", "cluster.routing.allocation.disk.threshold_enabled=false"]);
        if !version.starts_with("es-6") {
            // A small heap that is full of garbage is no reason to refuse requests.
            start.args(["-E", "indices.breaker.total.use_real_memory=false"]);
        }
        let output = start.stderr(Stdio::inherit()).output().expect("searchlab runs");
        assert!(output.status.success(), "{version} did not start");
        let url = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self { version, url, folder, keeper }
    }

    /// The one that tests share.
    pub fn usual() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(USUAL))
    }

    /// A folder in which the server may have repositories.
    pub fn repositories(&self) -> PathBuf {
        self.folder.join("repositories")
    }

    /// Deletes every index, by name: some servers take no patterns.
    pub fn clear(&self) {
        let state = http::get(&self.url, "/_cluster/state/metadata?filter_path=metadata.indices.*.state");
        for index in state["metadata"]["indices"].as_object().into_iter().flat_map(|indices| indices.keys()) {
            http::json(&self.url, "DELETE", &format!("/{}", http::encoded(index)), &Value::Null);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait(); // It says itself what is wrong.
    }
}
