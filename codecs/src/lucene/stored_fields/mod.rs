//! Stored fields: the documents of a segment, in chunks of `.fdt` that `.fdx` (and `.fdm`) locate.
//!
//! | file   | what                                             | module     |
//! |--------|--------------------------------------------------|------------|
//! | `.fdt` | its header says which format the chunks have     | [`Format`] |
//! | `.fdx` | where each chunk starts, and with which document | `index`    |
//! | `.fdm` | since Lucene 8.5: the head of the index          | `index`    |
//! | `.fdt` | a chunk: some documents, compressed together     | `chunk`    |
//! | chunk  | a document: its fields                           | [`Fields`] |

mod chunk;
mod fields;
mod format;
mod index;

pub use fields::{Fields, Malformed, StoredValue};
pub use format::{Compression, Format, Layout};
pub use index::IndexFiles;

use crate::error::{Error, Result};
use crate::input::{Decoded, Failure, decode};
use crate::lucene::codec_util::{FOOTER_LENGTH, SegmentId};
use crate::lucene::primitives::vint;
use chunk::ChunkHeader;
use index::ChunkIndex;
use std::ops::Range;

/// From this size on, in bytes, memory for a chunk is not touched before its documents are.
const LARGE: usize = 1 << 20;

/// More than fit: a chunk has up to 4096 documents, and its head alone takes several bytes.
const MAX_DOCUMENTS_PER_BYTE: u64 = 4096;

/// The stored fields of one segment: knows where the chunks are, and decodes them.
#[derive(Debug, Clone)]
pub struct StoredFields {
    file: String,
    format: Format,
    index: ChunkIndex,
    /// Bytes of a slice of a large chunk, and version of packed integers.
    chunk_settings: (u32, u32),
    max_doc: u32,
    end: u64,
}

/// Where one chunk is, and which documents it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its documents.
    pub documents: Range<u32>,
    /// Its bytes in `.fdt`.
    pub bytes: Range<u64>,
}

/// The documents of one or more chunks, decompressed.
#[derive(Debug, Default)]
pub struct Documents {
    /// The bytes of all documents; longer than needed, so that it is filled with zeros only once.
    buffer: Vec<u8>,
    used: usize,
    entries: Vec<Entry>,
    layout: Option<Layout>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    document: u32,
    fields: u32,
    start: usize,
    end: usize,
}

/// A chunk whose head is decoded: what it will take to decompress it is known.
#[derive(Debug)]
pub struct OpenChunk<'a> {
    header: ChunkHeader,
    body: &'a [u8],
    start: u64,
}

