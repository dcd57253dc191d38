//! Repositories with one damaged blob: what `ferry snapshot check` says, whole, and what `ferry backfill` still writes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod es_1_7_6;
mod es_7_10_2;
mod os_3_5_0;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::{Mutex, PoisonError};
use support::truth::{Document, document, truth, written_lines};
use support::{copy_folder, ferry_in, fixture, json_of, scratch};

/// What is done to a blob.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Missing,
    /// Only this many bytes are left.
    Cut(usize),
    /// One bit of the byte at this place is another one.
    Flip(usize),
    /// As `Flip`, counted from the end.
    FlipFromEnd(usize),
    /// Bytes after the end.
    Longer(usize),
}

impl Damage {
    fn apply(self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        let length = bytes.len();
        match self {
            Self::Missing => return fs::remove_file(path).unwrap(),
            Self::Cut(left) => bytes.truncate(left),
            Self::Flip(at) => bytes[at] ^= 0x10,
            Self::FlipFromEnd(back) => bytes[length - back] ^= 0x10,
            Self::Longer(more) => bytes.resize(length + more, 0),
        }
        fs::write(path, bytes).unwrap();
    }
}

/// A damaged repository and what is expected of it.
struct Case {
    fixture: &'static str,
    name: &'static str,
    index: &'static str,
    blob: &'static str,
    damage: Damage,
    /// All that `check` prints on standard output; `REPO` is the URL of the repository.
    check: &'static str,
    /// Documents that `backfill` writes and that fail, and the reason of the first failure; that of a checksum only
    /// where there is no other.
    written: usize,
    failed: u64,
    /// Segments of which documents are written though the checksum of their stored fields is wrong.
    untrusted: u64,
    reason: &'static str,
}

impl Case {
    fn damaged(&self) -> std::path::PathBuf {
        let folder = scratch(&format!("damaged-{}-{}", self.fixture, self.name));
        copy_folder(&fixture(self.fixture).join("repo"), &folder.join("repo"));
        self.damage.apply(&folder.join("repo").join(self.blob));
        folder
    }

    fn ferry(&self, folder: &Path, command: &[&str], rest: &[&str]) -> Output {
        let selection = ["--repo", "repo", "--snapshot", "snap1", "--indices", self.index];
        ferry_in(folder, &[command, &selection, rest].concat())
    }

    fn run(&self) {
        let folder = self.damaged();
        let url = format!("file://{}", fs::canonicalize(folder.join("repo")).unwrap().display());
        let check = self.ferry(&folder, &["snapshot", "check"], &[]);
        let text = String::from_utf8(check.stdout).unwrap().replace(&url, "REPO");
        assert_eq!(text.trim_end(), self.check.trim(), "standard output of check");
        assert_eq!(check.status.code(), Some(1), "a fault is exit status 1");
        self.check_backfill(&folder, &url);
        fs::remove_dir_all(folder).unwrap();
    }

    fn check_backfill(&self, folder: &Path, url: &str) {
        let output = self.ferry(folder, &["backfill"], &["--target", "ndjson:out", "--output", "json"]);
        let total = &json_of(&output)["total"];
        let unknown_shards = total["unknown_shards"].as_u64().unwrap();
        let status = i32::from(self.failed + unknown_shards + self.untrusted > 0);
        assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));

        let truth = true_documents(self.fixture, self.index);
        let lines = written_lines(&folder.join("out"), self.index);
        let written: BTreeSet<_> = lines.iter().map(|line| document(line)).collect();
        assert_eq!(written.difference(&truth).count(), 0, "all that is written is true");
        assert_eq!((lines.len(), written.len()), (self.written, self.written), "documents written");

        let failed: u64 =
            total["failed"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        let number = |key: &str| total[key].as_u64().unwrap();
        assert_eq!(failed, self.failed, "documents failed");
        assert_eq!(number("selected"), number("written") + number("excluded") + failed, "the books balance");
        assert!(unknown_shards > 0 || self.written as u64 + failed == truth.len() as u64, "none is lost");

        let text = fs::read_to_string(folder.join("out/failed-documents.ndjson")).unwrap_or_default();
        let records: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let recorded: u64 = records.iter().map(|record| record["live"].as_u64().unwrap_or(0)).sum();
        assert_eq!(recorded, failed, "each failed document is recorded");
        let (untrusted, others): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| record["class"] == "checksum");
        assert_eq!(untrusted.len() as u64, self.untrusted, "segments that cannot be trusted");
        assert_eq!(number("untrusted_segments"), self.untrusted, "they are counted");
        let first = others.first().or(untrusted.first());
        let reason = first.map_or("", |record| record["reason"].as_str().unwrap());
        assert_eq!(reason.replace(url, "REPO"), self.reason, "the reason that is recorded");
    }
}

/// The true documents of an index; the truth of a server is read once.
fn true_documents(name: &'static str, index: &str) -> BTreeSet<Document> {
    static READ: Mutex<BTreeMap<&str, BTreeMap<String, Vec<Document>>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let indices = read.entry(name).or_insert_with(|| truth(&fixture(name), "snap1"));
    indices[index].iter().cloned().collect()
}

/// A repository of which a blob is damaged that all else hangs on: nothing is done, and the whole error.
fn refused(fixture_name: &str, name: &str, blob: &str, damage: Damage, expected: &str) {
    let folder = scratch(&format!("refused-{fixture_name}-{name}"));
    copy_folder(&fixture(fixture_name).join("repo"), &folder.join("repo"));
    damage.apply(&folder.join("repo").join(blob));
    let url = format!("file://{}", fs::canonicalize(folder.join("repo")).unwrap().display());
    for command in [&["snapshot", "check"][..], &["backfill", "--target", "null:"]] {
        let output = ferry_in(&folder, &[command, &["--repo", "repo", "--snapshot", "snap1"]].concat());
        let error = String::from_utf8(output.stderr).unwrap().replace(&url, "REPO");
        assert_eq!(error.trim(), expected.trim(), "{command:?}");
        assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()));
    }
}

macro_rules! damaged {
    ($fixture:literal $($name:ident: $index:literal $blob:literal $damage:expr, $written:literal, $failed:literal, $untrusted:literal, $reason:literal, $check:literal;)*) => {
        $(#[test]
        fn $name() {
            crate::Case {
                fixture: $fixture,
                name: stringify!($name),
                index: $index,
                blob: $blob,
                damage: $damage,
                check: $check,
                written: $written,
                failed: $failed,
                untrusted: $untrusted,
                reason: $reason,
            }
            .run();
        })*
    };
}
pub(crate) use damaged;
