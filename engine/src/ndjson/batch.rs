//! Lines of one index, ready to be written.

use super::line::LineWriter;
use crate::document::{Document, DocumentBlock, LARGE_SOURCE, Unwritable};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// Lines of documents of one index. Its buffers are made once and used again.
#[derive(Debug, Default)]
pub struct LineBatch {
    lines: Vec<u8>,
    /// Large sources: where in `lines` each belongs, and where in `block` it is.
    large: Vec<(usize, Range<usize>)>,
    block: Option<Arc<DocumentBlock>>,
    documents: u64,
}

impl LineBatch {
    /// Forgets the lines and keeps the memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.large.clear();
        self.block = None;
        self.documents = 0;
    }

    /// How many documents there are.
    #[must_use]
    pub const fn documents(&self) -> u64 {
        self.documents
    }

    /// Bytes of the lines.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        let large: usize = self.large.iter().map(|(_, range)| range.len()).sum();
        self.lines.len().saturating_add(large) as u64
    }

    /// Bytes of memory that the batch's own buffer holds.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.lines.capacity()
    }

    /// About how many bytes [`Self::add_large`] takes for sources that it cannot leave in the block.
    pub(crate) fn copied_len(writer: &LineWriter, block: &DocumentBlock) -> u64 {
        let sources = block.iter().filter_map(|document| document.source);
        let large = sources.filter(|source| source.len() >= LARGE_SOURCE);
        large.map(|source| writer.copied_len(source)).sum()
    }

    /// Appends the lines of all documents of a block; a document without a line goes to `failed`.
    pub fn add(
        &mut self,
        writer: &LineWriter,
        block: &DocumentBlock,
        mut failed: impl FnMut(&Document<'_>, Unwritable),
    ) {
        for document in block.iter() {
            match writer.write(&document, &mut self.lines) {
                Ok(()) => self.documents = self.documents.saturating_add(1),
                Err(reason) => failed(&document, reason),
            }
        }
    }

    /// Appends the lines of a block with large documents, whose sources stay in the block, as far as they are lines.
    pub fn add_large(
        &mut self,
        writer: &LineWriter,
        block: Arc<DocumentBlock>,
        mut failed: impl FnMut(&Document<'_>, Unwritable),
    ) {
        for (document, entry) in block.iter().zip(&block.entries) {
            let in_place =
                document.source.filter(|source| source.len() >= LARGE_SOURCE && writer.is_line(source));
            let written = match (in_place, &entry.source) {
                (Some(_), Some(range)) => {
                    writer.write_before_source(&document, &mut self.lines);
                    self.large.push((self.lines.len(), range.clone()));
                    writer.write_after_source(&mut self.lines);
                    Ok(())
                }
                _ => writer.write(&document, &mut self.lines),
            };
            match written {
                Ok(()) => self.documents = self.documents.saturating_add(1),
                Err(reason) => failed(&document, reason),
            }
        }
        self.block = Some(block);
    }

    /// Writes all lines.
    pub fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        let mut written = 0;
        for (at, range) in &self.large {
            output.write_all(self.lines.get(written..*at).unwrap_or_default())?;
            let buffer = self.block.as_ref().map_or(&[][..], |block| block.documents.buffer());
            output.write_all(buffer.get(range.clone()).unwrap_or_default())?;
            written = *at;
        }
        output.write_all(self.lines.get(written..).unwrap_or_default())
    }
}
