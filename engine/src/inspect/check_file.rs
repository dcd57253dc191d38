//! Verifies the checksum of one file of a shard.

use super::check::Context;
use crate::error::Result;
use crate::snapshot::{ShardFiles, Snapshot, checksum_offset};
use codecs::lucene::codec_util::{FOOTER_LENGTH, Footer};

/// Bytes that are read at once.
const STEP: u64 = 4 << 20;

/// Reads a file of the shard whole and compares its checksum with its footer, and with the metadata of the shard.
///
/// A file that is known to be damaged is not reported again.
pub(super) async fn check_file(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    files: &ShardFiles,
    name: &str,
    known: bool,
) -> Result<()> {
    let length = files.length(name)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut tail = Vec::new();
    let mut at = 0;
    // The checksum itself, the last eight bytes, is not in the sum.
    let end_of_sum = checksum_offset(length);
    while at < length {
        let to = at.saturating_add(STEP).min(length);
        let _permit = context.memory.reserve(to.saturating_sub(at)).await;
        let bytes = match files.read_range(name, at..to).await {
            Ok(bytes) => bytes,
            Err(_) if known => return Ok(()),
            Err(error) => return context.fault_in(snapshot, files, error),
        };
        let summed = usize::try_from(end_of_sum.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        hasher.update(bytes.get(..summed).unwrap_or_default());
        tail.extend_from_slice(&bytes);
        tail.drain(..tail.len().saturating_sub(FOOTER_LENGTH));
        at = to;
    }
    context.count(|report| {
        report.files = report.files.saturating_add(1);
        report.bytes = report.bytes.saturating_add(length);
    });
    if known || !files.has_footer(name) {
        // Files of Lucene before 4.8 have no footer, and the metadata has another kind of checksum for them.
        return Ok(());
    }
    if let Err(fault) = compare(files.checksum(name), &tail, hasher.finalize()) {
        let offset = match fault {
            Mismatch::NoFooter => length.saturating_sub(FOOTER_LENGTH as u64),
            Mismatch::Footer { .. } | Mismatch::Metadata { .. } => end_of_sum,
        };
        context.fault_at(files, name, Some(offset), format!("`{name}`: {fault}"));
    }
    Ok(())
}

/// What is wrong with the checksum of a file.
#[derive(Debug, thiserror::Error)]
enum Mismatch {
    #[error("the last {FOOTER_LENGTH} bytes are not the footer of a Lucene file")]
    NoFooter,
    #[error("its checksum is {actual:08x}, its footer says {expected:08x}")]
    Footer { actual: u32, expected: u32 },
    #[error("its checksum is {actual:08x}, the metadata of the shard says {expected:08x}")]
    Metadata { actual: u32, expected: u64 },
}

/// Compares a checksum with that of the metadata, which is in base 36, and with the footer, which `tail` is.
fn compare(recorded: Option<&str>, tail: &[u8], actual: u32) -> Result<(), Mismatch> {
    let Ok((_, footer)) = Footer::decode(tail) else { return Err(Mismatch::NoFooter) };
    let expected = footer.checksum;
    if expected != actual {
        return Err(Mismatch::Footer { actual, expected });
    }
    match recorded.and_then(|recorded| u64::from_str_radix(recorded, 36).ok()) {
        Some(expected) if expected != u64::from(actual) => Err(Mismatch::Metadata { actual, expected }),
        _ => Ok(()),
    }
}
