//! The files of one shard in a snapshot: a range of a file → its bytes, wherever the repository has them.

use crate::error::{Error, Result};
use crate::storage::{BlobStore, Listing};
use bytes::{Bytes, BytesMut};
use codecs::lucene::codec_util::{FOOTER_LENGTH, Footer};
use codecs::snapshot::shard_snapshot::{Part, ShardFile, ShardSnapshot};
use std::collections::HashMap;
use std::ops::Range;

/// Files that are read whole (metadata of segments) are not larger than this.
const MAX_WHOLE_FILE: u64 = 1 << 30;

/// The files of one shard, by their names in Lucene's directory.
///
/// What is not in the shard's metadata is not in the shard: no folder is listed to read one.
#[derive(Debug)]
pub struct ShardFiles {
    store: BlobStore,
    folder: String,
    list_blob: String,
    /// Which shard, for messages: `shard 3 of index `orders``.
    what: String,
    files: HashMap<String, ShardFile>,
}

impl ShardFiles {
    /// The files that a shard's metadata lists; `folder` (which ends with `/`) is where the
    /// repository keeps them, `list_blob` the blob that the list is from.
    #[must_use]
    pub fn new(
        store: BlobStore,
        folder: String,
        list_blob: String,
        what: String,
        snapshot: ShardSnapshot,
    ) -> Self {
        let files = snapshot.files.into_iter().map(|file| (file.physical_name.clone(), file)).collect();
        Self { store, folder, list_blob, what, files }
    }

    /// Which shard this is, in words.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// All files of the shard.
    pub fn iter(&self) -> impl Iterator<Item = &ShardFile> {
        self.files.values()
    }

    /// Whether the shard has this file.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Length of a file in bytes.
    pub fn length(&self, name: &str) -> Result<u64> {
        self.file(name).map(|file| file.length)
    }

    /// A whole file.
    pub async fn read(&self, name: &str) -> Result<Bytes> {
        let file = self.file(name)?;
        if let Some(content) = inline(file) {
            return Ok(content);
        }
        if file.length > MAX_WHOLE_FILE {
            return Err(
                self.damaged(name, format!("{} bytes, expected at most {MAX_WHOLE_FILE}", file.length))
            );
        }
        let bytes = self.read_range(name, 0..file.length).await?;
        self.check_footer(file, &bytes)?;
        Ok(bytes)
    }

    /// Compares the checksum in the footer of a file with the one in the shard's metadata.
    ///
    /// A blob that belongs to another file of the kind is whole: its own checksum is right, and only this one differs.
    fn check_footer(&self, file: &ShardFile, bytes: &[u8]) -> Result<()> {
        let name = &file.physical_name;
        let recorded = file.checksum.as_deref().filter(|_| self.has_footer(name));
        let recorded = recorded.and_then(|text| u64::from_str_radix(text, 36).ok());
        let footer = bytes.get(bytes.len().saturating_sub(FOOTER_LENGTH)..).unwrap_or_default();
        let (Some(recorded), Ok((_, found))) = (recorded, Footer::decode(footer)) else {
            return Ok(()); // Who decodes the file says what is wrong with its footer.
        };
        if recorded == u64::from(found.checksum) {
            return Ok(());
        }
        Err(Error::OtherFile {
            what: self.what.clone(),
            file: name.clone(),
            offset: checksum_offset(bytes.len() as u64),
            expected: recorded,
            found: found.checksum,
        })
    }

