//! Blobs that are damaged in the repository: what is in them is given up, everything else goes on.

use crate::http;
use crate::job::{Job, number};
use crate::server::Server;
use crate::source::Source;
use crate::support::{copy_folder, json_of};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy)]
enum Damage {
    /// 100 bytes in the middle are zero.
    Zeros,
    /// What follows the middle is missing.
    Cut,
    Missing,
}

/// Where the stored fields of a segment are: a range of a blob.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct StoredFields {
    len: usize,
    start: usize,
    blob: PathBuf,
}

impl StoredFields {
    /// The largest below a folder.
    fn largest(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let of = |path: PathBuf| if path.is_dir() { Self::largest(&path) } else { Self::of(path) };
        entries.map(of).max().unwrap_or_default()
    }

    /// In the blob of a compound file or of the stored fields: from the name of the codec to the next footer.
    fn of(blob: PathBuf) -> Self {
        let bytes = fs::read(&blob).unwrap();
        let find = |from: usize, what: &[u8]| {
            let found = bytes[from..].windows(what.len()).position(|window| window == what);
            found.map(|at| from + at)
        };
        let Some(start) = find(0, b"StoredFieldsFastData") else { return Self::default() };
        let end = find(start, &[0xC0, 0x28, 0x93, 0xE8]).unwrap();
        Self { len: end - start, start, blob }
    }

    fn damage(&self, damage: Damage) {
        let mut bytes = fs::read(&self.blob).unwrap();
        let middle = self.start + self.len / 2;
        match damage {
            Damage::Zeros => bytes[middle..middle + 100].fill(0),
            Damage::Cut => bytes.truncate(middle),
            Damage::Missing => return fs::remove_file(&self.blob).unwrap(),
        }
        fs::write(&self.blob, bytes).unwrap();
    }
}

/// Ids in the target.
pub fn ids(url: &str, index: &str) -> BTreeSet<String> {
    let hits = http::hits(url, index, false);
    let ids: BTreeSet<_> = hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), hits.len(), "no id is there twice");
    ids
}

fn poisoned(name: &'static str, damage: Damage, reason: &str) {
    let server = Server::usual();
    let source = Source::with_deletes(server, name, 6000, 2);
    let job = Job::new(name, &source.repo, "snap", &server.url).with("--item-bytes 200KB");
    let aside = job.folder.join("whole");
    copy_folder(&source.repo, &aside);
    StoredFields::largest(&source.repo).damage(damage);

    let output = job.backfill("");
    let report = json_of(&output);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let total = &report["total"];
    let [selected, written, quarantined] =
        ["selected", "written", "quarantined"].map(|what| number(total, what));
    assert_eq!((selected, number(total, "failed")), (source.documents(), 0));
    assert_eq!(written + quarantined, selected, "the books balance");
    assert!(quarantined > 0 && quarantined < selected, "{quarantined} of {selected}");
    assert_eq!(report["outcome"], "complete_with_failures");
    let there = ids(&server.url, name);
    assert_eq!(there.len() as u64, written, "all that counts as written is there");
    assert!(there.is_subset(&source.live));
    check_status(&job, reason);
    let missing = job.verify();
    println!(
        "poison {name}: {written} of {selected} written, {quarantined} quarantined; verify: {}",
        missing.total
    );

    fs::remove_dir_all(&source.repo).unwrap();
    copy_folder(&aside, &source.repo);
    assert_eq!(job.backfill("").status.code(), Some(1), "what was given up stays so");
    let output = job.backfill("--retry-quarantined");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(number(&json_of(&output)["total"], "written"), selected);
    assert_eq!(ids(&server.url, name), source.live);
    job.verify().assert_equal(selected);
    assert_eq!(job.status_output("").status.code(), Some(0));
    println!("poison {name}: after the repair {selected} of {selected} written, verify equal");
    http::json(&server.url, "DELETE", &format!("/{name}"), &Value::Null);
}

/// `status` ends with 1 and says why.
fn check_status(job: &Job, reason: &str) {
    let status = job.status_output("");
    let text = String::from_utf8(status.stdout).unwrap();
    assert_eq!(status.status.code(), Some(1), "{text}");
    let line = text.lines().find(|line| line.starts_with("quarantined: work item")).expect(&text);
    println!("poison {}: status: {line}", job.session);
    assert!(line.contains(reason), "{line}");
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_damaged_bytes_cost_the_documents_in_them_until_they_are_repaired() {
    poisoned("zeros", Damage::Zeros, "corrupt");
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_a_cut_blob_costs_the_documents_in_it_until_it_is_repaired() {
    poisoned("cut", Damage::Cut, "expected");
}

#[test]
#[ignore = "needs a JDK and Maven"]
fn cluster_quick_a_missing_blob_costs_the_documents_in_it_until_it_is_back() {
    poisoned("missing", Damage::Missing, "not found");
}