impl OpenChunk<'_> {
    /// Bytes of the documents, decompressed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.header.total
    }

    /// The compressed documents, as the [`Compression`] lays them out.
    #[must_use]
    pub const fn compressed(&self) -> &[u8] {
        self.body
    }

    /// Whether all documents of the chunk are empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StoredFields {
    /// Opens the stored fields of a segment.
    ///
    /// `fdt` is the name of `.fdt`, its first bytes (up to [`Format::MAX_HEADER`] of them) and its whole length;
    /// `id` the segment that it must belong to, where that is known.
    pub fn open(
        fdt: (&str, &[u8], u64),
        files: IndexFiles<'_>,
        id: Option<SegmentId>,
        max_doc: u32,
    ) -> Result<Self> {
        let (file, head, length) = fdt;
        let format = decode(file, head, |input| {
            let (rest, format) = Format::decode(input)?;
            if format.id.is_some() && id.is_some() && format.id != id {
                return Failure::corrupt(
                    input,
                    "a file of another segment: its segment id is not that of `.si`",
                );
            }
            Ok((rest, format))
        })?;
        let index = ChunkIndex::decode(&format, files, max_doc)?;
        let chunk_settings = format.chunk_settings.or(index.chunk_settings).unwrap_or_default();
        let data_end = length.saturating_sub(if format.has_footer() { FOOTER_LENGTH as u64 } else { 0 });
        let end = index.end.unwrap_or(data_end);
        let fields = Self { file: file.to_owned(), format, index, chunk_settings, max_doc, end };
        if end > data_end {
            let what = format!("the index ends at byte {end}, the file has {data_end} bytes of data");
            return Err(fields.corrupt(data_end, what));
        }
        // Bit sets of so many documents are made next: not on the word of a number in `.si`.
        if u64::from(max_doc) > end.saturating_mul(MAX_DOCUMENTS_PER_BYTE) {
            let what = format!("{max_doc} documents in {end} bytes, at most {MAX_DOCUMENTS_PER_BYTE} a byte");
            return Err(fields.corrupt(0, what));
        }
        fields.check_first_chunk()?;
        Ok(fields)
    }

    /// The format of the chunks.
    #[must_use]
    pub const fn format(&self) -> &Format {
        &self.format
    }

    /// How many chunks there are.
    #[must_use]
    pub const fn chunk_count(&self) -> u64 {
        self.index.len()
    }

    /// Chunk `number`; an error where the index contradicts itself.
    pub fn chunk(&self, number: u64) -> Result<Chunk> {
        let damaged = || self.corrupt(0, format!("the index has no chunk {number} of {}", self.index.len()));
        let (first, start) = self.index.get(number).ok_or_else(damaged)?;
        let (after, end) = match number.checked_add(1).filter(|next| *next < self.index.len()) {
            Some(next) => self.index.get(next).ok_or_else(damaged)?,
            None => (self.max_doc, self.end),
        };
        let what = if first >= after || after > self.max_doc {
            format!("the index gives chunk {number} the documents {first} to {after} of {}", self.max_doc)
        } else if start < self.format.data_start || start >= end || end > self.end {
            format!("the index gives chunk {number} the bytes {start} to {end} of {}", self.end)
        } else {
            return Ok(Chunk { documents: first..after, bytes: start..end });
        };
        Err(self.corrupt(start, what))
    }

    /// Decodes the head of a chunk from its bytes.
    pub fn open_chunk<'a>(&self, chunk: &Chunk, bytes: &'a [u8]) -> Result<OpenChunk<'a>> {
        let (start, documents) =
            (chunk.bytes.start, chunk.documents.end.saturating_sub(chunk.documents.start));
        let parser = |input: &'a [u8]| -> Decoded<'a, OpenChunk<'a>> {
            let (rest, header) = match self.format.layout {
                Layout::Lucene40 => lucene40_header(input, chunk.documents.start)?,
                _ => ChunkHeader::decode(input, &self.format, self.chunk_settings, documents)?,
            };
            if header.first != chunk.documents.start {
                let expected = chunk.documents.start;
                let what =
                    format!("a chunk that starts with document {}, the index says {expected}", header.first);
                return Failure::corrupt(input, what);
            }
            Ok((&[], OpenChunk { header, body: rest, start }))
        };
        decode(&self.file, bytes, parser).map_err(|error| error.shifted(start))
    }

    /// Decompresses the documents of a chunk behind those that `documents` has.
    pub fn read_chunk(&self, chunk: &OpenChunk<'_>, documents: &mut Documents) -> Result<()> {
        documents.layout = Some(self.format.layout);
        let output = documents.space(chunk.header.total);
        if self.format.layout == Layout::Lucene40 {
            output.copy_from_slice(chunk.body.get(..chunk.header.total).unwrap_or_default());
        } else {
            let parser = |input| chunk.header.decompress(input, &self.format, self.chunk_settings.0, output);
            decode(&self.file, chunk.body, parser).map_err(|error| error.shifted(chunk.start))?;
        }
        documents.add(&chunk.header);
        Ok(())
    }

    /// An error about a document whose fields are [`Malformed`].
    #[must_use]
    pub fn malformed(&self, chunk: &Chunk, document: u32, at: Malformed) -> Error {
        let what = format!(
            "document {document} in the chunk that starts here has a malformed field, {} bytes before its end",
            at.remaining
        );
        self.corrupt(chunk.bytes.start, what)
    }

    fn check_first_chunk(&self) -> Result<()> {
        let first = if self.index.len() == 0 { self.max_doc } else { self.chunk(0)?.documents.start };
        if first == 0 {
            return Ok(());
        }
        Err(self.corrupt(0, format!("the index starts with document {first} of {}", self.max_doc)))
    }

    fn corrupt(&self, offset: u64, what: String) -> Error {
        Error::Corrupt { file: self.file.clone(), offset, what }
    }
}

/// Lucene 4.0: number of fields as `VInt`, then the fields, not compressed.
fn lucene40_header(input: &[u8], first: u32) -> Decoded<'_, ChunkHeader> {
    let (rest, fields) = vint(input)?;
    let Ok(length) = u32::try_from(rest.len()) else {
        return Failure::corrupt(input, format!("a document of {} bytes", rest.len()));
    };
    let header =
        ChunkHeader { first, sliced: false, fields: vec![fields], lengths: vec![length], total: rest.len() };
    Ok((rest, header))
}

impl Documents {
    /// Forgets the documents and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.entries.clear();
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the documents, decompressed.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.used
    }

    /// Bytes of memory that the buffer holds.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Each document's number and its fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, Fields<'_>)> {
        let layout = self.layout.unwrap_or(Layout::Lucene90);
        self.entries.iter().map(move |entry| {
            let bytes = self.buffer.get(entry.start..entry.end).unwrap_or_default();
            (entry.document, Fields::new(bytes, entry.fields, layout, entry.end))
        })
    }

    /// The buffer that all values of all documents borrow from.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    fn space(&mut self, length: usize) -> &mut [u8] {
        let end = self.used.saturating_add(length);
        if self.buffer.len() < end {
            if self.used == 0 && end >= LARGE {
                // Pages that the system has zeroed: one that nothing is decompressed into takes no memory.
                self.buffer = vec![0; end];
            } else {
                self.buffer.resize(end, 0);
            }
        }
        self.buffer.get_mut(self.used..end).unwrap_or_default()
    }

    fn add(&mut self, header: &ChunkHeader) {
        let lengths = header.lengths.iter().zip(&header.fields);
        for ((length, fields), document) in lengths.zip(header.first..) {
            let (start, end) = (self.used, self.used.saturating_add(*length as usize));
            self.entries.push(Entry { document, fields: *fields, start, end });
            self.used = end;
        }
    }
}