    /// Some bytes of a file.
    pub async fn read_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let file = self.file(name)?;
        if range.start > range.end || range.end > file.length {
            let what =
                format!("bytes {} to {} are needed, the file has {}", range.start, range.end, file.length);
            return Err(self.damaged(name, what));
        }
        if let Some(content) = inline(file) {
            return Ok(content.slice(to_usize(range.start)..to_usize(range.end)));
        }
        let mut parts = self.parts_of(file, &range);
        let first = parts.next();
        let Some(second) = parts.next() else {
            return match first {
                Some((blob, range)) => self.store.read_range(&blob, range).await,
                None => Ok(Bytes::new()),
            };
        };
        let mut bytes = BytesMut::with_capacity(to_usize(range.end.saturating_sub(range.start)));
        for (blob, range) in first.into_iter().chain([second]).chain(parts) {
            bytes.extend_from_slice(&self.store.read_range(&blob, range).await?);
        }
        Ok(bytes.freeze())
    }

    /// The blobs that have a range of a file, and which bytes of each.
    fn parts_of<'a>(
        &'a self,
        file: &'a ShardFile,
        range: &Range<u64>,
    ) -> impl Iterator<Item = (String, Range<u64>)> + use<'a> {
        let range = range.clone();
        file.parts_in(range.clone()).map(move |part| {
            let end = part.offset.saturating_add(part.length);
            let (from, to) = (range.start.max(part.offset), range.end.min(end));
            let inside = from.saturating_sub(part.offset)..to.saturating_sub(part.offset);
            (format!("{}{}", self.folder, part.blob), inside)
        })
    }

    /// The blob that a byte of a file is in, and the place there. None for a file without blobs.
    #[must_use]
    pub fn locate(&self, name: &str, offset: u64) -> Option<(String, u64)> {
        let file = self.files.get(name)?;
        let at = offset.min(file.length.saturating_sub(1));
        // A file without bytes is one blob.
        let part = file.parts_in(at..at.saturating_add(1)).next().or_else(|| file.parts().next())?;
        Some((format!("{}{}", self.folder, part.blob), offset.saturating_sub(part.offset)))
    }

    /// The parts of a file and the blobs that hold them; the blobs are named in the folder of the shard.
    pub fn parts(&self, name: &str) -> impl Iterator<Item = Part> {
        self.files.get(name).into_iter().flat_map(ShardFile::parts)
    }

    /// The path of a blob in the folder of the shard.
    #[must_use]
    pub fn path(&self, blob: &str) -> String {
        format!("{}{blob}", self.folder)
    }

    /// What is in the folder of the shard, whether it belongs to this snapshot or to others.
    pub async fn list(&self) -> Result<Listing> {
        self.store.list(self.folder.trim_end_matches('/')).await
    }

    /// The checksum of a file as the shard's metadata has it.
    #[must_use]
    pub fn checksum(&self, name: &str) -> Option<&str> {
        self.files.get(name)?.checksum.as_deref()
    }

    /// Whether a file ends with the checksum that Lucene writes since 4.8.
    #[must_use]
    pub fn has_footer(&self, name: &str) -> bool {
        let written_by = self.files.get(name).and_then(|file| file.written_by.as_deref());
        let mut numbers =
            written_by.unwrap_or_default().split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        version >= (4, 8)
    }

    /// The blob that lists the files.
    #[must_use]
    pub fn list_blob(&self) -> &str {
        &self.list_blob
    }

    /// An error about a file of this shard.
    #[must_use]
    pub fn damaged(&self, file: &str, problem: String) -> Error {
        Error::Shard { what: self.what.clone(), file: file.to_owned(), problem }
    }

    /// A decoder's error about a file of this shard.
    #[must_use]
    pub fn undecodable(&self, source: codecs::Error) -> Error {
        Error::Codec { what: self.what.clone(), source: Box::new(source) }
    }

    fn file(&self, name: &str) -> Result<&ShardFile> {
        self.files.get(name).ok_or_else(|| {
            self.damaged(name, "the segment needs it, the shard's metadata does not list it".to_owned())
        })
    }
}

/// Where the checksum of a file of this length stands: it is over all bytes before.
pub(crate) const fn checksum_offset(length: u64) -> u64 {
    length.saturating_sub(8)
}

/// The content of a file that is in the metadata, whole.
fn inline(file: &ShardFile) -> Option<Bytes> {
    file.content().map(Bytes::copy_from_slice)
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
