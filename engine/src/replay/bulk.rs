//! The operations of a bulk request, so that only those that failed are sent again.

use bytes::Bytes;
use codecs::bulk::{BulkOp, items};

/// The operations of a bulk body that can be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operations(usize);

impl Operations {
    /// Counts the operations. `None` for a body that is not one of a bulk request, or is cut: it is sent as a whole.
    pub(super) fn find(body: &[u8]) -> Option<Self> {
        let mut count = 0_usize;
        for item in items(body) {
            let item = item.ok()?;
            if item.document.is_none() && item.op != BulkOp::Delete {
                return None;
            }
            count = count.saturating_add(1);
        }
        (count > 0).then_some(Self(count))
    }

    /// How many there are.
    pub(super) const fn len(self) -> usize {
        self.0
    }

    /// A body of some of the operations, by their positions in ascending order.
    pub(super) fn pick(body: &[u8], positions: &[usize]) -> Bytes {
        let mut picked = Vec::new();
        for (position, item) in items(body).enumerate() {
            let Ok(item) = item else { break };
            if positions.binary_search(&position).is_ok() {
                for line in [Some(item.action), item.document].into_iter().flatten() {
                    picked.extend_from_slice(line);
                    picked.push(b'\n');
                }
            }
        }
        picked.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "{\"index\":{\"_id\":\"1\"}}\r\n{\"a\":1}\r\n{\"delete\":{\"_id\":\"2\"}}\n\n{ \"update\" : {\"_id\":\"3\"}}\n{\"doc\":{}}";

    #[test]
    fn a_delete_is_one_line_and_the_others_are_two() {
        let operations = Operations::find(BODY.as_bytes()).unwrap();
        assert_eq!(operations.len(), 3);
        let picked = Operations::pick(BODY.as_bytes(), &[1, 2, 7]);
        assert_eq!(picked, "{\"delete\":{\"_id\":\"2\"}}\n{ \"update\" : {\"_id\":\"3\"}}\n{\"doc\":{}}\n");
    }

    #[test]
    fn a_body_that_ends_in_the_middle_or_is_no_bulk_is_not_taken_apart() {
        for body in ["", "\n", "{\"index\":{}}\n", "{\"index\":{}}", "{\"query\":1}\n{}\n", "garbage\n{}\n"] {
            assert_eq!(Operations::find(body.as_bytes()), None, "{body}");
        }
    }
}
