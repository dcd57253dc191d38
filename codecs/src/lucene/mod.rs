//! Lucene index files, Lucene 4.0 to 10.x. A format is chosen by the codec name in a file, never by a version.

pub mod codec_util;
pub mod compound;
pub mod doc_set;
pub mod doc_values;
pub mod field_infos;
pub mod live_docs;
pub mod packed;
pub mod primitives;
pub mod segment_info;
pub mod segment_infos;
pub mod stored_fields;
