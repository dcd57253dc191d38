//! Captured traffic from one form into another.

use super::selection::RecordSelection;
use crate::error::{Access, Error, Operation, Result};
use crate::traffic::{Quarantine, QuarantineKind, Quarantined, Record, RecordStream};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codecs::traffic::record::TrafficStream;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What standard output is called.
const STDOUT: &str = "standard output";

/// The form of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvertForm {
    /// One file a record, `connection id_number.protocap`.
    Raw,
    /// Records behind their lengths.
    Delimited,
    /// A line of base64 a record.
    Base64,
    /// The same, behind the key of the record and `|`.
    Keyed,
}

/// Where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConvertTarget {
    /// Standard output.
    Stdout,
    /// A file that is not there yet; a folder, for raw records.
    Path(PathBuf),
}

/// What a conversion is told.
#[derive(Debug)]
pub struct ConvertSettings {
    /// The form.
    pub form: ConvertForm,
    /// Where to.
    pub target: ConvertTarget,
    /// Compressed.
    pub gzip: bool,
    /// Which records.
    pub selection: RecordSelection,
    /// Where those go that cannot be told to be meant, as they are no captured traffic.
    pub quarantine: Quarantine,
}

/// What was written.
#[derive(Debug, Default, Serialize)]
pub struct ConvertReport {
    /// Records that were written.
    pub written: u64,
    /// Records that are not selected.
    pub left_out: u64,
    /// Bytes of the values that were written.
    pub bytes: u64,
    /// Things that are no record, and are in quarantine.
    pub quarantined: u64,
    /// Files that could not be read to their end, and why.
    #[serde(skip)]
    pub errors: Vec<Error>,
}

/// Writes records in another form.
///
/// # Errors
///
/// [`Error::Io`]: they could not be written.
pub async fn convert(mut stream: RecordStream, settings: ConvertSettings) -> Result<ConvertReport> {
    let mut sink = Sink::open(&settings)?;
    let mut report = ConvertReport::default();
    while let Some(record) = stream.next().await {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                report.errors.push(error);
                continue;
            }
        };
        match select(&record, &settings) {
            Choice::LeftOut => report.left_out = report.left_out.saturating_add(1),
            Choice::Quarantined => {}
            Choice::Taken(stream) => {
                sink.write(&record, stream.as_ref())
                    .map_err(|source| write_error(&settings.target, source))?;
                report.written = report.written.saturating_add(1);
                report.bytes = report.bytes.saturating_add(record.value.len() as u64);
            }
        }
    }
    sink.finish().map_err(|source| write_error(&settings.target, source))?;
    report.quarantined = settings.quarantine.entries();
    Ok(report)
}

enum Choice {
    /// With what is in it, unless it is no captured traffic, which passes as it is.
    Taken(Option<TrafficStream>),
    LeftOut,
    Quarantined,
}

fn select(record: &Record, settings: &ConvertSettings) -> Choice {
    if !settings.selection.takes_offset(record) {
        return Choice::LeftOut;
    }
    match TrafficStream::decode_record(record.value.clone()) {
        Ok(stream) if settings.selection.takes(&stream) => Choice::Taken(Some(stream)),
        Ok(_) => Choice::LeftOut,
        Err(_) if settings.selection.is_by_offset_only() => Choice::Taken(None),
        Err(error) => {
            settings.quarantine.put(&Quarantined {
                kind: QuarantineKind::Record,
                token: &record.token,
                key: record.key.as_deref(),
                connection: None,
                reason: &error.to_string(),
                value: &[&record.value],
            });
            Choice::Quarantined
        }
    }
}

/// Where records go.
enum Sink {
    Folder { path: PathBuf, gzip: bool },
    Stream { form: ConvertForm, writer: Writer },
}

enum Writer {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Gzip(Box<GzEncoder<BufWriter<Box<dyn Write + Send>>>>),
}

impl Sink {
    fn open(settings: &ConvertSettings) -> Result<Self> {
        let error = |source| write_error(&settings.target, source);
        let output: Box<dyn Write + Send> = match (&settings.target, settings.form) {
            (ConvertTarget::Path(path), ConvertForm::Raw) => {
                fs::create_dir_all(path).map_err(error)?;
                return Ok(Self::Folder { path: path.clone(), gzip: settings.gzip });
            }
            (ConvertTarget::Stdout, ConvertForm::Raw) => {
                let reason = "raw records are files of a folder".to_owned();
                return Err(Error::InvalidOption { option: "form", value: "raw".to_owned(), reason });
            }
            (ConvertTarget::Path(path), _) => Box::new(File::create_new(path).map_err(error)?),
            (ConvertTarget::Stdout, _) => Box::new(io::stdout()),
        };
        let output = BufWriter::with_capacity(64 << 10, output);
        let writer = if settings.gzip {
            Writer::Gzip(Box::new(GzEncoder::new(output, Compression::default())))
        } else {
            Writer::Plain(output)
        };
        Ok(Self::Stream { form: settings.form, writer })
    }

