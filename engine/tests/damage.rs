//! Every blob that a backfill needs, cut at every length and with every byte damaged: never a panic, never a wait
//! without end, never a document lost without a word.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, and says what it counted"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

use engine::backfill::{self, Outcome, Progress, Report, Settings};
use engine::inspect::{self, CheckReport, CheckSettings};
use engine::ndjson::{FileOptions, LineCompression, LineFormat, LineTarget};
use engine::snapshot::{IndexSelection, Repository};
use engine::storage::{Location, S3Options};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use support::truth::{Document, document, truth};
use support::{copy_folder, fixture, scratch};

/// No run of a few documents takes this long.
const HANGS: Duration = Duration::from_secs(20);

/// One index of a copy of a repository.
struct Subject {
    name: &'static str,
    index: &'static str,
    folder: PathBuf,
    lines: BTreeSet<String>,
    selected: u64,
}

/// What reading a damaged repository came to.
struct Outcomes {
    /// The faults, or why there could be no check.
    check: engine::Result<CheckReport>,
    /// The report and the lines, or why there could be no run.
    backfill: engine::Result<(Report, Vec<String>)>,
}

/// Damages by whether a check found the blob, and what a backfill made of it.
type Counts = BTreeMap<(bool, Backfill), u64>;

/// How a backfill took a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Backfill {
    /// It did not start.
    Stopped,
    /// It recorded failures; all lines are true.
    Failed,
    /// All documents, as they were.
    Exact,
    /// Lines that are not those of the undamaged repository, and a record that says so.
    Told,
    /// Lines that are not those of the undamaged repository, without a word.
    Differs,
    /// Fewer lines, without a word.
    Lost,
}

impl Subject {
    async fn new(name: &'static str, index: &'static str) -> Self {
        let folder = in_memory(&format!("damage-{name}-{index}"));
        copy_folder(&fixture(name).join("repo"), &folder.join("repo"));
        let mut subject = Self { name, index, folder, lines: BTreeSet::new(), selected: 0 };
        let (report, lines) = subject.read().await.backfill.unwrap();
        assert_eq!(report.outcome(), Outcome::Complete);
        let mut found: Vec<Document> = lines.iter().map(|line| document(line)).collect();
        found.sort();
        assert_eq!(found, truth(&fixture(name), "snap1")[index], "{name} {index}: the undamaged index");
        subject.selected = report.total().selected;
        subject.lines = lines.into_iter().collect();
        subject
    }

    /// Checks and copies the index as its repository is now.
    async fn read(&self) -> Outcomes {
        let location = Location::File(self.folder.join("repo"));
        let repository = match Repository::open(location, S3Options::default()).await {
            Ok(repository) => repository,
            Err(error) => return Outcomes::none(error),
        };
        let snapshot = match repository.snapshot("snap1").await {
            Ok(snapshot) => snapshot,
            Err(error) => return Outcomes::none(error),
        };
        let selection = IndexSelection::new(vec![self.index.parse().unwrap()]);
        let threads = NonZeroUsize::MIN;
        let settings =
            CheckSettings { selection: selection.clone(), all_blobs: false, memory: 64 << 20, threads };
        let check = tokio::time::timeout(HANGS, inspect::check(&snapshot, &settings)).await;
        let out = self.folder.join("out");
        let _ = fs::remove_dir_all(&out);
        let settings = Settings {
            selection,
            target: LineTarget::Directory(out.clone()),
            format: LineFormat::Document,
            files: FileOptions {
                compression: LineCompression::None,
                rotate_bytes: 1 << 30,
                overwrite: false,
            },
            failed_documents: out.join("failed-documents.ndjson"),
            memory: 64 << 20,
            threads,
            source_version: None,
        };
        let progress = Arc::new(Progress::default());
        let run = backfill::run(&snapshot, &settings, &progress);
        let run = tokio::time::timeout(HANGS, run).await.expect("a backfill ends");
        Outcomes {
            check: check.expect("a check ends"),
            backfill: run.map(|report| (report, lines_of(&out.join(self.index)))),
        }
    }

