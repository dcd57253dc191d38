//! Comparisons with a fake cluster: of real snapshots with their truth, and of two clusters.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod fake;
#[path = "../../../tests/support/mod.rs"]
mod support;

mod snapshots;
mod two_clusters;

use engine::snapshot::{IndexSelection, Repository};
use engine::storage::{Location, S3Options};
use engine::target::{Client, ClientOptions};
use engine::verify::{Counts, Endpoint, Error, Progress, Report, Sample, Settings, Source, probe, run};
use fake::Fake;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use support::scratch;
use url::Url;

fn client(url: &Url) -> Client {
    Client::new(ClientOptions { timeout: Duration::from_secs(20), ..ClientOptions::new(url.clone()) })
        .unwrap()
}

async fn endpoint(fake: &Fake) -> Endpoint {
    probe(client(&fake.url)).await.unwrap()
}

/// Settings of a comparison of these indices, with a folder of its own for the differences.
fn settings(test: &str, indices: &[&str]) -> Settings {
    Settings {
        selection: IndexSelection::new(indices.iter().map(|index| index.parse().unwrap()).collect()),
        transforms: None,
        sample: Sample::ALL,
        live: false,
        repair: None,
        differences: scratch(&format!("verify-{test}")).join("differences.ndjson"),
        memory: 256 << 20,
        threads: NonZeroUsize::new(2).unwrap(),
        source_version: None,
    }
}

/// Compares snapshot `snap1` of a repository with a target.
async fn compare(repository: &Path, target: Endpoint, settings: &Settings) -> Result<Report, Error> {
    let location: Location = repository.to_str().unwrap().parse().unwrap();
    let repository = Repository::open(location, S3Options::default()).await.unwrap();
    let snapshot = repository.snapshot("snap1").await.unwrap();
    run(&Source::Snapshot(&snapshot), target, settings, &Arc::new(Progress::default())).await
}

/// Compares two clusters.
async fn compare_clusters(source: &Fake, target: &Fake, settings: &Settings) -> Result<Report, Error> {
    let source = Source::Cluster(endpoint(source).await);
    run(&source, endpoint(target).await, settings, &Arc::new(Progress::default())).await
}

/// The lines of the file of differences, as `kind _id routing pointer expected found`.
fn differences(report: &Report) -> Vec<String> {
    let Some(path) = &report.differences else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let part = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
            ["kind", "_id", "routing", "pointer", "expected", "found"].map(part).join(" ")
        })
        .collect();
    lines.sort();
    lines
}

/// Selected, equal, missing, different, extra.
fn numbers(counts: &Counts) -> [u64; 5] {
    [counts.selected, counts.equal, counts.missing, counts.different, counts.extra]
}

fn absent(path: &Path) -> PathBuf {
    assert!(!path.exists(), "{}", path.display());
    path.to_owned()
}