    fn write(&mut self, record: &Record, stream: Option<&TrafficStream>) -> io::Result<()> {
        match self {
            Self::Folder { path, gzip } => write_raw(path, *gzip, record, stream),
            Self::Stream { form, writer } => writer.write_all(&encode(*form, record, stream)),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Folder { .. } => Ok(()),
            Self::Stream { writer: Writer::Plain(mut output), .. } => output.flush(),
            Self::Stream { writer: Writer::Gzip(encoder), .. } => encoder.finish()?.flush(),
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

fn encode(form: ConvertForm, record: &Record, stream: Option<&TrafficStream>) -> Vec<u8> {
    let value = &record.value;
    let mut bytes = Vec::with_capacity(value.len().saturating_mul(2));
    if form == ConvertForm::Delimited {
        varint(value.len(), &mut bytes);
        bytes.extend_from_slice(value);
        return bytes;
    }
    if form == ConvertForm::Keyed {
        bytes.extend_from_slice(&key_of(record, stream));
        bytes.push(b'|');
    }
    bytes.extend_from_slice(STANDARD.encode(value).as_bytes());
    bytes.push(b'\n');
    bytes
}

/// The key: that of the record, unless it cannot stand in a line; else the one that a proxy would give it.
fn key_of<'a>(record: &'a Record, stream: Option<&'a TrafficStream>) -> Cow<'a, [u8]> {
    let has_room = |key: &&[u8]| !key.iter().any(|byte| matches!(byte, b'\n' | b'\r' | b'|'));
    let own = record.key.as_deref().filter(has_room);
    let id = stream.map(|stream| stream.connection_id.as_bytes()).filter(has_room);
    Cow::Borrowed(own.or(id).unwrap_or_default())
}

fn varint(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7F).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// One file a record. A record that is there twice is two files.
fn write_raw(folder: &Path, gzip: bool, record: &Record, stream: Option<&TrafficStream>) -> io::Result<()> {
    let id = stream.map_or("unknown", |stream| &stream.connection_id);
    let number = stream.and_then(|stream| stream.number);
    let number = number.map_or_else(|| record.token.offset(), |number| i64::from(number.get().0));
    let name = format!("{}_{number}", file_name(id));
    let mut bytes = record.value.to_vec();
    if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bytes)?;
        bytes = encoder.finish()?;
    }
    let mut file = match File::create_new(folder.join(format!("{name}.protocap"))) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let (partition, offset) = (record.token.ledger().partition(), record.token.offset());
            File::create_new(folder.join(format!("{name}-{partition}-{offset}.protocap")))?
        }
        file => file?,
    };
    file.write_all(&bytes)
}

/// An id as a part of a file's name: whatever could be something else there is in hexadecimal digits, behind `%`.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes().take(200) {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

/// Whether a conversion ended because nobody reads its standard output any more.
#[must_use]
pub fn is_output_closed(error: &Error) -> bool {
    matches!(error, Error::Io { access, source }
        if access.url == STDOUT && source.kind() == io::ErrorKind::BrokenPipe)
}

fn write_error(target: &ConvertTarget, source: io::Error) -> Error {
    let url = match target {
        ConvertTarget::Stdout => STDOUT.to_owned(),
        ConvertTarget::Path(path) => path.to_string_lossy().into_owned(),
    };
    Error::Io { access: Access { operation: Operation::Write, url, endpoint: None }, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_the_folder() {
        for (id, expected) in [
            ("0242ac-0001.a_b", "0242ac-0001.a_b"),
            ("../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd"),
            (".hidden", "%2ehidden"),
            ("a\0b c", "a%00b%20c"),
        ] {
            assert_eq!(file_name(id), expected);
        }
        assert!(file_name(&"x".repeat(1000)).len() <= 200);
    }

    #[test]
    fn a_length_is_read_as_it_is_written() {
        for (number, expected) in [(0, vec![0]), (127, vec![127]), (128, vec![0x80, 1]), (300, vec![0xAC, 2])]
        {
            let mut bytes = Vec::new();
            varint(number, &mut bytes);
            assert_eq!(bytes, expected);
        }
    }
}