    /// What the run came to; its books must balance, and each failure must be recorded.
    fn judge(&self, report: &Report, lines: &[String], what: &str) -> Backfill {
        let total = report.total();
        assert_ne!(report.outcome(), Outcome::Unbalanced, "{what}: {total:?}");
        assert_eq!(total.written, lines.len() as u64, "{what}");
        assert!(total.selected == self.selected || total.unknown_shards > 0, "{what}: {total:?}");
        let text = fs::read_to_string(self.folder.join("out/failed-documents.ndjson")).unwrap_or_default();
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let recorded: u64 = records.map(|record| record["live"].as_u64().unwrap_or(0)).sum();
        assert_eq!(recorded, total.failed_total(), "{what}: {text}");
        let differs = lines.iter().any(|line| !self.lines.contains(line));
        match report.outcome() {
            Outcome::CompleteWithFailures if differs => Backfill::Told,
            _ if differs => Backfill::Differs,
            Outcome::CompleteWithFailures => Backfill::Failed,
            _ if lines.len() < self.lines.len() => Backfill::Lost,
            _ => Backfill::Exact,
        }
    }

    /// The blobs that a check misses when they are not there, by their paths in the repository.
    async fn needed_blobs(&self) -> Vec<String> {
        let mut needed = Vec::new();
        for blob in blobs(&self.folder.join("repo"), "") {
            let path = self.folder.join("repo").join(&blob);
            let aside = self.folder.join("aside");
            fs::rename(&path, &aside).unwrap();
            let is_needed = !self.read().await.is_clean();
            fs::rename(&aside, &path).unwrap();
            if is_needed {
                needed.push(blob);
            }
        }
        needed
    }

    /// Flips a bit in each of about `most` bytes of a blob, and cuts it at a quarter of these places; with `most`
    /// above its length, at every byte.
    async fn damage(&self, blob: &str, most: usize) -> Counts {
        let path = self.folder.join("repo").join(blob);
        let bytes = fs::read(&path).unwrap();
        let has_checksum = bytes.starts_with(&[0x3F, 0xD7, 0x6C, 0x17]);
        let mut counts = Counts::new();
        for (number, at) in (0..bytes.len()).step_by((bytes.len() / most).max(1)).enumerate() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at * 5 % 8);
            let found = self.damaged(blob, &flipped, &format!("flipped at {at}"), &mut counts).await;
            assert!(found || !has_checksum, "{} `{blob}` flipped at {at}", self.name);
            if number.is_multiple_of(4) || most > bytes.len() {
                let found = self.damaged(blob, &bytes[..at], &format!("cut at {at}"), &mut counts).await;
                assert!(found, "{} `{blob}` cut at {at}", self.name);
            }
        }
        fs::write(&path, &bytes).unwrap();
        counts
    }

    /// Whether a check finds that a blob has these bytes and no longer its own.
    async fn damaged(&self, blob: &str, bytes: &[u8], how: &str, counts: &mut Counts) -> bool {
        fs::write(self.folder.join("repo").join(blob), bytes).unwrap();
        let outcomes = self.read().await;
        let found = outcomes.found(blob);
        let what = format!("{} {} `{blob}` {how}", self.name, self.index);
        let verdict = match &outcomes.backfill {
            Ok((report, lines)) => self.judge(report, lines, &what),
            Err(_) => Backfill::Stopped,
        };
        assert_ne!(verdict, Backfill::Lost, "{what}: {:?}", outcomes.check);
        // What a check can see, a backfill does not pass over.
        assert!(verdict != Backfill::Differs || !found, "{what}: {:?}", outcomes.check);
        *counts.entry((found, verdict)).or_default() += 1;
        found
    }
}

impl Outcomes {
    fn none(error: engine::Error) -> Self {
        let text = engine::error::chain(&error);
        let again = engine::Error::UnreadableSnapshot { name: String::new(), reason: text };
        Self { check: Err(error), backfill: Err(again) }
    }

    /// Whether the check has no fault.
    fn is_clean(&self) -> bool {
        self.check.as_ref().is_ok_and(|report| report.faults.is_empty())
    }

    /// Whether the check has a fault in this blob.
    fn found(&self, blob: &str) -> bool {
        match &self.check {
            Ok(report) => report.faults.iter().any(|fault| fault.blob == blob),
            Err(error) => engine::error::chain(error).contains(blob),
        }
    }
}

