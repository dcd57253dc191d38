//! The files of one shard in one snapshot: the blob `snap-…` in the folder of the shard.
//!
//! Source: [`BlobStoreIndexShardSnapshot`](https://github.com/elastic/elasticsearch/blob/v7.10.2/server/src/main/java/org/elasticsearch/index/snapshots/blobstore/BlobStoreIndexShardSnapshot.java).

use crate::error::Result;
use crate::snapshot::blob::{Kind, corrupt, read};
use crate::snapshot::blob_path::checked_name;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::ops::Range;

/// What the names of files start with that have no blob: their content is in the metadata.
const VIRTUAL_PREFIX: &str = "v__";
/// The server counts parts in 32 bits.
const MOST_PARTS: u64 = i32::MAX as u64;

/// The files of a shard, as Lucene needs them to open it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShardSnapshot {
    /// Name of the snapshot.
    #[serde(rename = "name")]
    pub snapshot: String,
    /// All files of the commit; exactly one is named `segments_…`.
    pub files: Vec<ShardFile>,
}

/// A file of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShardFile {
    /// Name of the blob, or of all its parts without their numbers.
    pub name: String,
    /// Name of the file in the Lucene index, such as `_0.fdt`.
    pub physical_name: String,
    /// Length of the file in bytes.
    pub length: u64,
    /// CRC-32 of the file as Lucene's footer has it, in base 36; none for some files of Elasticsearch 1.
    #[serde(default, deserialize_with = "checksum")]
    pub checksum: Option<String>,
    /// Length of all parts but the last, in bytes; `None` if the file is one blob.
    pub part_size: Option<u64>,
    /// The version of Lucene that wrote the file.
    pub written_by: Option<String>,
    /// The first bytes of some files, all of them for `segments_…` and `.si` (up to 1 MiB).
    #[serde(default, deserialize_with = "base64")]
    pub meta_hash: Option<Vec<u8>>,
}

/// A blob that holds a file, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Name of the blob in the folder of the shard.
    pub blob: String,
    /// Where in the file it starts, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

impl ShardSnapshot {
    /// Decodes the blob; `limit` is for its content as JSON text, in bytes.
    ///
    /// # Errors
    /// See [`blob::to_json`](crate::snapshot::blob::to_json); or the content is not such a list, a name cannot be
    /// the name of a file, a file without a blob has no content, or there is not exactly one `segments_…`.
    pub fn decode(file: &str, bytes: &[u8], limit: usize) -> Result<Self> {
        let shard: Self = read(file, bytes, Kind::Snapshot, limit)?;
        for entry in &shard.files {
            entry.check(file)?;
        }
        let commits = shard.files.iter().filter(|entry| entry.is_commit()).count();
        if commits != 1 {
            return Err(corrupt(file, format!("expected one file `segments_…`, found {commits}")));
        }
        Ok(shard)
    }

    /// The file `segments_…`, where reading of the shard starts.
    #[must_use]
    pub fn commit(&self) -> Option<&ShardFile> {
        self.files.iter().find(|file| file.is_commit())
    }

    /// The file with this name in the Lucene index.
    #[must_use]
    pub fn file(&self, physical_name: &str) -> Option<&ShardFile> {
        self.files.iter().find(|file| file.physical_name == physical_name)
    }
}

impl ShardFile {
    /// Whether there is no blob: the content is [`content`](Self::content).
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.name.starts_with(VIRTUAL_PREFIX)
    }

    /// The whole content of the file, if the metadata has it.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        let content = self.meta_hash.as_deref()?;
        (u64::try_from(content.len()) == Ok(self.length)).then_some(content)
    }

    /// The blobs that hold the file, one after the other; none if it [is virtual](Self::is_virtual).
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        self.numbered_parts(0..self.number_of_parts())
    }

    /// Those of the [`parts`](Self::parts) that hold bytes of a range; found without a look at the others.
    pub fn parts_in(&self, range: Range<u64>) -> impl Iterator<Item = Part> {
        let (start, end) = (range.start, range.end.min(self.length));
        let (first, behind) = (start / self.part_size(), end.div_ceil(self.part_size()));
        let behind = if start < end { behind.min(self.number_of_parts()) } else { first };
        self.numbered_parts(first..behind)
    }

    fn numbered_parts(&self, numbers: Range<u64>) -> impl Iterator<Item = Part> {
        let part_size = self.part_size();
        numbers.map(move |number| {
            let offset = number.saturating_mul(part_size);
            let blob = match self.number_of_parts() {
                1 => self.name.clone(),
                _ => format!("{}.part{number}", self.name),
            };
            Part { blob, offset, length: self.length.saturating_sub(offset).min(part_size) }
        })
    }

    /// How many blobs hold the file.
    #[must_use]
    pub fn number_of_parts(&self) -> u64 {
        if self.is_virtual() {
            return 0;
        }
        // A file without bytes is one blob without bytes.
        self.length.div_ceil(self.part_size()).max(1)
    }

    fn part_size(&self) -> u64 {
        self.part_size.filter(|size| *size > 0).unwrap_or(u64::MAX)
    }

    fn is_commit(&self) -> bool {
        self.physical_name.starts_with("segments_")
    }

    fn check(&self, file: &str) -> Result<()> {
        checked_name(file, &self.name)?;
        let name = checked_name(file, &self.physical_name)?;
        if self.is_virtual() && self.content().is_none() {
            let found = self.meta_hash.as_ref().map_or(0, Vec::len);
            let what = format!("`{name}` has no blob, and {found} of its {} bytes here", self.length);
            return Err(corrupt(file, what));
        }
        if self.number_of_parts() > MOST_PARTS {
            let what = format!("`{name}` of {} bytes is in parts of {}", self.length, self.part_size());
            return Err(corrupt(file, what));
        }
        Ok(())
    }
}

