//! A repository of Elasticsearch 1 with a segment of Lucene 4.0, as indices that were carried over from 0.90 have:
//! no server of ours writes it. Its documents are not compressed, so that they can be made to any size.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use engine::backfill::{self, Outcome, Progress, Report, Settings};
use engine::ndjson::{FileOptions, LineFormat, LineTarget};
use engine::snapshot::{IndexSelection, Repository};
use engine::storage::{Location, S3Options};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// What a unit reserves beside its bytes.
const WORKSPACE: u64 = 4 << 20;

fn vint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn string(text: &[u8]) -> Vec<u8> {
    [&vint(text.len())[..], text].concat()
}

fn header(codec: &str) -> Vec<u8> {
    [&[0x3F, 0xD7, 0x6C, 0x17][..], &string(codec.as_bytes()), &[0; 4]].concat()
}

/// An index `i` of one shard of one segment: `_uid`s and sources.
struct Index {
    folder: PathBuf,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Index {
    fn new(name: &str, documents: &[(&str, &[u8])]) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let (mut fdt, mut fdx) = (header("Lucene40StoredFieldsData"), header("Lucene40StoredFieldsIndex"));
        for (uid, source) in documents {
            fdx.extend((fdt.len() as u64).to_be_bytes());
            fdt.extend([&[2, 0, 0][..], &string(uid.as_bytes()), &[1, 2], &string(source)].concat());
        }
        let count = u32::try_from(documents.len()).unwrap().to_be_bytes();
        let info = [&header("Lucene40SegmentInfo")[..], &string(b"4.0"), &count, &[0xFF], &[0; 12]].concat();
        let field = |name: &str, number| [&string(name.as_bytes())[..], &[number, 0, 0], &[0; 4]].concat();
        let fields = [header("Lucene40FieldInfos"), vec![2], field("_uid", 0), field("_source", 1)].concat();
        let segment = [&string(b"_0")[..], &string(b"Lucene40"), &[0xFF; 8], &[0; 4]].concat();
        let commit = [&header("segments")[..], &[0; 12], &[0, 0, 0, 1], &segment, &[0; 4]].concat();
        let checksum = u64::from(crc32fast::hash(&commit)).to_be_bytes();
        let files = vec![
            ("segments_1", [&commit[..], &checksum].concat()),
            ("_0.si", info),
            ("_0.fnm", fields),
            ("_0.fdt", fdt),
            ("_0.fdx", fdx),
        ];
        Self { folder, files }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.join("repo").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes the repository; the index says that it has one shard, and has so many.
    fn write(&self, shards: u32) {
        self.put("index", br#"{"snapshots":["s"]}"#);
        self.put(
            "snapshot-s",
            br#"{"snapshot":{"name":"s","version_id":1070699,"indices":["i"],"state":"SUCCESS"}}"#,
        );
        self.put(
            "indices/i/snapshot-s",
            br#"{"i":{"settings":{"index.number_of_shards":"1"},"mappings":[{"t":{}}]}}"#,
        );
        for shard in 0..shards {
            let mut list = Vec::new();
            for (number, (name, bytes)) in self.files.iter().enumerate() {
                self.put(&format!("indices/i/{shard}/__{number}"), bytes);
                let length = bytes.len();
                list.push(format!(r#"{{"name":"__{number}","physical_name":"{name}","length":{length}}}"#));
            }
            let list = format!(r#"{{"name":"s","files":[{}]}}"#, list.join(","));
            self.put(&format!("indices/i/{shard}/snapshot-s"), list.as_bytes());
        }
    }

    async fn backfill(&self, memory: u64) -> (Report, String) {
        let location = Location::File(self.folder.join("repo"));
        let repository = Repository::open(location, S3Options::default()).await.unwrap();
        let snapshot = repository.snapshot("s").await.unwrap();
        let out = self.folder.join("out");
        let settings = Settings {
            selection: IndexSelection::default(),
            target: LineTarget::Directory(out.clone()),
            format: LineFormat::Document,
            files: FileOptions { overwrite: true, ..FileOptions::default() },
            failed_documents: out.join("failed-documents.ndjson"),
            memory,
            threads: NonZeroUsize::MIN,
            source_version: None,
        };
        let report = backfill::run(&snapshot, &settings, &Arc::new(Progress::default())).await.unwrap();
        (report, fs::read_to_string(out.join("i/part-00001.ndjson")).unwrap_or_default())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn documents_of_lucene_4_0_are_read() {
    let index = Index::new("lucene40", &[("t#1", b"{\"a\":1}"), ("u#x", b"{ }")]);
    index.write(1);
    let (report, lines) = index.backfill(64 << 20).await;
    assert_eq!(report.outcome(), Outcome::Complete);
    let expected = "{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"1\",\"_source\":{\"a\":1}}\n\
         {\"_index\":\"i\",\"_type\":\"u\",\"_id\":\"x\",\"_source\":{ }}\n";
    assert_eq!(lines, expected);
}

/// A large source: white space after its brace, a newline in it if it is of several lines.
fn source(length: usize, of_several_lines: bool) -> Vec<u8> {
    let mut source = vec![b' '; length];
    source[0] = b'{';
    source[length - 1] = b'}';
    if of_several_lines {
        source[1] = b'\n';
    }
    source
}

#[tokio::test]
async fn a_large_source_of_several_lines_reserves_memory_for_its_copy() {
    let length = 6 << 20;
    let reserved = async |name, of_several_lines| {
        let source = source(length, of_several_lines);
        let index = Index::new(name, &[("t#1", &source)]);
        index.write(1);
        let (report, lines) = index.backfill(64 << 20).await;
        assert_eq!((report.outcome(), report.total().written), (Outcome::Complete, 1));
        assert_eq!(lines.lines().count(), 1);
        report.peak_reserved - WORKSPACE - 2 * length as u64 // what is fetched, and what it holds
    };
    assert!(reserved("one-line", false).await < 4096);
    let copied = reserved("several-lines", true).await - length as u64;
    assert!(copied < 4096, "{copied}");
}

#[tokio::test]
async fn a_source_larger_than_the_budget_is_written_all_the_same() {
    for of_several_lines in [false, true] {
        let source = source(6 << 20, of_several_lines);
        let index = Index::new(&format!("over-{of_several_lines}"), &[("t#1", &source), ("t#2", b"{}")]);
        index.write(1);
        let (report, lines) = index.backfill(5 << 20).await;
        assert_eq!((report.outcome(), lines.lines().count()), (Outcome::Complete, 2));
    }
}

/// Metadata of Elasticsearch 1 has no checksum: one wrong bit makes another number of it.
#[tokio::test]
async fn a_shard_beyond_the_number_of_shards_is_not_lost() {
    let index = Index::new("shards", &[("t#1", b"{}")]);
    index.write(2);
    let (report, _) = index.backfill(64 << 20).await;
    assert_eq!(report.outcome(), Outcome::CompleteWithFailures);
    let reason = report.indices.first().and_then(|index| index.counts.first_failure.as_deref()).unwrap();
    let expected = "could not decode the metadata of index `i`: `indices/i/snapshot-s`: corrupt at byte 0: \
         `index.number_of_shards` is 1, and the snapshot has a shard 1 of the index";
    assert_eq!(reason, expected);
}
