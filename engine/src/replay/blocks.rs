//! The content of a file of tuples: lines in blocks, each of which is compressed by itself while the next one is filled.

use super::line::Line;
use super::workers::Workers;
use crate::flow::MemoryPermit;
use bytes::Bytes;
use codecs::compression::compress_gzip;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes of text in a block, at most, and in a gzip member: a larger line has several members.
const BLOCK: usize = 1 << 20;

/// A block is compressed after this time, full or not: before it is taken for one that nobody gives back, what it holds comes back.
const OLDEST: Duration = Duration::from_secs(1);

/// Compresses blocks.
#[derive(Debug, Clone)]
pub(super) struct Compressor {
    workers: Workers,
    /// Bytes that the blocks that are not full may hold in all.
    room: u64,
}

/// What was written to a file so far.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Block,
    members: Members,
}

/// Gzip members, in their order.
pub(super) type Members = Vec<JoinHandle<std::io::Result<Vec<u8>>>>;

/// Lines that are compressed together.
#[derive(Debug, Default)]
struct Block {
    lines: Vec<Line>,
    /// Bytes of their text.
    text: u64,
    /// Bytes of memory that they hold.
    held: u64,
    /// When the first line came.
    since: Option<Instant>,
}

impl Compressor {
    /// A quarter of `memory`, in bytes, may be held by blocks that are not full.
    pub(super) fn new(workers: Workers, memory: u64) -> Self {
        Self { workers, room: memory / 4 }
    }

    /// The same, for one of so many partitions.
    pub(super) fn share(&self, partitions: usize) -> Self {
        let partitions = u64::try_from(partitions).unwrap_or(u64::MAX).max(1);
        Self { workers: self.workers.clone(), room: self.room / partitions }
    }
}

impl Blocks {
    /// Adds a line. Waits while as many blocks are compressed as there are cores.
    pub(super) async fn add(&mut self, line: Line, compressor: &Compressor) {
        let room = compressor.room.min(BLOCK as u64);
        if self.open.text.saturating_add(line.text.len() as u64) > room {
            self.compress(compressor).await;
        }
        self.open.add(line);
        if self.open.text >= room || self.open.held >= compressor.room {
            self.compress(compressor).await;
        }
    }

    /// Lets go of lines that have been waiting for others for too long.
    pub(super) async fn compress_old(&mut self, compressor: &Compressor) {
        if self.open.since.is_some_and(|since| since.elapsed() >= OLDEST) {
            self.compress(compressor).await;
        }
    }

    /// All of it, which may still be at work.
    pub(super) async fn close(mut self, compressor: &Compressor) -> Members {
        self.compress(compressor).await;
        self.members
    }

    async fn compress(&mut self, compressor: &Compressor) {
        if self.open.lines.is_empty() {
            return;
        }
        let block = std::mem::take(&mut self.open);
        self.members.push(compressor.workers.begin(move || block.compress()).await);
    }
}

impl Block {
    fn add(&mut self, line: Line) {
        self.text = self.text.saturating_add(line.text.len() as u64);
        let before = self.lines.last().map_or(&[][..], |line| &line.memory);
        // Lines of one record share its memory.
        let is_new = |permit: &&Arc<MemoryPermit>| !before.iter().any(|other| Arc::ptr_eq(other, permit));
        let held: u64 = line.memory.iter().filter(is_new).map(|permit| permit.bytes()).sum();
        self.held = self.held.saturating_add(held);
        self.since.get_or_insert_with(Instant::now);
        self.lines.push(line);
    }

    /// The lines, and what they hold, are given back at the end.
    fn compress(self) -> std::io::Result<Vec<u8>> {
        match self.lines.as_slice() {
            [line] => compress(&line.text),
            lines => {
                let mut text = Vec::with_capacity(usize::try_from(self.text).unwrap_or_default());
                lines.iter().for_each(|line| text.extend_from_slice(&line.text));
                compress(&text)
            }
        }
    }
}

