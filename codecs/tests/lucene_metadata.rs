//! The metadata of Lucene segments, as servers wrote it (see the README in the fixtures).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a wrong assumption of a test fails that test"
)]

#[path = "lucene_metadata/damage.rs"]
mod damage;
#[path = "lucene_metadata/old.rs"]
mod old;
#[path = "lucene_metadata/values.rs"]
mod values;

use codecs::lucene::compound::CompoundEntries;
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::live_docs;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::SegmentInfos;
use std::path::{Path, PathBuf};

/// A file of `SERVER-INDEX/NAME`.
#[derive(Debug)]
struct Fixture {
    path: String,
    bytes: Vec<u8>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lucene-meta")
}

fn fixture(path: &str) -> Fixture {
    Fixture { path: path.to_owned(), bytes: std::fs::read(folder().join(path)).unwrap() }
}

fn fixtures() -> Vec<Fixture> {
    let mut found = Vec::new();
    for server in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if !server.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&server).unwrap().map(|entry| entry.unwrap().path()) {
            let names = [&server, &file].map(|path| path.file_name().unwrap().to_str().unwrap());
            found.push(fixture(&names.join("/")));
        }
    }
    assert_eq!(found.len(), 36);
    found
}

impl Fixture {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    fn commit(&self) -> SegmentInfos {
        SegmentInfos::decode(self.name(), &self.bytes).unwrap()
    }

    fn info(&self) -> SegmentInfo {
        SegmentInfo::decode(self.name(), &self.bytes).unwrap()
    }

    fn entries(&self) -> CompoundEntries {
        CompoundEntries::decode(self.name(), &self.bytes).unwrap()
    }

    fn fields(&self) -> FieldInfos {
        FieldInfos::decode(self.name(), &self.bytes).unwrap()
    }

    /// Documents of the segment and how many of them are deleted, for live documents.
    fn counts(&self) -> (u32, u32) {
        match self.path.as_str() {
            "es-1.7.6-updates/_0_3.del" => (120, 55),
            "es-2.4.6-updates/_0_3.liv" => (120, 53),
            "es-6.8.23-sorted/_0_1.liv" => (40, 1),
            "es-7.10.2-updates_hard/_2_1.liv" => (102, 1),
            other => panic!("{other} has no live documents"),
        }
    }

    /// Decodes other bytes as this file, whatever it is.
    fn decode(&self, bytes: &[u8]) -> codecs::Result<()> {
        self.decode_as(self.name(), bytes)
    }

    /// Decodes other bytes as this file under another name.
    fn decode_as(&self, name: &str, bytes: &[u8]) -> codecs::Result<()> {
        match name.rsplit('.').next().unwrap() {
            "si" => SegmentInfo::decode(name, bytes).map(|_| ()),
            "cfe" => CompoundEntries::decode(name, bytes).map(|_| ()),
            "fnm" => FieldInfos::decode(name, bytes).map(|_| ()),
            "liv" | "del" => {
                let (documents, deleted) = self.counts();
                live_docs::decode(name, bytes, documents, deleted).map(|_| ())
            }
            _ => SegmentInfos::decode(name, bytes).map(|_| ()),
        }
    }
}
