//! Files of tuples: named by where their requests are, so that what is replayed again takes the place of what was there.

use super::blocks::{Blocks, Compressor, Members};
use super::line::Line;
use crate::error::Result;
use crate::storage::BlobStore;
use crate::traffic::Ledger;
use bytes::Bytes;
use codecs::compression::compress_gzip;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The name of a file ends so.
const SUFFIX: &str = ".ndjson.gz";

/// When a file is closed and the next one begun. What is not in a closed file is not committed.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// Bytes of tuples, not compressed.
    pub bytes: u64,
    /// Since the first tuple in it.
    pub age: Duration,
    /// Tuples; 0 for no limit.
    pub tuples: u64,
}

impl Default for Rotation {
    /// 64 MiB, 10 s, any number.
    fn default() -> Self {
        Self { bytes: 64 << 20, age: Duration::from_secs(10), tuples: 0 }
    }
}

/// The tuples of one partition, while it is assigned.
///
/// A tuple belongs to the offset of the record with the first byte of its request. It waits until every record before that one,
/// and the record itself, is done with, so a file has exactly the tuples of its range of offsets: `TOPIC-PARTITION/FIRST-NEXT.ndjson.gz`.
#[derive(Debug)]
pub(super) struct PartitionTuples {
    ledger: Ledger,
    folder: String,
    /// The first offset of the file that is being written.
    first: i64,
    /// The offset up to which its tuples are in it.
    next: i64,
    /// Tuples that wait, by offset.
    waiting: BTreeMap<i64, Vec<Line>>,
    file: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    blocks: Blocks,
    bytes: u64,
    tuples: u64,
    since: Instant,
}

/// A file to which nothing is added any more.
#[derive(Debug)]
pub(super) struct ClosedFile {
    pub(super) path: String,
    pub(super) members: Members,
    pub(super) tuples: u64,
}

impl PartitionTuples {
    /// Of a partition that was assigned just now.
    pub(super) fn new(ledger: Ledger) -> Self {
        let folder = format!("{}-{}", path_name(ledger.topic()), ledger.partition());
        let first = ledger.done();
        Self { ledger, folder, first, next: first, waiting: BTreeMap::new(), file: None }
    }

    /// Empties the files of offsets that are replayed again: written, but not committed, by a process that was ended.
    pub(super) async fn empty_stale(&self, store: &BlobStore) -> Result<()> {
        let listing = store.list(&self.folder).await?;
        let is_stale = |name: &&str| first_of(name).is_some_and(|first| first >= self.first);
        let names = listing.blobs.iter().map(|blob| blob.name.as_str());
        let stale: Vec<&str> = names.filter(is_stale).collect();
        if !stale.is_empty() {
            let (folder, files, from) = (&self.folder, stale.len(), self.first);
            tracing::warn!(%folder, files, from, "files of tuples were not committed: emptied, their requests are replayed again");
        }
        for name in stale {
            store.put(&format!("{}/{name}", self.folder), empty_file()).await?;
        }
        Ok(())
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Adds a tuple. Its record must not be done with yet: the caller still holds a token. Of a partition that is another's it is
    /// dropped.
    pub(super) fn add(&mut self, offset: i64, line: Line) {
        if self.ledger.is_revoked() {
            return;
        }
        self.waiting.entry(offset).or_default().push(line);
    }

    /// Drops all tuples that are in no closed file.
    pub(super) fn give_up(&mut self) {
        self.waiting.clear();
        self.file = None;
    }

    /// Moves tuples into the file up to `done`. The caller asked the ledger for it **before** it took what it added last.
    pub(super) async fn advance(&mut self, done: i64, compressor: &Compressor) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() < done) {
            let mut lines = entry.remove();
            lines.sort_by_key(|line| line.index);
            let file = self.file.get_or_insert_with(OpenFile::new);
            for line in lines {
                file.bytes = file.bytes.saturating_add(line.text.len() as u64);
                file.tuples = file.tuples.saturating_add(1);
                file.blocks.add(line, compressor).await;
            }
        }
        if let Some(file) = &mut self.file {
            file.blocks.compress_old(compressor).await;
        }
        self.next = self.next.max(done);
    }

    /// Tuples that wait for an earlier record, and bytes in the file that is being written.
    #[cfg(test)]
    fn backlog(&self) -> (usize, u64) {
        (self.waiting.len(), self.file.as_ref().map_or(0, |file| file.bytes))
    }

    /// Whether the file is to be closed.
    pub(super) fn is_due(&self, rotation: &Rotation) -> bool {
        self.file.as_ref().is_some_and(|file| {
            file.bytes >= rotation.bytes
                || file.since.elapsed() >= rotation.age
                || (rotation.tuples > 0 && file.tuples >= rotation.tuples)
        })
    }

    /// Whether nothing is to be written before the offset can be committed.
    pub(super) fn is_clean(&self) -> bool {
        self.file.is_none()
    }

    /// Closes the file: what is to be stored, if anything, and the offset that may be committed then.
    pub(super) async fn close(&mut self, compressor: &Compressor) -> (Option<ClosedFile>, i64) {
        let (first, next) = (self.first, self.next);
        self.first = next;
        let Some(OpenFile { blocks, tuples, .. }) = self.file.take() else { return (None, next) };
        let members = blocks.close(compressor).await;
        let path = format!("{}/{first:020}-{next:020}{SUFFIX}", self.folder);
        (Some(ClosedFile { path, members, tuples }), next)
    }
}

