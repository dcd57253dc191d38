//! `_parent` of indices made by Elasticsearch 5 and 6, which is a column of doc values, not a stored field.

use super::files::SegmentFiles;
use super::live::{doc_values_stem, read_meta, read_values};
use crate::error::Result;
use bytes::Bytes;
use codecs::lucene::doc_values::SortedColumn;
use codecs::lucene::field_infos::FieldInfos;
use std::collections::BTreeMap;

/// For each child type the column that has the ids of the parents.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    columns: Vec<(Vec<u8>, SortedColumn<Bytes>)>,
}

impl Parents {
    /// Opens the columns; `parent_types` is the mapping's: child type → parent type.
    pub(super) async fn open(
        files: &SegmentFiles,
        infos: &FieldInfos,
        parent_types: &BTreeMap<String, String>,
        max_doc: u32,
    ) -> Result<Self> {
        let mut columns = Vec::new();
        for (child, parent) in parent_types {
            let Some(field) = infos.by_name(&format!("_parent#{parent}")) else { continue };
            let Some(stem) = doc_values_stem(field) else { continue };
            let (meta, data) = (files.name(&format!("{stem}.dvm")), files.name(&format!("{stem}.dvd")));
            let meta = read_meta(files, &meta, infos, max_doc).await?;
            let Some(entry) = meta.sorted(field.number) else { continue };
            let bytes = read_values(files, &data, entry.range()).await?;
            let column = entry.decode(&data, bytes).map_err(|error| files.shard().undecodable(error))?;
            columns.push((child.as_bytes().to_vec(), column));
        }
        Ok(Self { columns })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The parent of a document of this type.
    pub(super) fn of<'a>(
        &'a self,
        type_name: &[u8],
        document: u32,
        buffer: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let (_, column) = self.columns.iter().find(|(child, _)| child == type_name)?;
        column.value(document, buffer)
    }
}
