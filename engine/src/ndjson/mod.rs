//! Documents as lines of JSON, in files or on standard output.

mod batch;
mod files;
mod line;
mod record_file;
mod sink;

pub use crate::document::Unwritable;
pub use batch::LineBatch;
pub use files::{FileOptions, LineCompression};
pub(crate) use line::write_source;
pub use line::{LineFormat, LineWriter};
pub(crate) use record_file::RecordFile;
pub use sink::{IndexSink, LineSink, LineTarget};
