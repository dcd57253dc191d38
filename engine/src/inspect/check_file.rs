//! Verifies the checksum of one file of a shard.

use super::check::Context;
use crate::error::Result;
use crate::snapshot::{ShardFiles, Snapshot};
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
    let end_of_sum = length.saturating_sub(8);
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
    if !known
        && let Some(problem) =
            compare(name, files.has_footer(name), files.checksum(name), &tail, hasher.finalize())
    {
        context.fault_at(files, name, None, problem);
    }
    Ok(())
}

/// What is wrong with a checksum: `recorded` is that of the metadata in base 36, `tail` has the footer.
///
/// Files of Lucene before 4.8 have no footer, and the metadata has another kind of checksum for them: nothing to compare.
fn compare(name: &str, has_footer: bool, recorded: Option<&str>, tail: &[u8], actual: u32) -> Option<String> {
    if !has_footer {
        return None;
    }
    let Ok((_, footer)) = Footer::decode(tail) else {
        return Some(format!("`{name}`: the last {FOOTER_LENGTH} bytes are not the footer of a Lucene file"));
    };
    let expected = footer.checksum;
    if expected != actual {
        return Some(format!("`{name}`: its checksum is {actual:08x}, its footer says {expected:08x}"));
    }
    let recorded = u64::from_str_radix(recorded?, 36).ok()?;
    (recorded != u64::from(actual)).then(|| {
        format!("`{name}`: its checksum is {actual:08x}, the metadata of the shard says {recorded:08x}")
    })
}
