//! Whether everything is done.

use super::backend::{ORDERS, Query, Tally};
use super::error::StoreError;
use super::record::ItemState;
use super::session::{Planned, SessionState};
use super::store::WorkStore;

/// Whether everything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// Some items are not done.
    Working {
        /// How many, as of a moment ago.
        items: u64,
    },
    /// All items are done or quarantined, and they cover all that was planned.
    Complete {
        /// Items that were given up.
        quarantined: u64,
    },
}

impl WorkStore {
    /// Ends the session when everything is done. A worker that gets no item calls it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Inconsistent`] when all items are done but do not cover what was planned: then somebody deleted
    /// or changed items, and documents may be missing. And all that concern the store.
    pub async fn finish(&self) -> Result<Completion, StoreError> {
        // Read before the items are counted: items that are put back in between change it, and the write fails.
        let session = self.session_record().await?;
        let (Some(planned), true) =
            (&session.document.planned, session.document.state != SessionState::Planning)
        else {
            let (session, store) = (self.session().to_string(), self.backend().name());
            return Err(StoreError::NotPlanned { session, store });
        };
        let unfinished = [ItemState::Open, ItemState::Leased, ItemState::PendingSplit];
        let items = self.backend().count(&unfinished).await?;
        if items > 0 {
            return Ok(Completion::Working { items });
        }
        // What was counted may be old; from here on it is not. A tail is created before its parent can be done, so
        // a view in which all are done has all tails.
        self.backend().refresh().await?;
        let tally = self.backend().tally().await?;
        let items =
            sum(&tally, |tally| unfinished.iter().any(|state| state.name() == tally.state), |t| t.items);
        if items > 0 {
            return Ok(Completion::Working { items });
        }
        self.check_coverage(planned, &tally)?;
        if session.document.state == SessionState::Running {
            let complete = session.document.turned(SessionState::Complete);
            if self.backend().replace(session.version, &complete).await?.is_none() {
                return match self.session_record().await?.document.state {
                    SessionState::Complete => Ok(completion(&tally)),
                    _ => Ok(Completion::Working { items: 0 }),
                };
            }
        }
        Ok(completion(&tally))
    }

    /// Puts all quarantined items back, with all their attempts, after what was wrong was put right. Returns how many.
    ///
    /// # Errors
    ///
    /// Those that concern the store.
    pub async fn retry_quarantined(&self) -> Result<u64, StoreError> {
        const PAGE: usize = 50;
        let run = |session: &super::session::SessionRecord| Ok(Some(session.turned(SessionState::Running)));
        self.backend().refresh().await?;
        self.change_session("put items back", run).await?;
        let (mut from, mut count) = (0, 0_u64);
        loop {
            let query = Query::Ring { state: ItemState::Quarantined, from, before: ORDERS };
            let found = self.backend().find(query, PAGE).await?;
            let Some(last) = found.last() else { break };
            from = last.document.order.saturating_add(1);
            for found in found {
                let written = self.backend().replace(found.version, &found.document.requeued()).await?;
                count = count.saturating_add(u64::from(written.is_some()));
            }
        }
        // Again: a worker that counted before the items were put back must not end the session after.
        self.change_session("put items back", run).await?;
        Ok(count)
    }

    fn check_coverage(&self, planned: &Planned, tally: &[Tally]) -> Result<(), StoreError> {
        let ended = |tally: &Tally| tally.state != ItemState::Abandoned.name();
        let span = sum(tally, ended, |tally| tally.span);
        let items = sum(tally, |tally| tally.origin == "plan", |tally| tally.items);
        if (items, span) == (planned.items, planned.span) {
            return Ok(());
        }
        let problem = format!(
            "planned were {} items with {} documents, done are {items} with {span}",
            planned.items, planned.span
        );
        Err(self.backend().inconsistent("session", problem))
    }
}

fn completion(tally: &[Tally]) -> Completion {
    let is_quarantined = |tally: &Tally| tally.state == ItemState::Quarantined.name();
    Completion::Complete { quarantined: sum(tally, is_quarantined, |tally| tally.items) }
}

fn sum(tally: &[Tally], which: impl Fn(&Tally) -> bool, what: impl Fn(&Tally) -> u64) -> u64 {
    tally.iter().filter(|tally| which(tally)).fold(0, |sum, tally| sum.saturating_add(what(tally)))
}
