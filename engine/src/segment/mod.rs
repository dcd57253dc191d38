//! Segments: which documents live in them, and blocks of those documents.

mod checksum;
mod commit;
mod files;
mod identity;
mod live;
mod open;
mod parents;
mod read;
mod reader;
mod shards;
mod stream;
#[cfg(test)]
mod tests;
mod units;

pub(crate) use checksum::Checksum;
pub use commit::segments;
pub use open::{Segment, SegmentSource};
pub use read::ReadFailure;
pub(crate) use reader::{Added, Batcher, ChunkBytes, Resources, read_unit};
pub(crate) use shards::{Selected, select};
pub(crate) use stream::{IndexBooks, units};
pub use units::{Unit, Units};
