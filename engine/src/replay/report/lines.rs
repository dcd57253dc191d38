//! Lines of a file, compressed or not, several at once.

use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;

/// A batch ends when it has so many bytes, or so many lines.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_LINES: usize = 4096;

/// Lines of one file that stand together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    lines: Vec<(u64, Range<usize>)>,
    /// Lines that could not be read, and why.
    pub(super) bad: Vec<(u64, String)>,
}

impl Batch {
    /// The number of each line, from 1, and what it says.
    pub(super) fn lines(&self) -> Vec<(u64, &[u8])> {
        let line = |(number, range): &(u64, Range<usize>)| {
            (*number, self.text.get(range.clone()).unwrap_or_default())
        };
        self.lines.iter().map(line).collect()
    }
}

/// Reads batches of lines.
pub(super) struct Lines {
    reader: Option<Box<dyn BufRead>>,
    number: u64,
    longest: usize,
}

impl Lines {
    /// `longest`: a longer line is passed over, in bytes.
    pub(super) fn new(file: impl Read + 'static, longest: usize) -> Self {
        let mut file = BufReader::with_capacity(64 << 10, file);
        let reader: Box<dyn BufRead> = match file.fill_buf() {
            Ok(start) if start.starts_with(b"\x1F\x8B") => {
                Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(file)))
            }
            // An error comes again when the first line is read.
            _ => Box::new(file),
        };
        Self { reader: Some(reader), number: 0, longest }
    }

    /// The next lines; none at the end. What follows an error cannot be trusted and is not read.
    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        while batch.text.len() < BATCH_BYTES && batch.lines.len() < BATCH_LINES {
            let start = batch.text.len();
            self.number = self.number.saturating_add(1);
            match self.read_line(&mut batch.text) {
                Ok(false) => {
                    self.reader = None;
                    break;
                }
                Err(error) => {
                    batch.text.truncate(start);
                    batch.bad.push((self.number, format!("{error}; what follows in the file is not read")));
                    self.reader = None;
                    break;
                }
                Ok(true) if batch.text.len().saturating_sub(start) > self.longest => {
                    batch.text.truncate(start);
                    batch.bad.push((self.number, format!("the line has more than {} bytes", self.longest)));
                }
                Ok(true) => {
                    let end = batch.text.len();
                    if !batch.text.get(start..).unwrap_or_default().trim_ascii().is_empty() {
                        batch.lines.push((self.number, start..end));
                    }
                }
            }
        }
        (!batch.lines.is_empty() || !batch.bad.is_empty() || self.reader.is_some()).then_some(batch)
    }

    /// Appends a line, a byte more than allowed of one that is too long; whether there is one.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        let Some(reader) = &mut self.reader else { return Ok(false) };
        let start = line.len();
        let mut is_any = false;
        loop {
            let available = reader.fill_buf()?;
            if available.is_empty() {
                return Ok(is_any);
            }
            is_any = true;
            let end = memchr::memchr(b'\n', available);
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            let room = self.longest.saturating_add(1).saturating_sub(line.len().saturating_sub(start));
            line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = end.map_or(available.len(), |end| end.saturating_add(1));
            reader.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Cursor, Write};

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    type Numbered = Vec<(u64, String)>;

    /// All lines, and all that could not be read.
    fn all(bytes: Vec<u8>, longest: usize) -> (Numbered, Numbered) {
        let mut lines = Lines::new(Cursor::new(bytes), longest);
        let (mut read, mut bad) = (Vec::new(), Vec::new());
        while let Some(batch) = lines.next_batch() {
            read.extend(
                batch.lines().iter().map(|(n, line)| (*n, String::from_utf8_lossy(line).into_owned())),
            );
            bad.extend(batch.bad);
        }
        (read, bad)
    }

    #[test]
    fn lines_are_read_with_their_numbers_from_plain_and_compressed_files() {
        let text = "one\n\nthree\nfour";
        let expected = vec![(1, "one".to_owned()), (3, "three".to_owned()), (4, "four".to_owned())];
        assert_eq!(all(text.into(), 100), (expected.clone(), vec![]));
        assert_eq!(all([gzip("one\n\nthr"), gzip("ee\nfour")].concat(), 100), (expected, vec![]));
        assert_eq!(all(vec![], 100), (vec![], vec![]));
    }

    #[test]
    fn many_lines_are_several_batches() {
        let text = "x\n".repeat(10_000);
        assert_eq!(all(text.into(), 100).0.len(), 10_000);
    }

    #[test]
    fn a_line_that_is_too_long_and_a_file_that_is_cut_are_named() {
        let text = format!("a\n{}\nc\n", "b".repeat(200_000));
        let (read, bad) = all(gzip(&text), 1000);
        assert_eq!(read, [(1, "a".to_owned()), (3, "c".to_owned())]);
        assert_eq!(bad, [(2, "the line has more than 1000 bytes".to_owned())]);
        let whole = gzip("a\nb\n");
        let (read, bad) = all(whole[..whole.len() - 12].to_vec(), 1000);
        assert_eq!((read.len() <= 2, bad.len()), (true, 1));
        assert!(bad[0].1.ends_with("; what follows in the file is not read"), "{bad:?}");
    }
}
