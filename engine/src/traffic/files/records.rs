//! One record after the other out of a file.

use super::LONGEST_RECORD;
use super::form::{self, Form};
use super::input::Input;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use bytes::Bytes;
use std::io;
use std::ops::Range;

/// Base64 makes four bytes of three; a key comes before it.
const LONGEST_LINE: usize = LONGEST_RECORD / 3 * 4 + (64 << 10);

/// So many bytes of a line that is none are kept.
const KEPT: usize = 64 << 10;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The records of a file.
pub(super) struct Records {
    input: Input,
    /// None before it is known.
    form: Option<Form>,
    /// The line, from 1.
    line: u64,
    /// How far the end of a line was looked for.
    looked: usize,
    /// In a line that is too long: the rest of it is passed over.
    in_long_line: bool,
    has_ended: bool,
}

/// What stands where a record should.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Record {
        key: Option<Bytes>,
        value: Bytes,
    },
    /// No record.
    Bad {
        /// Expected and found.
        reason: String,
        /// Some of the bytes.
        bytes: Vec<u8>,
    },
}

/// What can be had without reading more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Entry(Entry),
    /// [`Records::fill`] is to be called.
    More,
    End,
}

impl Records {
    pub(super) const fn new(input: Input) -> Self {
        Self { input, form: None, line: 0, looked: 0, in_long_line: false, has_ended: false }
    }

