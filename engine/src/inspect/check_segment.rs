//! Opens one segment and reads all of its documents.

use super::check::Context;
use crate::document::DocumentBlock;
use crate::error::{Error, Result, chain};
use crate::flow::on_pool;
use crate::ndjson::{LineFormat, LineWriter, Unwritable};
use crate::segment::{ReadFailure, Segment, SegmentSource, Unit};
use crate::snapshot::{ShardFiles, Snapshot};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Compressed bytes that are read at once.
const UNIT_BYTES: u64 = 4 << 20;

/// What decoding takes beside the compressed bytes, as long as no document is large.
const WORKSPACE: u64 = 4 << 20;

/// Files of a segment that are always needed, where it has them.
const NEEDED: [&str; 6] = [".cfe", ".cfs", ".fnm", ".fdt", ".fdx", ".fdm"];

/// Checks one segment; the names of the files that it needs.
pub(super) async fn check_segment(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    files: &Arc<ShardFiles>,
    source: &SegmentSource,
) -> Result<BTreeSet<String>> {
    let base = NEEDED.map(|extension| format!("{}{extension}", source.commit.name));
    let mut needed: BTreeSet<String> = base.into_iter().filter(|name| files.contains(name)).collect();
    let segment = match Segment::open(source).await {
        Ok(segment) => Arc::new(segment),
        Err(error) => {
            match &error {
                Error::Codec { source: cause, .. } => {
                    let place = source.place(cause.file(), cause.offset()).await;
                    context.fault_of_codec(files, cause, place);
                }
                _ => context.fault_in(snapshot, files, error)?,
            }
            return Ok(needed);
        }
    };
    for unit in segment.units(UNIT_BYTES) {
        match unit {
            Ok(unit) => check_unit(context, snapshot, files, unit).await?,
            Err(failure) => note(context, files, &segment, &failure),
        }
    }
    needed.append(&mut segment.files_read());
    Ok(needed)
}

async fn check_unit(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    files: &ShardFiles,
    unit: Unit,
) -> Result<()> {
    let compressed = unit.bytes.end.saturating_sub(unit.bytes.start);
    let mut permit = context.memory.reserve(compressed.saturating_add(WORKSPACE)).await;
    let bytes = match unit.fetch().await {
        Ok(bytes) => bytes,
        Err(error) => return context.fault_in(snapshot, files, error),
    };
    for number in unit.chunks.clone() {
        let segment = Arc::clone(&unit.segment);
        let chunk = segment.chunk(number).map_err(|error| segment.shard().undecodable(error))?;
        let range = [chunk.bytes.start, chunk.bytes.end].map(|at| at.saturating_sub(unit.bytes.start));
        let range = range.map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()));
        let chunk_bytes = bytes.slice(range[0]..range[1].max(range[0]));
        let length = match segment.decompressed_len(&chunk, &chunk_bytes) {
            Ok(length) => length as u64,
            Err(failure) => {
                note(context, files, &segment, &failure);
                continue;
            }
        };
        let needed = compressed.saturating_add(WORKSPACE).saturating_add(length.saturating_mul(2));
        if length > WORKSPACE / 4 && !permit.try_grow(needed) {
            drop(permit);
            permit = context.memory.reserve(needed).await;
        }
        let (documents, failures) =
            on_pool(context.threads, move || read(&segment, number, &chunk_bytes)).await;
        context.count(|report| report.documents = report.documents.saturating_add(documents));
        for failure in failures {
            note(context, files, &unit.segment, &failure);
        }
    }
    Ok(())
}

/// Reads the live documents of a chunk: how many there are, and what is wrong.
fn read(segment: &Segment, number: u64, bytes: &Bytes) -> (u64, Vec<ReadFailure>) {
    let mut block = DocumentBlock::default();
    let mut failures = Vec::new();
    let Ok(chunk) = segment.chunk(number) else { return (0, failures) };
    segment.read_chunk(&chunk, bytes, &mut block, |failure| failures.push(failure));
    let writer = LineWriter::new(LineFormat::Document, "", false, None);
    let mut line = Vec::new();
    for document in block.iter() {
        line.clear();
        if let Err(Unwritable::Source(error)) = writer.write(&document, &mut line) {
            let what = format!("document {}: {}", document.number, chain(&Unwritable::Source(error)));
            let error = codecs::Error::Corrupt {
                file: segment.data_file().to_owned(),
                offset: chunk.bytes.start,
                what,
            };
            failures.push(segment.failure_of(document.number..document.number.saturating_add(1), error));
        }
    }
    (block.len() as u64, failures)
}

fn note(context: &Context<'_>, files: &ShardFiles, segment: &Segment, failure: &ReadFailure) {
    let (file, offset) = segment.place(failure.error.file(), failure.error.offset());
    let documents = &failure.documents;
    let lost = match failure.live {
        1 => format!("document {} cannot be read", documents.start),
        live => format!("{live} documents between {} and {} cannot be read", documents.start, documents.end),
    };
    context.fault_at(files, &file, Some(offset), format!("{}; {lost}", failure.error));
}
