//! Files of lines: a folder for each index, rotated by size.

use super::batch::LineBatch;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineCompression {
    /// Not at all.
    #[default]
    None,
    /// gzip, a member a batch (readers take them as one stream).
    Gzip,
    /// Zstandard, a frame a batch (likewise).
    Zstd,
}

/// How files are made.
#[derive(Debug, Clone, Copy)]
pub struct FileOptions {
    /// Compression of each file.
    pub compression: LineCompression,
    /// A file is closed at the first batch that makes it at least this long, in bytes as written.
    pub rotate_bytes: u64,
    /// Whether files that an earlier run left in the folder of an index are removed first.
    pub overwrite: bool,
}

/// Name of a file that is still being written: the name that it gets when it is whole, and this.
const UNFINISHED: &str = ".unfinished";

/// The files of one index.
#[derive(Debug)]
pub(super) struct IndexFiles {
    folder: PathBuf,
    options: FileOptions,
    number: u32,
    open: Option<OpenFile>,
    /// A write failed: the last file may end inside a line, so nothing follows it and it gets no final name.
    is_broken: bool,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    finished_name: PathBuf,
    unfinished_name: PathBuf,
    written: u64,
}

impl IndexFiles {
    /// The folder for an index, which must not have lines of an earlier run, unless they are to be overwritten.
    pub(super) fn create(directory: &Path, index: &str, options: FileOptions) -> io::Result<Self> {
        let folder = directory.join(folder_name(index));
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !name.starts_with("part-") {
                continue;
            }
            if !options.overwrite {
                let what = format!(
                    "`{}` is left from an earlier run; choose an empty directory, or overwrite",
                    path.display()
                );
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            fs::remove_file(path)?;
        }
        Ok(Self { folder, options, number: 0, open: None, is_broken: false })
    }

    /// Appends bytes that are whole lines (or whole members) and rotates.
    ///
    /// After an error, every later call is an error too.
    pub(super) fn append(&mut self, batch: &Encoded<'_>) -> io::Result<()> {
        self.check()?;
        let appended = self.append_whole(batch);
        self.is_broken = appended.is_err();
        appended
    }

    fn check(&self) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("an earlier write to the file failed"));
        }
        Ok(())
    }

    fn append_whole(&mut self, batch: &Encoded<'_>) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                self.number = self.number.saturating_add(1);
                let name = format!("part-{:05}.ndjson{}", self.number, extension(self.options.compression));
                none.insert(OpenFile::create(&self.folder, &name)?)
            }
        };
        batch.write_to(&mut open.file)?;
        open.written = open.written.saturating_add(batch.byte_len());
        if open.written >= self.options.rotate_bytes {
            self.finish()?;
        }
        Ok(())
    }

    /// Gives the open file its final name.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.check()?;
        match self.open.take() {
            Some(open) => open.finish(),
            None => Ok(()),
        }
    }
}

impl OpenFile {
    fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let unfinished_name = folder.join(format!("{name}{UNFINISHED}"));
        let file = File::create(&unfinished_name)?;
        Ok(Self { file, finished_name: folder.join(name), unfinished_name, written: 0 })
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(self.unfinished_name, self.finished_name)
    }
}

/// A batch as it goes into a file.
pub(super) enum Encoded<'a> {
    Plain(&'a LineBatch),
    Compressed(Vec<u8>),
}

impl<'a> Encoded<'a> {
    pub(super) fn new(batch: &'a LineBatch, compression: LineCompression) -> io::Result<Self> {
        Ok(match compression {
            LineCompression::None => Self::Plain(batch),
            LineCompression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                batch.write_to(&mut encoder)?;
                Self::Compressed(encoder.finish()?)
            }
            LineCompression::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
                batch.write_to(&mut encoder)?;
                Self::Compressed(encoder.finish()?)
            }
        })
    }

    pub(super) fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Plain(batch) => batch.write_to(output),
            Self::Compressed(bytes) => output.write_all(bytes),
        }
    }

    fn byte_len(&self) -> u64 {
        match self {
            Self::Plain(batch) => batch.byte_len(),
            Self::Compressed(bytes) => bytes.len() as u64,
        }
    }
}

const fn extension(compression: LineCompression) -> &'static str {
    match compression {
        LineCompression::None => "",
        LineCompression::Gzip => ".gz",
        LineCompression::Zstd => ".zst",
    }
}

/// The name of an index as the name of one folder: what could lead elsewhere is percent-encoded.
fn folder_name(index: &str) -> String {
    if matches!(index, "" | "." | "..") {
        return index.replace('.', "%2E") + "%";
    }
    let mut name = String::with_capacity(index.len());
    for character in index.chars() {
        let is_unsafe = matches!(character, '/' | '\\' | '%') || character.is_control();
        if is_unsafe {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(character);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_index_cannot_lead_out_of_the_directory() {
        assert_eq!(folder_name("ünï-名前"), "ünï-名前");
        assert_eq!(folder_name(".ds-logs-000001"), ".ds-logs-000001");
        assert_eq!(folder_name("../../etc"), "..%2F..%2Fetc");
        assert_eq!([".", "..", ""].map(folder_name), ["%2E%", "%2E%2E%", "%"]);
    }

    #[test]
    fn a_file_that_may_end_inside_a_line_is_not_continued_and_gets_no_final_name() {
        let directory = std::env::temp_dir().join(format!("ferry-files-{}", std::process::id()));
        let mut files = IndexFiles::create(&directory, "i", FileOptions::default()).unwrap();
        files.append(&Encoded::Compressed(b"{}\n".to_vec())).unwrap();
        let path = directory.join("i/part-00001.ndjson.unfinished");
        // Open for reading only: a write to it fails.
        let intact = std::mem::replace(&mut files.open.as_mut().unwrap().file, File::open(&path).unwrap());
        assert!(files.append(&Encoded::Compressed(b"{}\n".to_vec())).is_err());
        files.open.as_mut().unwrap().file = intact;
        assert!(files.append(&Encoded::Compressed(b"{}\n".to_vec())).is_err());
        assert!(files.finish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"{}\n");
        fs::remove_dir_all(directory).unwrap();
    }
}
