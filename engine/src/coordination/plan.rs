//! Writing the items of a session, by any number of workers at once, killed at any moment.

use super::backend::ORDERS;
use super::error::StoreError;
use super::record::Record;
use super::session::{Planned, SessionRecord, SessionState};
use super::store::WorkStore;
use super::work_item::WorkItem;
use std::fmt;
use std::sync::atomic::Ordering;

impl WorkStore {
    /// Writes the items of the session, and lets work begin. Every worker that finds the session in planning calls
    /// it with the same items, in any order: what is there already is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPlan`] when another worker planned other items, [`StoreError::InvalidItem`] for items that
    /// contradict themselves or each other, and all that concern the store.
    pub async fn plan(&self, items: &[WorkItem]) -> Result<Planned, StoreError> {
        let planned = Planned::of(items)?;
        if self.announce(&planned).await? == SessionState::Planning {
            let records: Vec<Record> = items.iter().cloned().map(Record::new).collect();
            self.backend().create_all(&records).await?;
            self.check_planned_items(&planned).await?;
            self.begin().await?;
        }
        self.0.running.store(true, Ordering::Release);
        Ok(planned)
    }

    /// Writes what will be planned into the session, before anything is: from then on only this plan is accepted.
    async fn announce(&self, planned: &Planned) -> Result<SessionState, StoreError> {
        self.change_session("announce the plan", |session| match &session.planned {
            None => Ok(Some(session.planned(planned))),
            Some(there) if there == planned => Ok(None),
            Some(there) => Err(StoreError::OtherPlan {
                session: self.session().to_string(),
                store: self.backend().name(),
                there: there.to_string(),
                here: planned.to_string(),
            }),
        })
        .await
        .map(|session| session.document.state)
    }

    async fn check_planned_items(&self, planned: &Planned) -> Result<(), StoreError> {
        self.backend().refresh().await?;
        let tally = self.backend().tally().await?;
        let found = tally.iter().filter(|tally| tally.origin == "plan");
        let found = found.fold(0_u64, |sum, tally| sum.saturating_add(tally.items));
        if found == planned.items {
            return Ok(());
        }
        let problem = format!("expected {} planned items, found {found}", planned.items);
        Err(self.backend().inconsistent(SessionRecord::ID, problem))
    }

    async fn begin(&self) -> Result<(), StoreError> {
        self.change_session("begin", |session| {
            Ok((session.state == SessionState::Planning).then(|| session.turned(SessionState::Running)))
        })
        .await
        .map(drop)
    }
}

impl Planned {
    /// What these items come to, in whatever order they are.
    fn of(items: &[WorkItem]) -> Result<Self, StoreError> {
        let refuse = |item: &WorkItem, reason| StoreError::InvalidItem { item: item.id.clone(), reason };
        let mut sorted: Vec<&WorkItem> = items.iter().collect();
        sorted.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut planned = Self { items: 0, span: 0, documents: 0, bytes: 0, digest: String::new() };
        let mut digest = Digest::default();
        let mut previous = None;
        for item in sorted {
            item.check().map_err(|reason| refuse(item, reason))?;
            if previous == Some(&item.id) {
                return Err(refuse(item, "there are two of it in the plan".to_owned()));
            }
            previous = Some(&item.id);
            planned.items = planned.items.saturating_add(1);
            planned.span = planned.span.saturating_add(item.span());
            planned.documents = planned.documents.saturating_add(item.documents);
            planned.bytes = planned.bytes.saturating_add(item.bytes);
            digest.add_text(&item.id);
            for piece in &item.pieces {
                digest.add_text(&piece.segment);
                digest.add(&piece.documents.start.to_be_bytes());
                digest.add(&piece.documents.end.to_be_bytes());
            }
        }
        planned.digest = digest.to_string();
        Ok(planned)
    }
}

/// FNV-1a of 128 bits: tells plans apart, and withstands no attack.
///
/// Spec: [draft-eastlake-fnv-17, section 5](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv-17#section-5)
#[derive(Debug, Clone, Copy)]
pub(super) struct Digest(u128);

impl Default for Digest {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Digest {
    pub(super) fn of(text: &str) -> Self {
        let mut digest = Self::default();
        digest.add_text(text);
        digest
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    /// Adds a text and an end that no text has.
    fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&[0xff]);
    }

    /// A number below [`ORDERS`] that is spread evenly (the mixer of `MurmurHash3`).
    pub(super) fn order(self) -> u64 {
        let [high, low] =
            [self.0 >> 64, self.0 & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
        let mixed = high ^ low;
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        (mixed ^ (mixed >> 33)) % ORDERS
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::Piece;

    fn item(start: u32, end: u32) -> WorkItem {
        WorkItem::new("i", 0, vec![Piece { segment: "_0".to_owned(), documents: start..end }], 10, 5).unwrap()
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        let mut digest = Digest::default();
        digest.add(b"foobar");
        assert_eq!(digest.to_string(), "343e1662793c64bf6f0d3597ba446f18");
    }

    #[test]
    fn the_orders_of_neighbouring_items_are_far_apart() {
        let mut orders: Vec<u64> =
            (0..1000).map(|start| Digest::of(&format!("i:0:_0:{start}")).order()).collect();
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), 1000);
        assert!(orders.iter().all(|order| *order < ORDERS));
        let low_half = orders.iter().filter(|order| **order < ORDERS / 2).count();
        assert!((450..550).contains(&low_half), "{low_half}");
    }

    #[test]
    fn a_plan_is_the_same_in_any_order_and_another_with_other_ranges() {
        let plan = Planned::of(&[item(0, 10), item(10, 20)]).unwrap();
        assert_eq!((plan.items, plan.span, plan.documents, plan.bytes), (2, 20, 10, 20));
        assert_eq!(Planned::of(&[item(10, 20), item(0, 10)]).unwrap(), plan);
        assert_ne!(Planned::of(&[item(0, 10), item(10, 21)]).unwrap().digest, plan.digest);
    }

    #[test]
    fn a_plan_with_an_item_twice_is_refused() {
        let error = Planned::of(&[item(0, 10), item(0, 20)]).unwrap_err().to_string();
        assert_eq!(error, "cannot keep work item `i:0:_0:0`: there are two of it in the plan");
    }
}
