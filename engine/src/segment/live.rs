//! Which documents of a segment are live: not deleted, and not soft-deleted.

use super::files::SegmentFiles;
use crate::error::Result;
use bytes::Bytes;
use codecs::lucene::codec_util::verified_body;
use codecs::lucene::doc_set::DocSet;
use codecs::lucene::doc_values::{DocValuesMeta, FieldTraits};
use codecs::lucene::field_infos::{Field, FieldInfos};
use codecs::lucene::live_docs;
use codecs::lucene::segment_infos::SegmentCommit;
use std::ops::Range;

/// The field that has a value in every soft-deleted document, in Elasticsearch since 6.5 and in OpenSearch.
const SOFT_DELETES: &str = "__soft_deletes";

/// A file of doc values up to this size is read whole, in bytes.
const SMALL_VALUES: u64 = 256 << 10;

/// The live documents of a segment; none when all are.
pub(super) async fn live_documents(
    files: &SegmentFiles,
    commit: &SegmentCommit,
    infos: &FieldInfos,
    max_doc: u32,
) -> Result<Option<DocSet>> {
    let hard = hard_live(files, commit, max_doc).await?;
    let soft = soft_deleted(files, commit, infos, max_doc).await?;
    let live = match (hard, soft) {
        (None, None) => return Ok(None),
        (Some(live), None) => live,
        (live, Some(deleted)) => {
            let mut live = live.unwrap_or_else(|| DocSet::full(max_doc));
            live.remove_all(&deleted);
            live
        }
    };
    Ok(Some(live))
}

async fn hard_live(files: &SegmentFiles, commit: &SegmentCommit, max_doc: u32) -> Result<Option<DocSet>> {
    let Some(generation) = commit.deletion_generation else { return Ok(None) };
    let suffix = |extension| format!("_{}{extension}", base36(generation));
    let name = [".liv", ".del"].map(|extension| files.name(&suffix(extension)));
    let name = name.iter().find(|name| files.contains(name)).unwrap_or(&name[0]);
    let bytes = files.read(name).await?;
    live_docs::decode(name, &bytes, max_doc, commit.deleted_count)
        .map(Some)
        .map_err(|error| files.shard().undecodable(error))
}

async fn soft_deleted(
    files: &SegmentFiles,
    commit: &SegmentCommit,
    infos: &FieldInfos,
    max_doc: u32,
) -> Result<Option<DocSet>> {
    let Some(field) = infos.by_name(SOFT_DELETES).filter(|_| commit.soft_deleted_count != Some(0)) else {
        return Ok(None);
    };
    let Some(stem) = doc_values_stem(field) else { return Ok(None) };
    let (meta, data) = (files.name(&format!("{stem}.dvm")), files.name(&format!("{stem}.dvd")));
    let undecodable = |error| files.shard().undecodable(error);
    let meta = read_meta(files, &meta, infos, max_doc).await?;
    let Some(entry) = meta.numeric(field.number) else { return Ok(None) };
    let bytes = match entry.range() {
        Some(range) => read_values(files, &data, range).await?,
        None => Bytes::new(),
    };
    entry.documents_with_value(&data, &bytes).map(Some).map_err(undecodable)
}

/// Reads some bytes of a file of doc values.
///
/// A wrong bit in a column exchanges one live document for another, which no count would show. So the checksum is
/// verified where the file is hardly longer than the column (one that was updated has a file of its own) or is small.
pub(super) async fn read_values(files: &SegmentFiles, name: &str, range: Range<u64>) -> Result<Bytes> {
    let length = files.length(name)?;
    let column = range.end.saturating_sub(range.start);
    let is_whole = range.end <= length && length <= SMALL_VALUES.max(column.saturating_mul(2));
    if !is_whole {
        return files.read_range(name, range).await;
    }
    let bytes = files.read(name).await?;
    verified_body(name, &bytes).map_err(|error| files.shard().undecodable(error))?;
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
    Ok(bytes.slice(at(range.start)..at(range.end).max(at(range.start))))
}

/// Reads the meta file of doc values, given the field infos that say how its entries are laid out.
pub(super) async fn read_meta(
    files: &SegmentFiles,
    name: &str,
    infos: &FieldInfos,
    max_doc: u32,
) -> Result<DocValuesMeta> {
    let bytes = files.read(name).await?;
    let traits = |number| {
        infos.by_number(number).map(|field| FieldTraits {
            compressed: field.attribute("Lucene80DocValuesFormat.mode") == Some("BEST_COMPRESSION"),
            skip_index: field.has_skip_index,
        })
    };
    DocValuesMeta::decode(name, &bytes, max_doc, traits).map_err(|error| files.shard().undecodable(error))
}

/// The part of a doc-values file's name between the segment and the extension: `_1_Lucene90_0`, or `_Lucene90_0`
/// where the column was never updated.
pub(super) fn doc_values_stem(field: &Field) -> Option<String> {
    let format = field.attribute("PerFieldDocValuesFormat.format")?;
    let suffix = field.attribute("PerFieldDocValuesFormat.suffix")?;
    Some(match field.doc_values_generation {
        Some(generation) => format!("_{}_{format}_{suffix}", base36(generation)),
        None => format!("_{format}_{suffix}"),
    })
}

/// A number in base 36, as Lucene writes generations into file names.
pub(super) fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}