/// The lines of an index. What is damaged and not seen can be anything, other text than UTF-8 too.
fn lines_of(folder: &Path) -> Vec<String> {
    let Ok(bytes) = fs::read(folder.join("part-00001.ndjson")) else { return Vec::new() };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// A folder in memory where there is one: tens of thousands of small files are written.
fn in_memory(name: &str) -> PathBuf {
    let folder = Path::new("/dev/shm").join(format!("ferry-{}-{name}", std::process::id()));
    match fs::create_dir(&folder) {
        Ok(()) => folder,
        Err(_) => scratch(name),
    }
}

fn blobs(folder: &Path, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(blobs(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// A check finds all that is cut, and every byte that a checksum is over; a backfill loses nothing in silence.
async fn damages(name: &'static str, index: &'static str, most: usize) {
    let subject = Subject::new(name, index).await;
    let mut all = Counts::new();
    for blob in subject.needed_blobs().await {
        for (key, count) in subject.damage(&blob, most).await {
            *all.entry(key).or_default() += count;
        }
    }
    for ((found, verdict), count) in all {
        let found = if found { "found" } else { "not found" };
        println!("{name} {index}: {count} damages: {found} by check, backfill: {verdict:?}");
    }
    fs::remove_dir_all(&subject.folder).unwrap();
}

/// What names blobs in a repository can be wrong, and each blob whole.
#[tokio::test]
async fn a_whole_blob_in_the_place_of_another_costs_its_segment() {
    let subject = Subject::new("es-7.10.2", "updates").await;
    let location = Location::File(subject.folder.join("repo"));
    let repository = Repository::open(location, S3Options::default()).await.unwrap();
    let snapshot = repository.snapshot("snap1").await.unwrap();
    let files = snapshot.shard(&snapshot.index("updates").await.unwrap(), 0).await.unwrap();
    let mut fields: Vec<_> = files.iter().filter(|file| file.physical_name.ends_with(".fnm")).collect();
    fields.sort_by_key(|file| (file.length, file.physical_name.clone()));
    let pair = fields.windows(2).find(|pair| pair[0].length == pair[1].length).unwrap();
    let path = |name: &str| subject.folder.join("repo").join(files.path(name));
    fs::copy(path(&pair[0].name), path(&pair[1].name)).unwrap();

    let outcomes = subject.read().await;
    assert!(outcomes.found(&files.path(&pair[1].name)));
    let (report, lines) = outcomes.backfill.unwrap();
    assert_eq!(subject.judge(&report, &lines, "swapped"), Backfill::Failed);
    let reason = report.indices[0].counts.first_failure.clone().unwrap();
    assert!(reason.contains(&format!("`{}`: its footer has checksum ", pair[1].physical_name)), "{reason}");
    fs::remove_dir_all(&subject.folder).unwrap();
}

macro_rules! damages {
    ($($(#[$attribute:meta])* $test:ident $name:literal $index:literal $most:expr;)*) => {
        $($(#[$attribute])* #[tokio::test] async fn $test() { damages($name, $index, $most).await; })*
    };
}

damages! {
    es_1_7_6 "es-1.7.6" "odd_json" 150;
    es_6_8_23 "es-6.8.23" "doomed" 150;
    es_8_17_4 "es-8.17.4" "odd_json" 150;
    os_2_19_1 "os-2.19.1" "doomed" 150;
    deleted_by_es_1_7_6 "es-1.7.6" "updates" 20;
    deleted_by_es_8_17_4 "es-8.17.4" "updates" 20;
    nested_of_es_7_10_2 "es-7.10.2" "nested" 20;
    parents_of_es_5_6_16 "es-5.6.16" "parent_child" 20;
    #[ignore = "takes minutes"]
    every_byte_of_es_1_7_6 "es-1.7.6" "odd_json" usize::MAX;
    #[ignore = "takes minutes"]
    every_byte_of_es_6_8_23 "es-6.8.23" "odd_json" usize::MAX;
    #[ignore = "takes minutes"]
    every_byte_of_es_8_17_4 "es-8.17.4" "odd_json" usize::MAX;
    #[ignore = "takes minutes"]
    every_byte_of_os_2_19_1 "os-2.19.1" "odd_json" usize::MAX;
}
