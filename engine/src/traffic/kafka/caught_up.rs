//! Whether a reading that ends at the end has come to it.

use std::time::{Duration, Instant};

/// How much longer than a drain it may take until a member has what another one gives up.
const HANDOVER: Duration = Duration::from_secs(10);

/// Whether it was said, and may be said, that all was given out.
#[derive(Default)]
pub(super) struct CaughtUp {
    was_said: bool,
    /// Since when there is no partition.
    empty_since: Option<Instant>,
}

impl CaughtUp {
    /// Takes note that the group gives, or takes away.
    pub(super) fn rebalanced(&mut self) {
        self.empty_since = None;
    }

    /// Takes note that partitions come.
    pub(super) fn begins(&mut self) {
        *self = Self::default();
    }

    /// Whether it is to be said now; only once. All partitions that there are have come to their end.
    ///
    /// A member's first assignment has no partition where others have them all: they give up its share only then. So without
    /// partitions it is said when none can be on its way any more.
    pub(super) fn is_due(&mut self, has_partitions: bool, drain: Duration, now: Instant) -> bool {
        let since = *self.empty_since.get_or_insert(now);
        let may_come = !has_partitions && now.duration_since(since) < drain.saturating_add(HANDOVER);
        !may_come && !std::mem::replace(&mut self.was_said, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAIN: Duration = Duration::from_secs(3);

    #[test]
    fn without_a_partition_the_end_is_said_once_and_when_none_can_be_on_its_way() {
        let (mut caught_up, start) = (CaughtUp::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!caught_up.is_due(false, DRAIN, at(0)));
        assert!(!caught_up.is_due(false, DRAIN, at(12)));
        caught_up.rebalanced();
        assert!(!caught_up.is_due(false, DRAIN, at(14)));
        assert!(!caught_up.is_due(false, DRAIN, at(26)));
        assert!(caught_up.is_due(false, DRAIN, at(27)));
        assert!(!caught_up.is_due(false, DRAIN, at(99)));
    }

    #[test]
    fn with_partitions_it_is_said_at_once_and_anew_when_others_come() {
        let (mut caught_up, now) = (CaughtUp::default(), Instant::now());
        assert!(caught_up.is_due(true, DRAIN, now));
        assert!(!caught_up.is_due(true, DRAIN, now));
        caught_up.begins();
        assert!(caught_up.is_due(true, DRAIN, now));
    }
}