impl OpenFile {
    fn new() -> Self {
        Self { blocks: Blocks::default(), bytes: 0, tuples: 0, since: Instant::now() }
    }
}

/// A topic, or the name of a file, as a part of a path.
fn path_name(topic: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let name: String = topic.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    // Two names that look the same now must not share a folder.
    if name == topic && !name.starts_with('.') {
        name
    } else {
        format!("_{name}-{:08x}", crc32fast::hash(topic.as_bytes()))
    }
}

/// The first offset of a file, by its name.
fn first_of(name: &str) -> Option<i64> {
    name.strip_suffix(SUFFIX)?.split_once('-')?.0.parse().ok()
}

fn empty_file() -> Bytes {
    compress_gzip(&[]).unwrap_or_default().into() // Writing into memory does not fail.
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::blocks::join;
    use crate::replay::line::Text;
    use crate::replay::workers::Workers;
    use crate::storage::{Location, S3Options};
    use flate2::read::MultiGzDecoder;
    use std::io::Read;
    use std::sync::Arc;

    fn line(text: &str) -> Line {
        numbered(0, text)
    }

    fn numbered(index: u64, text: &str) -> Line {
        Line { text: Text::new(format!("{text}\n").into_bytes(), Arc::default()), index, memory: Vec::new() }
    }

    fn compressor() -> Compressor {
        Compressor::new(Workers::new(), 1 << 20)
    }

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    async fn content(file: ClosedFile) -> String {
        text(&join(file.members).await.unwrap())
    }

    #[tokio::test]
    async fn a_file_has_the_tuples_of_its_offsets_in_order_and_no_other() {
        let ledger = Ledger::new("orders.v2".into(), 3, 5);
        let tokens: Vec<_> = (5..9).map(|offset| ledger.track(offset)).collect();
        let mut tuples = PartitionTuples::new(ledger.clone());
        let [five, six, seven, eight] = tokens.try_into().unwrap();
        tuples.add(7, line("c"));
        drop(seven);
        tuples.add(5, line("a"));
        tuples.add(5, line("b"));
        drop(five);
        tuples.advance(ledger.done(), &compressor()).await;
        assert_eq!(tuples.backlog(), (1, 4), "7 waits for 6");
        let (file, next) = tuples.close(&compressor()).await;
        let file = file.unwrap();
        assert_eq!(
            (file.path.as_str(), next),
            ("orders.v2-3/00000000000000000005-00000000000000000006.ndjson.gz", 6)
        );
        assert_eq!((file.tuples, content(file).await), (2, "a\nb\n".to_owned()));
        drop((six, eight));
        tuples.advance(ledger.done(), &compressor()).await;
        let (file, next) = tuples.close(&compressor()).await;
        let file = file.unwrap();
        assert_eq!(
            (file.path.as_str(), next),
            ("orders.v2-3/00000000000000000006-00000000000000000009.ndjson.gz", 9)
        );
        assert_eq!(content(file).await, "c\n");
        assert!(tuples.close(&compressor()).await.0.is_none());
    }

    #[tokio::test]
    async fn requests_of_one_record_keep_their_order_whichever_was_through_first() {
        let mut tuples = PartitionTuples::new(Ledger::new("t".into(), 0, 0));
        for (index, text) in [(2, "c"), (0, "a"), (1, "b")] {
            tuples.add(0, numbered(index, text));
        }
        tuples.advance(1, &compressor()).await;
        let file = tuples.close(&compressor()).await.0.unwrap();
        assert_eq!(content(file).await, "a\nb\nc\n");
    }

    #[test]
    fn two_files_never_share_a_folder() {
        let names = ["a/b", "a_b", "a b", "..", "."].map(path_name);
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 5, "{names:?}");
        assert!(names.iter().all(|name| !name.contains('/') && !name.starts_with('.')), "{names:?}");
    }

    #[tokio::test]
    async fn what_was_not_committed_is_emptied_when_it_is_replayed_again() {
        let folder = std::env::temp_dir().join(format!("ferry-stale-tuples-{}", std::process::id()));
        let store = BlobStore::create(&Location::File(folder.clone()), &S3Options::default()).await.unwrap();
        let mut paths = Vec::new();
        for first in [0, 10, 20] {
            let ledger = Ledger::new("t".into(), 0, first);
            let mut tuples = PartitionTuples::new(ledger.clone());
            tuples.add(first, line("old"));
            tuples.advance(first + 10, &compressor()).await;
            let file = tuples.close(&compressor()).await.0.unwrap();
            store.put(&file.path, join(file.members).await.unwrap()).await.unwrap();
            paths.push(file.path);
        }
        PartitionTuples::new(Ledger::new("t".into(), 0, 10)).empty_stale(&store).await.unwrap();
        let mut contents = Vec::new();
        for path in paths {
            let bytes = store.read(&path, 1000).await.unwrap();
            contents.push(text(&bytes));
        }
        assert_eq!(contents, ["old\n", "", ""]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
