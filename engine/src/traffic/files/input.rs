//! Bytes of a file, a buffer at a time.

use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufReader, Read};

/// Bytes that are asked for at once.
const CHUNK: usize = 256 << 10;

/// What a gzip stream begins with.
const GZIP: &[u8] = &[0x1F, 0x8B];

/// A file, decompressed if it is compressed, of which any number of bytes can be looked at before they are used.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Where in the buffer the unused bytes begin.
    start: usize,
    has_ended: bool,
}

impl Input {
    pub(super) fn open(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let mut input = Self { reader: Box::new(reader), buffer: Vec::new(), start: 0, has_ended: false };
        while input.bytes().len() < GZIP.len() && input.fill()? {}
        if input.bytes().starts_with(GZIP) {
            let reader = io::Cursor::new(input.buffer).chain(input.reader);
            let reader = MultiGzDecoder::new(BufReader::with_capacity(CHUNK, reader));
            input = Self { reader: Box::new(reader), buffer: Vec::new(), start: 0, has_ended: false };
        }
        Ok(input)
    }

    /// Bytes that were read and are not used.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Whether there are no more bytes than those.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Uses bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.buffer.len());
    }

    /// Reads more; false at the end.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.has_ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        self.buffer.resize(length.saturating_add(CHUNK), 0);
        let read = loop {
            match self.reader.read(self.buffer.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(length.saturating_add(*read.as_ref().unwrap_or(&0)));
        self.has_ended = matches!(read, Ok(0));
        read.map(|read| read > 0)
    }
}