    /// Reads more of the file, which may take its time.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        match self.form {
            None => self.form = Some(form::tell(&mut self.input)?),
            Some(_) => {
                self.input.fill()?;
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Next {
        if self.has_ended {
            return Next::End;
        }
        match self.form {
            None => Next::More,
            Some(Form::Lines) => self.next_line(),
            Some(Form::Delimited) => self.next_delimited(),
            Some(Form::Raw) => self.only(),
        }
    }

    fn next_line(&mut self) -> Next {
        while !self.has_ended {
            let Some(line) = self.find_line() else { return self.more_of_line() };
            let is_rest = std::mem::take(&mut self.in_long_line);
            self.line = self.line.saturating_add(u64::from(!is_rest));
            let bytes = self.input.bytes().get(line.clone()).unwrap_or_default().trim_ascii();
            let entry = if is_rest || bytes.is_empty() { None } else { Some(entry_of(bytes, self.line)) };
            self.input.consume(line.end.saturating_add(1));
            if let Some(entry) = entry {
                return Next::Entry(entry);
            }
        }
        Next::End
    }

    /// The next line, if all of it was read.
    fn find_line(&mut self) -> Option<Range<usize>> {
        let bytes = self.input.bytes();
        let newline = memchr::memchr(b'\n', bytes.get(self.looked..).unwrap_or_default());
        if let Some(place) = newline {
            return Some(0..place.saturating_add(std::mem::take(&mut self.looked)));
        }
        self.looked = bytes.len();
        self.has_ended = self.input.has_ended();
        self.has_ended.then_some(0..bytes.len())
    }

    /// The line is not there to its end. What is too long is not waited for.
    fn more_of_line(&mut self) -> Next {
        let length = self.input.bytes().len();
        if length <= LONGEST_LINE && !self.in_long_line {
            return Next::More;
        }
        let bytes = self.input.bytes().get(..KEPT).unwrap_or_default().to_vec();
        self.input.consume(length);
        self.looked = 0;
        if std::mem::replace(&mut self.in_long_line, true) {
            return Next::More;
        }
        self.line = self.line.saturating_add(1);
        let reason = format!("line {}: expected at most {LONGEST_LINE} bytes, found more", self.line);
        Next::Entry(Entry::Bad { reason, bytes })
    }

    fn next_delimited(&mut self) -> Next {
        let bytes = self.input.bytes();
        let Some((length, start)) = form::length(bytes) else {
            if bytes.len() < 5 && !self.input.has_ended() {
                return Next::More;
            }
            return self.end_with("expected the length of a record");
        };
        if length > LONGEST_RECORD {
            return self.end_with(&format!(
                "expected a record of at most {LONGEST_RECORD} bytes, found a length of {length}"
            ));
        }
        let end = start.saturating_add(length);
        match bytes.get(start..end) {
            Some(value) => {
                let value = Bytes::copy_from_slice(value);
                self.input.consume(end);
                Next::Entry(Entry::Record { key: None, value })
            }
            None if self.input.has_ended() => {
                let left = bytes.len().saturating_sub(start);
                self.end_with(&format!("expected a record of {length} bytes, found {left}"))
            }
            None => Next::More,
        }
    }

    /// A part that is no record: behind it, nobody knows where the next one begins.
    fn end_with(&mut self, reason: &str) -> Next {
        self.has_ended = true;
        let bytes = self.input.bytes();
        if bytes.is_empty() {
            return Next::End;
        }
        let bytes = bytes.get(..KEPT).unwrap_or(bytes).to_vec();
        Next::Entry(Entry::Bad { reason: reason.to_owned(), bytes })
    }

    fn only(&mut self) -> Next {
        let bytes = self.input.bytes();
        if bytes.len() > LONGEST_RECORD {
            return self
                .end_with(&format!("expected one record of at most {LONGEST_RECORD} bytes, found more"));
        }
        if !self.input.has_ended() {
            return Next::More;
        }
        self.has_ended = true;
        Next::Entry(Entry::Record { key: None, value: Bytes::copy_from_slice(bytes) })
    }
}

/// A line without spaces around it. Base64 has no `|`, so the key goes up to the last one.
fn entry_of(line: &[u8], number: u64) -> Entry {
    let bar = memchr::memrchr(b'|', line);
    let key = bar.map(|bar| line.get(..bar).unwrap_or_default());
    let text = line.get(bar.map_or(0, |bar| bar.saturating_add(1))..).unwrap_or_default();
    match BASE64.decode(text) {
        Ok(value) => Entry::Record { key: key.map(Bytes::copy_from_slice), value: value.into() },
        Err(error) => {
            let found = describe(&error, line.len().saturating_sub(text.len()));
            let reason =
                format!("line {number}: expected a record in base64, or `key|` before it; found {found}");
            Entry::Bad { reason, bytes: line.get(..KEPT).unwrap_or(line).to_vec() }
        }
    }
}

/// What is wrong with the base64 that begins at a column, from 0.
fn describe(error: &DecodeError, start: usize) -> String {
    let column = |offset: usize| start.saturating_add(offset).saturating_add(1);
    match error {
        DecodeError::InvalidByte(offset, byte) => format!("byte {byte:#04x} in column {}", column(*offset)),
        DecodeError::InvalidLastSymbol { .. }
        | DecodeError::InvalidLength(_)
        | DecodeError::InvalidPadding => "one that is cut".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Cursor, Read, Write};

    /// The record of connection `c` without observations.
    const RECORD: &[u8] = b"\x0a\x01c\x18\x01";

    fn all_of(reader: impl Read + Send + 'static) -> Vec<Entry> {
        let mut records = Records::new(Input::open(reader).unwrap());
        let mut entries = Vec::new();
        loop {
            match records.next() {
                Next::Entry(entry) => entries.push(entry),
                Next::More => records.fill().unwrap(),
                Next::End => return entries,
            }
        }
    }

    fn all(bytes: &[u8]) -> Vec<Entry> {
        all_of(Cursor::new(bytes.to_vec()))
    }

    fn record(key: Option<&'static str>) -> Entry {
        Entry::Record { key: key.map(Bytes::from), value: Bytes::from_static(RECORD) }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn forms() -> Vec<(Vec<u8>, Vec<Entry>)> {
        let base64 = b"CgFjGAE=\n\r\nCgFjGAE\r\n  CgFjGAE=".to_vec();
        let keyed = b"a|CgFjGAE=\nb|c|CgFjGAE=\n|CgFjGAE=\n".to_vec();
        let delimited = [&[5], RECORD, &[5], RECORD].concat();
        vec![
            (base64, vec![record(None), record(None), record(None)]),
            (keyed, vec![record(Some("a")), record(Some("b|c")), record(Some(""))]),
            (delimited, vec![record(None), record(None)]),
            (RECORD.to_vec(), vec![record(None)]),
            (Vec::new(), vec![]),
        ]
    }

    #[test]
    fn the_form_is_told_by_the_content_compressed_or_not() {
        for (bytes, expected) in forms() {
            assert_eq!(all(&bytes), expected, "{bytes:?}");
            assert_eq!(all(&gzip(&bytes)), expected, "{bytes:?}");
            let two = [gzip(&bytes), gzip(&bytes)].concat();
            assert_eq!(all(&two), all(&[&bytes[..], &bytes[..]].concat()), "{bytes:?}");
        }
    }

    #[test]
    fn a_length_that_looks_like_text_is_a_length() {
        for length in (5..=127).chain([1152, 1246, 1279, 530_000]) {
            let mut record = [&b"\x0a\x01c"[..], b"\x2a"].concat();
            let mut name = length - record.len();
            name -= if name > 16_386 {
                3
            } else if name > 128 {
                2
            } else {
                1
            };
            prost::encoding::encode_varint(name as u64, &mut record);
            record.resize(length, b'n');
            let mut bytes = Vec::new();
            for _ in 0..3 {
                prost::encoding::encode_varint(length as u64, &mut bytes);
                bytes.extend(&record);
            }
            let value = Bytes::from(record);
            let expected = Entry::Record { key: None, value };
            let found = all(&bytes);
            assert!(
                found.len() == 3 && found.iter().all(|entry| *entry == expected),
                "{length}: {found:.200?}"
            );
        }
    }

    /// Gives a byte at a time.
    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_come() {
        for (bytes, expected) in forms() {
            assert_eq!(all_of(Slow(Cursor::new(bytes.clone()))), expected);
            assert_eq!(all_of(Slow(Cursor::new(gzip(&bytes)))), expected);
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_told_with_its_number_and_column_and_the_next_one_is_read() {
        let entries = all(b"CgFjGAE=\n\nkey|Cg!FjGAE=\nCgFjGAE=A\nCgFjGAE=\n");
        let Entry::Bad { reason, bytes } = &entries[1] else { panic!("{entries:?}") };
        let expected =
            "line 3: expected a record in base64, or `key|` before it; found byte 0x21 in column 7";
        assert_eq!((reason.as_str(), bytes.as_slice()), (expected, &b"key|Cg!FjGAE="[..]));
        assert!(
            matches!(&entries[2], Entry::Bad { reason, .. } if reason.starts_with("line 4: ")),
            "{entries:?}"
        );
        assert_eq!((&entries[0], &entries[3], entries.len()), (&record(None), &record(None), 4));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = "A".repeat(LONGEST_LINE + (1 << 20));
        let entries = all(format!("CgFjGAE=\n{long}\nCgFjGAE=\nx y").as_bytes());
        let Entry::Bad { reason, bytes } = &entries[1] else { panic!("no bad line") };
        assert_eq!(*reason, format!("line 2: expected at most {LONGEST_LINE} bytes, found more"));
        assert_eq!((bytes.len(), entries.len()), (KEPT, 4));
        assert!(matches!(&entries[3], Entry::Bad { reason, .. } if reason.starts_with("line 4: ")));
    }

    #[test]
    fn of_records_behind_their_lengths_a_cut_one_is_told() {
        let entries = all(&[&[5], RECORD, &[5], &RECORD[..3]].concat());
        let reason = "expected a record of 5 bytes, found 3".to_owned();
        assert_eq!(entries, [record(None), Entry::Bad { reason, bytes: [&[5], &RECORD[..3]].concat() }]);
        let entries = all(&[&[5], RECORD, &[0xFF, 0xFF, 0xFF, 0xFF, 0x07]].concat());
        assert!(
            matches!(&entries[1], Entry::Bad { reason, .. } if reason.ends_with("found a length of 2147483647"))
        );
    }

    #[test]
    fn gzip_that_is_cut_is_an_error_behind_what_was_there() {
        let lines = "CgFjGAE=\n".repeat(100_000);
        let whole = gzip(lines.as_bytes());
        let mut records = Records::new(Input::open(Cursor::new(whole[..whole.len() - 20].to_vec())).unwrap());
        let mut count = 0;
        let error = loop {
            match records.next() {
                Next::Entry(_) => count += 1,
                Next::More => {
                    if let Err(error) = records.fill() {
                        break error;
                    }
                }
                Next::End => panic!("no error"),
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(count > 1000, "{count}");
    }
}
