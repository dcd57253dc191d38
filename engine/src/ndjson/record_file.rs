//! A file of records that a run leaves behind: one JSON line each.

use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file; made at the first record.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    file: Mutex<Option<BufWriter<File>>>,
}

impl RecordFile {
    /// Records go to `path`. A file of an earlier run would be mistaken for this run's, so it is moved aside, to `….old`.
    /// What is no regular file, such as a pipe or `/dev/null`, stays where it is.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        if path.is_file() {
            let mut aside = path.clone().into_os_string();
            aside.push(".old");
            fs::rename(&path, aside)?;
        }
        Ok(Self { path, file: Mutex::new(None) })
    }

    /// Where the file is, or would be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn record(&self, record: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(self.create()?),
        };
        file.write_all(&line)
    }

    fn create(&self) -> io::Result<BufWriter<File>> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(&self.path).map(BufWriter::new)
    }

    /// Brings all records to the disk; the path, if there is a record.
    pub(crate) fn finish(&self) -> io::Result<Option<PathBuf>> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut file) = file else { return Ok(None) };
        file.flush()?;
        if self.path.is_file() {
            file.get_ref().sync_all()?;
        }
        Ok(Some(self.path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("ferry-records-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_of_an_earlier_run_is_moved_aside() {
        let folder = folder("aside");
        let path = folder.join("failed.ndjson");
        fs::write(&path, "before").unwrap();
        assert_eq!(RecordFile::new(path.clone()).unwrap().finish().unwrap(), None);
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(folder.join("failed.ndjson.old")).unwrap(), "before");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_device_is_not_moved_and_takes_records() {
        let folder = folder("device");
        let path = folder.join("null"); // A link: what a mistake would move is the link, not the device.
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let file = RecordFile::new(path.clone()).unwrap();
        file.record(&7).unwrap();
        assert_eq!(file.finish().unwrap(), Some(path.clone()));
        assert!(path.is_symlink());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn each_record_is_a_line_of_a_file_in_a_folder_that_is_made() {
        let folder = folder("lines");
        let path = folder.join("new/failed.ndjson");
        let file = RecordFile::new(path.clone()).unwrap();
        file.record(&"a\nb").unwrap();
        file.record(&[1, 2]).unwrap();
        assert_eq!(file.finish().unwrap(), Some(path.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "\"a\\nb\"\n[1,2]\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
