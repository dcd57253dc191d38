//! Opening a segment: everything but its documents.

use super::checksum::Checksum;
use super::files::SegmentFiles;
use super::identity::IdentityFields;
use super::live::{base36, live_documents};
use super::parents::Parents;
use crate::error::Result;
use crate::snapshot::ShardFiles;
use codecs::lucene::doc_set::DocSet;
use codecs::lucene::field_infos::FieldInfos;
use codecs::lucene::segment_info::SegmentInfo;
use codecs::lucene::segment_infos::SegmentCommit;
use codecs::lucene::stored_fields::{Format, IndexFiles, StoredFields};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What it takes to open a segment.
#[derive(Debug, Clone)]
pub struct SegmentSource {
    /// The shard that it is in.
    pub shard: Arc<ShardFiles>,
    /// Its entry in the commit.
    pub commit: SegmentCommit,
    /// Its `.si`.
    pub info: Arc<SegmentInfo>,
    /// The mapping's child types and their parent types (Elasticsearch 6 and before).
    pub parent_types: Arc<BTreeMap<String, String>>,
}

impl SegmentSource {
    /// How many documents live, nested children counted: what the commit says.
    #[must_use]
    pub fn live_count(&self) -> u32 {
        let soft = self.commit.soft_deleted_count.unwrap_or(0);
        self.info.doc_count.saturating_sub(self.commit.deleted_count).saturating_sub(soft)
    }

    /// As [`Segment::place`], for a segment that cannot be opened: none where its compound file cannot be either.
    pub async fn place(&self, file: &str, offset: u64) -> Option<(String, u64)> {
        let files =
            SegmentFiles::open(Arc::clone(&self.shard), &self.commit.name, self.info.is_compound).await;
        files.ok().map(|files| files.place(file, offset))
    }
}

/// An open segment: knows its live documents and where their chunks are.
#[derive(Debug, Clone)]
pub struct Segment {
    pub(super) name: Arc<str>,
    pub(super) files: Arc<SegmentFiles>,
    pub(super) data_file: Arc<str>,
    pub(super) identity: IdentityFields,
    pub(super) stored: Arc<StoredFields>,
    pub(super) live: Option<DocSet>,
    pub(super) parents: Arc<Parents>,
    /// That of the stored fields; none before Lucene 4.8.
    pub(super) checksum: Option<Arc<Checksum>>,
    max_doc: u32,
}

impl Segment {
    /// Opens a segment: field infos, live documents, the index of stored fields.
    ///
    /// Fails when a file is missing or damaged, or when the live documents are not as many as the commit says.
    pub async fn open(source: &SegmentSource) -> Result<Self> {
        let SegmentSource { shard, commit, info, parent_types } = source;
        let files = SegmentFiles::open(Arc::clone(shard), &commit.name, info.is_compound).await?;
        let max_doc = info.doc_count;
        let (infos, stored) = futures::try_join!(field_infos(&files, commit), stored_fields(&files, info))?;
        let live = live_documents(&files, commit, &infos, max_doc).await?;
        let parents = Parents::open(&files, &infos, parent_types, max_doc).await?;
        let data_file = files.name(".fdt");
        let length = files.length(&data_file)?;
        let checksum = stored.format().has_footer().then(|| Arc::new(Checksum::new(&data_file, length)));
        let segment = Self {
            name: commit.name.as_str().into(),
            data_file: data_file.into(),
            identity: IdentityFields::new(&infos),
            files: Arc::new(files),
            stored: Arc::new(stored),
            live,
            parents: Arc::new(parents),
            checksum,
            max_doc,
        };
        segment.check_live(source)?;
        Ok(segment)
    }

    /// The same segment, of which only the documents in the range live.
    #[must_use]
    pub fn restricted_to(&self, documents: Range<u32>) -> Self {
        let mut live = self.live.clone().unwrap_or_else(|| DocSet::full(self.max_doc));
        live.retain(documents);
        Self { live: Some(live), ..self.clone() }
    }

    /// The checksum of its stored fields, as far as they were read; none before Lucene 4.8.
    pub(crate) const fn checksum(&self) -> Option<&Arc<Checksum>> {
        self.checksum.as_ref()
    }

    /// With a checksum that other parts of the segment add to as well.
    pub(crate) fn with_checksum(self, checksum: Arc<Checksum>) -> Self {
        Self { checksum: Some(checksum), ..self }
    }

    /// Name of the segment, such as `_7`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, to be kept.
    pub(crate) const fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// How many documents the segment has, deleted ones included.
    #[must_use]
    pub const fn max_doc(&self) -> u32 {
        self.max_doc
    }

    /// How many documents live, nested children counted.
    #[must_use]
    pub fn live_count(&self) -> u32 {
        self.live.as_ref().map_or(self.max_doc, DocSet::len)
    }

    /// Name of the file that has its stored fields.
    #[must_use]
    pub fn data_file(&self) -> &str {
        &self.data_file
    }

    /// Bytes of its stored fields.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.files.length(&self.data_file).unwrap_or_default()
    }

    /// The files of the shard that were read to open it and since then, by name.
    #[must_use]
    pub fn files_read(&self) -> BTreeSet<String> {
        self.files.opened()
    }

    /// Where a byte of one of its files is: the file of the shard that it is in, and the place there.
    #[must_use]
    pub fn place(&self, file: &str, offset: u64) -> (String, u64) {
        self.files.place(file, offset)
    }

    /// Its stored fields.
    #[must_use]
    pub fn stored_fields(&self) -> &StoredFields {
        &self.stored
    }

    /// The format of its stored fields.
    #[must_use]
    pub fn format(&self) -> &Format {
        self.stored.format()
    }

    pub(super) fn is_live(&self, document: u32) -> bool {
        self.live.as_ref().is_none_or(|live| live.contains(document))
    }

    /// The shard that it is in.
    #[must_use]
    pub fn shard(&self) -> &ShardFiles {
        self.files.shard()
    }

    fn check_live(&self, source: &SegmentSource) -> Result<()> {
        let expected = source.live_count();
        // Before Lucene 7.4 the commit does not count soft deletes, and there are none.
        if self.live_count() == expected {
            return Ok(());
        }
        let what = format!("{} live documents, the commit says {expected}", self.live_count());
        Err(self.shard().damaged(&self.name, what))
    }
}

async fn field_infos(files: &SegmentFiles, commit: &SegmentCommit) -> Result<FieldInfos> {
    let name = match commit.field_infos_generation {
        Some(generation) => files.name(&format!("_{}.fnm", base36(generation))),
        None => files.name(".fnm"),
    };
    let bytes = files.read(&name).await?;
    FieldInfos::decode(&name, &bytes).map_err(|error| files.shard().undecodable(error))
}

async fn stored_fields(files: &SegmentFiles, info: &SegmentInfo) -> Result<StoredFields> {
    let (fdt, fdx, fdm) = (files.name(".fdt"), files.name(".fdx"), files.name(".fdm"));
    let length = files.length(&fdt)?;
    let meta = async { if files.contains(&fdm) { files.read(&fdm).await.map(Some) } else { Ok(None) } };
    let (head, index, meta) = futures::try_join!(
        files.read_range(&fdt, 0..length.min(Format::MAX_HEADER)),
        files.read(&fdx),
        meta
    )?;
    let index_files =
        IndexFiles { fdx: (&fdx, &index), fdm: meta.as_ref().map(|bytes| (fdm.as_str(), bytes.as_ref())) };
    StoredFields::open((&fdt, &head, length), index_files, info.id, info.doc_count)
        .map_err(|error| files.shard().undecodable(error))
}
