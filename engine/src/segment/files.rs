//! The files of one segment, in a compound file or on their own.

use crate::error::{Error, Result};
use crate::snapshot::ShardFiles;
use bytes::Bytes;
use codecs::lucene::compound::CompoundEntries;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A compound file up to this size is read at once: one request instead of several.
const SMALL_COMPOUND: u64 = 256 << 10;

/// The files of one segment.
#[derive(Debug)]
pub(crate) struct SegmentFiles {
    shard: Arc<ShardFiles>,
    segment: String,
    compound: Option<Compound>,
    /// The files of the shard that were read from.
    opened: Mutex<BTreeSet<String>>,
}

#[derive(Debug)]
struct Compound {
    file: String,
    entries_file: String,
    entries: CompoundEntries,
    /// All of it, where it is small.
    whole: Option<Bytes>,
}

impl SegmentFiles {
    pub(crate) async fn open(shard: Arc<ShardFiles>, segment: &str, is_compound: bool) -> Result<Self> {
        let compound = if is_compound { Some(Compound::open(&shard, segment).await?) } else { None };
        let opened = match &compound {
            Some(compound) => BTreeSet::from([compound.file.clone(), compound.entries_file.clone()]),
            None => BTreeSet::new(),
        };
        Ok(Self { shard, segment: segment.to_owned(), compound, opened: Mutex::new(opened) })
    }

    pub(crate) fn shard(&self) -> &ShardFiles {
        &self.shard
    }

    /// Name of the file with this suffix, such as `.fdt`.
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.segment)
    }

    /// Whether the segment has this file.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.entry(name).is_some() || self.shard.contains(name)
    }

    pub(crate) fn length(&self, name: &str) -> Result<u64> {
        match self.entry(name) {
            Some((_, range)) => Ok(range.end.saturating_sub(range.start)),
            None => self.shard.length(name),
        }
    }

    /// A whole file.
    pub(crate) async fn read(&self, name: &str) -> Result<Bytes> {
        match self.entry(name) {
            Some((_, range)) => {
                let length = range.end.saturating_sub(range.start);
                self.read_range(name, 0..length).await
            }
            None => {
                self.note_opened(name);
                self.shard.read(name).await
            }
        }
    }

    /// Some bytes of a file.
    pub(crate) async fn read_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let Some((compound, entry)) = self.entry(name) else {
            self.note_opened(name);
            return self.shard.read_range(name, range).await;
        };
        let length = entry.end.saturating_sub(entry.start);
        if range.start > range.end || range.end > length {
            let what = format!("bytes {} to {} are needed, the file has {length}", range.start, range.end);
            return Err(self.shard.damaged(name, what));
        }
        let (start, end) = (entry.start.saturating_add(range.start), entry.start.saturating_add(range.end));
        match &compound.whole {
            Some(whole) => {
                let range =
                    usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
                Ok(whole.slice(range))
            }
            None => self.shard.read_range(&compound.file, start..end).await,
        }
    }

    /// The files of the shard that were read from, by name.
    pub(crate) fn opened(&self) -> BTreeSet<String> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_opened(&self, name: &str) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if !opened.contains(name) {
            opened.insert(name.to_owned());
        }
    }

    /// Where a byte of a file is: the file of the shard that it is in, and the place there.
    pub(crate) fn place(&self, name: &str, offset: u64) -> (String, u64) {
        match self.entry(name) {
            Some((compound, range)) => (compound.file.clone(), range.start.saturating_add(offset)),
            None => (name.to_owned(), offset),
        }
    }

    /// A file in the compound file. Files of later generations (deletes, updates) stand beside it.
    fn entry(&self, name: &str) -> Option<(&Compound, Range<u64>)> {
        let compound = self.compound.as_ref()?;
        let range = compound.entries.get(name.strip_prefix(&self.segment)?)?;
        Some((compound, range))
    }
}

impl Compound {
    async fn open(shard: &ShardFiles, segment: &str) -> Result<Self> {
        let (entries_file, file) = (format!("{segment}.cfe"), format!("{segment}.cfs"));
        let length = shard.length(&file)?;
        let entries = shard.read(&entries_file).await?;
        let entries =
            CompoundEntries::decode(&entries_file, &entries).map_err(|error| shard.undecodable(error))?;
        entries.check_length(&entries_file, length).map_err(|error| shard.undecodable(error))?;
        let whole =
            if length <= SMALL_COMPOUND { Self::read_whole(shard, &file, length).await? } else { None };
        Ok(Self { file, entries_file, entries, whole })
    }

    /// All of `.cfs`; none where it is cut, so that what is left can be read file by file.
    ///
    /// Not with the check of its footer: the files in it have checksums of their own.
    async fn read_whole(shard: &ShardFiles, file: &str, length: u64) -> Result<Option<Bytes>> {
        match shard.read_range(file, 0..length).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::WrongLength { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
