//! Seeds from the files of shards, and from the documents in them.

use crate::blobs::Files;
use crate::{Seeds, part};
use codecs::lucene::codec_util::Header;
use codecs::lucene::compound::CompoundEntries;
use codecs::lucene::doc_values::{DocValuesMeta, FieldTraits};
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::{SegmentCommit, SegmentInfos};
use codecs::lucene::stored_fields::{Documents, Format, IndexFiles, StoredFields, StoredValue};

/// Adds the segments of a shard.
pub(crate) fn add_segments(shard: &Files, seeds: &mut Seeds) {
    let Some((name, bytes)) = shard.iter().find(|(name, _)| name.starts_with("segments_")) else { return };
    seeds.add("segment_infos", codec(bytes), bytes.clone());
    let Ok(commit) = SegmentInfos::decode(name, bytes) else { return };
    for segment in &commit.segments {
        if let Some(info) = shard.get(&format!("{}.si", segment.name)) {
            seeds.add("segment_info", codec(info), info.clone());
            seeds.add("codec_util", codec(info), info.clone());
            if let Ok(info) = SegmentInfo::decode("_0.si", info) {
                add_segment(&files(shard, &segment.name), segment, &info, seeds);
            }
        }
    }
}

/// The files of a segment by their names without that of the segment, those in a compound file too.
fn files(shard: &Files, segment: &str) -> Files {
    let own = shard.iter().filter_map(|(name, bytes)| {
        let suffix = name.strip_prefix(segment).filter(|suffix| suffix.starts_with(['.', '_']))?;
        Some((suffix.to_owned(), bytes.clone()))
    });
    let mut files: Files = own.collect();
    if let (Some(cfe), Some(cfs)) = (files.get(".cfe"), files.get(".cfs"))
        && let Ok(entries) = CompoundEntries::decode("_0.cfe", cfe)
    {
        let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let inner = entries.iter().filter_map(|(name, range)| {
            Some((name.to_owned(), cfs.get(place(range.start)..place(range.end))?.to_vec()))
        });
        let inner: Files = inner.collect();
        files.extend(inner);
    }
    files
}

fn add_segment(files: &Files, commit: &SegmentCommit, info: &SegmentInfo, seeds: &mut Seeds) {
    let max_doc = info.doc_count.to_le_bytes();
    for (suffix, bytes) in files {
        match suffix.rsplit('.').next() {
            Some("cfe") => seeds.add("compound", codec(bytes), bytes.clone()),
            Some("fnm") => seeds.add("field_infos", codec(bytes), bytes.clone()),
            Some("liv" | "del") => {
                let seed = [&max_doc[..], &commit.deleted_count.to_le_bytes(), bytes].concat();
                seeds.add("live_docs", codec(bytes), seed);
            }
            Some("dvm") => {
                if let Some(data) = files.get(&suffix.replace(".dvm", ".dvd")) {
                    add_doc_values(info.doc_count, bytes, data, seeds);
                }
            }
            _ => {}
        }
    }
    add_stored_fields(files, info, seeds);
}

fn add_doc_values(max_doc: u32, meta: &[u8], data: &[u8], seeds: &mut Seeds) {
    for traits in 0..4 {
        let of_all = FieldTraits { compressed: traits & 1 != 0, skip_index: traits & 2 != 0 };
        let Ok(decoded) = DocValuesMeta::decode("_0.dvm", meta, max_doc, |_| Some(of_all)) else { continue };
        let mut kinds = String::new();
        for field in decoded.fields() {
            for (kind, has) in
                [("n", decoded.numeric(field).is_some()), ("s", decoded.sorted(field).is_some())]
            {
                if has && !kinds.contains(kind) {
                    kinds.push_str(kind);
                }
            }
        }
        if let Some(file) = part(meta) {
            let seed = [&max_doc.to_le_bytes()[..], &[traits], &file, data].concat();
            seeds.add("doc_values", format!("{}-{traits}{kinds}", codec(meta)), seed);
        }
        return;
    }
}

fn add_stored_fields(files: &Files, info: &SegmentInfo, seeds: &mut Seeds) {
    let (Some(fdt), Some(fdx)) = (files.get(".fdt"), files.get(".fdx")) else { return };
    let fdm = files.get(".fdm");
    let (Some(fdx_part), Some(fdm_part)) = (part(fdx), part(fdm.map_or(&[], Vec::as_slice))) else { return };
    let seed = [&info.doc_count.to_le_bytes()[..], &fdx_part, &fdm_part, fdt].concat();
    seeds.add("stored_fields", codec(fdt), seed);
    let head = &fdt[..fdt.len().min(usize::try_from(Format::MAX_HEADER).unwrap_or_default())];
    let index = IndexFiles { fdx: ("_0.fdx", fdx), fdm: fdm.map(|fdm| ("_0.fdm", fdm.as_slice())) };
    let stored = StoredFields::open(("_0.fdt", head, fdt.len() as u64), index, info.id, info.doc_count);
    let stored = stored.expect("stored fields of a server");
    let mut documents = Documents::default();
    for number in 0..stored.chunk_count() {
        let chunk = stored.chunk(number).expect("a chunk of a server");
        let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let bytes = &fdt[place(chunk.bytes.start)..place(chunk.bytes.end)];
        let open = stored.open_chunk(&chunk, bytes).expect("a chunk of a server");
        stored.read_chunk(&open, &mut documents).expect("a chunk of a server");
    }
    add_documents(&documents, seeds);
}

/// Values of bytes are a `_source` or an `_id`, strings may be a `_uid`.
fn add_documents(documents: &Documents, seeds: &mut Seeds) {
    for (_, fields) in documents.iter() {
        for field in fields.flatten() {
            match field.1 {
                StoredValue::Bytes(bytes) if bytes.starts_with(b"{") => {
                    seeds.add("source", "json", bytes.to_vec())
                }
                StoredValue::Bytes(bytes) => {
                    let first = bytes.first().map_or(0, |first| first >> 5);
                    seeds.add("source", format!("stored{first}"), bytes.to_vec());
                    seeds.add(
                        "document_id",
                        format!("id{}", bytes.first().map_or(0, |first| *first)),
                        bytes.to_vec(),
                    );
                }
                StoredValue::String(text) if text.contains(&b'#') => {
                    seeds.add("document_id", "uid", text.to_vec())
                }
                _ => {}
            }
        }
    }
}

/// Codec and version in the header of a file.
fn codec(file: &[u8]) -> String {
    let header = Header::decode(file).or_else(|_| Header::decode(file.get(4..).unwrap_or_default()));
    header.map_or("none".to_owned(), |(_, header)| format!("{}-{}", header.codec, header.version))
}
