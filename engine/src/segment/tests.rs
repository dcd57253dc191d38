//! Segments of the demo repository, read in units.

use super::reader::{Added, Batcher, ChunkBytes, Resources, read_unit};
use super::*;
use crate::document::DocumentBlock;
use crate::error::{Error, Result};
use crate::flow::MemoryBudget;
use crate::snapshot::Repository;
use crate::storage::{Location, S3Options};
use codecs::lucene::doc_set::DocSet;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Collects the numbers of documents, and what is wrong.
#[derive(Default)]
struct Numbers {
    block: DocumentBlock,
    documents: Vec<u32>,
    wrong: Vec<String>,
}

impl Batcher for Numbers {
    type Error = Error;

    fn workspace(&self) -> u64 {
        0
    }

    fn memory_of_large(&self, decompressed: u64) -> u64 {
        decompressed
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        false
    }

    fn add(&mut self, chunk: ChunkBytes<'_>) -> Result<Added> {
        let failures = chunk.read(&mut self.block);
        self.wrong.extend(failures.into_iter().map(|failure| failure.error.to_string()));
        self.documents.extend(self.block.iter().map(|document| document.number));
        Ok(Added::Whole)
    }

    fn fail(&mut self, _segment: &Segment, failure: ReadFailure) -> Result<()> {
        self.wrong.push(failure.error.to_string());
        Ok(())
    }

    fn fail_fetch(&mut self, _unit: &Unit, error: Error) -> Result<()> {
        self.wrong.push(error.to_string());
        Ok(())
    }

    fn fail_checksum(&mut self, _segment: &Segment, error: codecs::Error) -> Result<()> {
        self.wrong.push(error.to_string());
        Ok(())
    }
}

/// The segment `_1` of the index `best_comp`, which has two chunks, of which one has no live documents.
async fn without_chunk(number: u64) -> (Segment, Vec<u32>) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/demo");
    let repository = Repository::open(Location::File(demo), S3Options::default()).await.unwrap();
    let snapshot = repository.snapshot("snap1").await.unwrap();
    let shard = snapshot.shard(&snapshot.index("best_comp").await.unwrap(), 0).await.unwrap();
    let sources = segments(&shard, &Arc::new(BTreeMap::new())).await.unwrap();
    let source = sources.iter().find(|source| source.commit.name == "_1").unwrap();
    let mut segment = Segment::open(source).await.unwrap();

    let dead = segment.chunk(number).unwrap().documents;
    let mut deleted = DocSet::full(segment.max_doc());
    deleted.retain(dead.clone());
    let mut live = DocSet::full(segment.max_doc());
    live.remove_all(&deleted);
    segment.live = Some(live);
    let numbers = (0..segment.max_doc()).filter(|number| !dead.contains(number)).collect();
    (segment, numbers)
}

async fn read(segment: Segment, small_gap: u64) -> (Vec<u64>, Numbers) {
    let threads = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let resources = Resources { memory: MemoryBudget::new(8 << 20), threads };
    let (mut starts, mut numbers) = (Vec::new(), Numbers::default());
    for unit in Arc::new(segment).units_with_gaps(1 << 20, small_gap) {
        let unit = unit.unwrap();
        starts.push(unit.bytes.start);
        numbers = read_unit(&resources, unit, numbers, &async |numbers| Ok(numbers)).await.unwrap();
    }
    (starts, numbers)
}

#[tokio::test]
async fn a_long_stretch_without_live_documents_is_left_out_and_nothing_is_said_of_the_checksum() {
    for (number, other) in [(0, 1), (1, 0)] {
        let (segment, live) = without_chunk(number).await;
        let checksum = segment.checksum.clone().unwrap();
        let start = if number == 0 { segment.chunk(other).unwrap().bytes.start } else { 0 };
        let (starts, numbers) = read(segment, 100).await;
        assert_eq!(starts, [start]);
        assert_eq!((numbers.documents, numbers.wrong), (live, Vec::new()));
        assert!(!checksum.is_whole());
    }
}

#[tokio::test]
async fn a_short_stretch_without_live_documents_is_read_for_the_checksum() {
    for number in 0..2 {
        let (segment, live) = without_chunk(number).await;
        let checksum = segment.checksum.clone().unwrap();
        let (starts, numbers) = read(segment, 64 << 10).await;
        assert_eq!(starts, [0]);
        assert_eq!((numbers.documents, numbers.wrong), (live, Vec::new()));
        assert!(checksum.is_whole());
    }
}