fn checksum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let checksum = Option::<String>::deserialize(deserializer)?;
    Ok(checksum.filter(|text| text != "_na_"))
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| STANDARD.decode(text).map_err(|error| D::Error::custom(format!("meta_hash: {error}"))))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, length: u64, part_size: Option<u64>) -> ShardFile {
        ShardFile {
            name: name.to_owned(),
            physical_name: "_0.fdt".to_owned(),
            length,
            checksum: None,
            part_size,
            written_by: None,
            meta_hash: None,
        }
    }

    fn parts(file: &ShardFile) -> Vec<(String, u64, u64)> {
        file.parts().map(|part| (part.blob, part.offset, part.length)).collect()
    }

    fn part(blob: &str, offset: u64, length: u64) -> (String, u64, u64) {
        (blob.to_owned(), offset, length)
    }

    #[test]
    fn a_file_longer_than_a_part_is_in_numbered_blobs() {
        let expected = [part("__a.part0", 0, 10), part("__a.part1", 10, 10), part("__a.part2", 20, 1)];
        assert_eq!(parts(&file("__a", 21, Some(10))), expected);
        assert_eq!(parts(&file("__a", 20, Some(10))), expected[..2]);
        assert_eq!(parts(&file("__a", 10, Some(10))), [part("__a", 0, 10)]);
        assert_eq!(parts(&file("__a", 0, Some(10))), [part("__a", 0, 0)]);
        for part_size in [None, Some(0), Some(u64::MAX)] {
            assert_eq!(parts(&file("__a", u64::MAX, part_size)), [part("__a", 0, u64::MAX)]);
        }
        assert_eq!(parts(&file("v__a", 5, Some(1))), []);
    }

    #[test]
    fn the_parts_of_a_range_are_found_without_a_look_at_the_others() {
        let of = |file: &ShardFile, range: Range<u64>| {
            file.parts_in(range).map(|part| (part.offset, part.length)).collect::<Vec<_>>()
        };
        let parts = file("__a", 21, Some(10));
        assert_eq!(of(&parts, 0..10), [(0, 10)]);
        assert_eq!(of(&parts, 9..11), [(0, 10), (10, 10)]);
        assert_eq!(of(&parts, 20..21), [(20, 1)]);
        assert_eq!(of(&parts, 21..30), []);
        assert_eq!(of(&parts, 5..5), []);
        assert_eq!(of(&file("__a", 21, None), 5..6), [(0, 21)]);
        assert_eq!(of(&file("v__a", 21, None), 5..6), []);
        // One after the other, these would take minutes.
        let many = file("__a", MOST_PARTS, Some(1));
        assert_eq!(of(&many, MOST_PARTS - 1..MOST_PARTS), [(MOST_PARTS - 1, 1)]);
    }

    fn decoded(files: &str) -> Result<ShardSnapshot> {
        let commit = r#"{"name":"v__s","physical_name":"segments_1","length":3,"meta_hash":"AQID"}"#;
        let json = format!(r#"{{"name":"s","index_version":1,"files":[{commit}{files}]}}"#);
        ShardSnapshot::decode("snap-s.dat", json.as_bytes(), 10_000)
    }

    #[test]
    fn content_in_the_metadata_is_that_of_the_whole_file_or_not_used() {
        let shard = decoded(
            r#",{"name":"__1","physical_name":"_0.si","length":4,"meta_hash":"AQID","checksum":"_na_","writer_uuid":"AA=="}"#,
        )
        .unwrap();
        assert_eq!(shard.commit().unwrap().content(), Some(&[1, 2, 3][..]));
        let info = shard.file("_0.si").unwrap();
        assert_eq!((info.content(), info.checksum.as_deref()), (None, None));
    }

    #[test]
    fn a_list_that_cannot_be_right_is_refused() {
        for files in [
            r#",{"name":"__1","physical_name":"segments_2","length":1}"#,
            r#",{"name":"../1","physical_name":"_0.si","length":1}"#,
            r#",{"name":"__1","physical_name":"a/b","length":1}"#,
            r#",{"name":"v__1","physical_name":"_0.si","length":1}"#,
            r#",{"name":"v__1","physical_name":"_0.si","length":1,"meta_hash":"AQID"}"#,
            r#",{"name":"__1","physical_name":"_0.si","length":-1}"#,
            r#",{"name":"__1","physical_name":"_0.si","length":9223372036854775807,"part_size":1}"#,
            r#",{"name":"__1","physical_name":"_0.si","length":1,"meta_hash":"?"}"#,
            r#",{"name":"__1","physical_name":"_0.si"}"#,
        ] {
            assert!(decoded(files).is_err(), "{files}");
        }
        assert!(ShardSnapshot::decode("x", br#"{"name":"s","files":[]}"#, 100).is_err());
    }
}