fn compress(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let members: Result<Vec<_>, _> = text.chunks(BLOCK).map(compress_gzip).collect();
    let mut members = members.map_err(std::io::Error::other)?;
    // Mostly there is one. There was room for more in it.
    let mut bytes = if members.len() == 1 { members.pop().unwrap_or_default() } else { members.concat() };
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// Waits for the members of a file.
pub(super) async fn join(members: Members) -> std::io::Result<Bytes> {
    let mut parts = Vec::with_capacity(members.len());
    for member in members {
        parts.push(member.await.map_err(std::io::Error::other)??);
    }
    Ok(parts.concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::MemoryBudget;
    use crate::replay::line::Text;
    use flate2::read::MultiGzDecoder;
    use std::io::Read;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Lines that are counted, and hold as much memory as they are long.
    struct Lines {
        memory: MemoryBudget,
        backlog: Arc<AtomicU64>,
    }

    impl Lines {
        fn new() -> Self {
            Self { memory: MemoryBudget::new(64 << 20), backlog: Arc::default() }
        }

        async fn line(&self, byte: u8, length: usize) -> Line {
            let text = Text::new(vec![byte; length], Arc::clone(&self.backlog));
            let permit = self.memory.reserve(length as u64).await;
            Line { text, index: 0, memory: vec![Arc::new(permit)] }
        }

        fn held(&self) -> (u64, u64) {
            (self.backlog.load(Ordering::Relaxed), self.memory.held())
        }
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
        text
    }

    #[tokio::test]
    async fn lines_of_many_blocks_are_in_their_order_and_hold_nothing_in_the_end() {
        let (lines, mut blocks) = (Lines::new(), Blocks::default());
        let compressor = Compressor::new(Workers::new(), 64 << 20);
        let mut expected = Vec::new();
        for (byte, length) in (b'a'..).zip([10, 700_000, 400_000, BLOCK - 1, 1, 1, 3 * BLOCK + 7, BLOCK, 30])
        {
            blocks.add(lines.line(byte, length).await, &compressor).await;
            expected.extend(vec![byte; length]);
        }
        let members = blocks.close(&compressor).await;
        assert_eq!(members.len(), 7, "a line goes into the next block where it does not fit");
        assert_eq!(inflated(&join(members).await.unwrap()), expected);
        assert_eq!(lines.held(), (0, 0));
    }

    #[tokio::test]
    async fn a_file_that_is_given_up_while_a_block_is_compressed_holds_nothing_in_the_end() {
        let (lines, mut blocks) = (Lines::new(), Blocks::default());
        let workers = Workers::new();
        let compressor = Compressor::new(workers.clone(), 64 << 20);
        for length in [5 * BLOCK, 100] {
            blocks.add(lines.line(b'x', length).await, &compressor).await;
        }
        drop(blocks);
        workers.idle().await;
        assert_eq!(lines.held(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_does_not_get_full_gives_its_memory_back_after_a_second() {
        let (lines, mut blocks) = (Lines::new(), Blocks::default());
        let workers = Workers::new();
        let compressor = Compressor::new(workers.clone(), 64 << 20);
        blocks.add(lines.line(b'x', 1024).await, &compressor).await;
        for (millis, held) in [(900, 1024), (200, 0)] {
            tokio::time::advance(Duration::from_millis(millis)).await;
            blocks.compress_old(&compressor).await;
            workers.idle().await;
            assert_eq!(lines.held(), (held, held), "{millis}");
        }
    }

    #[tokio::test]
    async fn open_blocks_of_all_partitions_share_a_quarter_of_the_memory() {
        let lines = Lines::new();
        let workers = Workers::new();
        let compressor = Compressor::new(workers.clone(), 1 << 20).share(16);
        let mut partitions: Vec<Blocks> = (0..16).map(|_| Blocks::default()).collect();
        for _ in 0..100 {
            for blocks in &mut partitions {
                blocks.add(lines.line(b'x', 1024).await, &compressor).await;
            }
        }
        workers.idle().await;
        let (backlog, held) = lines.held();
        assert!(backlog <= 1 << 18 && held <= 1 << 18, "{backlog} {held}");
    }

    #[tokio::test]
    async fn a_short_line_that_holds_much_is_not_kept_waiting_for_others_but_one_that_shares_it_may_be() {
        let lines = Lines::new();
        let workers = Workers::new();
        let compressor = Compressor::new(workers.clone(), 1 << 20);
        let record = Arc::new(lines.memory.reserve(200 << 10).await);
        let line = |record: &Arc<MemoryPermit>| Line {
            text: Text::new(b"x\n".to_vec(), Arc::clone(&lines.backlog)),
            index: 0,
            memory: vec![Arc::clone(record)],
        };
        let mut blocks = Blocks::default();
        for _ in 0..10 {
            blocks.add(line(&record), &compressor).await;
        }
        assert_eq!((blocks.members.len(), blocks.open.held), (0, 200 << 10));
        let other = Arc::new(lines.memory.reserve(200 << 10).await);
        blocks.add(line(&other), &compressor).await;
        assert_eq!(blocks.members.len(), 1);
    }
}
