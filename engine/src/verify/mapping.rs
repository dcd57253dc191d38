//! In which index of the target an index of the source belongs.

use std::fmt;
use std::sync::Arc;

/// In which index of the target each index of the source belongs: what the backfill was told, told again.
///
/// Several may belong in one. A transform that changes documents, too, has its place where documents of the source
/// become documents that the target should have, in `unit.rs` and `live.rs`.
#[derive(Clone)]
pub struct Mapping(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Mapping {
    /// Each in the one of its own name.
    #[must_use]
    pub fn identity() -> Self {
        Self::new(str::to_owned)
    }

    /// Each in the one whose name `map` gives.
    pub fn new(map: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    pub(super) fn target_of(&self, index: &str) -> String {
        (self.0)(index)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapping")
    }
}
