//! Units → blocks of documents.

use super::identity::Unreadable;
use super::open::Segment;
use super::units::Unit;
use crate::document::DocumentBlock;
use crate::error::{Error, Result};
use bytes::{Bytes, BytesMut};
use codecs::lucene::stored_fields::Chunk;
use std::ops::Range;
use std::sync::Arc;

/// Live documents that could not be read, and why.
#[derive(Debug)]
pub struct ReadFailure {
    /// Their numbers in the segment; dead ones between them do not count.
    pub documents: Range<u32>,
    /// How many of them live.
    pub live: u32,
    /// File, offset, expected and found.
    pub error: codecs::Error,
}

impl Unit {
    /// The unit from chunk `next` on.
    pub fn rest(&self, next: u64) -> Result<Self, ReadFailure> {
        if next <= self.chunks.start {
            return Ok(self.clone());
        }
        match self.segment.chunk(next) {
            Ok(chunk) => Ok(Self {
                segment: Arc::clone(&self.segment),
                chunks: next..self.chunks.end,
                bytes: chunk.bytes.start..self.bytes.end,
                documents: chunk.documents.start..self.documents.end,
            }),
            Err(error) => Err(self.segment.failure_of(self.documents.clone(), error)),
        }
    }

    /// Fetches the bytes of the unit: fewer where a blob is cut or missing, up to the first chunk that is not there.
    ///
    /// # Errors
    ///
    /// Those of the storage; damage only when the first chunk is not there either.
    pub async fn fetch(&self) -> Result<Bytes> {
        match self.segment.files.read_range(&self.segment.data_file, self.bytes.clone()).await {
            Err(error) if error.is_damage() => self.fetch_before(error).await,
            read => read,
        }
    }

    /// The chunks before the one that `error` is about.
    async fn fetch_before(&self, error: Error) -> Result<Bytes> {
        let mut read = BytesMut::new();
        for number in self.chunks.clone() {
            let Ok(chunk) = self.segment.chunk(number) else { break };
            // From the end of what there is: chunks without live documents may lie between.
            let start = self.bytes.start.saturating_add(read.len() as u64);
            match self.segment.files.read_range(&self.segment.data_file, start..chunk.bytes.end).await {
                Ok(bytes) => read.extend_from_slice(&bytes),
                Err(other) if !other.is_damage() => return Err(other),
                Err(_) => break,
            }
        }
        if read.is_empty() { Err(error) } else { Ok(read.freeze()) }
    }
}

impl Segment {
    /// Where chunk `number` is. The caller got the number from a [`Unit`], whose chunks the index has.
    pub fn chunk(&self, number: u64) -> Result<Chunk, codecs::Error> {
        self.stored.chunk(number)
    }

    /// How many bytes the documents of a chunk take, decompressed.
    pub fn decompressed_len(&self, chunk: &Chunk, bytes: &[u8]) -> Result<usize, ReadFailure> {
        self.stored
            .open_chunk(chunk, bytes)
            .map(|chunk| chunk.len())
            .map_err(|error| self.failure(chunk, error))
    }

    /// Reads the live documents of a chunk into `block`. A document that cannot be read goes to `failed`; so do all
    /// live documents of a chunk that cannot be decompressed.
    pub fn read_chunk(
        &self,
        chunk: &Chunk,
        bytes: &[u8],
        block: &mut DocumentBlock,
        mut failed: impl FnMut(ReadFailure),
    ) {
        block.clear();
        let read = self
            .stored
            .open_chunk(chunk, bytes)
            .and_then(|open| self.stored.read_chunk(&open, &mut block.documents));
        if let Err(error) = read {
            block.clear();
            return failed(self.failure(chunk, error));
        }
        let mut parent = Vec::new();
        for (document, fields) in block.documents.iter() {
            if !self.is_live(document) {
                continue;
            }
            match self.identity.read(document, fields, &mut block.text) {
                Ok(Some(mut entry)) => {
                    if !self.parents.is_empty()
                        && let Some(range) = &entry.type_name
                        && let Some(parent) = self.parents.of(
                            block.text.get(range.clone()).unwrap_or_default(),
                            document,
                            &mut parent,
                        )
                    {
                        let start = block.text.len();
                        block.text.extend_from_slice(parent);
                        entry.parent = Some(start..block.text.len());
                    }
                    block.entries.push(entry);
                }
                Ok(None) => block.children = block.children.saturating_add(1),
                Err(reason) => {
                    let error = match reason {
                        Unreadable::Malformed(at) => self.stored.malformed(chunk, document, at),
                        Unreadable::NoId => codecs::Error::Corrupt {
                            file: self.data_file.as_ref().to_owned(),
                            offset: chunk.bytes.start,
                            what: format!(
                                "document {document} in the chunk that starts here has a `_source` or a routing, and no id"
                            ),
                        },
                        Unreadable::Identity(error) => {
                            error.in_file(&self.data_file).shifted(chunk.bytes.start)
                        }
                    };
                    failed(ReadFailure { documents: document..document.saturating_add(1), live: 1, error });
                }
            }
        }
    }

    /// All live documents of a chunk as failed.
    fn failure(&self, chunk: &Chunk, error: codecs::Error) -> ReadFailure {
        self.failure_of(chunk.documents.clone(), error)
    }

    /// All live documents of a range as failed.
    #[must_use]
    pub fn failure_of(&self, documents: Range<u32>, error: codecs::Error) -> ReadFailure {
        let live = documents.clone().filter(|document| self.is_live(*document)).count();
        ReadFailure { documents, live: u32::try_from(live).unwrap_or(u32::MAX), error }
    }
}
