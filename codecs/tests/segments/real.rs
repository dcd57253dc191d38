//! Segments that real servers wrote, with all of their files in memory. The benchmarks read them too.

use super::archive::Archive;
use super::catalog::Catalog;
use codecs::lucene::compound::CompoundEntries;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::{SegmentCommit, SegmentInfos};
use codecs::lucene::stored_fields::{Documents, Format, IndexFiles, StoredFields};
use std::collections::BTreeMap;

/// A segment of one shard.
pub(crate) struct Segment {
    /// Such as `es-7.10.2/repo snap1 plain/0 _0`.
    pub(crate) of: String,
    pub(crate) commit: SegmentCommit,
    pub(crate) info: SegmentInfo,
    /// By name; those in a compound file too.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// All segments of the first snapshot in an archive.
pub(crate) fn segments(archive: &str) -> Vec<Segment> {
    let archive = Archive::open(archive);
    let catalog = Catalog::open(archive.repository("repo"));
    let mut segments = Vec::new();
    for shard in catalog.shards(&catalog.data.snapshots[0]) {
        let mut files = BTreeMap::new();
        for file in &shard.files {
            let content = file.content().map(<[u8]>::to_vec).or_else(|| shard.bytes_in_blobs(file));
            files.insert(file.physical_name.clone(), content.unwrap());
        }
        let (name, bytes) = files.iter().find(|(name, _)| name.starts_with("segments_")).unwrap();
        for commit in SegmentInfos::decode(name, bytes).unwrap().segments {
            segments.push(Segment::new(format!("{} {}", shard.of, commit.name), commit, &files));
        }
    }
    segments
}

impl Segment {
    fn new(of: String, commit: SegmentCommit, shard: &BTreeMap<String, Vec<u8>>) -> Self {
        let name = |extension| format!("{}{extension}", commit.name);
        let info = SegmentInfo::decode(&name(".si"), &shard[&name(".si")]).unwrap();
        let is_own = |file: &str| file.split(['_', '.']).nth(1) == Some(&commit.name[1..]);
        let mut files: BTreeMap<_, _> = shard.clone().into_iter().filter(|(file, _)| is_own(file)).collect();
        if info.is_compound {
            let entries = CompoundEntries::decode(&name(".cfe"), &files[&name(".cfe")]).unwrap();
            let whole = files[&name(".cfs")].clone();
            for (suffix, range) in entries.iter() {
                let range = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
                files.insert(name(suffix), whole[range[0]..range[1]].to_vec());
            }
        }
        Self { of, commit, info, files }
    }

    /// A file by its extension, such as `.fdt`.
    pub(crate) fn file(&self, extension: &str) -> Option<&[u8]> {
        self.files.get(&format!("{}{extension}", self.commit.name)).map(Vec::as_slice)
    }

    /// `.fdt`, `.fdx`, `.fdm` (empty where there is none).
    pub(crate) fn stored(&self) -> [&[u8]; 3] {
        [".fdt", ".fdx", ".fdm"].map(|extension| self.file(extension).unwrap_or_default())
    }
}

/// Opens stored fields from `.fdt`, `.fdx` and `.fdm`.
pub(crate) fn open([fdt, fdx, fdm]: [&[u8]; 3], info: &SegmentInfo) -> codecs::Result<StoredFields> {
    let head = &fdt[..fdt.len().min(usize::try_from(Format::MAX_HEADER).unwrap())];
    let files = IndexFiles { fdx: ("_0.fdx", fdx), fdm: (!fdm.is_empty()).then_some(("_0.fdm", fdm)) };
    StoredFields::open(("_0.fdt", head, fdt.len() as u64), files, info.id, info.doc_count)
}

/// Reads all chunks of `.fdt` and all fields in them; how many documents there are.
pub(crate) fn read(stored: &StoredFields, fdt: &[u8], documents: &mut Documents) -> codecs::Result<usize> {
    let mut count = 0;
    for number in 0..stored.chunk_count() {
        let chunk = stored.chunk(number)?;
        let [start, end] = [chunk.bytes.start, chunk.bytes.end].map(|at| usize::try_from(at).unwrap());
        let open = stored.open_chunk(&chunk, fdt.get(start..end).unwrap_or_default())?;
        documents.clear();
        stored.read_chunk(&open, documents)?;
        for (document, fields) in documents.iter() {
            for field in fields {
                field.map_err(|at| stored.malformed(&chunk, document, at))?;
            }
            count += 1;
        }
    }
    Ok(count)
}
